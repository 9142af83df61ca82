"""Random documents over the schema: mostly valid, some slightly wrong, and some that are no documents at all."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from tests.fuzz.values import HOSTILE_NUMBERS, HOSTILE_TEXTS, HOSTILE_TIMES, Material

Composite = GraphQLObjectType | GraphQLInterfaceType

_KINDS = (("query", 80), ("mutation", 14), ("subscription", 2), ("introspection", 4))
_INTROSPECTION = (
    "{ __schema { queryType { name } types { name kind } } }",
    '{ __type(name: "Finding") { name fields { name type { name } } } }',
    "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { name } } } } } } } } }",
)
_PAGES = {"first", "last", "after", "before"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's body; `kind` is what it was meant to be."""

    kind: str
    query: str
    variables: dict[str, Any] = field(default_factory=dict)

    def body(self) -> bytes:
        return json.dumps({"query": self.query, "variables": self.variables}).encode()


@dataclass(slots=True)
class Writer:
    """Writes one document; `rng` alone decides what it becomes. Most are valid; in the rest, `wrong` is how often."""

    schema: GraphQLSchema
    material: Material
    rng: random.Random
    wrong: float = 0.05
    hostile: float = 0.1
    most_levels: int = 6
    definitions: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    room: int = 60

    def write(self) -> Asked:
        if self.rng.random() < 0.75:
            self.wrong = 0
        kind = self.rng.choices([name for name, _ in _KINDS], [weight for _, weight in _KINDS])[0]
        if kind == "introspection":
            return Asked(kind, self.rng.choice(_INTROSPECTION))
        root = {
            "query": self.schema.query_type,
            "mutation": self.schema.mutation_type,
            "subscription": self.schema.subscription_type,
        }[kind]
        assert root is not None
        roots = 1 if kind != "query" else self.rng.choice((1, 1, 1, 2, 3))
        body = " ".join(self._field(name, root.fields[name], 1) for name in self._roots(root, roots))
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.definitions.items())
        head = f"{kind} Q({declared})" if declared else kind
        query = " ".join([f"{head} {{ {body} }}", *self.fragments])
        if self.rng.random() < 0.06:
            return Asked("mangled", _mangled(self.rng, query), self.variables)
        return Asked(kind, query, self.variables)

    def _roots(self, root: GraphQLObjectType, count: int) -> list[str]:
        names = sorted(root.fields)
        # What leads far is asked more often.
        weights = [3 if name in {"tenant", "node", "nodes", "viewer"} else 1 for name in names]
        return self.rng.choices(names, weights, k=count)

    def _selection(self, type_: GraphQLNamedType, level: int) -> str:
        if isinstance(type_, GraphQLUnionType):
            parts = [self._inline(self.rng.choice(list(type_.types)), level)]
        elif isinstance(type_, GraphQLInterfaceType) and self.rng.random() < 0.8:
            kinds = self.schema.get_possible_types(type_)
            parts = ["__typename", *(self._inline(self.rng.choice(kinds), level) for _ in range(2))]
        else:
            assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
            parts = self._fields(type_, level)
        return "{ " + " ".join(parts) + " }"

    def _fields(self, type_: Composite, level: int) -> list[str]:
        names = sorted(type_.fields)
        leaves = [name for name in names if not is_composite_type(get_named_type(type_.fields[name].type))]
        deeper = [name for name in names if name not in leaves]
        chosen = self.rng.sample(leaves, min(len(leaves), self.rng.randint(1, 4)))
        if deeper and level < self.most_levels and self.room > 0:
            chosen += self.rng.sample(deeper, min(len(deeper), self.rng.choice((1, 1, 2))))
        self.room -= len(chosen)
        parts = [self._field(name, type_.fields[name], level + 1) for name in chosen] or ["__typename"]
        if self.rng.random() < 0.1:
            parts.append("__typename")
        if self.rng.random() < 0.08 and isinstance(type_, GraphQLObjectType):
            name = f"F{len(self.fragments)}"
            self.fragments.append("")  # Its number is taken before its own fragments ask for one.
            self.fragments[int(name[1:])] = f"fragment {name} on {type_.name} {{ {' '.join(parts)} }}"
            return [f"...{name}"]
        return parts

    def _inline(self, type_: GraphQLObjectType, level: int) -> str:
        return f"... on {type_.name} {{ {' '.join(self._fields(type_, level))} }}"

    def _field(self, name: str, definition: GraphQLField, level: int) -> str:
        # Sibling fields of one name and other arguments would be in conflict.
        alias = f"a{self.rng.randrange(10**6)}: " if definition.args or self.rng.random() < 0.05 else ""
        written = name if self.rng.random() > self.wrong / 4 else f"{name}X"
        below = get_named_type(definition.type)
        selection = self._selection(below, level) if is_composite_type(below) else ""
        return f"{alias}{written}{self._arguments(definition)}{self._directive()} {selection}".strip()

    def _directive(self) -> str:
        if self.rng.random() > 0.03:
            return ""
        value = self._given("if", GraphQLNonNull(self.schema.type_map["Boolean"]))
        name = self.rng.choice(("skip", "include")) if self.rng.random() > self.wrong else "defer"
        return f" @{name}(if: {value})"

    def _arguments(self, definition: GraphQLField) -> str:
        given: dict[str, str] = {}
        if "first" in definition.args:
            given = self._page(definition.args)
        for name, argument in definition.args.items():
            if name not in _PAGES and (is_required_argument(argument) or self.rng.random() < 0.35):
                given[name] = self._given(_hinted(name, get_named_type(definition.type)), argument.type)
        if given and self.rng.random() < self.wrong:
            given.pop(next(iter(given)))
        if self.rng.random() < self.wrong / 2:
            given["unheard"] = "1"
        return f"({', '.join(f'{name}: {value}' for name, value in given.items())})" if given else ""

    def _page(self, arguments: dict[str, GraphQLArgument]) -> dict[str, str]:
        forward = self.rng.random() < 0.75 or "last" not in arguments
        size, cursor = ("first", "after") if forward else ("last", "before")
        number = self._number()
        given = {size: str(number)}
        if cursor in arguments and self.rng.random() < 0.3:
            given[cursor] = self._given(cursor, arguments[cursor].type)
        return given

    def _given(self, name: str, type_: GraphQLInputType) -> str:
        """A literal, or a variable that is declared with the type, seldom with another."""
        if self.rng.random() < 0.6:
            return _literal(self._value(name, type_, 0), type_)
        variable = f"v{len(self.definitions)}"
        self.definitions[variable] = str(type_) if self.rng.random() > self.wrong else "Int"
        value = self._value(name, type_, 0)
        if self.rng.random() < self.wrong:
            value = self.rng.choice((None, [], {}, 7, "x", True, [[]], {"a": {"b": [None]}}))
        if self.rng.random() > self.wrong / 2:
            self.variables[variable] = value
        return f"${variable}"

    def _value(self, name: str, type_: GraphQLInputType, level: int) -> Any:
        required = isinstance(type_, GraphQLNonNull)
        if self.rng.random() < (self.wrong / 2 if required else 0.03):
            return None
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if isinstance(type_, GraphQLList):
            count = self.rng.choice((0, 1, 1, 2, 3)) if self.rng.random() < 0.98 else 120
            return [self._value(name, type_.of_type, level + 1) for _ in range(count)]
        if isinstance(type_, GraphQLEnumType):
            return self.rng.choice(sorted(type_.values)) if self.rng.random() > self.wrong else "NO_SUCH"
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_, level)
        return self._scalar(name, type_.name)

    def _object(self, type_: GraphQLInputObjectType, level: int) -> dict[str, Any]:
        chosen = [
            name
            for name, one in type_.fields.items()
            if is_required_input_field(one) or self.rng.random() < (0.4 if level < 3 else 0.1)
        ]
        if type_.is_one_of and self.rng.random() > self.wrong:
            name = self.rng.choice(sorted(type_.fields))
            return {name: self._value(_hinted(name, type_), GraphQLNonNull(type_.fields[name].type), level + 1)}
        return {name: self._value(_hinted(name, type_), type_.fields[name].type, level + 1) for name in chosen}

    def _scalar(self, name: str, type_name: str) -> Any:
        scalars: dict[str, Callable[[], Any]] = {
            "Int": self._number,
            "Float": lambda: self.rng.choice((0.5, -1e300, 1e308)),
            "Boolean": lambda: self.rng.random() < 0.5,
            "ID": lambda: self.material.id(self.rng, self.hostile, _type_named(name)),
            "UUID": lambda: self._or_hostile(str(UUID(int=self.rng.getrandbits(128))), HOSTILE_TEXTS),
            "DateTime": lambda: self._or_hostile("2026-11-24T12:00:00Z", HOSTILE_TIMES),
        }
        if type_name in scalars:
            return scalars[type_name]()
        if name in {"after", "before"}:
            return self.material.cursor(self.rng, self.hostile)
        return self._or_hostile(self.rng.choice(self.material.words), HOSTILE_TEXTS)

    def _number(self) -> int:
        number: int = self._or_hostile(self.rng.randint(1, 4), HOSTILE_NUMBERS)
        return number

    def _or_hostile(self, value: Any, hostile: Sequence[Any]) -> Any:
        return value if self.rng.random() > self.hostile else self.rng.choice(hostile)


