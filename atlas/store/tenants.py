"""Reads of tenants, and of what the principal may do in each. None of it needs a tenant's context."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.filters import TextFilter, among
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import event_counters, memberships, role_capabilities, tenants

_NAME = (Key("name", str), Key("id", UUID))
_CREATED = (Key("created_at", datetime), Key("id", UUID))

ORDERS: Mapping[str, Order] = {
    "NAME_ASC": Order("tenants:NAME_ASC", _NAME),
    "NAME_DESC": Order("tenants:NAME_DESC", _NAME, descending=True),
    "CREATED_AT_ASC": Order("tenants:CREATED_AT_ASC", _CREATED),
    "CREATED_AT_DESC": Order("tenants:CREATED_AT_DESC", _CREATED, descending=True),
}


def of_principal(_tenant_id: UUID | None, principal_id: ColumnElement[UUID], name: TextFilter | None) -> Select[Any]:
    """The tenants that a principal is a member of."""
    mine = select(memberships.c.tenant_id).where(memberships.c.principal_id == principal_id)
    conditions = () if name is None else name.conditions(tenants.c.name)
    return select(tenants).where(tenants.c.id.in_(mine), *conditions)


async def by_ids(connection: AsyncConnection, ids: Sequence[UUID]) -> Sequence[Row]:
    return (await connection.execute(select(tenants).where(among(tenants.c.id, ids)))).all()


async def by_name(connection: AsyncConnection, name: str) -> Row | None:
    return (await connection.execute(select(tenants).where(tenants.c.name == name))).one_or_none()


async def by_entra_id(connection: AsyncConnection, entra_tenant_id: UUID) -> Row | None:
    return (await connection.execute(select(tenants).where(tenants.c.entra_tenant_id == entra_tenant_id))).one_or_none()


async def roles_of(connection: AsyncConnection, principal_id: UUID, tenant_ids: Sequence[UUID]) -> Sequence[Row]:
    """(tenant_id, role, capabilities) of the principal's own memberships."""
    m, c = memberships.c, role_capabilities.c
    return (
        await connection.execute(
            select(m.tenant_id, m.role, func.array_agg(c.capability).label("capabilities"))
            .join(role_capabilities, c.role == m.role)
            .where(m.principal_id == principal_id, among(m.tenant_id, tenant_ids))
            .group_by(m.tenant_id, m.role)
        )
    ).all()


async def event_seq(connection: AsyncConnection, tenant_id: UUID) -> int:
    """The number of the tenant's last event; 0 before the first."""
    seq: int | None = await connection.scalar(
        select(event_counters.c.seq).where(event_counters.c.tenant_id == tenant_id)
    )
    return seq or 0
