"""Asking for a sync run: its scope, made where it is new, and its job row. As the API."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import scopes, sync_runs


async def ensure_scope(
    connection: AsyncConnection, tenant_id: UUID, *, key: str, source: str, selection: Mapping[str, Any], label: str
) -> UUID:
    """The id of the tenant's scope of this key, made where it is new. Its first label stays."""
    await connection.execute(
        upsert(scopes)
        .values(tenant_id=tenant_id, key=key, source=source, selection=selection, label=label)
        .on_conflict_do_nothing(constraint="scopes_key")
    )
    scope: UUID = (
        await connection.execute(select(scopes.c.id).where(scopes.c.tenant_id == tenant_id, scopes.c.key == key))
    ).scalar_one()
    return scope


async def insert_run(
    connection: AsyncConnection,
    tenant_id: UUID,
    *,
    run_id: UUID,
    scope_id: UUID,
    source: str,
    requested_by: UUID,
    request_id: str | None,
) -> None:
    await connection.execute(
        insert(sync_runs).values(
            tenant_id=tenant_id,
            id=run_id,
            scope_id=scope_id,
            source=source,
            requested_by=requested_by,
            request_id=request_id,
        )
    )


async def insert_only_run(
    connection: AsyncConnection,
    tenant_id: UUID,
    *,
    run_id: UUID,
    scope_id: UUID,
    source: str,
    requested_by: UUID,
    request_id: str | None,
) -> UUID:
    """The run of this scope that asks Graph: this one, or the one that is queued or running already."""
    open_run = select(sync_runs.c.id).where(
        sync_runs.c.tenant_id == tenant_id,
        sync_runs.c.scope_id == scope_id,
        sync_runs.c.source == source,
        sync_runs.c.status.in_(("QUEUED", "RUNNING")),
        sync_runs.c.confirmed_at.is_(None),
    )
    made = upsert(sync_runs).values(
        tenant_id=tenant_id,
        id=run_id,
        scope_id=scope_id,
        source=source,
        requested_by=requested_by,
        request_id=request_id,
    )
    while True:
        inserted = await connection.scalar(made.on_conflict_do_nothing().returning(sync_runs.c.id))
        found: UUID | None = inserted or await connection.scalar(open_run)
        # It may have ended between the two statements: then there is room for this one.
        if found is not None:
            return found


async def cancel(connection: AsyncConnection, run_id: UUID) -> bool:
    """Ends a run from Graph that has not ended; the database asks for START_SYNC."""
    return await connection.scalar(select(func.atlas.cancel_sync_run(run_id))) is not None
