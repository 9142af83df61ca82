"""Drift runs: the comparison of two recorded runs of a scope."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext, Info
from atlas.schema.enums import DriftRunOrder, DriftRunStatus, NotEvaluatedReason
from atlas.schema.finding_filter import FindingFilterArgument, FindingOrderArgument
from atlas.schema.ids import encode_id
from atlas.schema.inputs import After, Before, First, Last, StringFilter, one_of, text_filter
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import FindingRef, ScopeRef, TenantRef
from atlas.schema.resolvers import Relation, resolved
from atlas.schema.sync_runs import Progress, RunError, SyncRun, error_of, progress_of, sync_run_at
from atlas.store import drift_runs as store
from atlas.store.findings import of_drift_run
from atlas.store.pages import Listing, Row, Source


@strawberry.type(description="An item type of which a drift run says nothing.")
class NotEvaluated:
    item_type: str = strawberry.field(description="The item type.")
    reason: NotEvaluatedReason = strawberry.field(description="Why nothing is said.")
    message: str | None = strawberry.field(description="Why nothing is said, for people.")


@strawberry.type(description="What a drift run found. propertyChanges counts those of the MODIFIED objects.")
class DriftRunCounts:
    added: int = strawberry.field(description="Objects that came.")
    removed: int = strawberry.field(description="Objects that went.")
    modified: int = strawberry.field(description="Objects whose content changed.")
    property_changes: int = strawberry.field(description="Properties that changed in the modified objects.")
    findings_new: int = strawberry.field(description="Findings that were not there before, without findingsSuppressed.")
    findings_reopened: int = strawberry.field(description="Findings that were resolved and are open again.")
    findings_resolved: int = strawberry.field(description="Findings that were open and are resolved.")
    findings_unchanged: int = strawberry.field(description="Findings that stay as they were.")
    findings_suppressed: int = strawberry.field(
        description="Findings that were not there before, and that an ignore rule hid when they came."
    )


@strawberry.type(description="The comparison of two recorded runs of a scope.")
class DriftRun(Node):
    status: DriftRunStatus = strawberry.field(description="Where the run stands.")
    progress: Progress | None = strawberry.field(description="How far it has come; null before it tells.")
    attempts: int = strawberry.field(description="How often a worker has begun it.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When a worker began it first.")
    finished_at: datetime | None = strawberry.field(description="When it ended, well or not.")
    counts: DriftRunCounts | None = strawberry.field(description="What it found; null until it has succeeded.")
    not_evaluated: list[NotEvaluated] = strawberry.field(
        description="Item types of which nothing is said, because they were not read to their end, or never before."
    )
    error: RunError | None = strawberry.field(description="Why it failed; null otherwise.")
    tenant_id: strawberry.Private[UUID]
    key: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    baseline_run_id: strawberry.Private[UUID]
    current_run_id: strawberry.Private[UUID]
    requested_by_id: strawberry.Private[UUID | None]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("The scope whose runs are compared.", Relation("atlas.schema.scopes.load_scope", "scope_id"))
    async def scope(self, info: Info) -> ScopeRef:
        from atlas.schema.scopes import scope_at

        return await scope_at(info.context, self.tenant_id, self.scope_id)

    @resolved("The run that is measured from.", Relation("atlas.schema.sync_runs.load_sync_run", "baseline_run_id"))
    async def baseline_run(self, info: Info) -> SyncRun:
        return await sync_run_at(info.context, self.tenant_id, self.baseline_run_id)

    @resolved("The run that is looked at.", Relation("atlas.schema.sync_runs.load_sync_run", "current_run_id"))
    async def current_run(self, info: Info) -> SyncRun:
        return await sync_run_at(info.context, self.tenant_id, self.current_run_id)

    @resolved("Who asked for it; null for the system.")
    async def requested_by(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.requested_by_id)

    @resolved("The findings that it saw. By default those last seen most recently first.")
    async def findings(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: FindingFilterArgument = None,  # noqa: A002
        order_by: FindingOrderArgument = None,
    ) -> Connection[FindingRef]:
        from atlas.schema.findings import page_of_findings

        return await page_of_findings(
            info, of_drift_run, self.tenant_id, self.key, filter, order_by,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip


@strawberry.input(description="Which drift runs. All that is given must hold.")
class DriftRunFilter:
    scope_key: StringFilter | None = strawberry.field(default=None, description="The key of their scope.")
    status: list[DriftRunStatus] | None = strawberry.field(
        default=None, description="Their status is one of these; none of none."
    )


def drift_run_of(row: Row) -> DriftRun:
    return DriftRun(
        id=encode_id("DriftRun", row.tenant_id, row.id),
        status=DriftRunStatus(row.status),
        progress=progress_of(row),
        attempts=row.attempts,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        counts=_counts(row),
        not_evaluated=[
            NotEvaluated(
                item_type=entry["item_type"],
                reason=NotEvaluatedReason(entry["reason"]),
                message=entry.get("message"),
            )
            for entry in row.not_evaluated
        ],
        error=error_of(row),
        tenant_id=row.tenant_id,
        key=row.id,
        scope_id=row.scope_id,
        baseline_run_id=row.baseline_run_id,
        current_run_id=row.current_run_id,
        requested_by_id=row.requested_by,
    )


async def load_drift_run(context: GraphQLContext, tenant_id: UUID, key: UUID) -> DriftRun | None:
    return await context.load(_drift_runs, tenant_id, key)


async def page_of_drift_runs(
    info: Info,
    source: Source,
    tenant_id: UUID,
    parent: UUID,
    wanted: DriftRunFilter | None,
    order_by: DriftRunOrder | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[DriftRun]:
    return await connect(
        info,
        drift_run_of,
        drift_runs_listing(source, wanted, order_by),
        tenant_id=tenant_id,
        parent=parent,
        first=first,
        after=after,
        last=last,
        before=before,
    )


def drift_runs_listing(source: Source, wanted: DriftRunFilter | None, order_by: DriftRunOrder | None) -> Listing:
    given = wanted or DriftRunFilter()
    chosen = store.DriftRunFilter(
        scope_key=text_filter(given.scope_key, "filter.scopeKey"), status=one_of(given.status)
    )
    return Listing(source, store.ORDERS[order_by or DriftRunOrder.CREATED_AT_DESC], chosen)


def _counts(row: Row) -> DriftRunCounts | None:
    """The database holds all of them, or none."""
    if row.added is None:
        return None
    return DriftRunCounts(
        added=row.added,
        removed=row.removed,
        modified=row.modified,
        property_changes=row.property_changes,
        findings_new=row.findings_new,
        findings_reopened=row.findings_reopened,
        findings_resolved=row.findings_resolved,
        findings_unchanged=row.findings_unchanged,
        # None of a run that was generated before there were rules.
        findings_suppressed=row.findings_suppressed or 0,
    )


async def _drift_runs(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, DriftRun]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: drift_run_of(row) for row in rows}
