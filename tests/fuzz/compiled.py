"""Random documents of the kind that is compiled: a tenant and pages of its lists, in every form that one may have."""

import random
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from atlas.schema.root import schema
from tests.fuzz.generator import Asked

# What may be asked of each type without leaving what is compiled.
LISTS = {"findings": "Finding", "syncRuns": "SyncRun", "driftRuns": "DriftRun", "scopes": "Scope"}
OBJECTS = {
    "Finding": {"subject": "FindingSubject", "acknowledgement": "Acknowledgement", "scope": "Scope",
                "currentRun": "SyncRun", "baselineRun": "SyncRun"},
    "SyncRun": {"counts": "SyncRunCounts", "progress": "Progress", "scope": "Scope"},
    "DriftRun": {"counts": "DriftRunCounts", "progress": "Progress", "scope": "Scope", "currentRun": "SyncRun"},
    "Scope": {},
}  # fmt: skip
ORDERS = {
    "findings": ("LAST_SEEN_AT_DESC", "LAST_SEEN_AT_ASC", "FIRST_SEEN_AT_DESC", "SEVERITY_DESC", "SUBJECT_NAME_ASC"),
    "syncRuns": ("CREATED_AT_DESC", "CREATED_AT_ASC"),
    "driftRuns": ("CREATED_AT_DESC", "CREATED_AT_ASC"),
}
FILTERS = {
    "findings": ("{status: [NEW]}", "{severity: [HIGH, LOW], suppressed: null}", "{isCurrent: true}", "{status: []}",
                 '{itemType: {startsWith: "device"}}', '{subjectName: {in: ["a", "b"]}}',
                 '{lastSeenAt: {gte: "2026-01-01T00:00:00Z"}}', '{scopeKey: {startsWith: "s1:"}}'),
    "syncRuns": ("{status: [SUCCEEDED, PARTIAL]}", "{status: [FAILED]}"),
    "driftRuns": ("{status: [SUCCEEDED]}", "{}"),
}  # fmt: skip


@dataclass(slots=True)
class Compilable:
    """Writes one document after another; `rng` alone decides what they become."""

    rng: random.Random
    tenants: tuple[str, ...]
    cursors: dict[str, list[str]] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    definitions: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def write(self) -> Asked:
        self.fragments, self.definitions, self.variables = [], {}, {}
        tenant = self.rng.choice(self.tenants)
        if self.rng.random() < 0.8:
            self._variable("id", "ID!", tenant)
            by = "{id: $id}"
        else:
            by = f'{{id: "{tenant}"}}'
        body = self._tenant()
        around = self.rng.choice(("", "__typename "))
        named = ", ".join(f"${name}: {type_}" for name, type_ in self.definitions.items())
        head = f"query Q({named})" if named else "query"
        text = f"{head} {{ {around}{self._alias('tenant')}(by: {by}) {{ {body} }} }} {' '.join(self.fragments)}"
        return Asked("compiled", text, dict(self.variables))

    def _tenant(self) -> str:
        parts = self.rng.sample(["id", "name", "entraTenantId", "createdAt", "__typename"], self.rng.randint(0, 3))
        lists = self.rng.sample(sorted(LISTS), self.rng.randint(0 if parts else 1, 3))
        parts += [self._list(name) for name in lists]
        self.rng.shuffle(parts)
        return " ".join(parts)

    def _list(self, name: str) -> str:
        size = self.rng.choice((1, 2, 5, 50))
        if self.rng.random() < 0.3:
            self._variable(f"n{len(self.definitions)}", "Int", size)
            given = [f"{self._end()}: ${[*self.definitions][-1]}"]
        else:
            given = [f"{self._end()}: {size}"]
        order = self.rng.choice(ORDERS.get(name, ("",)))
        if order and self.rng.random() < 0.5:
            given.append(f"orderBy: {order}")
        elif self.cursors.get(name) and self.rng.random() < 0.5:
            given.append(f'{self.rng.choice(("after", "before"))}: "{self.rng.choice(self.cursors[name])}"')
        if name in FILTERS and self.rng.random() < 0.5:
            given.append(f"filter: {self.rng.choice(FILTERS[name])}")
        return f"{self._alias(name)}({', '.join(given)}) {{ {self._connection(LISTS[name])} }}"

    def _end(self) -> str:
        return "first" if self.rng.random() < 0.8 else "last"

    def _connection(self, type_name: str) -> str:
        parts = [f"{self._alias('nodes')} {{ {self._object(type_name)} }}"]
        if self.rng.random() < 0.4:
            edge = f"cursor {self._alias('node')} {{ {self._object(type_name)} }}"
            parts.append(f"edges {{ {edge} }}")
        if self.rng.random() < 0.4:
            parts.append("pageInfo { hasNextPage hasPreviousPage startCursor end: endCursor }")
        if self.rng.random() < 0.2:
            parts.append("__typename")
        self.rng.shuffle(parts)
        return " ".join(parts)

    def _object(self, type_name: str, depth: int = 0) -> str:
        type_ = schema._schema.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        plain = [name for name, one in type_.fields.items() if is_leaf_type(get_named_type(one.type)) and not one.args]
        parts = self.rng.sample(plain, min(len(plain), self.rng.randint(1, 12)))
        # An acknowledgement's and a run's other fields have resolvers.
        inner = OBJECTS.get(type_name, {}) if depth == 0 else {}
        for name, other in inner.items():
            if self.rng.random() < 0.35:
                parts.append(f"{self._alias(name)} {{ {self._object(other, depth + 1)} }}")
        if self.rng.random() < 0.2:
            parts.append("__typename")
        if self.rng.random() < 0.25:
            parts[0] = f"{parts[0]} {self._condition()}" if parts[0] in plain else parts[0]
        self.rng.shuffle(parts)
        body = " ".join(self._alias(part) if part in plain else part for part in parts)
        chance = self.rng.random()
        if chance < 0.2:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {type_name} {{ {body} }}")
            return f"...{name} {self._condition() if self.rng.random() < 0.2 else ''} __typename"
        return f"... on {type_name} {{ {body} }}" if chance < 0.3 else body

    def _condition(self) -> str:
        name = f"b{len(self.definitions)}"
        self._variable(name, "Boolean!", self.rng.random() < 0.5)
        return f"@{self.rng.choice(('skip', 'include'))}(if: ${name})"

    def _variable(self, name: str, type_: str, value: Any) -> None:
        self.definitions[name] = type_
        self.variables[name] = value

    def _alias(self, name: str) -> str:
        return f"a{self.rng.randint(0, 10_000)}: {name}" if self.rng.random() < 0.15 else name
