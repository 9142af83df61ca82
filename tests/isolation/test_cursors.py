"""Cursors of one tenant's list in the other's: a cursor is a place, and no way to a row."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import GraphQLEnumType, get_named_type

from atlas.domain.vocabulary import Capability
from tests.isolation.anchors import Anchors
from tests.isolation.atoms import unpacked
from tests.isolation.oracle import Judged, ask, leaks
from tests.isolation.policy import NESTED, NODES
from tests.isolation.walk import Step, along, field_of, is_connection, node_types, object_type
from tests.isolation.world import World

LISTS = [
    Step(name, field)
    for name in node_types()
    for field, one in object_type(name).fields.items()
    if is_connection(get_named_type(one.type))
]


def query_of(step: Step) -> str:
    arguments = field_of(step).args
    runs = "runId: $run, " if "runId" in arguments else ""
    order = arguments.get("orderBy")
    declared = "$id: ID!, $first: Int, $after: String, $before: String, $last: Int"
    declared += f", $orderBy: {order.type}" if order else ""
    declared += ", $run: ID!" if runs else ""
    ends = "after: $after" + (", last: $last, before: $before" if "before" in arguments else "")
    called = f"{step.field}({runs}first: $first, {ends}{', orderBy: $orderBy' if order else ''})"
    return f"""query ({declared}) {{ node(id: $id) {{ ... on {step.parent} {{ {called} {{
        pageInfo {{ hasNextPage hasPreviousPage }} edges {{ cursor }} }} }} }} }}"""


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


def descends(cursors: list[str]) -> bool:
    return place(cursors[0]) > place(cursors[-1])


@pytest.mark.parametrize("step", LISTS, ids=lambda step: f"{step.parent}.{step.field}")
async def test_a_cursor_of_another_tenant_is_only_a_place(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged, step: Step
) -> None:
    mine, theirs = anchors
    needs = {NESTED.get((step.parent, step.field), Capability.READ), NODES[step.parent]}
    for order in orders_of(step):
        base = {"orderBy": order} if order else {}
        own, own_list = await listed(world, step, mine, base, world.alpha)
        _, their_list = await listed(world, step, theirs, base, world.beta)
        for person in world.people:
            role = person.roles.get(world.alpha.id)
            allowed = role is not None and needs <= world.capabilities[role]
            for foreign in (their_list[0], their_list[-1]):
                judged.cases += 1
                answer = await ask(world, person, query_of(step), base | own | {"after": foreign, "first": 100})
                assert answer["errors"] == []
                assert not leaks(world, person, answer)
                found = answer["data"]["node"] and answer["data"]["node"][step.field]
                if not allowed:
                    assert not found
                    continue
                down = descends(own_list)
                behind = [one for one in own_list if (place(one) < place(foreign)) == down]
                assert [edge["cursor"] for edge in found["edges"]] == behind
                assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": len(behind) < len(own_list)}


async def listed(
    world: World, step: Step, anchors: Anchors, base: dict[str, Any], realm: Any
) -> tuple[dict[str, Any], list[str]]:
    """Variables that name an object whose list has two rows or more, and the cursors of all its rows."""
    for one in anchors.ids[step.parent]:
        own = {"id": one} | ({"run": anchors.named["run"]} if "runId" in field_of(step).args else {})
        answer = await ask(world, world.owner_of(realm), query_of(step), base | own | {"first": 100})
        cursors = [edge["cursor"] for edge in answer["data"]["node"][step.field]["edges"]]
        if len(cursors) > 1:
            return own, cursors
    raise AssertionError(f"the control saw no list of {step.parent}.{step.field}")
