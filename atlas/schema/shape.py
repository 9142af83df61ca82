"""The shape of a document: depth and counts, each fragment measured once."""

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`fields` counts the fields of a fragment at each of its spreads; `aliases` and `directives` as written.

    `depth` leaves introspection out. `visits` is how many selections were looked at, which is the proof that
    the work grows with the document and not with what it expands to.
    """

    depth: int
    fields: int
    introspection_fields: int
    root_fields: int
    aliases: int
    directives: int
    visits: int
    operations: int


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a selection set comes to: levels below, fields in all, fields on its own level."""

    depth: int = 0
    fields: int = 0
    introspection: int = 0
    top: int = 0

    def __add__(self, other: "_Reach") -> "_Reach":
        return _Reach(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.introspection + other.introspection,
            self.top + other.top,
        )


_NOTHING = _Reach()


@dataclass(slots=True)
class _Walk:
    fragments: dict[str, FragmentDefinitionNode]
    reached: dict[str, _Reach] = field(default_factory=dict)
    aliases: int = 0
    directives: int = 0
    visits: int = 0


def measure(document: DocumentNode) -> Shape:
    """The shape of all operations of the document together; a document with cycles has one too."""
    definitions = document.definitions
    walk = _Walk({d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)})
    total = _NOTHING
    roots = operations = 0
    for definition in definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations += 1
            walk.directives += len(definition.directives or ())
            reach = _selections(definition.selection_set, walk)
            total, roots = total + reach, max(roots, reach.top)
    return Shape(
        depth=total.depth,
        fields=total.fields,
        introspection_fields=total.introspection,
        root_fields=roots,
        aliases=walk.aliases,
        directives=walk.directives,
        visits=walk.visits,
        operations=operations,
    )


def _selections(node: SelectionSetNode | None, walk: _Walk) -> _Reach:
    reach = _NOTHING
    for selection in node.selections if node else ():
        walk.visits += 1
        walk.directives += len(selection.directives or ())
        reach += _selection(selection, walk)
    return reach


def _selection(node: SelectionNode, walk: _Walk) -> _Reach:
    if isinstance(node, FieldNode):
        return _field(node, walk)
    if isinstance(node, InlineFragmentNode):
        return _selections(node.selection_set, walk)
    if isinstance(node, FragmentSpreadNode):
        return _fragment(node.name.value, walk)
    return _NOTHING


def _field(node: FieldNode, walk: _Walk) -> _Reach:
    walk.aliases += node.alias is not None
    below = _selections(node.selection_set, walk)
    if node.name.value in _INTROSPECTION:
        return _Reach(depth=0, fields=0, introspection=1 + below.fields + below.introspection, top=1)
    return _Reach(below.depth + 1, below.fields + 1, below.introspection, 1)


def _fragment(name: str, walk: _Walk) -> _Reach:
    """Measured at its first spread. A spread inside of itself adds nothing; validation refuses it."""
    if name not in walk.reached:
        walk.reached[name] = _NOTHING
        definition = walk.fragments.get(name)
        if definition is not None:
            walk.directives += len(definition.directives or ())
            walk.reached[name] = _selections(definition.selection_set, walk)
    return walk.reached[name]
