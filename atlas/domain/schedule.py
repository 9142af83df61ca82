"""When a schedule ticks: every so many hours, or by a cron expression on the clock of a place."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import UserErrorCode

SPREAD = timedelta(minutes=5)
"""How far apart the tenants are whose schedules tick at the same time."""
_SHORTEST = timedelta(minutes=15)
_LOOKED_AT = 48
_MOST_HOURS = 8_760


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Either `every_hours`, counted from `anchor` in time that passes, or `cron`: five fields, in `time_zone`.

    Where the clocks go forward, what stands in the hour that is left out ticks right after it. Where they go back,
    what ticks at set hours ticks once.
    """

    every_hours: int | None
    cron: str | None
    time_zone: str
    anchor: datetime


def tick_after(rhythm: Rhythm, moment: datetime) -> datetime:
    """The first tick that comes after a moment, in UTC."""
    if rhythm.every_hours is not None:
        step = timedelta(hours=rhythm.every_hours)
        return (rhythm.anchor + max(1, (moment - rhythm.anchor) // step + 1) * step).astimezone(UTC)
    # A day before, the clock has an hour that is there once; from inside of one that is there twice, what ticked
    # in it already would tick again.
    ticks = CronSim(rhythm.cron or "", (moment - timedelta(days=1)).astimezone(ZoneInfo(rhythm.time_zone)))
    return next(tick for one in ticks if (tick := one.astimezone(UTC)) > moment)


def due_at(tenant_id: UUID, tick: datetime) -> datetime:
    """When the tick is carried out: somewhat later, for each tenant always by the same time."""
    part = int.from_bytes(hashlib.sha256(tenant_id.bytes).digest()[:4]) / 2**32
    return tick + timedelta(seconds=int(part * SPREAD.total_seconds()))


def checked(rhythm: Rhythm) -> Rhythm:
    """The rhythm, where it is one. Raises `RefusedError` INVALID_INPUT."""
    if (rhythm.every_hours is None) == (rhythm.cron is None):
        raise _invalid("Give either the hours between two syncs or a cron expression.", "everyHours")
    if rhythm.time_zone not in available_timezones():
        raise _invalid("There is no such time zone. Give one like Europe/Berlin or UTC.", "timeZone")
    if rhythm.every_hours is not None:
        if not 1 <= rhythm.every_hours <= _MOST_HOURS:
            raise _invalid(f"The hours between two syncs are 1 to {_MOST_HOURS}.", "everyHours")
        return rhythm
    cron = rhythm.cron or ""
    try:
        if len(cron.split()) != 5 or len(cron) > 200:  # cronsim would take seconds too.
            raise CronSimError
        ticks, last = [], rhythm.anchor
        for _ in range(_LOOKED_AT):
            last = tick_after(rhythm, last)
            ticks.append(last)
    except (CronSimError, StopIteration):
        raise _invalid(
            "This is no cron expression of five fields (minute, hour, day, month, weekday) that ever comes true.",
            "cron",
        ) from None
    if any(later - earlier < _SHORTEST for earlier, later in pairwise(ticks)):
        raise _invalid("Two syncs are at least 15 minutes apart.", "cron")
    return rhythm


def _invalid(message: str, field: str) -> RefusedError:
    return RefusedError(UserErrorCode.INVALID_INPUT, message, ("input", field))
