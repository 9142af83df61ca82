"""Where the drift of a scope stands, held against a count by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.overview import drift_state, pair_of, ungenerated_runs
from atlas.domain.vocabulary import DriftRunStatus, DriftState

SEQUENCES = st.integers(0, 8)


@pytest.mark.parametrize("newest", [None, *DriftRunStatus])
@pytest.mark.parametrize("pinned", [None, 1, 2, 3])
@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_the_state_follows_the_table(last: int, pinned: int | None, newest: DriftRunStatus | None) -> None:
    by_status = {
        None: "NOT_GENERATED",
        "QUEUED": "QUEUED",
        "RUNNING": "RUNNING",
        "SUCCEEDED": "UP_TO_DATE",
        "FAILED": "FAILED",
    }
    if last == 0:
        expected = "NO_SYNC_RUN"
    elif pinned is not None:
        expected = by_status[newest] if pinned < last else "UP_TO_DATE"
    else:
        expected = "NEEDS_SECOND_RUN" if last == 1 else by_status[newest]
    assert drift_state(last, pinned, newest) == DriftState(expected)


@given(SEQUENCES, st.none() | st.integers(1, 8))
def test_a_pair_is_an_older_run_and_the_newest(last: int, pinned: int | None) -> None:
    pair = pair_of(last, pinned)
    if pair is None:
        assert last < 2 or (pinned is not None and pinned >= last)
    else:
        assert 1 <= pair[0] < pair[1] == last
        assert pair[0] == (last - 1 if pinned is None else pinned)


@given(SEQUENCES, st.booleans(), st.integers(0, 8))
def test_measured_from_the_previous_run_each_step_that_is_left_waits(last: int, done: bool, steps: int) -> None:
    assert ungenerated_runs(last, None, pair_generated=done, open_steps=steps) == steps


@given(SEQUENCES, st.integers(1, 8), st.booleans(), st.integers(0, 8))
def test_measured_from_a_pin_only_the_newest_run_can_wait(last: int, pinned: int, done: bool, steps: int) -> None:
    told = ungenerated_runs(last, pinned, pair_generated=done, open_steps=steps)
    assert told == (1 if pinned < last and not done else 0)
