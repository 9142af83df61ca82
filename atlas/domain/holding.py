"""When a sync run is held for confirmation: too much of what its scope holds is missing from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

NEEDS_CONFIRMATION = "NEEDS_CONFIRMATION"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A type that holds at least `least` objects may lose less than this share of them (0 to 1) in one run."""

    share: float = 0.5
    least: int = 2


@dataclass(frozen=True, slots=True)
class Drop:
    """Of the `held` objects of a type, `missing` are not among the `came` that a run brings."""

    item_type: str
    held: int
    missing: int
    came: int


def beyond(drops: Sequence[Drop], threshold: Threshold) -> list[Drop]:
    """The drops that a person must confirm."""
    return [one for one in drops if one.held >= threshold.least and one.missing >= threshold.share * one.held]


def told(drops: Sequence[Drop], run_id: UUID) -> str:
    """What is missing, and the mend."""
    types = "; ".join(
        f"{one.item_type}: {one.missing} of {one.held} objects are missing, {one.came} came" for one in drops
    )
    return (
        f"Too much is gone to be taken for granted. {types}. Nothing was recorded. If that is right, confirm it with"
        f" `atlas sync confirm {run_id}` (confirmSyncRun); if the reading was cut short, sync again."
    )
