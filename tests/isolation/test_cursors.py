"""Cursors of one tenant's list in the other's: a cursor is a place, and no way to a row."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLEnumType, get_named_type

from atlas.domain.vocabulary import Capability
from tests.isolation.anchors import Anchors
from tests.isolation.atoms import unpacked
from tests.isolation.documents import DECLARED, query_of
from tests.isolation.oracle import Judged, ask, leaks
from tests.isolation.policy import NESTED, NODES
from tests.isolation.walk import Step, field_of, is_connection, node_types, object_type
from tests.isolation.world import Person, Realm, World

LISTS = [
    Step(name, field)
    for name in node_types()
    for field, one in object_type(name).fields.items()
    if is_connection(get_named_type(one.type))
]

# How a page is asked for beside a cursor, where the list knows both ends.
ENDS = (frozenset({"first", "after"}), frozenset({"last", "before"}))


def listing_of(step: Step) -> str:
    """A query for the cursors of a list, with all its arguments but the filter as variables."""
    types = {name: str(one.type) for name, one in field_of(step).args.items() if name != "filter"}
    called = f"{step.field}({', '.join(f'{name}: ${name}' for name in types)})"
    page = "pageInfo { hasNextPage hasPreviousPage } edges { cursor }"
    return query_of(f"node(id: $id) {{ ... on {step.parent} {{ {called} {{ {page} }} }} }}", DECLARED | types)


def orders_of(step: Step) -> list[str | None]:
    order = field_of(step).args.get("orderBy")
    type_ = get_named_type(order.type) if order else None
    return list(type_.values) if isinstance(type_, GraphQLEnumType) else [None]


def place(cursor: str) -> list[Any]:
    """The keys of a row's place, in an order that compares as the database does."""
    _, *keys = json.loads(unpacked(cursor) or "")
    return [_moment(key) if isinstance(key, str) else key for key in keys]


def _moment(key: str) -> Any:
    try:
        return datetime.fromisoformat(key).astimezone(UTC).isoformat(timespec="microseconds") if "T" in key else key
    except ValueError:
        return key


@pytest.mark.parametrize("step", LISTS, ids=lambda step: f"{step.parent}.{step.field}")
async def test_a_cursor_of_another_tenant_is_only_a_place(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged, step: Step
) -> None:
    mine, theirs = anchors
    for order in orders_of(step):
        base = {"orderBy": order} if order else {}
        own, own_list = await listed(world, step, mine, base, world.alpha)
        _, their_list = await listed(world, step, theirs, base, world.beta)
        for person in world.people:
            for foreign, ends in zip((their_list[0], their_list[-1]), ENDS, strict=True):
                if ends <= field_of(step).args.keys():
                    judged.cases += 1
                    answer = await ask(world, person, listing_of(step), base | own | asked(ends, foreign))
                    assert answer["errors"] == []
                    assert not leaks(world, person, answer)
                    found = answer["data"]["node"] and answer["data"]["node"][step.field]
                    wanted = beside(own_list, foreign, after="after" in ends)
                    if may(world, person, step):
                        assert [edge["cursor"] for edge in found["edges"]] == wanted
                        assert hidden(found["pageInfo"], after="after" in ends) == (len(wanted) < len(own_list))
                    else:
                        assert not found


def asked(ends: frozenset[str], cursor: str) -> dict[str, Any]:
    return {name: cursor if name in {"after", "before"} else 100 for name in ends}


def beside(cursors: list[str], foreign: str, *, after: bool) -> list[str]:
    """The places of one's own list on one side of a foreign place, reckoned from the places alone."""
    down = place(cursors[0]) > place(cursors[-1])
    return [one for one in cursors if (place(one) < place(foreign)) == (down == after)]


def hidden(page: dict[str, bool], *, after: bool) -> bool:
    """Does the page say that rows lie on the other side of the cursor? On the far side there are none."""
    assert not page["hasNextPage" if after else "hasPreviousPage"]
    return page["hasPreviousPage" if after else "hasNextPage"]


def may(world: World, person: Person, step: Step) -> bool:
    role = person.roles.get(world.alpha.id)
    needs = {NESTED.get((step.parent, step.field), Capability.READ), NODES[step.parent]}
    return role is not None and needs <= world.capabilities[role]


async def listed(
    world: World, step: Step, anchors: Anchors, base: dict[str, Any], realm: Realm
) -> tuple[dict[str, Any], list[str]]:
    """Variables that name an object whose list has two rows or more, and the cursors of all its rows."""
    for one in anchors.ids[step.parent]:
        own = {"id": one} | ({"runId": anchors.named["run"]} if "runId" in field_of(step).args else {})
        answer = await ask(world, world.owner_of(realm), listing_of(step), base | own | {"first": 100})
        cursors = [edge["cursor"] for edge in answer["data"]["node"][step.field]["edges"]]
        if len(cursors) > 1:
            return own, cursors
    raise AssertionError(f"the control saw no list of {step.parent}.{step.field}")
