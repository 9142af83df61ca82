"""From an operation to what is read and encoded for it, once for all requests that ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.language import Node
from strawberry.types.field import StrawberryField

from atlas.schema.compiled.records import LISTS
from atlas.schema.compiled.rows import CURSOR, Encode, UncompiledError, encoder, wanted_of
from atlas.schema.executor.shapes import DEFINITION, Shape, shape_of
from atlas.store.compiled import KEYS, Wanted

# What of a connection is made of its rows, and what of its page.
_ITEMS = frozenset({"nodes", "edges"})
PAGE = frozenset({"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"})


@dataclass(frozen=True, slots=True)
class Page:
    """The fields of a `pageInfo`, or a `__typename`, by their response names."""

    fields: tuple[tuple[str, str], ...]

    @property
    def keys(self) -> bool:
        """Is a cursor among them?"""
        return any(what.endswith("Cursor") for _, what in self.fields)


@dataclass(frozen=True, slots=True)
class List:
    """A list of the tenant: its field, what is read of each row, and what is made of the rows or of the page.

    Where no variable is among its arguments, it is `fixed`: all that follows from them may be kept.
    """

    attribute: str
    of: GraphQLField
    node: FieldNode
    wanted: Wanted
    keys: bool
    parts: tuple[tuple[str, Encode | Page | str], ...]
    fixed: bool
    kept: dict[Any, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """One tenant, found by the argument of `node`.

    `own` makes what is the tenant's own of a row of its columns, with which a row of the first list ends. A part of
    `parts` is a list, or None where it is made so. `around` holds the response names beside the tenant's.
    """

    name: str
    node: FieldNode
    field: GraphQLField
    around: tuple[tuple[str, str | None], ...]
    columns: tuple[str, ...]
    own: Encode
    parts: tuple[tuple[str, List | None], ...]


class _Compiler:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, values: VariableValues
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.values = values
        self.fragments = {
            one.name.value: FragmentDetails(one)
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }

    def compiled(self) -> Operation:
        root = self.schema.query_type
        if root is None or self.operation.operation is not OperationType.QUERY:
            raise UncompiledError
        found = collect_fields(self.schema, self.fragments, self.values, root, self.operation)
        if found.new_defer_usages:
            raise UncompiledError
        around: list[tuple[str, str | None]] = []
        tenants = []
        for name, details in found.grouped_field_set.items():
            field_name = details[0].node.name.value
            if field_name == "tenant":
                tenants.append((name, details))
                around.append((name, None))
            elif field_name == "__typename":
                around.append((name, root.name))
            else:
                raise UncompiledError
        if len(tenants) != 1:
            raise UncompiledError
        (name, details) = tenants[0]
        return self._tenant(name, root.fields["tenant"], details, tuple(around))

    def _tenant(self, name: str, field: GraphQLField, details: Any, around: tuple[Any, ...]) -> Operation:
        type_ = _object_type(field)
        grouped = self._fields(type_, details)
        lists: dict[str, List] = {}
        plain: dict[str, Any] = {}
        for part, inner in grouped.items():
            field_name = inner[0].node.name.value
            definition = type_.fields.get(field_name)
            attribute = _attribute(definition)
            if definition is not None and attribute in LISTS:
                lists[part] = self._list(attribute, definition, inner)
            else:
                plain[part] = inner
        shape = shape_of(type_, plain, self._fields)
        if not shape.plain:
            raise UncompiledError
        wanted = wanted_of([shape])
        own = encoder(shape, wanted, 0)
        parts = tuple((part, lists.get(part)) for part in grouped)
        return Operation(name, details[0].node, field, around, wanted.columns, own, parts)

    def _list(self, attribute: str, of: GraphQLField, details: Any) -> List:
        type_ = _object_type(of)
        grouped = self._fields(type_, details)
        shapes = {name: self._items(type_, inner) for name, inner in grouped.items() if _name(inner) in _ITEMS}
        if not shapes:
            raise UncompiledError
        wanted = wanted_of([shape for shape, _ in shapes.values()])
        parts: dict[str, Encode | Page | str] = {}
        for name, inner in grouped.items():
            if name not in shapes:
                parts[name] = type_.name if _name(inner) == "__typename" else self._page(type_, inner)
        keys = any(isinstance(part, Page) and part.keys for part in parts.values()) or any(
            what == CURSOR for _, edge in shapes.values() for _, what in edge or ()
        )
        for name, (shape, edge) in shapes.items():
            parts[name] = encoder(shape, wanted, KEYS * keys, edge)
        node = details[0].node
        made = tuple((name, parts[name]) for name in grouped)
        return List(attribute, of, node, wanted, keys, made, not _variables(node.arguments))

    def _items(self, connection: GraphQLObjectType, details: Any) -> tuple[Shape, tuple[tuple[str, str], ...] | None]:
        type_ = _object_type(connection.fields[_name(details)])
        grouped = self._fields(type_, details)
        if _name(details) == "nodes":
            return self._row(type_, grouped), None
        nodes = [inner for inner in grouped.values() if _name(inner) == "node"]
        if len(nodes) != 1:
            raise UncompiledError
        node_type = _object_type(type_.fields["node"])
        edge = []
        for name, inner in grouped.items():
            what = _name(inner)
            edge.append((name, type_.name if what == "__typename" else what))
        if any(what not in {CURSOR, "node", type_.name} for _, what in edge):
            raise UncompiledError
        return self._row(node_type, self._fields(node_type, nodes[0])), tuple(edge)

    def _row(self, type_: GraphQLObjectType, grouped: Mapping[str, Any]) -> Shape:
        shape = shape_of(type_, grouped, self._fields)
        if not shape.listable:
            raise UncompiledError
        return shape

    def _page(self, connection: GraphQLObjectType, details: Any) -> Page:
        if _name(details) != "pageInfo":
            raise UncompiledError
        type_ = _object_type(connection.fields["pageInfo"])
        fields = tuple((name, _name(inner)) for name, inner in self._fields(type_, details).items())
        if any(what not in PAGE for _, what in fields):
            raise UncompiledError
        return Page(fields)

    def _fields(self, type_: GraphQLObjectType, details: Any) -> Mapping[str, Any]:
        found = collect_subfields(self.schema, self.fragments, self.values, self.operation, type_, details)
        if found.new_defer_usages:
            raise UncompiledError
        return found.grouped_field_set


def compiled(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, values: VariableValues
) -> Operation | None:
    """None for what is graphql-core's. The document must be valid; of the `values` only those of `conditions` count."""
    try:
        return _Compiler(schema, document, operation, values).compiled()
    except UncompiledError:
        return None


def conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables of `@skip` and `@include`: with other values the same operation is another."""
    directives: list[Node] = []

    class Directives(Visitor):
        def enter_directive(self, node: Node, *_path: object) -> None:
            directives.append(node)

    visit(document, Directives())
    return _variables(directives)


def _variables(nodes: Sequence[Node] | None) -> tuple[str, ...]:
    found: dict[str, None] = {}

    class Variables(Visitor):
        def enter_variable(self, node: Node, *_path: object) -> None:
            if isinstance(node, VariableNode):
                found[node.name.value] = None

    for node in nodes or ():
        visit(node, Variables())
    return tuple(found)


def _name(details: Sequence[Any]) -> str:
    name: str = details[0].node.name.value
    return name


def _object_type(field: GraphQLField) -> GraphQLObjectType:
    type_ = get_named_type(field.type)
    if not isinstance(type_, GraphQLObjectType):
        raise UncompiledError
    return type_


def _attribute(field: GraphQLField | None) -> str:
    definition = None if field is None else field.extensions.get(DEFINITION)
    return (definition.python_name or "") if isinstance(definition, StrawberryField) else ""
