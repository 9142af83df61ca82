"""Pages: every list, in every order, walked from both ends, gives the whole list once."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.schema.enums import DriftRunOrder, FindingOrder, SyncRunOrder, TenantOrder
from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker
from tests.schema.rows import (
    SEVERITIES,
    Scope,
    acknowledged,
    at,
    make_drift_run,
    make_findings,
    make_item,
    make_scope,
    record_run,
)

PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { %s } } totalCount"
Ask = Callable[..., Awaitable[Any]]


async def walk(page: Ask, *, size: int, backward: bool) -> list[Any]:
    """All nodes of a list, a page at a time; each page is held against what it says of itself."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        there = await (page(last=size, before=cursor) if backward else page(first=size, after=cursor))
        info, edges = there["pageInfo"], there["edges"]
        further, behind = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        assert info[behind] is (cursor is not None)
        assert (info["startCursor"], info["endCursor"]) == (edges[0]["cursor"], edges[-1]["cursor"])
        nodes = [edge["node"] for edge in edges]
        found = nodes + found if backward else found + nodes
        if not info[further]:
            assert there["totalCount"] == len(found)
            return found
        assert len(edges) == size
        cursor = info["startCursor" if backward else "endCursor"]


def list_of(ask: Asker, field: str, selection: str = "id", *, arguments: str = "", forward_only: bool = False) -> Ask:
    """Asks for a page of a list of the tenant."""
    declared = "$first: Int, $after: String" + ("" if forward_only else ", $last: Int, $before: String")
    given = "first: $first, after: $after" + ("" if forward_only else ", last: $last, before: $before")
    query = f"""query($tenant: ID!, {declared}) {{ tenant(by: {{id: $tenant}}) {{
        list: {field}({given}{arguments}) {{ {PAGE % selection} }} }} }}"""

    async def page(**variables: Any) -> Any:
        return (await ask(query, tenant=ask.id, **variables))["tenant"]["list"]

    return page


async def both_ways(page: Ask, *, whole: int = 100) -> list[Any]:
    """The list, the same whichever way it is walked."""
    full = [edge["node"] for edge in (await page(first=whole))["edges"]]
    for size in (1, 2, 3, len(full), len(full) + 1):
        assert await walk(page, size=size, backward=False) == full
        assert await walk(page, size=size, backward=True) == full
    return full


async def rich_scope(owner: Database, tenant: Tenant) -> Scope:
    """Findings with ties in everything that they are ordered by."""
    scope = await make_scope(owner, tenant)
    rows = [
        {
            "severity": SEVERITIES[n % 3],
            "display_name": ("Äpfel", "Zebra", "apple", "Zebra")[n % 4],
            "first_seen_at": at(n % 2),
            "last_seen_at": at(5 + n % 3),
        }
        for n in range(7)
    ]
    await make_findings(owner, scope, rows)
    return scope


@pytest.mark.parametrize("order", FindingOrder)
async def test_findings_are_walked_in_each_order(
    owner: Database, tenant: Tenant, ask: Asker, order: FindingOrder
) -> None:
    await rich_scope(owner, tenant)
    selection = "id severity lastSeenAt firstSeenAt subject { displayName }"
    found = await both_ways(list_of(ask, "findings", selection, arguments=f", orderBy: {order}"))
    keys = {
        "LAST_SEEN_AT": lambda f: f["lastSeenAt"],
        "FIRST_SEEN_AT": lambda f: f["firstSeenAt"],
        "SEVERITY": lambda f: SEVERITIES.index(f["severity"]),
        "SUBJECT_NAME": lambda f: f["subject"]["displayName"].encode(),
    }
    column, _, direction = order.rpartition("_")
    values = [keys[column](one) for one in found]
    assert values == sorted(values, reverse=direction == "DESC")
    assert len({one["id"] for one in found}) == len(found) == 7


@pytest.mark.parametrize("order", SyncRunOrder)
async def test_sync_runs_are_walked_in_each_order(
    owner: Database, tenant: Tenant, ask: Asker, order: SyncRunOrder
) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    for _ in range(3):
        await record_run(owner, scope, seq=None, hour=2, error_code="X")
    found = await both_ways(list_of(ask, "syncRuns", "id createdAt", arguments=f", orderBy: {order}"))
    times = [one["createdAt"] for one in found]
    assert times == sorted(times, reverse=order.endswith("DESC"))
    assert len(times) == 6


