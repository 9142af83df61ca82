"""The whole table of triage as data, computed from the rules, for the specs to show and a test to compare."""

from dataclasses import dataclass
from typing import Final

from atlas.domain.triage import Life, Position, next_life, position
from atlas.domain.vocabulary import BaselineMode, FindingStatus, Resolution


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: a MODIFIED finding in a state, what the newest run holds of its object, and what becomes of it."""

    state: str
    seen: str
    mode: BaselineMode
    next_state: str
    is_current: bool
    superseded: bool
    occurrences: str


SEEN: Final = ("BACK", "STANDS", "ON", "ABSENT")
_CONTENT = {"BACK": "h0", "STANDS": "h1", "ON": "h2", "ABSENT": None}
_RESOLVED = FindingStatus.RESOLVED
STATES: Final = {
    "NEW": Life(),
    "ACKNOWLEDGED": Life(FindingStatus.ACKNOWLEDGED, acknowledged=True),
    "RESOLVED/REVERTED": Life(_RESOLVED, Resolution.REVERTED, is_current=False),
    "RESOLVED/REVERTED, acknowledged": Life(_RESOLVED, Resolution.REVERTED, is_current=False, acknowledged=True),
    "RESOLVED/REVERTED, no news": Life(_RESOLVED, Resolution.REVERTED),
    "RESOLVED/SUPERSEDED": Life(_RESOLVED, Resolution.SUPERSEDED, is_current=False, superseded=True),
    "RESOLVED/BASELINED": Life(_RESOLVED, Resolution.BASELINED),
}


def transition_table() -> tuple[Transition, ...]:
    """Every state, seen as BACK, STANDS, ON and ABSENT, under either baseline; in the order of `STATES` and `SEEN`."""
    return tuple(
        _transition(state, life, seen, mode) for mode in BaselineMode for state, life in STATES.items() for seen in SEEN
    )


def _transition(state: str, life: Life, seen: str, mode: BaselineMode) -> Transition:
    where: Position = position("h0", "h1", _CONTENT[seen])
    after = next_life(life, where, mode)
    resolution = "" if after.resolution is None else f"/{after.resolution.value}"
    return Transition(
        state=state,
        seen=seen,
        mode=mode,
        next_state=f"{after.status.value}{resolution}",
        is_current=after.is_current,
        superseded=after.superseded,
        occurrences="+1" if after.occurrences > life.occurrences else "=",
    )
