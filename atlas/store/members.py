"""Reads of memberships, and of the principals that a tenant knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.filters import among
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import memberships, tenant_principals

ORDER = Order("memberships:CREATED_AT_ASC", (Key("created_at", datetime), Key("id", UUID)))


def of_principal(_tenant_id: UUID | None, principal_id: ColumnElement[UUID], _filter: None) -> Select[Any]:
    """A principal's own memberships; needs no tenant's context."""
    return select(memberships).where(memberships.c.principal_id == principal_id)


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], _filter: None) -> Select[Any]:
    return select(memberships).where(memberships.c.tenant_id == tenant_id)


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    m = memberships.c
    return (await connection.execute(select(memberships).where(m.tenant_id == tenant_id, among(m.id, ids)))).all()


async def principals(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    """(principal_id, kind, display_name) of those that the tenant knows: whoever is or was a member."""
    p = tenant_principals.c
    return (
        await connection.execute(
            select(p.principal_id, p.kind, p.display_name).where(p.tenant_id == tenant_id, among(p.principal_id, ids))
        )
    ).all()


async def tenant_ids(connection: AsyncConnection, principal_id: UUID) -> Sequence[UUID]:
    """The tenants of a principal's own memberships."""
    return (
        (
            await connection.execute(
                select(memberships.c.tenant_id)
                .where(memberships.c.principal_id == principal_id)
                .order_by(memberships.c.tenant_id)
            )
        )
        .scalars()
        .all()
    )