@pytest.mark.parametrize("order", DriftRunOrder)
async def test_drift_runs_are_walked_in_each_order(
    owner: Database, tenant: Tenant, ask: Asker, order: DriftRunOrder
) -> None:
    scope = await make_scope(owner, tenant)
    for hour in (3, 3, 4, 5):
        await make_drift_run(owner, scope, status="FAILED", created_at=at(hour))
    found = await both_ways(list_of(ask, "driftRuns", "id createdAt", arguments=f", orderBy: {order}"))
    times = [one["createdAt"] for one in found]
    assert times == sorted(times, reverse=order.endswith("DESC"))


async def test_scopes_inventory_and_audit_events_are_walked(owner: Database, tenant: Tenant, ask: Asker) -> None:
    for _ in range(4):
        scope = await make_scope(owner, tenant)
    for name in ("b", "a", "b", "C"):
        await make_item(owner, scope, [(1, None, {"on": True})], display_name=name)
    keys = [one["key"] for one in await both_ways(list_of(ask, "scopes", "key"))]
    assert keys == sorted(keys)
    assert len(keys) == 4
    names = [one["displayName"] for one in await both_ways(list_of(ask, "inventoryItems", "id displayName"))]
    assert names == ["C", "a", "b", "b"]
    times = [one["at"] for one in await both_ways(list_of(ask, "auditEvents", "id at"))]
    assert times == sorted(times, reverse=True)


async def test_lists_that_only_go_forward_are_walked(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=5)
    item = await make_item(owner, scope, [(n, n + 1 if n < 5 else None, {"n": n}) for n in range(1, 6)])
    for name in ("b", "a"):
        await make_item(owner, scope, [(2, None, {})], display_name=name)
    run = ask.global_id("SyncRun", scope.runs[2])
    for field, selection, arguments, size in (
        ("members", "id", "", 4),
        ("inventoryAt", "displayName", f', runId: "{run}"', 3),
    ):
        page = list_of(ask, field, selection, arguments=arguments, forward_only=True)
        full = [edge["node"] for edge in (await page(first=100))["edges"]]
        assert len(full) == size
        for step in (1, 2, size):
            assert await walk(page, size=step, backward=False) == full
    query = f"""query($id: ID!, $first: Int, $after: String) {{ node(id: $id) {{ ... on InventoryItem {{
        versions(first: $first, after: $after) {{ {PAGE % "properties"} }} }} }} }}"""

    async def versions(**variables: Any) -> Any:
        return (await ask(query, id=ask.global_id("InventoryItem", item), **variables))["node"]["versions"]

    for step in (1, 2, 5):
        found = await walk(versions, size=step, backward=False)
        assert [one["properties"]["n"] for one in found] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("order", TenantOrder)
async def test_tenants_and_memberships_are_walked(owner: Database, api: Database, order: TenantOrder) -> None:
    first = await make_tenant(owner, api)
    principal = first.members[Role.OWNER]
    others = [await make_tenant(owner, api) for _ in range(3)]
    for other in others:
        await access.set_membership(api, other.owner, principal, Role.READER)
    ask = Asker(api, first)
    query = f"""query($first: Int, $after: String, $last: Int, $before: String) {{
        list: tenants(first: $first, after: $after, last: $last, before: $before, orderBy: {order})
        {{ {PAGE % "name createdAt"} }} }}"""

    async def tenants(**variables: Any) -> Any:
        return (await ask(query, **variables))["list"]

    found = await both_ways(tenants)
    column = "name" if order.startswith("NAME") else "createdAt"
    values = [one[column] for one in found]
    assert values == sorted(values, reverse=order.endswith("DESC"))
    assert len(values) == 4
    own = "query($first: Int, $after: String) { viewer { memberships(first: $first, after: $after) { %s } } }"

    async def memberships(**variables: Any) -> Any:
        return (await ask(own % (PAGE % "role tenant { name }"), **variables))["viewer"]["memberships"]

    roles = [one["role"] for one in await walk(memberships, size=3, backward=False)]
    assert roles == ["OWNER", "READER", "READER", "READER"]


