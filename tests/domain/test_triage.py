"""The life of a finding: the whole table, that it is total, and histories followed by a model."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.domain.errors import RefusedError
from atlas.domain.triage import (
    Life,
    Position,
    acknowledge,
    baselined,
    birth,
    cleared,
    expired,
    next_life,
    position,
    reopen,
)
from atlas.domain.triage_table import STATES, transition_table
from atlas.domain.vocabulary import BaselineMode, FindingStatus, Resolution, UserErrorCode

NEW, ACKNOWLEDGED, RESOLVED = FindingStatus.NEW, FindingStatus.ACKNOWLEDGED, FindingStatus.RESOLVED
PREVIOUS, PINNED = BaselineMode.PREVIOUS_RUN, BaselineMode.PINNED
ACCEPTED = Life(ACKNOWLEDGED, acknowledged=True)
# state: what becomes of it when it is BACK, STANDS, is ON or ABSENT, with the previous run as baseline; then pinned.
TABLE = """
NEW                             | RESOLVED/REVERTED | NEW                 | NEW                | NEW
ACKNOWLEDGED                    | RESOLVED/REVERTED | ACKNOWLEDGED        | ACKNOWLEDGED       | ACKNOWLEDGED
RESOLVED/REVERTED               | RESOLVED/REVERTED | NEW                 | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/REVERTED, acknowledged | RESOLVED/REVERTED | ACKNOWLEDGED        | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/REVERTED, no news      | RESOLVED/REVERTED | RESOLVED/REVERTED   | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/SUPERSEDED             | RESOLVED/SUPERSEDED | NEW               | RESOLVED/SUPERSEDED | RESOLVED/SUPERSEDED
RESOLVED/BASELINED              | RESOLVED/BASELINED | RESOLVED/BASELINED | RESOLVED/BASELINED | RESOLVED/BASELINED
NEW                             | RESOLVED/REVERTED | NEW                 | RESOLVED/SUPERSEDED | RESOLVED/SUPERSEDED
ACKNOWLEDGED                    | RESOLVED/REVERTED | ACKNOWLEDGED        | RESOLVED/SUPERSEDED | RESOLVED/SUPERSEDED
RESOLVED/REVERTED               | RESOLVED/REVERTED | NEW                 | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/REVERTED, acknowledged | RESOLVED/REVERTED | ACKNOWLEDGED        | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/REVERTED, no news      | RESOLVED/REVERTED | NEW                 | RESOLVED/REVERTED  | RESOLVED/REVERTED
RESOLVED/SUPERSEDED             | RESOLVED/SUPERSEDED | NEW               | RESOLVED/SUPERSEDED | RESOLVED/SUPERSEDED
RESOLVED/BASELINED              | RESOLVED/BASELINED | RESOLVED/BASELINED | RESOLVED/BASELINED | RESOLVED/BASELINED
"""


def test_the_table_is_what_the_specification_says():
    expected = []
    for index, line in enumerate(TABLE.strip().splitlines()):
        state, *after = (cell.strip() for cell in line.split("|"))
        mode = PREVIOUS if index < len(STATES) else PINNED
        expected += [
            (mode, state, seen, then) for seen, then in zip(("BACK", "STANDS", "ON", "ABSENT"), after, strict=True)
        ]
    assert [(row.mode, row.state, row.seen, row.next_state) for row in transition_table()] == expected


def test_what_stands_is_current_and_nothing_else_is():
    for row in transition_table():
        assert row.is_current == (row.seen == "STANDS")


def test_only_what_comes_back_has_occurred_once_more():
    for row in transition_table():
        reopened = row.state.startswith("RESOLVED") and not row.next_state.startswith("RESOLVED")
        assert row.occurrences == ("+1" if reopened else "=")


def test_an_open_finding_that_moved_on_is_superseded():
    for row in transition_table():
        if row.seen in {"ON", "ABSENT"} and not row.state.startswith("RESOLVED"):
            assert row.superseded


@pytest.mark.parametrize(
    ("h0", "h1", "x", "where"),
    [
        ("a", "b", "a", Position.BACK),
        ("a", "b", "b", Position.STANDS),
        ("a", "b", "c", Position.ON),
        ("a", "b", None, Position.ON),
        (None, "b", None, Position.BACK),
        ("a", None, None, Position.STANDS),
        ("a", None, "c", Position.ON),
        (None, "b", "c", Position.ON),
    ],
)
def test_where_an_object_stands(h0, h1, x, where):
    assert position(h0, h1, x) is where


lives = st.builds(
    Life,
    status=st.sampled_from(FindingStatus),
    resolution=st.none() | st.sampled_from(Resolution),
    is_current=st.booleans(),
    superseded=st.booleans(),
    occurrences=st.integers(1, 5),
    acknowledged=st.booleans(),
).map(
    lambda life: Life(
        life.status,
        (life.resolution or Resolution.REVERTED) if life.status is RESOLVED else None,
        life.is_current,
        life.superseded and not life.is_current,
        life.occurrences,
        life.acknowledged if life.status is RESOLVED else life.status is ACKNOWLEDGED,
    )
)


def is_sound(life):
    return (
        (life.resolution is not None) == (life.status is RESOLVED)
        and not (life.is_current and life.superseded)
        and (life.status is not ACKNOWLEDGED or life.acknowledged)
        and (life.status is not NEW or not life.acknowledged)
    )


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    lives,
    st.sampled_from(Position),
    st.sampled_from(BaselineMode),
    st.none() | st.booleans(),
    st.none() | lives,
)
def test_every_life_has_a_next_one_that_is_sound_and_stays(life, where, mode, reported, counterpart):
    after = next_life(life, where, mode, reported=reported, counterpart=counterpart)
    assert is_sound(life)
    assert is_sound(after)
    assert after.occurrences - life.occurrences == (life.status is RESOLVED and after.status is not RESOLVED)
    # Judged again by the same run, with the counterpart as that run left it, nothing moves.
    settled = counterpart and next_life(counterpart, position("h1", "h0", "h1"), mode)
    if where is Position.STANDS and mode is PREVIOUS:
        assert next_life(after, where, mode, reported=reported, counterpart=settled) == after
    if where is not Position.STANDS:
        assert next_life(after, where, mode, reported=reported) == after


@settings(derandomize=True, deadline=None)
@given(lives)
def test_what_people_and_the_scheduler_do_leaves_a_sound_life(life):
    assert is_sound(baselined(life))
    assert is_sound(cleared(life))
    assert is_sound(expired(life))
    if life.status is not RESOLVED:
        assert acknowledge(life).status is ACKNOWLEDGED
    if life.status is ACKNOWLEDGED:
        assert reopen(life) == expired(life)


def test_a_new_finding_is_new():
    assert birth(Position.STANDS, PREVIOUS) == birth(Position.STANDS, PINNED) == Life()


def test_a_finding_of_an_older_pair_is_born_as_the_newest_run_implies():
    assert birth(Position.BACK, PREVIOUS) == Life(RESOLVED, Resolution.REVERTED, is_current=False)
    assert birth(Position.ON, PREVIOUS) == Life(NEW, is_current=False, superseded=True)
    assert birth(Position.ON, PINNED) == Life(RESOLVED, Resolution.SUPERSEDED, is_current=False, superseded=True)


def test_a_change_that_nobody_saw_and_that_was_undone_is_no_news():
    assert birth(Position.STANDS, PREVIOUS, Life()) == Life(RESOLVED, Resolution.REVERTED)


def test_undoing_what_was_acknowledged_is_news():
    assert birth(Position.STANDS, PREVIOUS, ACCEPTED) == Life()


def test_a_difference_from_a_pinned_baseline_is_always_news():
    assert birth(Position.STANDS, PINNED, Life()) == Life()


def test_what_a_pin_accepted_stays_accepted_until_a_pair_reports_it():
    accepted = baselined(Life())
    for _ in range(3):
        accepted = next_life(accepted, Position.STANDS, PINNED, reported=False)
    assert accepted == Life(RESOLVED, Resolution.BASELINED)
    assert next_life(accepted, Position.STANDS, PINNED, reported=True) == Life(NEW, occurrences=2)


def test_people_cannot_touch_what_is_resolved_nor_reopen_what_is_new():
    for life, act in (
        (Life(RESOLVED, Resolution.REVERTED), acknowledge),
        (Life(RESOLVED, Resolution.CLEARED), reopen),
        (Life(), reopen),
    ):
        with pytest.raises(RefusedError) as refused:
            act(life)
        assert refused.value.code is UserErrorCode.CONFLICT


def test_an_acknowledgement_outlives_a_resolution_unless_it_expires():
    away = next_life(ACCEPTED, Position.BACK, PREVIOUS)
    assert next_life(away, Position.STANDS, PREVIOUS) == Life(ACKNOWLEDGED, occurrences=2, acknowledged=True)
    assert next_life(expired(away), Position.STANDS, PREVIOUS) == Life(NEW, occurrences=2)


def test_a_cause_that_comes_back_after_it_was_cleared_is_open_again():
    assert next_life(cleared(Life()), Position.STANDS, PREVIOUS) == Life(NEW, occurrences=2)


@pytest.mark.parametrize("history", list(itertools.product("abc", repeat=5)), ids="".join)
def test_over_any_history_each_unseen_change_that_stands_is_open_or_was_undone(history):
    """A model of generation with the previous run as baseline, nobody acknowledging anything.

    After each run: the newest content that differs from where the object last stood undisturbed is told by an open
    finding, unless the move took back one that was open; and a finding whose start has come back is never open.
    """
    findings = {}
    for before, now in itertools.pairwise(history):
        old = dict(findings)
        for (h0, h1), life in old.items():
            findings[h0, h1] = next_life(
                life, position(h0, h1, now), PREVIOUS, reported=(h0, h1) == (before, now), counterpart=old.get((h1, h0))
            )
        if before != now and (before, now) not in old:
            findings[before, now] = birth(Position.STANDS, PREVIOUS, old.get((now, before)))
        for (h0, h1), life in findings.items():
            assert is_sound(life)
            assert life.is_current == (h1 == now)
            assert not (h0 == now and life.status is not RESOLVED)
        if before != now:
            undone = old.get((now, before))
            told = findings[before, now].status is NEW
            assert told != (undone is not None and undone.status is NEW)
