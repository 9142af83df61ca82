"""Tenants: the organisations whose configuration is watched."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from atlas.schema.audit import AuditEvent, AuditEventFilter, page_of_tenant
from atlas.schema.connections import GraphApplication, applications_of
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.drift_runs import DriftRun, page_of_drift_runs
from atlas.schema.enums import Capability, Role
from atlas.schema.finding_counts import CountedBy, FindingCount, counts_of_tenant
from atlas.schema.finding_filter import FindingFilterArgument, FindingOrderArgument
from atlas.schema.findings import Finding, page_of_findings
from atlas.schema.ids import decode_id, encode_activity_cursor, encode_id
from atlas.schema.inputs import After, Before, First, Last, text
from atlas.schema.inventory import InventoryItem, InventoryItemFilter, InventoryItemVersion, page_at, page_of_items
from atlas.schema.listing_arguments import (
    DriftRunFilterArgument,
    DriftRunOrderArgument,
    SyncRunFilterArgument,
    SyncRunOrderArgument,
)
from atlas.schema.members import Membership, membership_of
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.resolvers import resolved
from atlas.schema.rules import InputArgument, LiveArgument, Rule, RulePreview, RunsArgument, page_of_rules, preview_of
from atlas.schema.schedules import Schedule, schedules_of
from atlas.schema.scopes import Scope, load_scope_by_key, scope_of
from atlas.schema.sync_runs import SyncRun, page_of_sync_runs
from atlas.store import drift_runs, findings, members, scopes, sync_runs
from atlas.store import tenants as store
from atlas.store.pages import Listing, Row

InventoryFilterArgument = Annotated[
    InventoryItemFilter | None, strawberry.argument(description="Only objects like this.")
]


@strawberry.type(description="An organisation whose configuration is watched.")
class Tenant(Node):
    name: str = strawberry.field(description="Its name in Atlas, unique there.")
    entra_tenant_id: UUID | None = strawberry.field(description="Its id in Microsoft Entra; null where not given.")
    created_at: datetime = strawberry.field(description="Since when Atlas knows it.")
    tenant_id: strawberry.Private[UUID]

    @resolved("The role of whoever asks.")
    async def viewer_role(self, info: Info) -> Role:
        return (await access_of(info.context, self.tenant_id))[0]

    @resolved("What whoever asks may do here.")
    async def viewer_capabilities(self, info: Info) -> list[Capability]:
        return (await access_of(info.context, self.tenant_id))[1]

    @resolved("Its scopes, by key.")
    async def scopes(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Scope]:
        listing = Listing(scopes.of_tenant, scopes.ORDER)
        return await connect(
            info, scope_of, listing, tenant_id=self.tenant_id, parent=self.tenant_id,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved("The scope of this key; null where there is none.")
    async def scope(
        self, info: Info, key: Annotated[str, strawberry.argument(description="The scope_key.")]
    ) -> Scope | None:
        return await load_scope_by_key(info.context, self.tenant_id, text(key, "key"))

    @resolved("Its sync runs. By default the newest first.")
    async def sync_runs(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: SyncRunFilterArgument = None,  # noqa: A002
        order_by: SyncRunOrderArgument = None,
    ) -> Connection[SyncRun]:
        return await page_of_sync_runs(
            info, sync_runs.of_tenant, self.tenant_id, self.tenant_id, filter, order_by,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved("Its drift runs. By default the newest first.")
    async def drift_runs(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: DriftRunFilterArgument = None,  # noqa: A002
        order_by: DriftRunOrderArgument = None,
    ) -> Connection[DriftRun]:
        return await page_of_drift_runs(
            info, drift_runs.of_tenant, self.tenant_id, self.tenant_id, filter, order_by,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved("Its findings. By default those last seen most recently first.")
    async def findings(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: FindingFilterArgument = None,  # noqa: A002
        order_by: FindingOrderArgument = None,
    ) -> Connection[Finding]:
        return await page_of_findings(
            info, findings.of_tenant, self.tenant_id, self.tenant_id, filter, order_by,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved("Counts of the findings that match, grouped: what a dashboard needs, in one indexed query.")
    async def finding_counts(
        self,
        info: Info,
        by: CountedBy,
        filter: FindingFilterArgument = None,  # noqa: A002
    ) -> list[FindingCount]:
        return await counts_of_tenant(info.context, self.tenant_id, filter, by)

    @resolved("When it is synced from Microsoft Graph by the clock, by name; at most 20.")
    async def schedules(self, info: Info) -> list[Schedule]:
        return await schedules_of(info.context, self.tenant_id)

    @resolved("The applications that read it from Microsoft Graph, oldest first; at most 20; null without START_SYNC.")
    async def graph_connections(self, info: Info) -> list[GraphApplication] | None:
        if Capability.START_SYNC not in (await access_of(info.context, self.tenant_id))[1]:
            return None
        return await applications_of(info.context, self.tenant_id)

    @resolved("Its ignore rules, the newest first.")
    async def rules(
        self, info: Info, first: First = None, after: After = None, live: LiveArgument = None
    ) -> Connection[Rule]:
        return await page_of_rules(info, self.tenant_id, live=live, first=first, after=after)

    @resolved("What a rule would have hidden of what the newest drift runs saw, beside what is hidden already.")
    async def preview_rule(self, info: Info, given: InputArgument, runs: RunsArgument = 10) -> RulePreview:
        return await preview_of(info.context, self.tenant_id, given, runs)

    @resolved("The objects that are there now, by name.")
    async def inventory_items(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: InventoryFilterArgument = None,  # noqa: A002
    ) -> Connection[InventoryItem]:
        return await page_of_items(info, self.tenant_id, filter, first=first, after=after, last=last, before=before)

    @resolved("The inventory as it stood at a recorded run, by type and name; nothing where there is no such run.")
    async def inventory_at(
        self,
        info: Info,
        run_id: Annotated[strawberry.ID, strawberry.argument(description="The sync run's id.")],
        first: First = None,
        after: After = None,
        filter: InventoryFilterArgument = None,  # noqa: A002
    ) -> Connection[InventoryItemVersion]:
        run = decode_id(run_id, "SyncRun")
        key = run.key if run is not None and run.tenant_id == self.tenant_id else None
        return await page_at(info, self.tenant_id, key, filter, first=first, after=after)

    @resolved("Where the activity feed stands: subscribe after it, then load, and nothing is missed.")
    async def activity_cursor(self, info: Info) -> str:
        return encode_activity_cursor(await info.context.load(_event_seqs, self.tenant_id, self.tenant_id) or 0)

    @resolved("Its audit record, newest first; null without READ_AUDIT.")
    async def audit_events(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[  # noqa: A002
            AuditEventFilter | None, strawberry.argument(description="Only events like this.")
        ] = None,
    ) -> Connection[AuditEvent] | None:
        if Capability.READ_AUDIT not in (await access_of(info.context, self.tenant_id))[1]:
            return None
        return await page_of_tenant(info, self.tenant_id, filter, first=first, after=after, last=last, before=before)

    @resolved("Its members, the oldest first; null without MANAGE_MEMBERS.")
    async def members(self, info: Info, first: First = None, after: After = None) -> Connection[Membership] | None:
        if Capability.MANAGE_MEMBERS not in (await access_of(info.context, self.tenant_id))[1]:
            return None
        listing = Listing(members.of_tenant, members.ORDER)
        return await connect(
            info, membership_of, listing, tenant_id=self.tenant_id, parent=self.tenant_id, first=first, after=after
        )


def tenant_of(row: Row) -> Tenant:
    return Tenant(
        id=encode_id("Tenant", row.id, row.id),
        name=row.name,
        entra_tenant_id=row.entra_tenant_id,
        created_at=row.created_at,
        tenant_id=row.id,
    )


async def load_tenant(context: GraphQLContext, key: UUID) -> Tenant | None:
    return await context.load(_tenants, None, key)


async def tenant_at(context: GraphQLContext, key: UUID) -> Tenant:
    """The tenant of a visible object, which its reader is therefore a member of."""
    found = await load_tenant(context, key)
    if found is None:
        raise LookupError("the tenant of a visible object is missing")
    return found


async def access_of(context: GraphQLContext, tenant_id: UUID) -> tuple[Role, list[Capability]]:
    """The viewer's role in a tenant and what it allows, in the order of the vocabulary."""
    found = await context.load(_access, None, tenant_id)
    if found is None:
        raise LookupError("the viewer is no member of the tenant any more")
    return found


async def _tenants(context: GraphQLContext, _tenant_id: None, keys: Sequence[UUID]) -> Mapping[UUID, Tenant]:
    async with context.read(None) as connection:
        rows = await store.by_ids(connection, keys)
    return {row.id: tenant_of(row) for row in rows}


async def _event_seqs(context: GraphQLContext, tenant_id: UUID, _keys: Sequence[UUID]) -> Mapping[UUID, int]:
    async with context.read(tenant_id) as connection:
        return {tenant_id: await store.event_seq(connection, tenant_id)}


async def _access(
    context: GraphQLContext, _tenant_id: None, keys: Sequence[UUID]
) -> Mapping[UUID, tuple[Role, list[Capability]]]:
    async with context.read(None) as connection:
        rows = await store.roles_of(connection, context.principal.id, keys)
    return {
        row.tenant_id: (Role(row.role), [one for one in Capability if one.value in row.capabilities]) for row in rows
    }
