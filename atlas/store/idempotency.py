"""Idempotency keys: the same request asked twice is one request."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import UserErrorCode
from atlas.store.tables import idempotency_keys as keys


async def find(
    connection: AsyncConnection, tenant_id: UUID, principal_id: UUID, key: str, request_hash: str
) -> UUID | None:
    """What an earlier request with this key made. Raises IDEMPOTENCY_KEY_REUSED where that request was another."""
    row = (
        await connection.execute(
            select(keys.c.request_hash, keys.c.target_id).where(
                keys.c.tenant_id == tenant_id, keys.c.principal_id == principal_id, keys.c.key == key
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise RefusedError(
            UserErrorCode.IDEMPOTENCY_KEY_REUSED,
            "This idempotency key was used for another request. Use a new key for a new request.",
            ("input", "idempotencyKey"),
        )
    target: UUID = row.target_id
    return target


async def keep(
    connection: AsyncConnection, tenant_id: UUID, principal_id: UUID, key: str, request_hash: str, target_id: UUID
) -> bool:
    """Keeps what the key stands for. False where a request at the same moment was first: look it up then."""
    rows = await connection.execute(
        insert(keys)
        .values(tenant_id=tenant_id, principal_id=principal_id, key=key, request_hash=request_hash, target_id=target_id)
        .on_conflict_do_nothing()
        .returning(keys.c.target_id)
    )
    return rows.first() is not None
