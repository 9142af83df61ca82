"""Schedules: set and read by members; ticked by the sweeper through functions, which see them where it does not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.schedule import Rhythm
from atlas.store.pages import Row
from atlas.store.tables import schedule_ticks, schedules, scopes

MOST = 20

_s = schedules.c


async def now(connection: AsyncConnection) -> datetime:
    moment: datetime = (await connection.execute(select(func.now()))).scalar_one()
    return moment


async def number_beside(connection: AsyncConnection, tenant_id: UUID, name: str) -> int:
    """How many schedules the tenant has besides the one of this name."""
    counted: int = (
        await connection.execute(
            select(func.count()).select_from(schedules).where(_s.tenant_id == tenant_id, _s.name != name)
        )
    ).scalar_one()
    return counted


async def put(connection: AsyncConnection, tenant_id: UUID, name: str, **values: Any) -> UUID:
    """Makes the schedule of this name, or changes it; it forgets its failures."""
    rows = await connection.execute(
        insert(schedules)
        .values(tenant_id=tenant_id, name=name, **values)
        .on_conflict_do_update(constraint="schedules_name", set_=values | {"failures": 0})
        .returning(_s.id)
    )
    made: UUID = rows.scalar_one()
    return made


async def remove(connection: AsyncConnection, tenant_id: UUID, name: str) -> bool:
    rows = await connection.execute(
        schedules.delete().where(_s.tenant_id == tenant_id, _s.name == name).returning(_s.id)
    )
    return rows.first() is not None


async def of_tenants(connection: AsyncConnection, tenant_ids: Sequence[UUID]) -> Sequence[Row]:
    """The schedules by name, each with its scope's selection and how its newest tick ended."""
    k = schedule_ticks.c
    newest = (
        select(k.status, k.sync_run_id)
        .where(k.tenant_id == _s.tenant_id, k.schedule_id == _s.id)
        .order_by(k.tick.desc())
        .limit(1)
        .lateral("newest")
    )
    query = (
        select(schedules, scopes.c.selection, newest.c.status.label("last_status"), newest.c.sync_run_id)
        .select_from(schedules)
        .join(scopes, (scopes.c.tenant_id == _s.tenant_id) & (scopes.c.id == _s.scope_id))
        .outerjoin(newest, text("true"))
        .where(_s.tenant_id.in_(tenant_ids))
        .order_by(_s.tenant_id, _s.name)
    )
    return (await connection.execute(query)).all()


async def try_lock(connection: AsyncConnection) -> bool:
    """True for one round of schedules at a time, until its transaction ends."""
    locked: bool = (
        await connection.execute(text("select pg_try_advisory_xact_lock(hashtextextended('atlas.schedules', 0))"))
    ).scalar_one()
    return locked


async def settle(connection: AsyncConnection, at: datetime, engine: str, most: int) -> list[tuple[UUID, UUID]]:
    """Ends the ticks whose sync has ended; (tenant, drift run) of what is to be generated now."""
    rows = await connection.execute(
        text("select tenant_id, id from atlas.settle_ticks(:at, :engine, :most)"),
        {"at": at, "engine": engine, "most": most},
    )
    return [(row.tenant_id, row.id) for row in rows]


async def due(connection: AsyncConnection, at: datetime, at_once: int) -> Sequence[RowMapping]:
    rows = await connection.execute(
        text("select * from atlas.due_schedules(:at, :at_once)"), {"at": at, "at_once": at_once}
    )
    return rows.mappings().all()


async def start(
    connection: AsyncConnection,
    tenant_id: UUID,
    schedule_id: UUID,
    *,
    tick: datetime,
    following: datetime,
    due_at: datetime,
    at: datetime,
) -> UUID | None:
    """The sync run that was made for the tick; None where another stands for it, or somebody else had the tick."""
    made: UUID | None = await connection.scalar(
        text("select atlas.start_tick(:tenant, :schedule, :tick, :following, :due, :at)"),
        {
            "tenant": tenant_id,
            "schedule": schedule_id,
            "tick": tick,
            "following": following,
            "due": due_at,
            "at": at,
        },
    )
    return made


def rhythm_of(row: RowMapping) -> Rhythm:
    return Rhythm(row["every_hours"], row["cron"], row["time_zone"], row["anchor"])
