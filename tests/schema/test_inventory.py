"""The inventory: what is there, what it was, and when it was last really read."""

from typing import Any
from uuid import uuid4

from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker
from tests.schema.rows import at, make_item, make_scope, record_run

ITEM = """query($id: ID!) { node(id: $id) { ... on InventoryItem { itemType externalId displayName properties
    lastObservedAt changedAt lastObservedRun { sequence } scope { key } tenant { id }
    versions(first: 10) { nodes { properties firstRun { sequence } lastRun { sequence }
        changes { kind path before { value } after { value } } } } } } }"""


async def test_an_object_tells_its_content_and_its_history(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=5)
    item = await make_item(owner, scope, [(1, 3, {"a": 1, "b": True}), (3, 4, {"a": 2}), (5, None, {"a": 2, "c": "x"})])
    found: Any = (await ask(ITEM, id=ask.global_id("InventoryItem", item)))["node"]
    assert found["properties"] == {"a": 2, "c": "x"}
    assert found["scope"]["key"] == scope.key
    newest, middle, first = found["versions"]["nodes"]
    assert (first["firstRun"]["sequence"], first["lastRun"]["sequence"]) == (1, 2)
    assert (middle["firstRun"]["sequence"], middle["lastRun"]["sequence"]) == (3, 3)
    assert (newest["firstRun"]["sequence"], newest["lastRun"]) == (5, None)
    assert first["changes"] == []
    assert middle["changes"] == [
        {"kind": "MODIFIED", "path": "a", "before": {"value": 1}, "after": {"value": 2}},
        {"kind": "REMOVED", "path": "b", "before": {"value": True}, "after": None},
    ]
    assert [(one["kind"], one["path"]) for one in newest["changes"]] == [("ADDED", "c")]


async def test_an_object_was_last_observed_when_its_type_was_last_read_to_its_end(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    """A run that could not read the type carries the object over, and has not seen it."""
    scope = await make_scope(owner, tenant, runs=3)
    await record_run(owner, scope, seq=4, hour=40, status="PARTIAL", coverage="FORBIDDEN")
    here = await make_item(owner, scope, [(1, 2, {"a": 1}), (2, None, {"a": 2})])
    gone = await make_item(owner, scope, [(1, 3, {"a": 1})])
    found = (await ask(ITEM, id=ask.global_id("InventoryItem", here)))["node"]
    assert found["lastObservedRun"]["sequence"] == 3
    assert found["lastObservedAt"] == at(4).isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert found["changedAt"] == at(3).isoformat(timespec="microseconds").replace("+00:00", "Z")
    found = (await ask(ITEM, id=ask.global_id("InventoryItem", gone)))["node"]
    assert found["lastObservedRun"]["sequence"] == 2
    assert found["versions"]["nodes"][0]["lastRun"]["sequence"] == 2


async def test_what_is_gone_is_not_listed_and_stays_known(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    await make_item(owner, scope, [(1, None, {})], display_name="here")
    gone = await make_item(owner, scope, [(1, 2, {})], display_name="gone")
    listed = await ask.in_tenant("{ inventoryItems(first: 9) { totalCount nodes { displayName } } }")
    assert listed["inventoryItems"] == {"totalCount": 1, "nodes": [{"displayName": "here"}]}
    assert (await ask(ITEM, id=ask.global_id("InventoryItem", gone)))["node"]["displayName"] == "gone"


async def test_the_inventory_at_a_run_is_what_stood_then(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope, other = await make_scope(owner, tenant, runs=3), await make_scope(owner, tenant, runs=3)
    await make_item(owner, scope, [(1, 2, {"n": 1}), (2, None, {"n": 2})], display_name="changed")
    await make_item(owner, scope, [(1, 3, {"n": 1})], display_name="removed")
    await make_item(owner, scope, [(3, None, {"n": 3})], display_name="added", item_type="aaa")
    await make_item(owner, other, [(1, None, {})], display_name="other")
    expected = [
        [("changed", 1), ("removed", 1)],
        [("changed", 2), ("removed", 1)],
        [("added", 3), ("changed", 2)],
    ]
    query = """query($id: ID!, $run: ID!, $f: InventoryItemFilter) { tenant(by: {id: $id}) {
        inventoryAt(runId: $run, first: 9, filter: $f) { totalCount nodes { displayName properties } } } }"""
    for run, wanted in zip(scope.runs, expected, strict=True):
        found = (await ask(query, id=ask.id, run=ask.global_id("SyncRun", run)))["tenant"]["inventoryAt"]
        assert [(one["displayName"], one["properties"]["n"]) for one in found["nodes"]] == wanted
        assert found["totalCount"] == 2
    filtered = {"itemType": {"eq": "aaa"}, "displayName": {"startsWith": "add"}}
    found = (await ask(query, id=ask.id, run=ask.global_id("SyncRun", scope.runs[2]), f=filtered))["tenant"]
    assert found["inventoryAt"]["totalCount"] == 1


async def test_at_a_run_that_is_not_there_or_not_recorded_nothing_stood(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    scope = await make_scope(owner, tenant)
    await make_item(owner, scope, [(1, None, {})])
    failed = await record_run(owner, scope, seq=None, hour=9, error_code="X")
    foreign = await make_scope(owner, await make_tenant(owner, api))
    query = """query($id: ID!, $run: ID!) { tenant(by: {id: $id}) {
        inventoryAt(runId: $run, first: 9)
        { totalCount nodes { displayName } pageInfo { hasNextPage endCursor } } } }"""
    empty = {"totalCount": 0, "nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    stranger = Asker(api, foreign.tenant)
    for run in (
        ask.global_id("SyncRun", failed),
        ask.global_id("SyncRun", uuid4()),
        ask.global_id("SyncRun", foreign.runs[0]),
        stranger.global_id("SyncRun", foreign.runs[0]),
        ask.global_id("Scope", scope.id),
        "garbage",
    ):
        assert (await ask(query, id=ask.id, run=run))["tenant"]["inventoryAt"] == empty


async def test_items_are_filtered(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    for name in ("a", "b", "c"):
        await make_item(owner, scope, [(1, None, {})], display_name=name, external_id=f"id-{name}")
    found = await ask.in_tenant(
        """{ one: inventoryItems(first: 9, filter: {externalId: {eq: "id-b"}}) { nodes { displayName } }
        two: inventoryItems(first: 9, filter: {displayName: {in: ["a", "c"]}}) { nodes { displayName } }
        none: inventoryItems(first: 9, filter: {itemType: {in: []}}) { nodes { displayName } } }"""
    )
    names = {key: [one["displayName"] for one in page["nodes"]] for key, page in found.items()}
    assert names == {"one": ["b"], "two": ["a", "c"], "none": []}
