"""Attribution: what the events of a window say of who changed an object, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.attribution import NOBODY, SourceEvent, Window, attribute, resource_id
from atlas.domain.vocabulary import ActorKind, AttributionConfidence

START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window("policy", START, START + timedelta(hours=10))


def event(number: int, hour: float = 5, actor: str | None = "ada", **changes: object) -> SourceEvent:
    return replace(
        SourceEvent(
            id=f"event {number}",
            resource_id="policy",
            activity="Patch DeviceManagementConfigurationPolicy",
            operation="Patch",
            actor_kind=ActorKind.USER,
            actor_id=actor,
            actor_name=None,
            at=START + timedelta(hours=hour),
            correlation_id=None,
        ),
        **changes,
    )


def confidence(*events: SourceEvent, window: Window = WINDOW) -> str:
    return attribute(window, events).confidence.value


def test_what_one_actor_did_is_exact_however_often() -> None:
    assert confidence(event(1)) == "EXACT"
    assert confidence(event(1), event(2, hour=6)) == "EXACT"


def test_several_actors_are_ambiguous_and_all_are_told_newest_first() -> None:
    told = attribute(WINDOW, [event(1, hour=1), event(2, hour=3, actor="eve"), event(3, hour=2, actor="ada")])
    assert told.confidence == AttributionConfidence.AMBIGUOUS
    assert [one.id for one in told.events] == ["event 2", "event 3", "event 1"]


def test_a_person_and_a_program_of_one_id_are_two() -> None:
    assert confidence(event(1), event(2, actor_kind=ActorKind.APPLICATION)) == "AMBIGUOUS"


@pytest.mark.parametrize(("hour", "expected"), [(0, "NONE"), (0.001, "EXACT"), (10, "EXACT"), (10.001, "NONE")])
def test_the_window_begins_after_the_one_reading_and_ends_with_the_other(hour: float, expected: str) -> None:
    assert confidence(event(1, hour=hour)) == expected


def test_reading_is_no_change_and_another_object_is_another() -> None:
    assert attribute(WINDOW, [event(1, operation="Get"), event(2, operation="GET"), event(3, resource_id="other")]) == (
        NOBODY
    )
    assert NOBODY.confidence == AttributionConfidence.NONE


def test_an_actor_that_the_record_does_not_name_is_not_exact() -> None:
    assert confidence(event(1, actor=None, actor_kind=ActorKind.UNKNOWN)) == "AMBIGUOUS"


def test_an_object_under_a_shared_id_is_found_by_that_id_and_is_never_exact() -> None:
    assert resource_id("policy~0123abcd") == "policy"
    assert resource_id("poli~cy") == "poli~cy"
    assert confidence(event(1), window=replace(WINDOW, external_id="policy~0123abcd")) == "AMBIGUOUS"


def test_no_more_than_ten_events_are_told_and_more_than_a_hundred_are_not_exact() -> None:
    told = attribute(WINDOW, [event(number) for number in range(100)])
    assert (told.confidence, len(told.events)) == (AttributionConfidence.EXACT, 10)
    assert confidence(*(event(number) for number in range(101))) == "AMBIGUOUS"


EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 30),
        st.sampled_from([-1.0, 1.0, 2.0, 3.0, 11.0]),
        st.sampled_from(["ada", "eve", None]),
        operation=st.sampled_from(["Patch", "Get", "Delete"]),
        resource_id=st.sampled_from(["policy", "other"]),
    ),
    max_size=20,
    unique_by=lambda one: one.id,
)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repetition_mean_nothing(events: Sequence[SourceEvent], random: object) -> None:
    again = [*events, *events]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert attribute(WINDOW, again) == attribute(WINDOW, events)


@given(EVENTS)
def test_exact_means_that_nobody_else_comes_into_question(events: Sequence[SourceEvent]) -> None:
    told = attribute(WINDOW, events)
    assert (told.confidence == AttributionConfidence.NONE) == (told.events == ())
    if told.confidence == AttributionConfidence.EXACT:
        possible = [one for one in events if one in told.events or _matches(one)]
        assert {one.actor_id for one in possible} == {told.events[0].actor_id} != {None}


def _matches(one: SourceEvent) -> bool:
    return one.resource_id == "policy" and one.operation != "Get" and START < one.at <= START + timedelta(hours=10)
