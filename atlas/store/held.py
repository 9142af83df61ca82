"""Held sync runs: what a run brought that waits for confirmation, and what becomes of it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.holding import Drop
from atlas.domain.vocabulary import SyncRunStatus
from atlas.store.recording import Incoming
from atlas.store.tables import run_units, staged_items, sync_runs

_COLUMNS = ("item_type", "external_id", "hash", "settings_hash", "display_name", "platform", "item_id")

# Only types that lose something are counted; what came of them is what is held, less what is missing, and the new.
_DROPS = text(
    """
    select l.item_type, l.missing, l.added, (
        select count(*)::int from atlas.item_intervals i
        where i.tenant_id = :tenant and i.scope_id = :scope and i.item_type = l.item_type and i.valid_to is null
    ) as held
    from (select item_type, (count(*) filter (where new_hash is null))::int as missing,
                 (count(*) filter (where old_hash is null))::int as added
          from delta group by item_type) l
    where l.missing > 0 order by l.item_type
    """
)


async def drops(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> list[Drop]:
    """What the staged delta takes away, a complete type each."""
    rows = await connection.execute(_DROPS, {"tenant": tenant_id, "scope": scope_id})
    return [Drop(row.item_type, row.held, row.missing, row.held - row.missing + row.added) for row in rows]


async def keep(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, items: Sequence[Incoming]) -> None:
    rows = [
        {"tenant_id": tenant_id, "run_id": run_id, **{name: getattr(item, name) for name in _COLUMNS}} for item in items
    ]
    if rows:
        await connection.execute(insert(staged_items), rows)


async def kept(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> list[Incoming]:
    """What the run brought, in the order of (type, id)."""
    rows = await connection.execute(
        select(*(staged_items.c[name] for name in _COLUMNS))
        .where(staged_items.c.tenant_id == tenant_id, staged_items.c.run_id == run_id)
        .order_by(staged_items.c.item_type, staged_items.c.external_id)
    )
    return [Incoming(**row) for row in rows.mappings()]


async def number_units(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, seq: int) -> None:
    """The run is recorded as `seq` now, and so is its coverage."""
    await connection.execute(
        update(run_units).where(run_units.c.tenant_id == tenant_id, run_units.c.run_id == run_id).values(seq=seq)
    )


async def confirmed(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> bool:
    found = await connection.scalar(
        select(sync_runs.c.confirmed_at).where(sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id)
    )
    return found is not None


async def status_of(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping | None:
    """(status, error_code)"""
    rows = await connection.execute(
        select(sync_runs.c.status, sync_runs.c.error_code).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id
        )
    )
    return rows.mappings().one_or_none()


async def confirm(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> bool:
    """Queues a held run; the database stamps who and when. False where it is not held any more. As the API."""
    rows = await connection.execute(
        update(sync_runs)
        .where(
            sync_runs.c.tenant_id == tenant_id,
            sync_runs.c.id == run_id,
            sync_runs.c.status == SyncRunStatus.NEEDS_CONFIRMATION,
        )
        .values(status=SyncRunStatus.QUEUED)
        .returning(sync_runs.c.id)
    )
    return rows.first() is not None


async def forget(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> None:
    await connection.execute(
        delete(staged_items).where(staged_items.c.tenant_id == tenant_id, staged_items.c.run_id == run_id)
    )


async def overtake(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, run_id: UUID, *, code: str, message: str
) -> None:
    """Ends the scope's held runs that began before this one, and lets go of what they and ended runs brought."""
    began = select(sync_runs.c.started_at).where(sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id)
    earlier = (
        sync_runs.c.tenant_id == tenant_id,
        sync_runs.c.scope_id == scope_id,
        sync_runs.c.id != run_id,
        sync_runs.c.started_at < began.scalar_subquery(),
    )
    await connection.execute(
        update(sync_runs)
        .where(*earlier, sync_runs.c.status == SyncRunStatus.NEEDS_CONFIRMATION)
        .values(status=SyncRunStatus.FAILED, finished_at=func.now(), error_code=code, error_message=message)
    )
    ended = select(sync_runs.c.id).where(*earlier, sync_runs.c.status == SyncRunStatus.FAILED)
    await connection.execute(
        delete(staged_items).where(staged_items.c.tenant_id == tenant_id, staged_items.c.run_id.in_(ended))
    )
