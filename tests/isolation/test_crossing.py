"""What is another tenant's, named where one's own is: in an id, an argument, a filter, by members of both too."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from atlas.schema.ids import decode_id, encode_id
from tests.isolation.anchors import Anchors, never_was
from tests.isolation.oracle import Judged, ask, leaks
from tests.isolation.walk import node_types
from tests.isolation.world import KEY, PINNED_KEY, World

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
AT = """query ($id: ID!, $run: ID!) { tenant(by: {id: $id}) {
    inventoryAt(runId: $run, first: 100) { totalCount nodes { displayName } } } }"""
AUDIT = """query ($id: ID!, $filter: AuditEventFilter) { tenant(by: {id: $id}) {
    auditEvents(first: 100, filter: $filter) { totalCount nodes { id } } } }"""
SCOPES = "query ($id: ID!) { tenant(by: {id: $id}) { scopes(first: 100) { nodes { key } } } }"
SCOPE = "query ($id: ID!, $key: String!) { tenant(by: {id: $id}) { scope(key: $key) { id } } }"


def crossed(mine: str, theirs: str) -> Iterator[str]:
    """My tenant with their object, and their tenant with mine. A tenant's id and a principal's have one part."""
    my, their = decode_id(mine), decode_id(theirs)
    assert my is not None
    assert their is not None
    for tenant, one in ((my, their), (their, my)):
        if tenant.tenant_id is not None:
            yield encode_id(my.type_name, tenant.tenant_id, one.key)


@pytest.mark.parametrize("kind", [kind for kind in node_types() if kind != "Principal"])
async def test_an_id_that_joins_two_tenants_is_nobodys(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged, kind: str
) -> None:
    mine, theirs = (of.ids[kind][0] for of in anchors)
    control = await ask(world, world.owner_of(world.alpha), NODES, {"ids": [mine]})
    assert control["data"]["nodes"] == [{"__typename": kind, "id": mine}]
    for person in world.people:
        for one in crossed(mine, theirs):
            judged.cases += 1
            answer = await ask(world, person, NODE, {"id": one})
            assert answer["data"] == {"node": None}
            assert answer == await ask(world, person, NODE, never_was({"id": one}))


async def test_among_several_ids_only_ones_own_are_found(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged
) -> None:
    by_realm = {
        realm.id: [of.ids[kind][0] for kind in ("Finding", "Tenant", "SyncRun", "InventoryItem")]
        for realm, of in zip(world.realms, anchors, strict=True)
    }
    ids = [one for pair in zip(*by_realm.values(), strict=True) for one in pair]
    for person in world.people:
        judged.cases += 1
        answer = await ask(world, person, NODES, {"ids": ids})
        mine = {one for tenant_id in person.roles for one in by_realm[tenant_id]}
        assert [node and node["id"] for node in answer["data"]["nodes"]] == [
            one if one in mine else None for one in ids
        ]


async def test_an_argument_finds_nothing_by_what_another_tenant_holds(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged
) -> None:
    mine, theirs = anchors
    answer = await ask(world, world.owner_of(world.beta), SCOPES, {"id": theirs.named["tenant"]})
    (key,) = {one["key"] for one in answer["data"]["tenant"]["scopes"]["nodes"]} - {KEY, PINNED_KEY}
    named: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        (AT, {"run": mine.named["run"]}, {"run": theirs.named["run"]}),
        (AUDIT, *({"filter": {"targetId": of.ids["Finding"][0]}} for of in anchors)),
        (AUDIT, *({"filter": {"actorId": of.ids["Principal"][0]}} for of in anchors)),
        (SCOPE, {"key": mine.named["key"]}, {"key": key}),
    ]
    for query, own, foreign in named:
        tenant = {"id": mine.named["tenant"]}
        control = await ask(world, world.owner_of(world.alpha), query, tenant | own)
        assert "None" not in str(control["data"])
        assert "'totalCount': 0" not in str(control["data"])
        for person in (person for person in world.people if world.alpha.id in person.roles):
            judged.cases += 1
            answer = await ask(world, person, query, tenant | foreign)
            nobodys = {"key": "s1:0"} if "key" in foreign else never_was(foreign)
            assert answer == await ask(world, person, query, tenant | nobodys)
            assert not leaks(world, person, answer)
