"""The inventory: objects as last observed, and each content that they had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from atlas.domain.differ import diff
from atlas.domain.errors import RefusedError
from atlas.domain.evidence import PropertyChange as Change
from atlas.domain.redaction import Leaf
from atlas.domain.vocabulary import UserErrorCode
from atlas.schema.changes import FirstChanges, Offset, PropertyChange, check_part
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.ids import encode_id
from atlas.schema.inputs import After, First, StringFilter, text_filter
from atlas.schema.labels import changes_with_labels
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.refs import InventoryItemVersionRef, ScopeRef, TenantRef
from atlas.schema.resolvers import resolved
from atlas.schema.sync_runs import SyncRun, load_sync_run, recorded_run, sync_run_at
from atlas.store import inventory as store
from atlas.store.pages import Listing, Row


@strawberry.type(description="An object as last observed.")
class InventoryItem(Node):
    item_type: str = strawberry.field(description="Its type.")
    external_id: str = strawberry.field(description="Its id in its source.")
    display_name: str = strawberry.field(description="Its name.")
    platform: str | None = strawberry.field(description="The platform it is for; null where it is for none.")
    content_hash: str = strawberry.field(description="The hash of its canonical content.")
    last_observed_at: datetime = strawberry.field(description="When a run last read it.")
    changed_at: datetime = strawberry.field(description="When a run first read its present content.")
    tenant_id: strawberry.Private[UUID]
    key: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    last_observed_run_id: strawberry.Private[UUID]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("The scope that it was read in.")
    async def scope(self, info: Info) -> ScopeRef:
        from atlas.schema.scopes import scope_at

        return await scope_at(info.context, self.tenant_id, self.scope_id)

    @resolved("The minimised, redacted content: each property by its canonical path.")
    async def properties(self, info: Info) -> JSON:
        return await _properties(info.context, self.tenant_id, self.content_hash)

    @resolved("The newest run that read its type to the end while it had this content.")
    async def last_observed_run(self, info: Info) -> SyncRun:
        return await sync_run_at(info.context, self.tenant_id, self.last_observed_run_id)

    @resolved("Its history, newest first: each content it had, and between which runs.")
    async def versions(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[InventoryItemVersionRef]:
        listing = Listing(store.versions_of_item, store.NEWEST_FIRST)
        return await connect(
            info, version_of, listing, tenant_id=self.tenant_id, parent=self.key, first=first, after=after
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose version it is, and where it begins and ends in its scope's sequence."""

    tenant_id: UUID
    scope_id: UUID
    item_id: UUID
    valid_from: int
    valid_to: int | None


@strawberry.type(description="One content that an object had, and between which runs.")
class InventoryItemVersion:
    item_type: str = strawberry.field(description="The object's type.")
    external_id: str = strawberry.field(description="The object's id in its source.")
    display_name: str = strawberry.field(description="Its name with this content.")
    content_hash: str = strawberry.field(description="The hash of the canonical content.")
    place: strawberry.Private[_Place]

    @resolved("The minimised, redacted content: each property by its canonical path.")
    async def properties(self, info: Info) -> JSON:
        return await _properties(info.context, self.place.tenant_id, self.content_hash)

    @resolved("What changed from the version before; nothing for the first.")
    async def changes(self, info: Info, first: FirstChanges = 50, offset: Offset = 0) -> list[PropertyChange]:
        check_part(first, offset)
        place = self.place
        key = (place.item_id, place.valid_from, self.content_hash)
        changes = await info.context.load(_changes, place.tenant_id, key)
        return await changes_with_labels(info, place.tenant_id, (changes or ())[offset : offset + first])

    @resolved("The run that first read this content.")
    async def first_run(self, info: Info) -> SyncRun:
        place = self.place
        return await recorded_run(info.context, place.tenant_id, place.scope_id, place.valid_from)

    @resolved("The last run in which it stood. Null while it still stands.")
    async def last_run(self, info: Info) -> SyncRun | None:
        place = self.place
        if place.valid_to is None:
            return None
        return await recorded_run(info.context, place.tenant_id, place.scope_id, place.valid_to - 1)


@strawberry.input(description="Which objects. All that is given must hold.")
class InventoryItemFilter:
    scope_key: StringFilter | None = strawberry.field(default=None, description="The key of their scope.")
    item_type: StringFilter | None = strawberry.field(default=None, description="Their type.")
    display_name: StringFilter | None = strawberry.field(default=None, description="Their name.")
    external_id: StringFilter | None = strawberry.field(default=None, description="Their id in the source.")


