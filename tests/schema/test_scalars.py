"""Times in UTC and in RFC 3339, UUIDs in their usual spelling."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from atlas.schema.scalars import parse_datetime, parse_uuid, serialize_datetime

OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=OFFSETS)  # noqa: DTZ001


@given(TIMES)
def test_a_time_comes_back_the_same(moment: datetime) -> None:
    written = serialize_datetime(moment)
    assert written.endswith("Z")
    assert parse_datetime(written) == moment


@given(TIMES, TIMES)
def test_times_sort_as_their_texts_do(one: datetime, other: datetime) -> None:
    assert (one < other) == (serialize_datetime(one) < serialize_datetime(other))


@given(TIMES)
def test_any_offset_is_understood(moment: datetime) -> None:
    parsed = parse_datetime(moment.isoformat())
    assert parsed == moment
    assert parsed.tzinfo is UTC


def test_what_is_finer_than_a_microsecond_is_cut_off() -> None:
    assert parse_datetime("2026-11-24T08:15:30.123456789z") == datetime(2026, 11, 24, 8, 15, 30, 123456, tzinfo=UTC)
    assert parse_datetime("2026-11-24t08:15:30.5+01:00") == datetime(2026, 11, 24, 7, 15, 30, 500000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24",
        "2026-11-24T08:15:30",
        "2026-11-24 08:15:30Z",
        "2026-11-24T08:15Z",
        "2026-13-24T08:15:30Z",
        "2026-02-30T08:15:30Z",
        "2026-11-24T24:15:30Z",
        "2026-11-24T08:15:60Z",
        "2026-11-24T08:15:30+24:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "20261124T081530Z",
        "٢٠٢٦-11-24T08:15:30Z",
        "2026-11-24T08:15:30.Z",
        "2026-11-24T08:15:30Z\n",
        "",
        5,
        None,
        True,
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_datetime(value)


def test_a_time_without_an_offset_is_never_shown() -> None:
    with pytest.raises(ValueError, match="offset"):
        serialize_datetime(datetime(2026, 11, 24))  # noqa: DTZ001


@given(st.uuids())
def test_a_uuid_is_read_in_its_usual_spellings(value: UUID) -> None:
    assert parse_uuid(str(value)) == parse_uuid(value.hex) == parse_uuid(str(value).upper()) == value


@pytest.mark.parametrize(
    "value", ["", "x", f"{{{UUID(int=1)}}}", f"urn:uuid:{UUID(int=1)}", f"{UUID(int=1)}\n", 7, None]
)
def test_what_is_no_uuid_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        parse_uuid(value)
