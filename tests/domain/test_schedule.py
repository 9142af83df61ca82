"""When a schedule ticks: over gaps and folds of the clock too, once each, and never all tenants at once."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas.domain.errors import RefusedError
from atlas.domain.schedule import SPREAD, Rhythm, checked, due_at, tick_after

# The clocks of these go forward and back at other hours, by half an hour in one of them, and in one never.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "UTC")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
HOURS = st.integers(0, 23)
DAILY = st.builds(lambda minute, hour: f"{minute} {hour} * * *", st.integers(0, 59), HOURS)


def ticks(rhythm: Rhythm, moment: datetime, number: int) -> list[datetime]:
    found = []
    for _ in range(number):
        moment = tick_after(rhythm, moment)
        found.append(moment)
    return found


@given(DAILY, st.sampled_from(ZONES), MOMENTS)
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC))
@example("15 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC))
def test_what_ticks_once_a_day_ticks_on_each_day_once_whatever_the_clock_does(
    cron: str, zone: str, moment: datetime
) -> None:
    rhythm = Rhythm(None, cron, zone, moment)
    found = ticks(rhythm, moment, 5)
    local = [tick.astimezone(ZoneInfo(zone)) for tick in found]
    days = [one.date() for one in local]
    assert [later - earlier for earlier, later in itertools.pairwise(days)] == [timedelta(days=1)] * 4
    minute, hour = map(int, cron.split()[:2])
    for one in local:
        nominal = one.replace(hour=hour, minute=minute, fold=0)
        there = nominal.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == nominal.replace(tzinfo=None)
        # An hour that is left out is made up for right after the gap.
        assert (one.hour, one.minute) == (hour, minute) if there else one - nominal <= timedelta(hours=1)


@given(st.one_of(DAILY, st.just("0 */2 * * *"), st.just("*/30 * * * *"), st.just("45 1,2,3 * * *")),
       st.sampled_from(ZONES), MOMENTS, st.integers(0, 36 * 3600))  # fmt: skip
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 5400)
def test_the_next_tick_is_the_same_from_wherever_before_it_one_asks(
    cron: str, zone: str, moment: datetime, later: int
) -> None:
    rhythm = Rhythm(None, cron, zone, moment)
    first, second = ticks(rhythm, moment, 2)
    assert moment < first < second
    between = min(first + timedelta(seconds=later), second - timedelta(seconds=1))
    assert tick_after(rhythm, between) == second
    assert tick_after(rhythm, first - timedelta(seconds=1)) == first


@given(st.integers(1, 8760), MOMENTS, st.integers(-(10**6), 10**8))
def test_hours_are_counted_in_time_that_passes(hours: int, anchor: datetime, seconds: int) -> None:
    rhythm = Rhythm(hours, None, "Europe/Berlin", anchor)
    moment = anchor + timedelta(seconds=seconds)
    tick = tick_after(rhythm, moment)
    assert tick > max(moment, anchor)
    assert (tick - anchor) % timedelta(hours=hours) == timedelta(0)
    assert tick - timedelta(hours=hours) <= max(moment, anchor)


@given(st.uuids(), MOMENTS)
def test_a_tenant_is_always_as_late(tenant: UUID, tick: datetime) -> None:
    late = due_at(tenant, tick) - tick
    assert timedelta(0) <= late < SPREAD
    assert due_at(tenant, tick + timedelta(days=3)) - (tick + timedelta(days=3)) == late


def test_tenants_are_spread() -> None:
    tick = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [int((due_at(UUID(int=number), tick) - tick).total_seconds() // 60) for number in range(500)]
    assert min(minutes.count(minute) for minute in range(5)) > 60


@pytest.mark.parametrize(
    ("every", "cron", "zone", "field"),
    [
        (None, None, "UTC", "everyHours"),
        (1, "0 0 * * *", "UTC", "everyHours"),
        (0, None, "UTC", "everyHours"),
        (8761, None, "UTC", "everyHours"),
        (1, None, "Europe/Nowhere", "timeZone"),
        (None, "0 0 * * *", "../../etc/passwd", "timeZone"),
        (None, "often", "UTC", "cron"),
        (None, "0 0 0 * * *", "UTC", "cron"),
        (None, "0 0 31 2 *", "UTC", "cron"),
        (None, "*/14 * * * *", "UTC", "cron"),
        (None, "0,5 3 * * *", "UTC", "cron"),
        (None, "0 0 * * *" + " " * 300, "UTC", "cron"),
    ],
)
def test_what_is_no_rhythm_is_refused(every: int | None, cron: str | None, zone: str, field: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checked(Rhythm(every, cron, zone, datetime(2026, 1, 1, tzinfo=UTC)))
    assert refused.value.path == ("input", field)


@pytest.mark.parametrize("cron", ["0 0 * * *", "*/15 * * * *", "30 2 * * MON-FRI", "0 3 1 * *", "0 0 29 2 *"])
def test_what_is_one_is_taken(cron: str) -> None:
    rhythm = Rhythm(None, cron, "Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC))
    assert checked(rhythm) == rhythm
