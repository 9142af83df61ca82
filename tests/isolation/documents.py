"""Documents over every root field and every way from it, with the variables that name a tenant's things."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.isolation.anchors import Anchors
from tests.isolation.policy import NODES
from tests.isolation.walk import Crossing, Way, crossings, leaves, object_type, selection

DECLARED = {
    "tenant": "ID!",
    "name": "String!",
    "entra": "UUID!",
    "key": "String!",
    "run": "ID!",
    "id": "ID!",
    "first": "Int!",
}
_SIZES = (3, 15, 40)
_CANDIDATES = 20
_VARIABLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Root:
    """A way to come to objects of a type. `at` is where they stand in the data; `named` tells whether it asks for one.

    A root that names nothing answers with what the viewer is a member of.
    """

    name: str
    before: str
    after: str
    at: tuple[str, ...]
    named: bool = True
    kind: str = "Tenant"

    @property
    def start(self) -> str:
        return self.kind.split(" ")[0]


@dataclass(frozen=True, slots=True)
class Document:
    """A query that goes from a root over several ways, each a case for each person; `given` are its arguments."""

    root: Root
    ways: tuple[Way, ...]
    text: str
    given: Mapping[str, Any] = field(default_factory=dict)
    told: str = ""

    def name(self, way: Way) -> str:
        return " > ".join((self.root.name, *(step.field for step in way))) + self.told

    def variables(self, anchors: Anchors) -> Iterator[Mapping[str, Any]]:
        """What to ask with, the likeliest to show a row first."""
        wanted = set(_VARIABLE.findall(self.text))
        named = {name: value for name, value in anchors.named.items() if name in wanted} | self.given
        for one in anchors.ids[self.root.kind][:_CANDIDATES] if "id" in wanted else (None,):
            for size in _SIZES if "first" in wanted and not self.given else (None,):
                given = {"id": one, "first": size}
                yield named | {name: value for name, value in given.items() if value is not None}


TENANT_ROOTS = (
    Root("tenant by id", "tenant(by: {id: $tenant}) {", "}", ("tenant",)),
    Root("tenants", "tenants(first: 2, filter: {name: {eq: $name}}) { nodes {", "} }", ("tenants", "nodes")),
    Root(
        "viewer",
        "viewer { memberships(first: 2) { nodes { tenant {",
        "} } } }",
        ("viewer", "memberships", "nodes", "tenant"),
        named=False,
    ),
)
SHORT_ROOTS = (
    Root("tenant by name", "tenant(by: {name: $name}) {", "}", ("tenant",)),
    Root("tenant by Entra id", "tenant(by: {entraTenantId: $entra}) {", "}", ("tenant",)),
    Root("tenants, all", "tenants(first: 2) { nodes {", "} }", ("tenants", "nodes"), named=False),
)
NODE_ROOTS = tuple(
    Root(f"{field}, {kind}", f"{field}({argument}) {{ ... on {kind.split(' ')[0]} {{", "} }", (field,), kind=kind)
    for field, argument in (("node", "id: $id"), ("nodes", "ids: [$id]"))
    for kind in NODES
)


def documents_of(root: Root, *, beyond_nodes: bool) -> list[Document]:
    found = crossings(root.start, beyond_nodes=beyond_nodes)
    return [Document(root, crossing.ways, _text(root, crossing)) for crossing in found]


def _text(root: Root, crossing: Crossing) -> str:
    return query_of(f"{root.before} of: id {selection(root.start, crossing)} {root.after}", DECLARED)


def plain_document(root: Root) -> Document:
    """What an object says of itself."""
    body = f"{root.before} of: id {leaves(object_type(root.start))} {root.after}"
    return Document(root, ((),), query_of(body, DECLARED))


def query_of(body: str, types: Mapping[str, str]) -> str:
    """A query with the variables that it uses declared."""
    declared = ", ".join(f"${name}: {types[name]}" for name in dict.fromkeys(_VARIABLE.findall(body)))
    return f"query {f'({declared}) ' if declared else ''}{{ {body} }}"


def objects_at(data: Any, at: tuple[str, ...]) -> dict[str, Any]:
    """The objects that an answer holds where the root puts them, by global id."""
    here = [data] if data is not None else []
    for name in at:
        below = [one.get(name) for one in here]
        here = [one for some in below for one in (some if isinstance(some, list) else [some]) if one]
    return {one["of"]: one for one in here}
