"""Connections to Microsoft Graph: which application reads a tenant's directory, and what came of trying it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.connections import GraphConnection, shown
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.enums import ConnectionStatus, CredentialKind, GraphCloud
from atlas.schema.ids import encode_id
from atlas.schema.node import Node
from atlas.schema.refs import TenantRef
from atlas.schema.resolvers import resolved
from atlas.schema.sync_runs import RunError
from atlas.store import connections as store


@strawberry.type(description="A permission that the application has not, and what it costs.")
class MissingPermission:
    permission: str = strawberry.field(description="Its name at Microsoft, such as Policy.Read.All.")
    item_types: list[str] = strawberry.field(description="The item types that cannot be read without it.")
    beside: list[str] = strawberry.field(description="What else is wanting without it, such as names of groups.")


@strawberry.type(
    description="An application of a customer's directory, as which Atlas reads the inventory. Its secret is stored"
    " sealed, or lies where the worker finds it, and never comes back."
)
class GraphApplication(Node):
    entra_tenant_id: UUID = strawberry.field(description="The directory that is read.")
    client_id: UUID = strawberry.field(description="The application's id in it.")
    cloud: GraphCloud = strawberry.field(description="Which of Microsoft's clouds.")
    credential_kind: CredentialKind = strawberry.field(description="How it signs in.")
    reference: str | None = strawberry.field(
        description="Where the worker finds the secret: env:NAME or file:/path; null where it is sealed, or has none."
    )
    created_at: datetime = strawberry.field(description="Since when it is connected.")
    tested_at: datetime | None = strawberry.field(description="When Atlas last signed in as it; null: never so far.")
    status: ConnectionStatus = strawberry.field(
        description="How the last sign-in went: of the trial when it was saved, or of a sync."
    )
    error: RunError | None = strawberry.field(description="Why that sign-in failed; null where it did not.")
    missing_permissions: list[MissingPermission] | None = strawberry.field(
        description="What it must still be granted, as of the last sign-in; null before the first, and where the token"
        " does not say."
    )
    tenant_id: strawberry.Private[UUID]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)


async def load_application(context: GraphQLContext, tenant_id: UUID, key: UUID) -> GraphApplication | None:
    """The connection of this id; None where there is none, or whoever asks may not start syncs."""
    wanted = _id(tenant_id, key)
    return next((one for one in await applications_of(context, tenant_id) if one.id == wanted), None)


async def applications_of(context: GraphQLContext, tenant_id: UUID) -> list[GraphApplication]:
    """All of a tenant, oldest first."""
    return await context.load(_applications, tenant_id, tenant_id) or []


async def _applications(
    context: GraphQLContext, tenant_id: UUID, _keys: Sequence[UUID]
) -> Mapping[UUID, list[GraphApplication]]:
    async with context.read(tenant_id) as connection:
        rows = await store.connections_of(connection, tenant_id)
    return {tenant_id: [_application(tenant_id, shown(row)) for row in rows]}


def _application(tenant_id: UUID, one: GraphConnection) -> GraphApplication:
    missing = None
    if one.missing is not None:
        missing = [
            MissingPermission(permission=lack.permission, item_types=list(lack.item_types), beside=list(lack.beside))
            for lack in one.missing
        ]
    return GraphApplication(
        id=_id(tenant_id, one.id),
        entra_tenant_id=one.entra_tenant_id,
        client_id=one.client_id,
        cloud=one.cloud,
        credential_kind=one.credential_kind,
        reference=one.reference,
        created_at=one.created_at,
        tested_at=one.tested_at,
        status=one.status,
        error=None if one.error is None else RunError(code=one.error[0], message=one.error[1]),
        missing_permissions=missing,
        tenant_id=tenant_id,
    )


def _id(tenant_id: UUID, key: UUID) -> strawberry.ID:
    return encode_id("GraphApplication", tenant_id, key)
