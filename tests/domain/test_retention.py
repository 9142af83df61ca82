"""Which runs can go: no change is lost, none is told twice, and what is needed stays."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.retention import Recorded, gaps, prunable, told


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Recorded], set[tuple[int, int]]]:
    """A scope's runs, pruned at some time before, and the pairs that were generated."""
    last = draw(st.integers(1, 12))
    earlier = draw(st.sets(st.integers(1, last - 1))) if last > 1 else set()
    seqs = [seq for seq in range(1, last + 1) if seq not in earlier]
    needed = draw(st.sets(st.sampled_from(seqs)))
    runs = [Recorded(seq, needed=seq in needed or seq == last) for seq in seqs]
    pair = st.tuples(st.integers(1, last), st.integers(1, last)).filter(lambda one: one[0] < one[1])
    generated = draw(st.sets(pair)) if last > 1 else set()
    if draw(st.booleans()):
        generated |= {(seq - 1, seq) for seq in range(2, draw(st.integers(1, last)) + 1)}
    return runs, generated


def steps(seqs: Sequence[int], generated: set[tuple[int, int]]) -> list[bool]:
    return [told(generated, before, seq) for before, seq in itertools.pairwise(seqs)]


@given(histories())
def test_what_is_needed_stays(history: tuple[list[Recorded], set[tuple[int, int]]]) -> None:
    runs, generated = history
    gone = prunable(runs, generated)
    assert set(gone) <= {run.seq for run in runs if not run.needed}
    assert gone == sorted(set(gone))


@given(histories())
def test_a_step_that_is_left_is_generated_as_those_were_that_it_stands_for(
    history: tuple[list[Recorded], set[tuple[int, int]]],
) -> None:
    runs, generated = history
    seqs = [run.seq for run in runs]
    gone = set(prunable(runs, generated))
    kept = [seq for seq in seqs if seq not in gone]
    was = dict(zip(itertools.pairwise(seqs), steps(seqs, generated), strict=True))
    for before, seq in itertools.pairwise(kept):
        within = {state for (low, high), state in was.items() if before <= low and high <= seq}
        assert within == {told(generated, before, seq)}
    lost = [state for (low, high), state in was.items() if high <= kept[0]]
    assert all(lost), "what was not generated is told by nothing any more"


def test_a_history_that_is_generated_shrinks_to_what_is_needed() -> None:
    runs = [Recorded(seq, needed=seq >= 9) for seq in range(1, 11)]
    assert prunable(runs, {(seq - 1, seq) for seq in range(2, 11)}) == list(range(1, 9))


def test_a_history_that_nobody_generated_keeps_its_ends() -> None:
    runs = [Recorded(seq, needed=seq == 10) for seq in range(1, 11)]
    assert prunable(runs, set()) == list(range(2, 10))


def test_the_run_between_a_generated_step_and_one_that_is_not_stays() -> None:
    runs = [Recorded(1, needed=True), Recorded(2, needed=False), Recorded(3, needed=True)]
    assert prunable(runs, {(1, 2)}) == prunable(runs, {(2, 3)}) == []
    assert prunable(runs, {(1, 2), (2, 3)}) == prunable(runs, set()) == [2]


@given(st.sets(st.integers(1, 20), min_size=1), st.integers(1, 20), st.integers(1, 20))
def test_an_interval_lies_in_a_gap_where_no_kept_run_sees_it(kept: set[int], begins: int, lasts: int) -> None:
    ends = begins + lasts
    newest = max(kept)
    if ends > newest:  # It ended after the newest kept run, which is the newest: no such interval is closed.
        return
    seen = any(begins <= seq < ends for seq in kept)
    found = [gap for gap in gaps(sorted(kept)) if ends > gap[0] + 1 and ends <= gap[1] and begins > gap[0]]
    assert len(found) == (0 if seen else 1)
