"""The query root."""

import asyncio
from typing import Annotated
from uuid import UUID

import strawberry

from atlas.schema.context import Info
from atlas.schema.enums import TenantOrder
from atlas.schema.ids import decode_tenant_id
from atlas.schema.inputs import After, Before, First, Last, StringFilter, bad_user_input, text, text_filter
from atlas.schema.node import Node
from atlas.schema.nodes import node_of
from atlas.schema.pagination import Connection, connect
from atlas.schema.resolvers import resolved
from atlas.schema.tenants import Tenant, load_tenant, tenant_of
from atlas.schema.viewer import Viewer
from atlas.store import tenants as store
from atlas.store.pages import Listing

MOST_NODES = 100


@strawberry.input(description="Which tenant: by exactly one of these.", one_of=True)
class TenantBy:
    id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Its global id.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its name.")
    entra_tenant_id: UUID | None = strawberry.field(default=strawberry.UNSET, description="Its id in Microsoft Entra.")


@strawberry.input(description="Which tenants.")
class TenantFilter:
    name: StringFilter | None = strawberry.field(default=None, description="Their name.")


@strawberry.type(description="What can be read.")
class Query:
    @resolved("Whoever asks.")
    def viewer(self) -> Viewer:
        return Viewer()

    @resolved("The object of this id; null where it is absent or not visible.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> Node | None:
        return await node_of(info.context, id)

    @resolved("At most 100 ids; null where an object is absent or not visible, which look the same.")
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids.")]
    ) -> list[Node | None]:
        if len(ids) > MOST_NODES:
            raise bad_user_input(f"At most {MOST_NODES} ids at a time.")
        return await asyncio.gather(*(node_of(info.context, one) for one in ids))

    @resolved("The tenants that the viewer is a member of. By default by name.")
    async def tenants(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[  # noqa: A002
            TenantFilter | None, strawberry.argument(description="Only tenants like this.")
        ] = None,
        order_by: Annotated[
            TenantOrder | None, strawberry.argument(description="In which order; NAME_ASC where none is given.")
        ] = None,
    ) -> Connection[Tenant]:
        name = text_filter(None if filter is None else filter.name, "filter.name")
        listing = Listing(store.of_principal, store.ORDERS[order_by or TenantOrder.NAME_ASC], name)
        return await connect(
            info, tenant_of, listing, tenant_id=None, parent=info.context.principal.id,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved("By id, by name or by Entra tenant id; null when absent or not visible.")
    async def tenant(
        self, info: Info, by: Annotated[TenantBy, strawberry.argument(description="Which one.")]
    ) -> Tenant | None:
        if by.id:
            tenant_id = decode_tenant_id(by.id)
            return None if tenant_id is None else await load_tenant(info.context, tenant_id)
        async with info.context.read(None) as connection:
            if by.entra_tenant_id:
                row = await store.by_entra_id(connection, by.entra_tenant_id)
            else:
                row = await store.by_name(connection, text(by.name or "", "by.name"))
        return None if row is None else tenant_of(row)
