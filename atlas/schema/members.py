"""Memberships: who may do what in a tenant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext, Info
from atlas.schema.enums import Role
from atlas.schema.ids import encode_id
from atlas.schema.node import Node
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import TenantRef
from atlas.schema.resolvers import resolved
from atlas.store import members as store
from atlas.store.pages import Row


@strawberry.type(description="That a principal belongs to a tenant, and with which role.")
class Membership(Node):
    role: Role = strawberry.field(description="What the principal may do.")
    created_at: datetime = strawberry.field(description="Since when.")
    tenant_id: strawberry.Private[UUID]
    principal_id: strawberry.Private[UUID]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("Who belongs to it.")
    async def principal(self, info: Info) -> Principal:
        principal = await load_principal(info.context, self.tenant_id, self.principal_id)
        if principal is None:
            raise LookupError("a member that its tenant does not know")
        return principal


def membership_of(row: Row) -> Membership:
    return Membership(
        id=encode_id("Membership", row.tenant_id, row.id),
        role=Role(row.role),
        created_at=row.created_at,
        tenant_id=row.tenant_id,
        principal_id=row.principal_id,
    )


async def load_membership(context: GraphQLContext, tenant_id: UUID, key: UUID) -> Membership | None:
    return await context.load(_memberships, tenant_id, key)


async def _memberships(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, Membership]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: membership_of(row) for row in rows}
