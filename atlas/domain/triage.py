"""The life of a finding H0 -> H1, judged by the content of its object in the newest generated run.

Pure rules over a few values. `next_life` is for a finding that is there, `birth` for one that is inserted; both are
judged only for item types that were evaluated: what was not evaluated changes nothing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import BaselineMode, FindingStatus, Resolution, UserErrorCode


class Position(StrEnum):
    """Where the object stands now, as seen from a finding H0 -> H1."""

    BACK = "BACK"
    STANDS = "STANDS"
    ON = "ON"


@dataclass(frozen=True, slots=True)
class Life:
    """The state of a finding's triage.

    `is_current`: the newest run holds H1. `superseded`: a newer finding tells how the object moved on (the caller
    keeps which). `acknowledged`: an acknowledgement is on record and holds, also while the finding is RESOLVED.
    """

    status: FindingStatus = FindingStatus.NEW
    resolution: Resolution | None = None
    is_current: bool = True
    superseded: bool = False
    occurrences: int = 1
    acknowledged: bool = False


def position(h0: str | None, h1: str | None, x: str | None) -> Position:
    """Where content X stands as seen from a finding H0 -> H1; None is an object that is not there."""
    if x == h0:
        return Position.BACK
    return Position.STANDS if x == h1 else Position.ON


def next_life(
    life: Life,
    position: Position,
    mode: BaselineMode,
    *,
    reported: bool | None = None,
    counterpart: Life | None = None,
) -> Life:
    """A finding's life after a generated run that evaluated its type.

    `reported`: does the generated pair hold this very move H0 -> H1? It matters from a pinned baseline, where an
    accepted content that stands must stay accepted; None takes it that only BASELINED findings are not reported.
    `counterpart`: the finding H1 -> H0 as it was before this generation, None where there is none.
    """
    if position is Position.BACK:
        return _resolved(replace(life, is_current=False, superseded=False), Resolution.REVERTED)
    if position is Position.ON:
        return _moved_on(life, mode)
    if life.status is not FindingStatus.RESOLVED:
        return replace(life, is_current=True, superseded=False)
    if _stays_resolved(life, mode, reported=reported):
        return replace(life, is_current=True, superseded=False)
    # What was acknowledged is acknowledged for this value, whoever looked at its undoing.
    if not life.acknowledged and _is_no_news(counterpart, mode):
        return replace(life, resolution=Resolution.REVERTED, is_current=True, superseded=False)
    return _reopened(life)


def birth(position: Position, mode: BaselineMode, counterpart: Life | None = None) -> Life:
    """The first state of a finding: NEW, unless the newest run, or the finding that it undoes, says otherwise.

    `counterpart` is the finding H1 -> H0 as it was before this generation: a change that nobody had looked at and
    that was undone is no news in either direction. An older pair generated late is judged by the newest run.
    """
    if position is Position.STANDS and _is_no_news(counterpart, mode):
        return Life(FindingStatus.RESOLVED, Resolution.REVERTED)
    return next_life(Life(), position, mode)


def acknowledge(life: Life) -> Life:
    """Somebody says that the change is all right; again, to renew it. Refused for a RESOLVED finding."""
    if life.status is FindingStatus.RESOLVED:
        raise RefusedError(
            UserErrorCode.CONFLICT, "The finding is resolved: there is nothing left to acknowledge.", ("input", "id")
        )
    return replace(life, status=FindingStatus.ACKNOWLEDGED, acknowledged=True)


def reopen(life: Life) -> Life:
    """Somebody takes an acknowledgement back. Refused for a finding that is not ACKNOWLEDGED."""
    if life.status is not FindingStatus.ACKNOWLEDGED:
        raise RefusedError(
            UserErrorCode.CONFLICT,
            f"The finding is {life.status.value}: only an acknowledged finding can be reopened.",
            ("input", "id"),
        )
    return replace(life, status=FindingStatus.NEW, acknowledged=False)


def expired(life: Life) -> Life:
    """The acknowledgement has run out: NEW again, and a RESOLVED finding will come back as NEW."""
    acknowledged = life.status is FindingStatus.ACKNOWLEDGED
    return replace(life, status=FindingStatus.NEW if acknowledged else life.status, acknowledged=False)


def baselined(life: Life) -> Life:
    """A run that holds H1 was pinned as the baseline: an open finding is accepted by that."""
    return _resolved(life, Resolution.BASELINED)


def cleared(life: Life) -> Life:
    """The cause of a DATA_QUALITY finding is gone."""
    return _resolved(replace(life, is_current=False), Resolution.CLEARED)


def _resolved(life: Life, resolution: Resolution) -> Life:
    if life.status is FindingStatus.RESOLVED:
        return life
    return replace(life, status=FindingStatus.RESOLVED, resolution=resolution)


def _moved_on(life: Life, mode: BaselineMode) -> Life:
    if life.status is FindingStatus.RESOLVED:
        return replace(life, is_current=False)
    moved = replace(life, is_current=False, superseded=True)
    # From a pinned baseline the newer finding tells the whole difference; otherwise only the second half of it.
    return _resolved(moved, Resolution.SUPERSEDED) if mode is BaselineMode.PINNED else moved


def _stays_resolved(life: Life, mode: BaselineMode, *, reported: bool | None) -> bool:
    """It is resolved and its content stands: has anything happened that would bring it back?"""
    if mode is BaselineMode.PINNED:
        # Measured from the pinned run: what differs from it is reported in every pair, what it accepts in none.
        return life.resolution is Resolution.BASELINED if reported is None else not reported
    # It was accepted, or was no news, and has stood ever since.
    return life.is_current


def _is_no_news(counterpart: Life | None, mode: BaselineMode) -> bool:
    # A difference from a pinned baseline is always news: nobody accepted it.
    undone = counterpart is not None and counterpart.status is FindingStatus.NEW
    return undone and mode is BaselineMode.PREVIOUS_RUN


def _reopened(life: Life) -> Life:
    status = FindingStatus.ACKNOWLEDGED if life.acknowledged else FindingStatus.NEW
    return Life(status=status, occurrences=life.occurrences + 1, acknowledged=life.acknowledged)
