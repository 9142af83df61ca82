"""Scopes: what a sync run covers, and where its drift stands."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.domain.overview import drift_state, ungenerated_runs
from atlas.schema.changes import Offset
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.drift_runs import DriftRun, load_drift_run, page_of_drift_runs
from atlas.schema.enums import BaselineMode, DriftRunStatus, DriftState
from atlas.schema.finding_counts import CountedBy, FindingCount, counts_of_scope
from atlas.schema.finding_filter import FindingFilterArgument, FindingOrderArgument
from atlas.schema.findings import Finding, page_of_findings
from atlas.schema.ids import encode_id
from atlas.schema.inputs import After, Before, First, Last
from atlas.schema.listing_arguments import (
    DriftRunFilterArgument,
    DriftRunOrderArgument,
    SyncRunFilterArgument,
    SyncRunOrderArgument,
)
from atlas.schema.node import Node
from atlas.schema.object_changes import FirstObjects, ObjectChange, changes_since_last_run
from atlas.schema.pagination import Connection
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import TenantRef
from atlas.schema.resolvers import resolved
from atlas.schema.sync_runs import SyncRun, page_of_sync_runs, sync_run_at
from atlas.store import drift_runs, findings, sync_runs
from atlas.store import scopes as store
from atlas.store.pages import Row


@strawberry.type(description="The run that findings are measured from.")
class Baseline:
    mode: BaselineMode = strawberry.field(description="The previous recorded run, or the one pinned.")
    pinned_at: datetime | None = strawberry.field(description="When it was pinned; null where none is.")
    tenant_id: strawberry.Private[UUID]
    pinned_run_id: strawberry.Private[UUID | None]
    pinned_by_id: strawberry.Private[UUID | None]

    @resolved("The pinned run; null where none is.")
    async def pinned_run(self, info: Info) -> SyncRun | None:
        if self.pinned_run_id is None:
            return None
        return await sync_run_at(info.context, self.tenant_id, self.pinned_run_id)

    @resolved("Who pinned it; null where none is.")
    async def pinned_by(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.pinned_by_id)


@strawberry.type(description="The landing page of a scope: where its drift stands.")
class DriftOverview:
    state: DriftState = strawberry.field(description="Where it stands.")
    ungenerated_runs: int = strawberry.field(description="Recorded runs whose pair has not been generated yet.")
    tenant_id: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    baseline_run_id: strawberry.Private[UUID | None]
    current_run_id: strawberry.Private[UUID | None]
    latest_drift_run_id: strawberry.Private[UUID | None]

    @resolved("The run that is measured from; null where there is none yet.")
    async def baseline_run(self, info: Info) -> SyncRun | None:
        if self.baseline_run_id is None:
            return None
        return await sync_run_at(info.context, self.tenant_id, self.baseline_run_id)

    @resolved("The newest recorded run; null where there is none yet.")
    async def current_run(self, info: Info) -> SyncRun | None:
        if self.current_run_id is None:
            return None
        return await sync_run_at(info.context, self.tenant_id, self.current_run_id)

    @resolved("The scope's newest drift run, of whichever pair; null where there is none.")
    async def latest_drift_run(self, info: Info) -> DriftRun | None:
        if self.latest_drift_run_id is None:
            return None
        return await load_drift_run(info.context, self.tenant_id, self.latest_drift_run_id)

    @resolved("The scope's findings counted by these dimensions; by none: one total.")
    async def counts(self, info: Info, by: CountedBy) -> list[FindingCount]:
        return await counts_of_scope(info.context, self.tenant_id, self.scope_id, by)


@strawberry.type(description="What a sync run covers. Its key is the hash of its canonical selection: the scope_key.")
class Scope(Node):
    key: str = strawberry.field(description="The hash of its canonical selection.")
    label: str = strawberry.field(description="What it is called.")
    item_types: list[str] = strawberry.field(description="The item types that its runs have read.")
    baseline: Baseline = strawberry.field(
        description="The run that findings are measured from: the previous successful run, or the one pinned."
    )
    tenant_id: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("Where its drift stands.")
    async def drift(self, info: Info) -> DriftOverview:
        overview = await info.context.load(_overviews, self.tenant_id, self.scope_id)
        if overview is None:
            raise LookupError("a scope that was read is missing")
        return overview

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
            info, sync_runs.of_scope, self.tenant_id, self.scope_id, filter, order_by,
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
            info, drift_runs.of_scope, self.tenant_id, self.scope_id, filter, order_by,
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
            info, findings.of_scope, self.tenant_id, self.scope_id, filter, order_by,
            first=first, after=after, last=last, before=before,
        )  # fmt: skip

    @resolved(
        "The plain difference of its last two recorded runs, by type and id: what is new beside a pinned baseline. It"
        " is computed when asked for, is no finding and has no triage. Types that were not read to their end are left"
        " out; nothing where fewer than two runs are recorded."
    )
    async def since_last_run(self, info: Info, first: FirstObjects = 50, offset: Offset = 0) -> list[ObjectChange]:
        return await changes_since_last_run(info.context, self.tenant_id, self.scope_id, first=first, offset=offset)


def scope_of(row: Row) -> Scope:
    pinned = row.pinned_run_id is not None
    return Scope(
        id=encode_id("Scope", row.tenant_id, row.id),
        key=row.key,
        label=row.label,
        item_types=row.item_types,
        baseline=Baseline(
            mode=BaselineMode.PINNED if pinned else BaselineMode.PREVIOUS_RUN,
            pinned_at=row.pinned_at,
            tenant_id=row.tenant_id,
            pinned_run_id=row.pinned_run_id,
            pinned_by_id=row.pinned_by,
        ),
        tenant_id=row.tenant_id,
        scope_id=row.id,
    )


async def load_scope(context: GraphQLContext, tenant_id: UUID, key: UUID) -> Scope | None:
    return await context.load(_scopes, tenant_id, key)


async def load_scope_by_key(context: GraphQLContext, tenant_id: UUID, scope_key: str) -> Scope | None:
    return await context.load(_scopes_by_key, tenant_id, scope_key)


async def scope_at(context: GraphQLContext, tenant_id: UUID, key: UUID) -> Scope:
    """A scope that a visible object refers to, which is therefore there."""
    found = await load_scope(context, tenant_id, key)
    if found is None:
        raise LookupError("a scope that is referred to is missing")
    return found


def _overview(tenant_id: UUID, row: Row) -> DriftOverview:
    newest = None if row.pair_status is None else DriftRunStatus(row.pair_status)
    return DriftOverview(
        state=drift_state(row.last_seq, row.pinned_seq, newest),
        ungenerated_runs=ungenerated_runs(
            row.last_seq,
            row.pinned_seq,
            pair_generated=bool(row.pair_generated),
            open_steps=row.open_steps,
        ),
        tenant_id=tenant_id,
        scope_id=row.id,
        baseline_run_id=row.baseline_run_id,
        current_run_id=row.current_run_id,
        latest_drift_run_id=row.latest_drift_run_id,
    )


async def _scopes(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, Scope]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: scope_of(row) for row in rows}


async def _scopes_by_key(context: GraphQLContext, tenant_id: UUID, keys: Sequence[str]) -> Mapping[str, Scope]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_keys(connection, tenant_id, keys)
    return {row.key: scope_of(row) for row in rows}


async def _overviews(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, DriftOverview]:
    async with context.read(tenant_id) as connection:
        rows = await store.overviews(connection, tenant_id, keys)
    return {row.id: _overview(tenant_id, row) for row in rows}
