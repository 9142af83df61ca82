"""Findings: one object's move from one content to another, and its triage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from atlas.domain import evidence
from atlas.schema.attribution import Attribution, load_attribution
from atlas.schema.changes import FirstChanges, Offset, PropertyChange, check_part
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.enums import (
    ChangeType,
    FindingKind,
    FindingOrder,
    FindingStatus,
    Resolution,
    Severity,
)
from atlas.schema.finding_filter import FindingFilter, chosen_findings
from atlas.schema.ids import encode_id
from atlas.schema.inputs import After, First
from atlas.schema.labels import changes_with_labels
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import AuditEventRef, FindingRef, InventoryItemRef, RuleRef, ScopeRef, TenantRef
from atlas.schema.resolvers import Relation, resolved
from atlas.schema.sync_runs import SyncRun, sync_run_at
from atlas.store import findings as store
from atlas.store.pages import Listing, Row, Source


@strawberry.type(description="The object that a finding is about.")
class FindingSubject:
    item_type: str = strawberry.field(description="The object's type.")
    external_id: str = strawberry.field(description="The object's id in its source.")
    display_name: str = strawberry.field(description="The object's name when it was seen.")
    platform: str | None = strawberry.field(description="The platform it is for; null where it is for none.")
    tenant_id: strawberry.Private[UUID]
    item_id: strawberry.Private[UUID]

    @resolved("The object as last observed; null where the inventory does not know it.")
    async def item(self, info: Info) -> InventoryItemRef | None:
        from atlas.schema.inventory import load_inventory_item

        return await load_inventory_item(info.context, self.tenant_id, self.item_id)


@strawberry.type(description="That an object was removed and added again under another id.")
class Recreation:
    similarity: float = strawberry.field(description="How alike the two are, 0 to 1.")
    identical: bool = strawberry.field(description="Is the content the same?")
    tenant_id: strawberry.Private[UUID]
    other_id: strawberry.Private[UUID]

    @resolved("The finding of the other half.")
    async def other_finding(self, info: Info) -> FindingRef | None:
        return await load_finding(info.context, self.tenant_id, self.other_id)


@strawberry.type(description="That somebody accepted a change.")
class Acknowledgement:
    at: datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="Why, in their words.")
    expires_at: datetime | None = strawberry.field(description="Until when it holds; null for ever.")
    tenant_id: strawberry.Private[UUID]
    by_id: strawberry.Private[UUID]

    @resolved("Who.")
    async def by(self, info: Info) -> Principal:
        principal = await load_principal(info.context, self.tenant_id, self.by_id)
        if principal is None:
            raise LookupError("the principal of an acknowledgement is missing")
        return principal


@strawberry.type(
    description="One configuration object that moved from one content to another between two runs of a scope."
)
class Finding(Node):
    kind: FindingKind = strawberry.field(description="What it is about.")
    fingerprint: str = strawberry.field(
        description="Deterministic: the same change of the same object in the same scope has the same fingerprint for"
        " ever."
    )
    change_type: ChangeType | None = strawberry.field(
        description="What happened to the object. Null for a DATA_QUALITY finding."
    )
    severity: Severity = strawberry.field(description="How much it matters.")
    severity_reasons: list[str] = strawberry.field(description="Why it matters that much.")
    status: FindingStatus = strawberry.field(description="Where its triage stands.")
    resolution: Resolution | None = strawberry.field(description="How it was resolved; null while it is open.")
    is_current: bool = strawberry.field(
        description="Does the newest evaluated run still hold the content that this finding reports?"
    )
    subject: FindingSubject = strawberry.field(description="The object.")
    change_count: int = strawberry.field(description="How many properties changed.")
    recreation: Recreation | None = strawberry.field(
        description="The other half, where the object was removed and added again; null otherwise."
    )
    first_seen_at: datetime = strawberry.field(description="When it was first seen.")
    last_seen_at: datetime = strawberry.field(description="When it was last seen.")
    occurrences: int = strawberry.field(description="How often it came up, each reopening counted.")
    acknowledgement: Acknowledgement | None = strawberry.field(
        description="Who accepted this change and why; null where nobody has."
    )
    version: int = strawberry.field(
        description="Grows with every change of triage; pass it back to guard against a lost update."
    )
    tenant_id: strawberry.Private[UUID]
    key: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    baseline_run_id: strawberry.Private[UUID]
    current_run_id: strawberry.Private[UUID]
    superseded_by_id: strawberry.Private[UUID | None]
    suppressed_by_id: strawberry.Private[UUID | None]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("The scope.", Relation("atlas.schema.scopes.load_scope", "scope_id"))
    async def scope(self, info: Info) -> ScopeRef:
        from atlas.schema.scopes import scope_at

        return await scope_at(info.context, self.tenant_id, self.scope_id)

    @resolved(
        "The evidence: what changed, minimised and redacted, in path order; for ADDED and REMOVED the"
        " properties of the object. At most 500 at a time."
    )
    async def changes(self, info: Info, first: FirstChanges = 50, offset: Offset = 0) -> list[PropertyChange]:
        check_part(first, offset)
        changes = await info.context.load(_evidence, self.tenant_id, self.key)
        part = (changes or ())[offset : offset + first]
        return await changes_with_labels(
            info, self.tenant_id, [evidence.PropertyChange.from_json(change) for change in part]
        )

    @resolved("Who changed the object, from the recorded events of its source between the two readings.")
    async def changed_by(self, info: Info) -> Attribution:
        return await load_attribution(info.context, self.tenant_id, self.key)

    @resolved(
        "The run that was measured from in the pair in which it was first seen.",
        Relation("atlas.schema.sync_runs.load_sync_run", "baseline_run_id"),
    )
    async def baseline_run(self, info: Info) -> SyncRun:
        return await sync_run_at(info.context, self.tenant_id, self.baseline_run_id)

    @resolved(
        "The run that was looked at in the pair in which it was first seen.",
        Relation("atlas.schema.sync_runs.load_sync_run", "current_run_id"),
    )
    async def current_run(self, info: Info) -> SyncRun:
        return await sync_run_at(info.context, self.tenant_id, self.current_run_id)

    @resolved("The finding that tells of the object's newer move; null while this is the newest.")
    async def superseded_by(self, info: Info) -> FindingRef | None:
        if self.superseded_by_id is None:
            return None
        return await load_finding(info.context, self.tenant_id, self.superseded_by_id)

    @resolved(
        "The rule that hides it from lists; null where none does. Where several hide it together, the first of them to"
        " run out."
    )
    async def suppressed_by(self, info: Info) -> RuleRef | None:
        from atlas.schema.rules import load_rule

        if self.suppressed_by_id is None:
            return None
        return await load_rule(info.context, self.tenant_id, self.suppressed_by_id)

    @resolved("Its triage as it happened, newest first.")
    async def audit_events(self, info: Info, first: First = None, after: After = None) -> Connection[AuditEventRef]:
        from atlas.schema.audit import page_of_finding

        return await page_of_finding(info, self.tenant_id, self.key, first=first, after=after)


def finding_of(row: Row) -> Finding:
    return Finding(
        id=encode_id("Finding", row.tenant_id, row.id),
        kind=FindingKind(row.kind),
        fingerprint=row.fingerprint,
        change_type=None if row.change_type is None else ChangeType(row.change_type),
        severity=Severity(row.severity),
        severity_reasons=row.severity_reasons,
        status=FindingStatus(row.status),
        resolution=None if row.resolution is None else Resolution(row.resolution),
        is_current=row.is_current,
        subject=FindingSubject(
            item_type=row.item_type,
            external_id=row.external_id,
            display_name=row.display_name,
            platform=row.platform,
            tenant_id=row.tenant_id,
            item_id=row.item_id,
        ),
        change_count=row.change_count,
        recreation=_recreation(row),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        occurrences=row.occurrences,
        acknowledgement=_acknowledgement(row),
        version=row.version,
        tenant_id=row.tenant_id,
        key=row.id,
        scope_id=row.scope_id,
        baseline_run_id=row.baseline_run_id,
        current_run_id=row.current_run_id,
        superseded_by_id=row.superseded_by,
        suppressed_by_id=row.hidden_by,
    )


async def load_finding(context: GraphQLContext, tenant_id: UUID, key: UUID) -> Finding | None:
    return await context.load(_findings, tenant_id, key)


async def page_of_findings(
    info: Info,
    source: Source,
    tenant_id: UUID,
    parent: UUID,
    wanted: FindingFilter | None,
    order_by: FindingOrder | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[Finding]:
    return await connect(
        info,
        finding_of,
        findings_listing(source, wanted, order_by),
        tenant_id=tenant_id,
        parent=parent,
        first=first,
        after=after,
        last=last,
        before=before,
    )


def findings_listing(source: Source, wanted: FindingFilter | None, order_by: FindingOrder | None) -> Listing:
    order = store.ORDERS[order_by or FindingOrder.LAST_SEEN_AT_DESC]
    return Listing(source, order, chosen_findings(wanted))


def _recreation(row: Row) -> Recreation | None:
    if row.recreation_of is None:
        return None
    return Recreation(
        similarity=row.recreation_similarity or 0.0,
        identical=bool(row.recreation_identical),
        tenant_id=row.tenant_id,
        other_id=row.recreation_of,
    )


def _acknowledgement(row: Row) -> Acknowledgement | None:
    if row.acknowledged_by is None:
        return None
    return Acknowledgement(
        at=row.acknowledged_at,
        reason=row.acknowledged_reason,
        expires_at=row.acknowledged_until,
        tenant_id=row.tenant_id,
        by_id=row.acknowledged_by,
    )


async def _findings(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, Finding]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: finding_of(row) for row in rows}


async def _evidence(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]
) -> Mapping[UUID, list[dict[str, Any]]]:
    async with context.read(tenant_id) as connection:
        return await store.evidence(connection, tenant_id, keys)
