"""May the fields of a document that share a name in the answer be merged? Each field is looked at once, not each pair.

The specification's rule compares every two fields, and so does graphql-core's: its work grows with the square of a
document. Here the fields of one name are a group that must be alike as a whole (Simon Adameit's algorithm). The verdict
is the same; tests hold it against graphql-core's on documents made at random.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    ValueNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    print_ast,
    type_from_ast,
)
from graphql.language import InlineFragmentNode

# A field of an interface that holds objects is looked at once with each object type beside it. Nothing real comes near.
_MOST_VISITS = 20_000


_HAVING_FIELDS = GraphQLObjectType | GraphQLInterfaceType


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """A field where it is selected; `parent` and `type` are None where the schema does not know them."""

    node: FieldNode
    parent: GraphQLNamedType | None
    type: GraphQLOutputType | None


_Groups = Mapping[str, list[_Field]]


class FieldsCanMergeRule(ValidationRule):
    """Instead of graphql-core's OverlappingFieldsCanBeMergedRule. `visits` is the work: fields collected."""

    context: ValidationContext

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.visits = 0
        self._done: set[tuple[bool, frozenset[int]]] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        root = self.context.schema.get_root_type(node.operation)
        found: dict[str, list[_Field]] = {}
        self._collect(root, node.selection_set, found, set())
        self._check(found, shape_only=False)

    def _check(self, groups: _Groups, *, shape_only: bool) -> None:
        """`shape_only`: the fields are of objects that are never the same, and differ in all but their shape."""
        for name, group in groups.items():
            key = (shape_only, frozenset(id(field.node) for field in group))
            # A cycle of fragments, which another rule refuses, comes back to the same fields.
            if key in self._done or not self._alike(name, group, _shapes_differ):
                continue
            self._done.add(key)
            parts = [group] if shape_only else _that_may_meet(group)
            for part in parts:
                if shape_only or self._alike(name, part, _calls_differ):
                    self._check(self._below(part), shape_only=shape_only)
            if len(parts) > 1:
                self._check(self._below(group), shape_only=True)

    def _alike(self, name: str, group: list[_Field], differ: Any) -> bool:
        first = group[0]
        for other in group[1:]:
            why = differ(first, other)
            if why is not None:
                told = f"Fields '{name}' conflict because {why}. Use different aliases on the fields to fetch both"
                nodes = [first.node, other.node]
                self.report_error(GraphQLError(f"{told} if this was intentional.", nodes))
                return False
        return True

    def _below(self, group: Iterable[_Field]) -> _Groups:
        """What is selected of the objects that these fields hold, together."""
        found: dict[str, list[_Field]] = {}
        spread: set[str] = set()
        for field in group:
            if field.node.selection_set is not None:
                held = get_named_type(field.type) if field.type is not None else None
                self._collect(held, field.node.selection_set, found, spread)
        return found

    def _collect(
        self,
        parent: GraphQLNamedType | None,
        selected: SelectionSetNode,
        found: dict[str, list[_Field]],
        spread: set[str],
    ) -> None:
        schema = self.context.schema
        for selection in selected.selections:
            self.visits += 1
            if self.visits > _MOST_VISITS:
                if self.visits == _MOST_VISITS + 1:
                    self.report_error(GraphQLError("The query merges too many fields. Ask in several queries."))
                return
            if isinstance(selection, FieldNode):
                name = selection.name.value
                # As in graphql-core, what every type has (`__typename`) has no type here.
                known = parent.fields.get(name) if isinstance(parent, _HAVING_FIELDS) else None
                answered = selection.alias.value if selection.alias else name
                found.setdefault(answered, []).append(_Field(selection, parent, known.type if known else None))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = type_from_ast(schema, condition) if condition else parent
                self._collect(within, selection.selection_set, found, spread)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                fragment = self.context.get_fragment(selection.name.value)
                if fragment is not None:
                    within = type_from_ast(schema, fragment.type_condition)
                    self._collect(within, fragment.selection_set, found, spread)


def _that_may_meet(group: list[_Field]) -> list[list[_Field]]:
    """The fields of each object type, with those of interfaces, which may be of any object."""
    objects: dict[str, list[_Field]] = {}
    others = []
    for field in group:
        if isinstance(field.parent, GraphQLObjectType):
            objects.setdefault(field.parent.name, []).append(field)
        else:
            others.append(field)
    return [[*fields, *others] for fields in objects.values()] or [others]


def _shapes_differ(one: _Field, other: _Field) -> str | None:
    if one.type is None or other.type is None or not _types_conflict(one.type, other.type):
        return None
    return f"they return conflicting types '{one.type}' and '{other.type}'"


def _types_conflict(one: GraphQLOutputType, other: GraphQLOutputType) -> bool:
    """Lists and what may not be null must be so in both, leaves the same; objects are compared by their fields."""
    while True:
        for wraps in (is_list_type, is_non_null_type):
            if wraps(one) or wraps(other):
                if not (wraps(one) and wraps(other)):
                    return True
                one, other = one.of_type, other.of_type  # type: ignore[union-attr]
                break
        else:
            return (is_leaf_type(one) or is_leaf_type(other)) and one is not other


def _calls_differ(one: _Field, other: _Field) -> str | None:
    name, called = one.node.name.value, other.node.name.value
    if name != called:
        return f"'{name}' and '{called}' are different fields"
    if _arguments(one.node) != _arguments(other.node):
        return "they have differing arguments"
    return None


def _arguments(node: FieldNode) -> dict[str, object]:
    return {argument.name.value: _value(argument.value) for argument in node.arguments or ()}


def _value(node: ValueNode) -> object:
    """A value by which two are compared: in an object the order of the fields means nothing."""
    if isinstance(node, ObjectValueNode):
        return {field.name.value: _value(field.value) for field in node.fields}
    if isinstance(node, ListValueNode):
        return [_value(one) for one in node.values]
    return print_ast(node)
