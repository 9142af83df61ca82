"""Which item types a pair of runs says anything about. What could not be read is never removed and never resolved."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from atlas.domain.vocabulary import CoverageStatus, NotEvaluatedReason


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """An item type of which a drift run says nothing, and why."""

    item_type: str
    reason: NotEvaluatedReason
    message: str | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    evaluated: frozenset[str]
    not_evaluated: tuple[NotEvaluated, ...]


def evaluate(coverage: Mapping[str, tuple[str, str | None]], complete_before: AbstractSet[str]) -> Evaluation:
    """A type is evaluated when it was complete in the current run and complete at or before the baseline run.

    `coverage` maps the current run's item types to (status, message); `complete_before` holds the types that were
    read to their end at or before the baseline.
    """
    evaluated: set[str] = set()
    others: list[NotEvaluated] = []
    for item_type in sorted(coverage):
        status, message = coverage[item_type]
        if status == CoverageStatus.ABSENT:
            others.append(NotEvaluated(item_type, NotEvaluatedReason.ABSENT, message))
        elif status != CoverageStatus.COMPLETE:
            others.append(NotEvaluated(item_type, NotEvaluatedReason.INCOMPLETE, message))
        elif item_type not in complete_before:
            never = "It was read to its end for the first time; the next run is compared with this one."
            others.append(NotEvaluated(item_type, NotEvaluatedReason.NEVER_READ_BEFORE, never))
        else:
            evaluated.add(item_type)
    return Evaluation(frozenset(evaluated), tuple(others))


def leave_out(evaluation: Evaluation, item_types: AbstractSet[str]) -> Evaluation:
    """Takes the types out whose contents were recorded under another canonical form: they cannot be compared."""
    message = "Its contents were recorded under an older canonical form; the next run is compared with this one."
    taken = [NotEvaluated(one, NotEvaluatedReason.NOT_COMPARABLE, message) for one in sorted(item_types)]
    others = sorted([*evaluation.not_evaluated, *taken], key=lambda other: other.item_type)
    return Evaluation(evaluation.evaluated - item_types, tuple(others))


def comparable(old_hash: str | None, new_hash: str | None) -> bool:
    """Two hashes are comparable when they are of one canonical form, which their prefix names."""
    if old_hash is None or new_hash is None:
        return True
    return old_hash.partition(":")[0] == new_hash.partition(":")[0]
