"""The activity feed: its events, where it stands, and the notifications that tell of news."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.database import CHANNEL, Database
from atlas.store.tables import event_counters, events

_KEEPALIVE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Event:
    """`seq` grows by one in the order of commits; `kind` is SyncRun, DriftRun or Finding."""

    seq: int
    at: datetime
    kind: str
    object_id: UUID


@dataclass(frozen=True, slots=True)
class Position:
    """Where the feed stands. `oldest` is None where every event was pruned, or none was ever written."""

    newest: int
    oldest: int | None


async def readable(connection: AsyncConnection, tenant_id: UUID) -> bool:
    """May the context's principal read this tenant? An absent tenant and a foreign one are both False."""
    return await connection.scalar(select(func.atlas.tenant_for("READ"))) == tenant_id


async def position(connection: AsyncConnection, tenant_id: UUID) -> Position | None:
    """None where the context's principal may not read this tenant.

    In one statement: a membership that ended between two would leave a feed that looks as if it had never begun.
    """
    newest = select(event_counters.c.seq).where(event_counters.c.tenant_id == tenant_id).scalar_subquery()
    oldest = select(func.min(events.c.seq)).where(events.c.tenant_id == tenant_id).scalar_subquery()
    row = (await connection.execute(select(func.atlas.tenant_for("READ") == tenant_id, newest, oldest))).one()
    return Position(row[1] or 0, row[2]) if row[0] else None


async def events_after(connection: AsyncConnection, tenant_id: UUID, seq: int, *, most: int = 100) -> list[Event]:
    """The events that follow `seq`, in order. Nothing is committed later with a lower number."""
    rows = await connection.execute(
        select(events.c.seq, events.c.at, events.c.kind, events.c.object_id)
        .where(events.c.tenant_id == tenant_id, events.c.seq > seq)
        .order_by(events.c.seq)
        .limit(most)
    )
    return [Event(*row) for row in rows]


async def listen(db: Database, *, connected: Callable[[], None], heard: Callable[[str], None]) -> None:
    """Calls `heard` with each notification's payload until the connection is lost; then it returns or raises.

    The connection leaves the pool, so that it holds no place there. `connected` is called once it listens:
    whoever read the table before may have missed a notification. A payload is a hint, and an id only.
    """
    lost = asyncio.Event()
    async with db.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError("the pool must hand out connections of asyncpg")
        await connection.run_sync(lambda plain: plain.detach())
        driver.add_termination_listener(lambda _connection: lost.set())
        try:
            await driver.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: heard(str(payload)))
            connected()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_KEEPALIVE_SECONDS):
                        await lost.wait()
                # A peer that vanished without a word is not seen otherwise.
                if not lost.is_set():
                    await driver.execute("select 1", timeout=_KEEPALIVE_SECONDS)
        finally:
            driver.terminate()