def _hinted(name: str, type_: GraphQLNamedType) -> str:
    """A bare `id` is of what a field returns, or what an input names: `TenantBy`."""
    if name != "id" or type_.name == "Node":
        return name
    noun = type_.name.removesuffix("By")
    return f"{noun[:1].lower()}{noun[1:]}Id"


def _type_named(name: str) -> str | None:
    """Of which type an id of this argument would be: `tenantId`, `findingIds`, `baselineRunId`."""
    stem = name.removesuffix("s").removesuffix("Id").removesuffix("id")
    named = {"baselineRun": "SyncRun", "currentRun": "SyncRun", "run": "SyncRun", "item": "InventoryItem"}
    return named.get(stem, stem[:1].upper() + stem[1:]) if stem else None


def _literal(value: Any, type_: GraphQLInputType | None = None) -> str:
    """A value in GraphQL's own spelling. An enum's name stands without quotes."""
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(value, list):
        item = inner.of_type if isinstance(inner, GraphQLList) else None
        return "[" + ", ".join(_literal(one, item) for one in value) + "]"
    if isinstance(value, dict):
        fields = inner.fields if isinstance(inner, GraphQLInputObjectType) else {}
        parts = (
            f"{name}: {_literal(one, fields[name].type if name in fields else None)}" for name, one in value.items()
        )
        return "{" + ", ".join(parts) + "}"
    if isinstance(inner, GraphQLEnumType) and isinstance(value, str):
        return value
    return json.dumps(value)


def _mangled(rng: random.Random, text: str) -> str:
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(text) + 1)
        text = rng.choice((
            text[:at] + text[at + 1 :],
            text[:at] + rng.choice(("{", "}", "(", ")", "$", "...", '"', "@", "!", "\x00", "\u2028", "#")) + text[at:],
            text[:at] + rng.choice(HOSTILE_TEXTS)[:50] + text[at:],
            text[:at],
            text + " " + text,
        ))  # fmt: skip
        text = text[:20_000]
    return text
