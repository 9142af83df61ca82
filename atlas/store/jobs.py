"""Jobs: the row is the truth, the message a hint. Claim, hold, give back, and what the sweeper does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Table, Text, and_, cast, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.vocabulary import SyncSource
from atlas.store.tables import drift_runs, graph_connections, prune_runs, sync_runs

Kind = Literal["drift", "sync", "prune", "trial"]
TABLES: dict[Kind, Table] = {
    "drift": drift_runs,
    "sync": sync_runs,
    "prune": prune_runs,
    "trial": graph_connections,
}

LOST = "WORKER_LOST"
LOST_MESSAGE = "The worker of this run was lost, {attempts} times over. Look into its log, then ask for the run again."


def now() -> ColumnElement[datetime]:
    """The database's clock, which is the one that all of a deployment share."""
    return func.now()


async def claim(
    connection: AsyncConnection, kind: Kind, tenant_id: UUID, run_id: UUID, lease: timedelta
) -> tuple[UUID, int] | None:
    """(lease token, attempt) of a job that was due and queued; None where somebody else has it or nobody needs it."""
    row = (
        await connection.execute(
            text(f"select lease_token, attempts from atlas.claim_{kind}_run(:tenant, :run, :lease)"),
            {"tenant": tenant_id, "run": run_id, "lease": lease},
        )
    ).one_or_none()
    return None if row is None else (row.lease_token, row.attempts)


async def hold(
    connection: AsyncConnection, kind: Kind, tenant_id: UUID, run_id: UUID, token: UUID, lease: timedelta
) -> bool:
    """The fence: locks the job's row where the token still holds it, and prolongs the lease. False: it was lost."""
    table = TABLES[kind]
    rows = await connection.execute(
        update(table)
        .where(table.c.tenant_id == tenant_id, table.c.id == run_id, table.c.lease_token == token)
        .values(lease_until=func.now() + lease)
        .returning(table.c.id)
    )
    return rows.first() is not None


async def write(connection: AsyncConnection, kind: Kind, tenant_id: UUID, run_id: UUID, **values: Any) -> None:
    """Writes columns of the job's own row; the policies let a worker write no other."""
    table = TABLES[kind]
    await connection.execute(update(table).where(table.c.tenant_id == tenant_id, table.c.id == run_id).values(**values))


async def give_back(connection: AsyncConnection, kind: Kind, tenant_id: UUID, run_id: UUID, delay: timedelta) -> None:
    """Queues the job again, due after `delay`."""
    await write(
        connection, kind, tenant_id, run_id,
        status="QUEUED", lease_token=None, lease_until=None, available_at=func.now() + delay,
    )  # fmt: skip


async def fail(
    connection: AsyncConnection, kind: Kind, tenant_id: UUID, run_id: UUID, *, code: str, message: str
) -> None:
    await write(
        connection, kind, tenant_id, run_id,
        status="FAILED", lease_token=None, lease_until=None, finished_at=func.now(),
        error_code=code, error_message=message,
    )  # fmt: skip


async def try_sweep_lock(connection: AsyncConnection) -> bool:
    """True for one sweeper at a time, until its transaction ends."""
    locked: bool = (
        await connection.execute(text("select pg_try_advisory_xact_lock(hashtextextended('atlas.sweeper', 0))"))
    ).scalar_one()
    return locked


async def sweep_expired(connection: AsyncConnection, kind: Kind, max_attempts: int) -> set[UUID]:
    """Queues the jobs whose lease ran out, fails those that ran out once too often. Returns the tenants concerned."""
    table = TABLES[kind]
    lost = [table.c.status == "RUNNING", table.c.lease_until < func.now()]
    done_with = table.c.attempts >= max_attempts
    if kind == "sync":  # A folder lies on the machine of whoever read it: nobody else can go on, but with what is held.
        done_with = or_(done_with, and_(table.c.source == SyncSource.FOLDER, table.c.confirmed_at.is_(None)))
    failed = await connection.execute(
        update(table)
        .where(*lost, done_with)
        .values(
            status="FAILED",
            lease_token=None,
            lease_until=None,
            finished_at=func.now(),
            error_code=LOST,
            error_message=func.replace(LOST_MESSAGE, "{attempts}", cast(table.c.attempts, Text)),
        )
        .returning(table.c.tenant_id)
    )
    queued = await connection.execute(
        update(table)
        .where(*lost)
        .values(status="QUEUED", lease_token=None, lease_until=None, available_at=func.now(), sent_at=None)
        .returning(table.c.tenant_id)
    )
    return set(failed.scalars()) | set(queued.scalars())


async def take_unsent(
    connection: AsyncConnection, kind: Kind, grace: timedelta, resend_after: timedelta, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """(tenant, run) of the due jobs whose message may be lost; marked as sent.

    The first message leaves right after the commit, unmarked: a job that still waits after `grace` gets another.
    What was never sent goes first: many jobs that nobody can take yet, sent over and over, must not keep it back.
    """
    table = TABLES[kind]
    unsent = or_(
        and_(table.c.sent_at.is_(None), table.c.available_at < func.now() - grace),
        table.c.sent_at < func.now() - resend_after,
    )
    due = (
        select(table.c.tenant_id, table.c.id)
        .where(table.c.status == "QUEUED", table.c.available_at <= func.now(), unsent)
        .order_by(table.c.sent_at.asc().nulls_first(), table.c.available_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if kind == "sync":
        due = due.where(or_(table.c.source == SyncSource.GRAPH, table.c.confirmed_at.is_not(None)))
    picked = due.cte("due")
    rows = await connection.execute(
        update(table)
        .where(table.c.tenant_id == picked.c.tenant_id, table.c.id == picked.c.id)
        .values(sent_at=func.now())
        .returning(table.c.tenant_id, table.c.id)
    )
    return [(row.tenant_id, row.id) for row in rows]


async def expire_acknowledgements(connection: AsyncConnection, limit: int) -> set[UUID]:
    """Sets acknowledgements whose time is over back to NEW; returns the tenants concerned."""
    rows = await connection.execute(text("select atlas.expire_acknowledgements(:limit)"), {"limit": limit})
    return set(rows.scalars())
