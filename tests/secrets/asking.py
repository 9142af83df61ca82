"""Asking: whatever the schema offers of two tenants' objects, by a walk that knows no field by its name."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_leaf_type,
    parse,
    visit,
)

from atlas.schema.root import schema as atlas
from tests.secrets.search import Place

SCHEMA = atlas._schema

# Few objects, with large pages below each: they are asked one by one. Of the others many are asked at once.
_LARGE = frozenset({"Tenant", "Scope", "SyncRun", "DriftRun"})
_LARGE_PAGE, _SMALL_PAGE = 100, 5
_AT_ONCE = 10


@dataclass(slots=True)
class Asker:
    """A caller over HTTP. Every answer is kept as a place, headers and all; `queries` are the documents sent."""

    client: httpx.AsyncClient
    answers: list[Place] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    async def ask(self, name: str, query: str, said: Iterable[str] = (), **variables: Any) -> dict[str, Any]:
        """The `data` of a query that must succeed."""
        self.queries.append(query)
        body = json.loads(await self.send(name, said=said, json={"query": query, "variables": variables}))
        assert "errors" not in body, (query, body["errors"])
        return body["data"]

    async def send(
        self, name: str, method: str = "POST", path: str = "/graphql", said: Iterable[str] = (), **more: Any
    ) -> bytes:
        """Any request; `said` names the canaries that it holds and that its own answer may repeat."""
        response = await self.client.request(method, path, **more)
        self.keep(name, response, response.content, said)
        return response.content

    def keep(self, name: str, response: httpx.Response, body: bytes, said: Iterable[str] = ()) -> None:
        headers = "\n".join(f"{key}: {value}" for key, value in response.headers.items())
        place = f"answer {len(self.answers)}, {name}, {response.status_code}"
        self.answers.append(Place(place, [headers.encode(), body], frozenset(said)))


@dataclass(frozen=True, slots=True)
class Known:
    """What the arguments of fields are answered with."""

    scope_key: str
    run_id: str


async def walk(asker: Asker, known: Known, tenant_id: str) -> dict[str, set[str]]:
    """Asks every field of the tenant and of every object that an answer names; returns their ids by type."""
    viewer, tenants = (selection(SCHEMA.type_map[name], known, 10) for name in ("Viewer", "TenantConnection"))
    roots = f"{{ viewer {{ {viewer} }} tenants(first: 10) {{ {tenants} }} }}"
    waiting = [await asker.ask("the roots", roots)]
    one = await asker.ask("a node", "query ($id: ID!) { node(id: $id) { __typename id } }", id=tenant_id)
    waiting.append(one)
    by = "query ($id: ID!) { tenant(by: {id: $id}) { __typename id } }"
    waiting.append(await asker.ask("a tenant", by, id=tenant_id))
    seen: dict[str, set[str]] = {}
    while waiting:
        new: dict[str, set[str]] = {}
        for type_name, key in {pair for answer in waiting for pair in nodes_in(answer)}:
            if key not in seen.setdefault(type_name, set()):
                new.setdefault(type_name, set()).add(key)
                seen[type_name].add(key)
        waiting = [await asker.ask(name, query, ids=ids) for name, query, ids in _questions(new, known)]
        assert not any(cut_short(answer) for answer in waiting), "a page did not hold all that there is"
    return seen


def _questions(new: Mapping[str, set[str]], known: Known) -> Iterator[tuple[str, str, list[str]]]:
    for type_name, keys in sorted(new.items()):
        large = type_name in _LARGE
        selected = selection(SCHEMA.type_map[type_name], known, _LARGE_PAGE if large else _SMALL_PAGE)
        query = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename ... on {type_name} {{ {selected} }} }} }}"
        ordered, size = sorted(keys), 1 if large else _AT_ONCE
        for start in range(0, len(ordered), size):
            yield type_name, query, ordered[start : start + size]


def selection(type_: GraphQLObjectType | GraphQLInterfaceType, known: Known, first: int) -> str:
    """Every field of a type, to the ids of the nodes that it leads to; pages hold `first`."""
    parts = ["__typename"]
    for name, definition in type_.fields.items():
        target = get_named_type(definition.type)
        call = f"{name}{_arguments(definition, known, first)}"
        if is_leaf_type(target):
            parts.append(call)
        elif is_node(target):
            parts.append(f"{call} {{ __typename id }}")
        else:
            parts.append(f"{call} {{ {selection(target, known, first)} }}")
    return " ".join(parts)


def is_node(type_: Any) -> bool:
    return type_.name == "Node" or any(interface.name == "Node" for interface in getattr(type_, "interfaces", ()))


def _arguments(definition: GraphQLField, known: Known, first: int) -> str:
    is_list = not get_named_type(definition.type).name.endswith("Connection")
    given = {
        "first": 100 if is_list else first,
        "by": "[STATUS, SEVERITY, CHANGE_TYPE, ITEM_TYPE, SCOPE]",
        "key": json.dumps(known.scope_key),
        "runId": json.dumps(known.run_id),
    }
    if get_named_type(definition.type).name == "RulePreview":
        given["input"] = '{itemType: "configurationPolicy"}'
    told = [f"{name}: {given[name]}" for name in definition.args if name in given]
    return f"({', '.join(told)})" if told else ""


def nodes_in(answer: Any) -> Iterator[tuple[str, str]]:
    """Type and id of every object in an answer that has a global id."""
    if isinstance(answer, dict):
        if isinstance(answer.get("id"), str) and "__typename" in answer:
            yield answer["__typename"], answer["id"]
        answer = list(answer.values())
    if isinstance(answer, list):
        for inner in answer:
            yield from nodes_in(inner)


def cut_short(answer: Any) -> bool:
    if isinstance(answer, dict):
        return answer.get("hasNextPage") is True or any(cut_short(inner) for inner in answer.values())
    return isinstance(answer, list) and any(cut_short(inner) for inner in answer)


def fields_asked(queries: Iterable[str]) -> set[str]:
    """`Type.field` for each field of the documents."""
    asked: set[str] = set()
    info = TypeInfo(SCHEMA)

    class Note(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            parent = info.get_parent_type()
            asked.add(f"{parent.name if parent else '?'}.{node.name.value}")

    for query in set(queries):
        visit(parse(query), TypeInfoVisitor(info, Note()))
    return asked


def fields_offered() -> set[str]:
    return {
        f"{type_.name}.{name}"
        for type_ in SCHEMA.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name in type_.fields
    }
