"""Audit events: who did what, written by the database itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from atlas.schema.context import GraphQLContext, Info
from atlas.schema.ids import decode_id, encode_id
from atlas.schema.inputs import DateTimeFilter, StringFilter, text_filter, time_filter
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import TenantRef
from atlas.schema.resolvers import resolved
from atlas.store import audit as store
from atlas.store.pages import Listing, Row

_TARGETS = frozenset({"Finding", "Scope", "SyncRun", "DriftRun", "Tenant", "Membership", "Rule", "GraphApplication"})
# A type whose name ends in Connection is a page to whoever reads a GraphQL schema, so the node has another name.
_NAMED = {"GraphConnection": "GraphApplication"}
_STORED = {name: stored for stored, name in _NAMED.items()}


@strawberry.type(description="One thing that was done, by whom and why. It cannot be changed or removed.")
class AuditEvent(Node):
    at: datetime = strawberry.field(description="When.")
    action: str = strawberry.field(description="What was done, such as finding.acknowledged.")
    target_id: strawberry.ID = strawberry.field(description="The global id of what it was done to.")
    before: JSON | None = strawberry.field(description="What the target was, in short.")
    after: JSON | None = strawberry.field(description="What the target became, in short.")
    reason: str | None = strawberry.field(description="Why, in the words of whoever did it.")
    request_id: str | None = strawberry.field(description="The request that it came with.")
    tenant_id: strawberry.Private[UUID]
    key: strawberry.Private[UUID]
    actor_id: strawberry.Private[UUID | None]
    target_type: strawberry.Private[str]
    target_key: strawberry.Private[UUID]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("Who did it; null for the system.")
    async def actor(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.actor_id)

    @resolved("What it was done to; null where it is gone or is no node.")
    async def target(self, info: Info) -> Node | None:
        from atlas.schema.nodes import load_node

        if self.target_type not in _TARGETS:
            return None
        return await load_node(info.context, self.target_type, self.tenant_id, self.target_key)


@strawberry.input(description="Which audit events. All that is given must hold.")
class AuditEventFilter:
    action: StringFilter | None = strawberry.field(default=None, description="What was done.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Who did it: a principal's id.")
    target_id: strawberry.ID | None = strawberry.field(default=None, description="What it was done to: its id.")
    at: DateTimeFilter | None = strawberry.field(default=None, description="When.")


def audit_event_of(row: Row) -> AuditEvent:
    target_type = _NAMED.get(row.target_type, row.target_type)
    return AuditEvent(
        id=encode_id("AuditEvent", row.tenant_id, row.id),
        at=row.at,
        action=row.action,
        target_id=encode_id(target_type, row.tenant_id, row.target_id),
        before=row.before,
        after=row.after,
        reason=row.reason,
        request_id=row.request_id,
        tenant_id=row.tenant_id,
        key=row.id,
        actor_id=row.actor_id,
        target_type=target_type,
        target_key=row.target_id,
    )


def chosen_events(tenant_id: UUID, wanted: AuditEventFilter | None) -> store.AuditEventFilter:
    """The filter for the store; an id that is malformed or of another tenant matches nothing."""
    given = wanted or AuditEventFilter()
    actor = None if given.actor_id is None else decode_id(given.actor_id, "Principal")
    target = None if given.target_id is None else decode_id(given.target_id)
    lost = (given.actor_id is not None and actor is None) or (
        given.target_id is not None and (target is None or target.tenant_id != tenant_id)
    )
    return store.AuditEventFilter(
        action=text_filter(given.action, "filter.action"),
        actor_id=actor.key if actor else None,
        target=(_STORED.get(target.type_name, target.type_name), target.key) if target else None,
        at=time_filter(given.at),
        nothing=lost,
    )


async def load_audit_event(context: GraphQLContext, tenant_id: UUID, key: UUID) -> AuditEvent | None:
    return await context.load(_audit_events, tenant_id, key)


async def page_of_finding(
    info: Info, tenant_id: UUID, finding_id: UUID, *, first: int | None, after: str | None
) -> Connection[AuditEvent]:
    listing = Listing(store.of_finding, store.ORDER)
    return await connect(
        info, audit_event_of, listing, tenant_id=tenant_id, parent=finding_id, first=first, after=after
    )


async def page_of_tenant(
    info: Info,
    tenant_id: UUID,
    wanted: AuditEventFilter | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[AuditEvent]:
    return await connect(
        info,
        audit_event_of,
        Listing(store.of_tenant, store.ORDER, chosen_events(tenant_id, wanted)),
        tenant_id=tenant_id,
        parent=tenant_id,
        first=first,
        after=after,
        last=last,
        before=before,
    )


async def _audit_events(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, AuditEvent]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: audit_event_of(row) for row in rows}
