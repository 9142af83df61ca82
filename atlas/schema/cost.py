"""The static cost of an operation: the nodes that it may read, from its page sizes, each fragment priced once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
    visit,
)
from graphql.language import ArgumentNode

# Where the query does not say how many, this many are reckoned with.
_NODES_UNSAID = 100
_VALUES_UNSAID = 10
_LARGEST = 1_000
# So many values embedded in a row cost as much as a row.
_VALUES_A_NODE = 10
_SIZES = ("first", "last", "ids")
# So many prices of one document are kept, each under the sizes that it was computed with.
_MOST_PRICES = 64
# These have no id, and are read like a row.
_ROWS = frozenset({"ObjectChange", "Schedule"})


@dataclass(frozen=True, slots=True)
class _Price:
    """`fixed` once, and `each` for every item of the connection whose selection this is."""

    fixed: int = 0
    each: int = 0

    def __add__(self, other: "_Price") -> "_Price":
        return _Price(self.fixed + other.fixed, self.each + other.each)


_FREE = _Price()


@dataclass(frozen=True, slots=True)
class _Pricing:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    priced: dict[str, _Price] = field(default_factory=dict)


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> int:
    """Nodes that the operation reads at most, with these variables; the document must be valid."""
    root = schema.get_root_type(operation.operation)
    if root is None:
        return 0
    pricing = _Pricing(
        schema,
        {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)},
        _defaults(operation) | dict(variables),
    )
    return _selections(operation.selection_set, root, pricing).fixed


@dataclass(slots=True)
class Prices:
    """The prices of a valid document: computed once for all variables that ask for pages of the same sizes."""

    schema: GraphQLSchema
    document: DocumentNode
    _names: tuple[str, ...] | None = None
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def of(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        if self._names is None:
            self._names = _size_variables(self.document)
        name = operation.name.value if operation.name else None
        key = (name, *(_as_number(variables[one]) if one in variables else "absent" for one in self._names))
        price = self._known.get(key)
        if price is None:
            price = cost_of(self.schema, self.document, operation, variables)
            if len(self._known) < _MOST_PRICES:
                self._known[key] = price
        return price


def _size_variables(document: DocumentNode) -> tuple[str, ...]:
    """The variables that say how large a page is."""
    found: dict[str, None] = {}

    class Sizes(Visitor):
        def enter_argument(self, node: Node, *_path: object) -> None:
            if isinstance(node, ArgumentNode) and node.name.value in _SIZES and isinstance(node.value, VariableNode):
                found[node.value.name.value] = None

    visit(document, Sizes())
    return tuple(found)


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _selections(node: SelectionSetNode | None, parent: GraphQLNamedType, pricing: _Pricing) -> _Price:
    price = _FREE
    for selection in node.selections if node else ():
        if isinstance(selection, FieldNode):
            price += _field(selection, parent, pricing)
        elif isinstance(selection, InlineFragmentNode):
            condition = selection.type_condition
            inner = pricing.schema.get_type(condition.name.value) if condition else parent
            price += _selections(selection.selection_set, inner or parent, pricing)
        elif isinstance(selection, FragmentSpreadNode):
            price += _fragment(selection.name.value, parent, pricing)
    return price


def _fragment(name: str, parent: GraphQLNamedType, pricing: _Pricing) -> _Price:
    if name not in pricing.priced:
        pricing.priced[name] = _FREE
        definition = pricing.fragments.get(name)
        if definition is not None:
            inner = pricing.schema.get_type(definition.type_condition.name.value) or parent
            pricing.priced[name] = _selections(definition.selection_set, inner, pricing)
    return pricing.priced[name]


def _field(node: FieldNode, parent: GraphQLNamedType, pricing: _Pricing) -> _Price:
    fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
    definition = fields.get(node.name.value)
    if definition is None:  # `__typename`, and introspection, which has limits of its own.
        return _FREE
    target = get_named_type(definition.type)
    if not is_composite_type(target):
        return _Price(fixed=int(node.name.value == "totalCount"))
    below = _selections(node.selection_set, target, pricing)
    if parent.name.endswith("Connection") and node.name.value in {"edges", "nodes"}:
        return _Price(each=1 + below.fixed)
    if target.name.endswith("Connection"):
        return _Price(fixed=1 + below.fixed + _size(node, definition, pricing, _NODES_UNSAID) * below.each)
    if _is_list(definition.type):
        return _Price(fixed=_list(node, definition, target, below.fixed, pricing))
    own = _is_node(target) and not parent.name.endswith("Edge")
    return _Price(fixed=own + below.fixed)


def _list(node: FieldNode, definition: GraphQLField, target: GraphQLNamedType, below: int, pricing: _Pricing) -> int:
    if _is_node(target):
        return _size(node, definition, pricing, _NODES_UNSAID) * (1 + below)
    size = _size(node, definition, pricing, _VALUES_UNSAID)
    return -(-size // _VALUES_A_NODE) + size * below


def _size(node: FieldNode, definition: GraphQLField, pricing: _Pricing, unsaid: int) -> int:
    """The page size that the field asks for: `first` or `last`, or as many as there are `ids`."""
    said = []
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    for name in _SIZES:
        if name in given:
            said.append(_number(given[name], pricing.variables))
        elif name in definition.args:
            said.append(_as_number(_default(definition.args[name])))
    return max((min(max(number, 0), _LARGEST) for number in said if number is not None), default=unsaid)


def _number(value: ValueNode, variables: Mapping[str, Any]) -> int | None:
    if isinstance(value, VariableNode):
        return _as_number(variables.get(value.name.value))
    if isinstance(value, IntValueNode):
        # A literal of thousands of digits is no page size, and not worth reading.
        return int(value.value) if len(value.value) < 12 else _LARGEST
    return len(value.values) if isinstance(value, ListValueNode) else None


def _default(argument: GraphQLArgument) -> object:
    """The default of an argument, said as a value in Python or as a literal in SDL."""
    if argument.default is not None and argument.default.literal is not None:
        return value_from_ast_untyped(argument.default.literal)
    return argument.default_value


def _as_number(value: object) -> int | None:
    if isinstance(value, list | tuple):
        return len(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(min(max(value, 0), _LARGEST))


def _is_list(type_: GraphQLOutputType) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


def _is_node(type_: GraphQLNamedType) -> bool:
    if isinstance(type_, GraphQLObjectType):
        return type_.name in _ROWS or any(interface.name == "Node" for interface in type_.interfaces)
    return type_.name == "Node"
