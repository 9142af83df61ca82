"""Pairs of recorded runs: which are there to be compared, and the drift runs that stand for them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import drift_runs, scopes, sync_runs

OPEN = ("QUEUED", "RUNNING")


async def scope_by_key(connection: AsyncConnection, tenant_id: UUID, key: str) -> RowMapping | None:
    """(id, key, last_seq, pinned_run_id, pinned_seq)"""
    rows = await connection.execute(
        select(scopes.c.id, scopes.c.key, scopes.c.last_seq, scopes.c.pinned_run_id, scopes.c.pinned_seq).where(
            scopes.c.tenant_id == tenant_id, scopes.c.key == key
        )
    )
    return rows.mappings().one_or_none()


async def run_by_id(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping | None:
    """(id, scope_id, seq) of a sync run, recorded or not."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.scope_id, sync_runs.c.seq).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id
        )
    )
    return rows.mappings().one_or_none()


async def run_at(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int) -> RowMapping | None:
    """(id, scope_id, seq) of the scope's recorded run of this number."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.scope_id, sync_runs.c.seq).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.scope_id == scope_id, sync_runs.c.seq == seq
        )
    )
    return rows.mappings().one_or_none()


async def newest_runs(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, most: int) -> Sequence[RowMapping]:
    """(id, seq) of the scope's newest recorded runs, the newest first."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.seq)
        .where(sync_runs.c.tenant_id == tenant_id, sync_runs.c.scope_id == scope_id, sync_runs.c.seq.is_not(None))
        .order_by(sync_runs.c.seq.desc())
        .limit(most)
    )
    return rows.mappings().all()


async def ungenerated(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> Sequence[RowMapping]:
    """The recorded runs whose consecutive pair nobody generated or asked for, oldest first.

    (baseline_run_id, baseline_seq, current_run_id, current_seq)
    """
    earlier, later, d = sync_runs.alias("earlier"), sync_runs.alias("later"), drift_runs.c
    asked = (
        select(d.id)
        .where(
            d.tenant_id == tenant_id,
            d.scope_id == scope_id,
            d.current_seq == later.c.seq,
            d.baseline_seq == earlier.c.seq,
            d.status != "FAILED",
        )
        .exists()
    )
    rows = await connection.execute(
        select(
            earlier.c.id.label("baseline_run_id"),
            earlier.c.seq.label("baseline_seq"),
            later.c.id.label("current_run_id"),
            later.c.seq.label("current_seq"),
        )
        .join_from(
            later,
            earlier,
            and_(
                earlier.c.tenant_id == tenant_id,
                earlier.c.scope_id == scope_id,
                earlier.c.seq == later.c.seq - 1,
            ),
        )
        .where(later.c.tenant_id == tenant_id, later.c.scope_id == scope_id, later.c.seq > 1, ~asked)
        .order_by(later.c.seq)
    )
    return rows.mappings().all()


async def insert_run(connection: AsyncConnection, **values: object) -> bool:
    """Queues a drift run. False where the pair has an open one already: the partial unique index is the dedupe."""
    rows = await connection.execute(
        insert(drift_runs)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=["tenant_id", "scope_id", "baseline_run_id", "current_run_id"],
            # The text of the index's own condition: a bound value would not be inferred.
            index_where=text("status in ('QUEUED', 'RUNNING')"),
        )
        .returning(drift_runs.c.id)
    )
    return rows.first() is not None


async def existing_run(
    connection: AsyncConnection,
    tenant_id: UUID,
    scope_id: UUID,
    baseline_run_id: UUID,
    current_run_id: UUID,
    engine: str,
) -> UUID | None:
    """The pair's run that is open, or done under this engine."""
    d = drift_runs.c
    found: UUID | None = await connection.scalar(
        select(d.id).where(
            d.tenant_id == tenant_id,
            d.scope_id == scope_id,
            d.baseline_run_id == baseline_run_id,
            d.current_run_id == current_run_id,
            or_(d.status.in_(OPEN), and_(d.status == "SUCCEEDED", d.engine == engine)),
        )
    )
    return found
