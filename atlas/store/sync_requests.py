"""Asking for a sync run: its scope, made where it is new, and its job row. As the API."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
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
