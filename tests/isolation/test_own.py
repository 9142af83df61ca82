"""What is the viewer's own: themselves, their memberships, the list of their tenants, and nothing of anybody else."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from atlas.domain.vocabulary import Role
from atlas.schema.ids import decode_id, encode_id
from tests.isolation.anchors import never_was
from tests.isolation.oracle import Judged, ask, leaks
from tests.isolation.world import World

VIEWER = """{ viewer { principal { id kind displayName } memberships(first: 9) { totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id } } nodes { id role principal { id } tenant { id name viewerRole } } } } }"""
MEMBERSHIP = "query ($id: ID!) { node(id: $id) { ... on Membership { id role principal { id } tenant { id } } } }"
TENANTS = """query ($filter: TenantFilter, $orderBy: TenantOrder, $first: Int, $last: Int) {
    tenants(filter: $filter, orderBy: $orderBy, first: $first, last: $last) { totalCount nodes { name } } }"""
ORDERS: Mapping[str, Callable[[World, str], Any]] = {
    "NAME_ASC": lambda _, name: name,
    "NAME_DESC": lambda _, name: [-ord(letter) for letter in name],
    "CREATED_AT_ASC": lambda world, name: name == world.beta.mark,
    "CREATED_AT_DESC": lambda world, name: name == world.alpha.mark,
}


async def test_everybody_sees_themselves_and_their_memberships(world: World, judged: Judged) -> None:
    for person in world.people:
        judged.cases += 1
        answer = await ask(world, person, VIEWER, {})
        viewer = answer["data"]["viewer"]
        me = encode_id("Principal", None, person.principal.id)
        assert viewer["principal"] == {"id": me, "kind": "USER", "displayName": person.principal.display_name}
        memberships = viewer["memberships"]
        assert {one["id"] for one in memberships["nodes"]} == person.memberships
        assert {edge["node"]["id"] for edge in memberships["edges"]} == person.memberships
        assert memberships["totalCount"] == len(person.memberships)
        assert {one["principal"]["id"] for one in memberships["nodes"]} <= {me}
        seen = {one["tenant"]["id"]: one["role"] for one in memberships["nodes"]}
        assert seen == {encode_id("Tenant", tenant_id, tenant_id): role for tenant_id, role in person.roles.items()}
        assert all(one["role"] == one["tenant"]["viewerRole"] for one in memberships["nodes"])
        assert not leaks(world, person, answer)


async def test_a_membership_is_seen_by_whom_it_is_of_and_by_who_manages_members(world: World, judged: Judged) -> None:
    for of in world.people:
        for one in of.memberships:
            for person in world.people:
                judged.cases += 1
                answer = await ask(world, person, MEMBERSHIP, {"id": one})
                if person is of or person.roles.get(tenant_of(one)) == Role.OWNER:
                    assert answer["data"]["node"]["id"] == one
                else:
                    assert answer["data"] == {"node": None}
                    assert answer == await ask(world, person, MEMBERSHIP, never_was({"id": one}))


def tenant_of(global_id: str) -> UUID:
    decoded = decode_id(global_id)
    assert decoded is not None
    assert decoded.tenant_id is not None
    return decoded.tenant_id


@pytest.mark.parametrize("order", ORDERS)
async def test_the_list_of_tenants_is_of_ones_own_under_every_order_and_filter(
    world: World, judged: Judged, order: str
) -> None:
    for filter_, matches in _filters(world):
        for person in world.people:
            judged.cases += 1
            mine = [realm.mark for realm in world.realms if realm.id in person.roles and matches(realm.mark)]
            wanted = sorted(mine, key=lambda name: ORDERS[order](world, name))
            for end in ({"first": 9}, {"last": 9})[: 1 if filter_ else 2]:
                answer = await ask(world, person, TENANTS, {"filter": filter_, "orderBy": order} | end)
                tenants = answer["data"]["tenants"]
                assert [one["name"] for one in tenants["nodes"]] == wanted
                assert tenants["totalCount"] == len(wanted)


def _filters(world: World) -> list[tuple[Any, Callable[[str], bool]]]:
    both = [realm.mark for realm in world.realms]
    found: list[tuple[Any, Callable[[str], bool]]] = [(None, lambda _: True), ({"name": {"in": both}}, lambda _: True)]
    for mark in both:
        found.append(({"name": {"eq": mark}}, mark.__eq__))
        found.append(({"name": {"in": [mark]}}, mark.__eq__))
        found.append(({"name": {"startsWith": mark[:7]}}, lambda name, start=mark[:7]: name.startswith(start)))
    return found
