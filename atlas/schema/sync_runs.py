"""Sync runs: one reading of a scope's inventory, with what was covered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext, Info, by_key
from atlas.schema.enums import CoverageStatus, SyncRunOrder, SyncRunStatus, SyncSource
from atlas.schema.ids import encode_id
from atlas.schema.inputs import DateTimeFilter, StringFilter, one_of, text_filter, time_filter
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import ScopeRef, TenantRef
from atlas.schema.resolvers import Relation, resolved
from atlas.store import sync_runs as store
from atlas.store.pages import Listing, Row, Source


@strawberry.type(description="How far a run has come.")
class Progress:
    done: int = strawberry.field(description="How much is done.")
    total: int | None = strawberry.field(description="How much there is to do; null while that is unknown.")


@strawberry.type(description="Why a run failed.")
class RunError:
    code: str = strawberry.field(description="What kind of failure: stable, in capitals.")
    message: str = strawberry.field(description="What went wrong, and the mend.")


@strawberry.type(description="What a sync run found, in numbers of objects; against the recorded run before it.")
class SyncRunCounts:
    observed: int = strawberry.field(description="Objects read.")
    added: int = strawberry.field(description="Objects that were not there before.")
    changed: int = strawberry.field(description="Objects whose content differs from before.")
    removed: int = strawberry.field(description="Objects that are gone.")
    unchanged: int = strawberry.field(description="Objects with the content of before.")


@strawberry.type(description="How far one item type was read in a run.")
class ItemTypeCoverage:
    item_type: str = strawberry.field(description="The item type.")
    status: CoverageStatus = strawberry.field(description="Was it read to its end?")
    observed: int = strawberry.field(description="Objects read.")
    expected: int | None = strawberry.field(description="Objects that the source said there are; null where unknown.")
    api_version: str | None = strawberry.field(description="The version of the API that was read; null for a folder.")
    error_code: str | None = strawberry.field(description="Why it was not read to its end: stable, in capitals.")
    message: str | None = strawberry.field(description="Why it was not read to its end, for people.")


@strawberry.type(description="How many objects of one item type were read in a run, and are not recorded yet.")
class ItemTypeReading:
    item_type: str = strawberry.field(description="The item type.")
    objects: int = strawberry.field(description="Objects read so far.")


@strawberry.type(description="One reading of a scope's inventory.")
class SyncRun(Node):
    sequence: int | None = strawberry.field(
        description="Position among the scope's recorded runs (SUCCEEDED or PARTIAL); null until it is recorded,"
        " and for a failed run."
    )
    source: SyncSource = strawberry.field(description="Where the inventory came from.")
    status: SyncRunStatus = strawberry.field(description="Where the run stands.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When reading began.")
    finished_at: datetime | None = strawberry.field(description="When it ended, well or not.")
    progress: Progress | None = strawberry.field(description="How far it has come; null before it tells.")
    counts: SyncRunCounts = strawberry.field(description="What it found; zeros until it is recorded.")
    error: RunError | None = strawberry.field(description="Why it failed; null otherwise.")
    pruned_at: datetime | None = strawberry.field(
        description="When its inventory and coverage were let go of, because it was old; null while they are kept."
    )
    notes: list[str] = strawberry.field(
        description="What was not read beside the inventory, such as the names of groups, or left out of it, and why."
        " It makes no run PARTIAL."
    )
    tenant_id: strawberry.Private[UUID]
    key: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    requested_by_id: strawberry.Private[UUID | None]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("What the run covers.", Relation("atlas.schema.scopes.load_scope", "scope_id"))
    async def scope(self, info: Info) -> ScopeRef:
        from atlas.schema.scopes import scope_at

        return await scope_at(info.context, self.tenant_id, self.scope_id)

    @resolved("Who asked for it; null for the system.")
    async def requested_by(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.requested_by_id)

    @resolved(
        "Per item type: was it read to its end? What was not is never compared, and carries over what was last read."
    )
    async def coverage(self, info: Info) -> list[ItemTypeCoverage]:
        return await info.context.load(_coverage, self.tenant_id, self.key) or []

    @resolved(
        "Per item type: the objects that were read and are not recorded yet, while a run from Microsoft Graph is under"
        " way, or a run from there or of a folder is held. A type that is read to its end has its coverage besides."
    )
    async def reading(self, info: Info) -> list[ItemTypeReading]:
        return await info.context.load(_reading, self.tenant_id, self.key) or []


@strawberry.input(description="Which sync runs. All that is given must hold.")
class SyncRunFilter:
    scope_key: StringFilter | None = strawberry.field(default=None, description="The key of their scope.")
    status: list[SyncRunStatus] | None = strawberry.field(
        default=None, description="Their status is one of these; none of none."
    )
    started_at: DateTimeFilter | None = strawberry.field(default=None, description="When reading began.")


def sync_run_of(row: Row) -> SyncRun:
    return SyncRun(
        id=encode_id("SyncRun", row.tenant_id, row.id),
        sequence=row.seq,
        source=SyncSource(row.source),
        status=SyncRunStatus(row.status),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        progress=progress_of(row),
        counts=SyncRunCounts(
            observed=row.observed,
            added=row.added,
            changed=row.changed,
            removed=row.removed,
            unchanged=row.unchanged,
        ),
        error=error_of(row),
        pruned_at=row.pruned_at,
        notes=row.notes,
        tenant_id=row.tenant_id,
        key=row.id,
        scope_id=row.scope_id,
        requested_by_id=row.requested_by,
    )


def progress_of(row: Row) -> Progress | None:
    return None if row.progress_done is None else Progress(done=row.progress_done, total=row.progress_total)


def error_of(row: Row) -> RunError | None:
    if row.error_code is None:
        return None
    return RunError(code=row.error_code, message=row.error_message or "No more is known.")


async def load_sync_run(context: GraphQLContext, tenant_id: UUID, key: UUID) -> SyncRun | None:
    return await context.load(_sync_runs, tenant_id, key)


async def sync_run_at(context: GraphQLContext, tenant_id: UUID, key: UUID) -> SyncRun:
    """A run that a visible object refers to, which is therefore there."""
    found = await load_sync_run(context, tenant_id, key)
    if found is None:
        raise LookupError("a sync run that is referred to is missing")
    return found


async def recorded_run(context: GraphQLContext, tenant_id: UUID, scope_id: UUID, seq: int) -> SyncRun:
    """The recorded run of a scope at a sequence that an interval names."""
    found = await context.load(_recorded, tenant_id, (scope_id, seq))
    if found is None:
        raise LookupError("a sync run that an interval refers to is missing")
    return found


async def page_of_sync_runs(
    info: Info,
    source: Source,
    tenant_id: UUID,
    parent: UUID,
    wanted: SyncRunFilter | None,
    order_by: SyncRunOrder | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[SyncRun]:
    return await connect(
        info,
        sync_run_of,
        sync_runs_listing(source, wanted, order_by),
        tenant_id=tenant_id,
        parent=parent,
        first=first,
        after=after,
        last=last,
        before=before,
    )


def sync_runs_listing(source: Source, wanted: SyncRunFilter | None, order_by: SyncRunOrder | None) -> Listing:
    given = wanted or SyncRunFilter()
    chosen = store.SyncRunFilter(
        scope_key=text_filter(given.scope_key, "filter.scopeKey"),
        status=one_of(given.status),
        started_at=time_filter(given.started_at),
    )
    return Listing(source, store.ORDERS[order_by or SyncRunOrder.CREATED_AT_DESC], chosen)


async def _sync_runs(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, SyncRun]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: sync_run_of(row) for row in rows}


async def _recorded(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[tuple[UUID, int]]
) -> Mapping[tuple[UUID, int], SyncRun]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_sequences(connection, tenant_id, keys)
    return {(row.scope_id, row.seq): sync_run_of(row) for row in rows}


async def _coverage(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]
) -> Mapping[UUID, list[ItemTypeCoverage]]:
    async with context.read(tenant_id) as connection:
        rows = await store.coverage(connection, tenant_id, keys)
    return by_key(rows, "run_id", _coverage_of)


async def _reading(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]
) -> Mapping[UUID, list[ItemTypeReading]]:
    async with context.read(tenant_id) as connection:
        rows = await store.staged(connection, tenant_id, keys)
    return by_key(rows, "run_id", lambda row: ItemTypeReading(item_type=row.item_type, objects=row.objects))


def _coverage_of(row: Row) -> ItemTypeCoverage:
    return ItemTypeCoverage(
        item_type=row.item_type,
        status=CoverageStatus(row.status),
        observed=row.observed,
        expected=row.expected,
        api_version=row.api_version,
        error_code=row.error_code,
        message=row.message,
    )
