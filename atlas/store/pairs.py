"""Pairs of recorded runs: which are there to be compared, and the drift runs that stand for them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import drift_runs, scopes, sync_runs

OPEN = ("QUEUED", "RUNNING")

# A step leads to a run from the run before it: the one recorded before it, or, where that is pruned, the one kept
# before it (`domain.retention`).
_UNGENERATED = """
with kept as (
    select r.id, r.seq, lag(r.id) over by_seq as before_id, lag(r.seq) over by_seq as before_seq
    from atlas.sync_runs r
    where r.tenant_id = :tenant and r.scope_id = :scope and r.seq is not null and r.pruned_at is null
    window by_seq as (order by r.seq)
)
select k.before_id as baseline_run_id, k.before_seq as baseline_seq, k.id as current_run_id, k.seq as current_seq
from kept k
where k.before_id is not null and not exists (
    select from atlas.drift_runs d
    where d.tenant_id = :tenant and d.scope_id = :scope and d.current_seq = k.seq
      and d.baseline_seq in (k.seq - 1, k.before_seq) and d.status <> 'FAILED')
order by k.seq
"""


async def scope_by_key(connection: AsyncConnection, tenant_id: UUID, key: str) -> RowMapping | None:
    """(id, key, last_seq, pinned_run_id, pinned_seq)"""
    rows = await connection.execute(
        select(scopes.c.id, scopes.c.key, scopes.c.last_seq, scopes.c.pinned_run_id, scopes.c.pinned_seq).where(
            scopes.c.tenant_id == tenant_id, scopes.c.key == key
        )
    )
    return rows.mappings().one_or_none()


async def run_by_id(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping | None:
    """(id, scope_id, seq, pruned_at) of a sync run, recorded or not."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.scope_id, sync_runs.c.seq, sync_runs.c.pruned_at).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id
        )
    )
    return rows.mappings().one_or_none()


async def kept_run(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, *, until: int) -> RowMapping | None:
    """(id, scope_id, seq) of the scope's newest recorded run that is kept and has no greater number than this."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.scope_id, sync_runs.c.seq)
        .where(
            sync_runs.c.tenant_id == tenant_id,
            sync_runs.c.scope_id == scope_id,
            sync_runs.c.seq <= until,
            sync_runs.c.pruned_at.is_(None),
        )
        .order_by(sync_runs.c.seq.desc())
        .limit(1)
    )
    return rows.mappings().one_or_none()


async def newest_runs(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, most: int) -> Sequence[RowMapping]:
    """(id, seq) of the scope's newest recorded runs that are kept, the newest first."""
    rows = await connection.execute(
        select(sync_runs.c.id, sync_runs.c.seq)
        .where(
            sync_runs.c.tenant_id == tenant_id,
            sync_runs.c.scope_id == scope_id,
            sync_runs.c.seq.is_not(None),
            sync_runs.c.pruned_at.is_(None),
        )
        .order_by(sync_runs.c.seq.desc())
        .limit(most)
    )
    return rows.mappings().all()


async def ungenerated(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> Sequence[RowMapping]:
    """The steps between runs that are kept which nobody generated or asked for, oldest first.

    (baseline_run_id, baseline_seq, current_run_id, current_seq)
    """
    values = {"tenant": tenant_id, "scope": scope_id}
    return (await connection.execute(text(_UNGENERATED), values)).mappings().all()


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