def inventory_item_of(row: Row) -> InventoryItem:
    return InventoryItem(
        id=encode_id("InventoryItem", row.tenant_id, row.item_id),
        item_type=row.item_type,
        external_id=row.external_id,
        display_name=row.display_name,
        platform=row.platform,
        content_hash=row.hash,
        last_observed_at=row.last_observed_at,
        changed_at=row.changed_at,
        tenant_id=row.tenant_id,
        key=row.item_id,
        scope_id=row.scope_id,
        last_observed_run_id=row.last_observed_run_id,
    )


def version_of(row: Row) -> InventoryItemVersion:
    return InventoryItemVersion(
        item_type=row.item_type,
        external_id=row.external_id,
        display_name=row.display_name,
        content_hash=row.hash,
        place=_Place(row.tenant_id, row.scope_id, row.item_id, row.valid_from, row.valid_to),
    )


async def load_inventory_item(context: GraphQLContext, tenant_id: UUID, key: UUID) -> InventoryItem | None:
    return await context.load(_items, tenant_id, key)


async def page_of_items(
    info: Info,
    tenant_id: UUID,
    wanted: InventoryItemFilter | None,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[InventoryItem]:
    return await connect(
        info,
        inventory_item_of,
        Listing(store.items_of_tenant, store.BY_NAME, _chosen(wanted)),
        tenant_id=tenant_id,
        parent=tenant_id,
        first=first,
        after=after,
        last=last,
        before=before,
    )


async def page_at(
    info: Info,
    tenant_id: UUID,
    run_id: UUID | None,
    wanted: InventoryItemFilter | None,
    *,
    first: int | None,
    after: str | None,
) -> Connection[InventoryItemVersion]:
    """What stood at a recorded run, by type and name; nothing where there is no such run or it is not recorded.

    Raises `RefusedError` RUN_NOT_RECORDED where it was pruned.
    """
    run = None if run_id is None else await load_sync_run(info.context, tenant_id, run_id)
    if run is not None and run.pruned_at is not None:
        raise RefusedError(
            UserErrorCode.RUN_NOT_RECORDED,
            "This run was pruned: what it held was let go of. Ask for one whose prunedAt is null.",
            ("runId",),
        )
    # Sequences begin with 1: at 0 nothing stands.
    scope_id, seq = (tenant_id, 0) if run is None or run.sequence is None else (run.scope_id, run.sequence)
    at = store.At(scope_id=scope_id, seq=seq, filter=_chosen(wanted))
    listing = Listing(store.versions_at, store.AT_A_RUN, at)
    return await connect(info, version_of, listing, tenant_id=tenant_id, parent=tenant_id, first=first, after=after)


def _chosen(wanted: InventoryItemFilter | None) -> store.InventoryItemFilter:
    given = wanted or InventoryItemFilter()
    return store.InventoryItemFilter(
        scope_key=text_filter(given.scope_key, "filter.scopeKey"),
        item_type=text_filter(given.item_type, "filter.itemType"),
        display_name=text_filter(given.display_name, "filter.displayName"),
        external_id=text_filter(given.external_id, "filter.externalId"),
    )


async def _properties(context: GraphQLContext, tenant_id: UUID, content_hash: str) -> JSON:
    found = await context.load(_contents, tenant_id, content_hash)
    if found is None:
        raise LookupError("a content that an interval refers to is missing")
    return JSON(found)


async def _items(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, InventoryItem]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.item_id: inventory_item_of(row) for row in rows}


async def _contents(context: GraphQLContext, tenant_id: UUID, keys: Sequence[str]) -> Mapping[str, Mapping[str, Leaf]]:
    async with context.read(tenant_id) as connection:
        return await store.bodies(connection, tenant_id, keys)


async def _changes(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[tuple[UUID, int, str]]
) -> Mapping[tuple[UUID, int, str], Sequence[Change]]:
    async with context.read(tenant_id) as connection:
        before = await store.hashes_before(connection, tenant_id, [(item_id, since) for item_id, since, _ in keys])
        wanted = {*before.values(), *(content_hash for _, _, content_hash in keys)}
        bodies = await store.bodies(connection, tenant_id, sorted(wanted))
    return {
        (item_id, since, now): diff(bodies[before[item_id, since]], bodies[now])
        for item_id, since, now in keys
        if (item_id, since) in before
    }
