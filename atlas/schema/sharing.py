"""What of a subscription is the same for whom: who may be told one encoded result."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)

# What is read of these asks the database for READ, and for nothing else of whoever asks: a test compares them with
# the policies. What is not here (a tenant, its members, principals, the audit record, rules) is shared by nobody.
SHARED_TYPES = frozenset(
    {
        "Activity",
        "Acknowledgement",
        "AttributedEvent",
        "Attribution",
        "Baseline",
        "DriftRun",
        "DriftRunCounts",
        "EvidenceValue",
        "Finding",
        "FindingSubject",
        "ItemTypeCoverage",
        "NotEvaluated",
        "Progress",
        "PropertyChange",
        "Recreation",
        "RunError",
        "Scope",
        "SyncRun",
        "SyncRunCounts",
    }
)
_LONGEST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Reach:
    """`shared`: everybody of one role is told the same. `variables` are those that change what is told."""

    shared: bool
    variables: frozenset[str]


def reach_of(schema: GraphQLSchema, text: str) -> Reach:
    """Of a valid document."""
    return _reach(schema, text) if len(text) > _LONGEST_KEPT else _kept(schema, text)


class _Reading(Visitor):
    """Where one begins, by the argument `after` of a feed, changes nothing of what is told of an event."""

    def __init__(self, types: TypeInfo, root: Any) -> None:
        super().__init__()
        self._types = types
        self._root = root
        self._of_root = False
        self.shared = True
        self.variables: set[str] = set()

    def enter_field(self, _node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        self._of_root = parent is self._root
        if parent is None or (not self._of_root and parent.name not in SHARED_TYPES):
            self.shared = False

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        field = self._types.get_field_def()
        of_feed = field is not None and self._of_root and field is self._root.fields.get("activity")
        return self.SKIP if of_feed and node.name.value == "after" else None

    def enter_variable_definition(self, _node: VariableDefinitionNode, *_: Any) -> Any:
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)


def _reach(schema: GraphQLSchema, text: str) -> Reach:
    types = TypeInfo(schema)
    reading = _Reading(types, schema.subscription_type)
    visit(parse(text), TypeInfoVisitor(types, reading))
    return Reach(reading.shared, frozenset(reading.variables))


_kept = lru_cache(128)(_reach)