async def test_the_findings_of_scopes_side_by_side_are_each_their_own(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    sizes = {}
    for size in (0, 2, 5):
        scope = await make_scope(owner, tenant)
        await make_findings(owner, scope, [{"last_seen_at": at(n)} for n in range(size)])
        sizes[scope.key] = size
    found = await ask.in_tenant(
        """{ scopes(first: 10) { nodes { key findings(first: 3, orderBy: LAST_SEEN_AT_ASC)
        { nodes { lastSeenAt scope { key } } pageInfo { hasNextPage } totalCount } } } }"""
    )
    for scope in found["scopes"]["nodes"]:
        page, size = scope["findings"], sizes[scope["key"]]
        assert page["totalCount"] == size
        assert page["pageInfo"]["hasNextPage"] is (size > 3)
        assert all(finding["scope"]["key"] == scope["key"] for finding in page["nodes"])
        times = [finding["lastSeenAt"] for finding in page["nodes"]]
        assert times == sorted(times)
        assert len(times) == min(size, 3)


async def test_the_far_side_of_a_cursor_is_told_even_where_its_row_is_gone(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    scope = await make_scope(owner, tenant)
    await make_findings(owner, scope, [{"display_name": name} for name in "abc"])
    page = list_of(ask, "findings", arguments=", orderBy: SUBJECT_NAME_ASC")
    first = await page(first=1)
    only_a = list_of(ask, "findings", arguments=', orderBy: SUBJECT_NAME_ASC, filter: {subjectName: {eq: "b"}}')
    after = await only_a(first=1, after=first["edges"][0]["cursor"])
    assert after["pageInfo"]["hasPreviousPage"] is False
    between = await page(first=5, after=first["edges"][0]["cursor"], before=(await page(last=1))["edges"][0]["cursor"])
    assert len(between["edges"]) == 1
    assert between["pageInfo"]["hasNextPage"]
    assert between["pageInfo"]["hasPreviousPage"]


@pytest.mark.parametrize(
    "arguments",
    ["", "first: 0", "first: -1", "first: 101", "last: 0", "last: 101", "first: 1, last: 1", "first: null"],
)
async def test_a_page_without_a_size_within_bounds_is_refused(ask: Asker, arguments: str) -> None:
    listed = f"findings({arguments})" if arguments else "findings"
    query = f"query($id: ID!) {{ tenant(by: {{id: $id}}) {{ {listed} {{ totalCount }} }} }}"
    assert await ask.code(query, id=ask.id) == "BAD_USER_INPUT"


def packed(*values: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


SOME_ID = "3cdc8e8c2a9544c8b5f5a0440d934715"
ORDER = "findings:LAST_SEEN_AT_DESC"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "äöü",
        "!!!!",
        "\0",
        "\ud800",
        "A" * 9000,
        packed(),
        packed(ORDER),
        packed(ORDER, "2026-11-01T08:00:00+00:00"),
        packed(ORDER, "2026-11-01T08:00:00", SOME_ID),
        packed(ORDER, "yesterday", SOME_ID),
        packed(ORDER, 5, SOME_ID),
        packed(ORDER, "2026-11-01T08:00:00+00:00", "not an id"),
        packed(ORDER, "2026-11-01T08:00:00+00:00", SOME_ID, 1),
        packed("findings:LAST_SEEN_AT_ASC", "2026-11-01T08:00:00+00:00", SOME_ID),
        packed("syncRuns:CREATED_AT_DESC", "2026-11-01T08:00:00+00:00", SOME_ID),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"null").decode(),
    ],
)
async def test_a_cursor_of_elsewhere_is_refused(ask: Asker, cursor: str) -> None:
    query = "query($id: ID!, $c: String) { tenant(by: {id: $id}) { findings(first: 1, after: $c) { totalCount } } }"
    assert await ask.code(query, id=ask.id, c=cursor) == "BAD_CURSOR"


@pytest.mark.parametrize("rank", [2**31, -(2**31) - 1, True, "3", 1.5, None])
async def test_a_cursor_whose_number_no_column_holds_is_refused(ask: Asker, rank: object) -> None:
    query = """query($id: ID!, $c: String) { tenant(by: {id: $id})
        { findings(first: 1, after: $c, orderBy: SEVERITY_DESC) { totalCount } } }"""
    assert await ask.code(query, id=ask.id, c=packed("findings:SEVERITY_DESC", rank, uuid4().hex)) == "BAD_CURSOR"


async def test_a_cursor_holds_under_any_filter(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    await make_findings(owner, scope, [{"display_name": "a"}, {"display_name": "b"} | acknowledged(tenant)])
    first = (await list_of(ask, "findings", arguments=", orderBy: SUBJECT_NAME_ASC")(first=1))["edges"][0]["cursor"]
    filtered = list_of(ask, "findings", arguments=", orderBy: SUBJECT_NAME_ASC, filter: {status: [ACKNOWLEDGED]}")
    assert len((await filtered(first=5, after=first))["edges"]) == 1
