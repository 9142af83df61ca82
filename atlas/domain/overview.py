"""Where the drift of a scope stands, judged from its sequence of recorded runs and the drift runs of its pair."""

from atlas.domain.vocabulary import DriftRunStatus, DriftState

_STATES = {
    DriftRunStatus.QUEUED: DriftState.QUEUED,
    DriftRunStatus.RUNNING: DriftState.RUNNING,
    DriftRunStatus.SUCCEEDED: DriftState.UP_TO_DATE,
    DriftRunStatus.FAILED: DriftState.FAILED,
}


def pair_of(last_seq: int, pinned_seq: int | None) -> tuple[int, int] | None:
    """(baseline, current) as sequences: the pinned or the previous run, and the newest. None where there is none.

    The newest two runs of a scope may have others between them that were pruned; two there are always.

    `last_seq` is the sequence of the newest recorded run, 0 before the first.
    """
    baseline = last_seq - 1 if pinned_seq is None else pinned_seq
    return (baseline, last_seq) if 1 <= baseline < last_seq else None


def drift_state(last_seq: int, pinned_seq: int | None, newest: DriftRunStatus | None) -> DriftState:
    """The state of a scope; `newest` is the status of the newest drift run of its pair, None where there is none."""
    if last_seq == 0:
        return DriftState.NO_SYNC_RUN
    if pinned_seq is not None and pinned_seq >= last_seq:
        return DriftState.UP_TO_DATE
    if pair_of(last_seq, pinned_seq) is None:
        return DriftState.NEEDS_SECOND_RUN
    return DriftState.NOT_GENERATED if newest is None else _STATES[newest]


def ungenerated_runs(last_seq: int, pinned_seq: int | None, *, pair_generated: bool, open_steps: int) -> int:
    """How many recorded runs wait for generation.

    Measured from the previous run each run counts whose step from the one kept before it has no finished drift run:
    those are the `open_steps`. Measured from a pin, the newest run alone.
    """
    if pinned_seq is None:
        return open_steps
    return int(pair_of(last_seq, pinned_seq) is not None and not pair_generated)
