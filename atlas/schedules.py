"""Schedules: set by members, and carried out by the sweeper in rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from atlas.access import require, tenant_of
from atlas.domain.engine import ENGINE
from atlas.domain.errors import RefusedError
from atlas.domain.schedule import Rhythm, checked, due_at, tick_after
from atlas.domain.vocabulary import Capability, UserErrorCode
from atlas.jobs import Job
from atlas.store import schedules as store
from atlas.store.database import Connection, Context, Database, Row, forbidden
from atlas.sync import graph_scope, graph_selection

LONGEST_NAME = 100
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a schedule is to be: one of `every_hours` and `cron`; all item types where none are named."""

    name: str = "default"
    every_hours: int | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    item_types: Sequence[str] | None = None


async def set_schedule(db: Database, context: Context, wanted: Wanted) -> UUID:
    """Makes the tenant's schedule of this name, or changes it; it counts from now.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN, INVALID_INPUT, NO_GRAPH_CONNECTION, CONFLICT.
    """
    tenant_id = tenant_of(context)
    if context.principal_id is None:
        raise forbidden()
    name = _name(wanted.name)
    selection = graph_selection(wanted.item_types)
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.START_SYNC)
        moment = await store.now(connection)
        rhythm = checked(Rhythm(wanted.every_hours, wanted.cron, wanted.time_zone, moment))
        if await store.number_beside(connection, tenant_id, name) >= store.MOST:
            raise RefusedError(UserErrorCode.CONFLICT, f"A tenant has {store.MOST} schedules at most. Remove one.")
        scope_id = await graph_scope(connection, tenant_id, selection)
        tick = tick_after(rhythm, moment)
        return await store.put(
            connection, tenant_id, name,
            scope_id=scope_id, every_hours=rhythm.every_hours, cron=rhythm.cron, time_zone=rhythm.time_zone,
            anchor=moment, created_by=context.principal_id, next_tick=tick, due_at=due_at(tenant_id, tick),
        )  # fmt: skip


async def remove_schedule(db: Database, context: Context, name: str) -> bool:
    """Ends a schedule; what it started goes on. False where there is none of this name. Needs START_SYNC."""
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.START_SYNC)
        return await store.remove(connection, tenant_of(context), name)


async def run_due(sweeper: Database, *, at_once: int, now: datetime | None = None) -> list[Job]:
    """One round: ends the ticks whose sync has ended, and starts those that are due, while there is room for them.

    Missed ticks are one: the oldest of them is carried out, and the next one lies ahead. At most `at_once` scheduled
    syncs are under way in the whole deployment. Returns the jobs whose message is to be sent.
    """
    async with sweeper.transaction() as connection:
        if not await store.try_lock(connection):
            return []
        at = now or await store.now(connection)
        settled = await store.settle(connection, at, ENGINE, BATCH)
        started = [await _start(connection, row, at) for row in await store.due(connection, at, at_once)]
    made = [Job("drift", tenant_id, run_id) for tenant_id, run_id in settled]
    made += [job for job in started if job is not None]
    if made:
        await sweeper.notify({job.tenant_id for job in made})
    return made


async def _start(connection: Connection, row: Row, at: datetime) -> Job | None:
    following = tick_after(store.rhythm_of(row), at)
    run_id = await store.start(
        connection, row["tenant_id"], row["id"],
        tick=row["next_tick"], following=following, due_at=due_at(row["tenant_id"], following), at=at,
    )  # fmt: skip
    return None if run_id is None else Job("sync", row["tenant_id"], run_id)


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise RefusedError(
            UserErrorCode.INVALID_INPUT, f"A schedule's name has 1 to {LONGEST_NAME} printable characters.",
            ("input", "name"),
        )  # fmt: skip
    return name
