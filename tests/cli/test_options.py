"""How the values of options are read."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import typer

from atlas.cli.options import identifier, moment, span, words


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "0d", "1.5h", "9999999d", "30 d x", "999999w"])
def test_what_is_no_span_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        span(text)


def test_a_moment_may_be_a_day_or_have_an_offset() -> None:
    year = datetime.now(UTC).year + 1
    assert moment(f"{year}-06-01T09:00:00Z") == datetime(year, 6, 1, 9, tzinfo=UTC)
    assert moment(f"{year}-06-01T11:00:00+02:00") == datetime(year, 6, 1, 9, tzinfo=UTC)
    assert moment(f"{year}-06-01").tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2020-01-01", "2026-13-01", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_to_come_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text)


def test_an_identifier_is_a_uuid() -> None:
    assert identifier("8c2f3b5e-0d1a-4f6b-9a3e-5d7c1b2a4e6f") == UUID("8c2f3b5e0d1a4f6b9a3e5d7c1b2a4e6f")
    with pytest.raises(typer.BadParameter):
        identifier("12")


def test_words_come_repeated_or_with_commas() -> None:
    assert words(["a,b", "c", "a"]) == ["a", "b", "c"]
    assert words(None) is None
    assert words([]) is None
    with pytest.raises(typer.BadParameter):
        words([" , "])
