"""The walk over the schema: every way from a type to a field, as a selection that reads what lies there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from atlas.schema.root import schema

CORE = schema._schema

# How many of the first, the second and the third list on a way; the first is as long as it takes to meet a row.
SIZES = ("$first", "3", "2", "2")

_ALL = "by: [STATUS, SEVERITY, CHANGE_TYPE, ITEM_TYPE, SCOPE]"
ARGUMENTS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("Tenant", "scope"): "key: $key",
        ("Tenant", "inventoryAt"): "runId: $run",
        ("Tenant", "findingCounts"): _ALL,
        # What a rule hides too.
        **{(parent, "findings"): "filter: {suppressed: null}" for parent in ("Tenant", "Scope", "DriftRun")},
        ("Tenant", "previewRule"): 'input: {itemType: "configurationPolicy"}',
        ("DriftOverview", "counts"): _ALL,
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """A field of a type that leads to objects."""

    parent: str
    field: str


Way = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A type that the walk comes to, by which way, and the fields that lead on from it."""

    way: Way
    steps: tuple[Step, ...]

    @property
    def ways(self) -> tuple[Way, ...]:
        """The start too is a way, to itself."""
        return (*(() if self.way else ((),)), *((*self.way, step) for step in self.steps))


def object_type(name: str) -> GraphQLObjectType:
    type_ = CORE.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    return type_


def node_types() -> list[str]:
    """The types with a global id, from the schema."""
    node = CORE.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    return sorted(type_.name for type_ in CORE.get_possible_types(node))


def crossings(start: str, *, beyond_nodes: bool) -> list[Crossing]:
    """Every type that can be reached from the start, each by its shortest way and once.

    Without `beyond_nodes` the walk ends at objects with a global id.
    """
    found: list[Crossing] = []
    known, queue = {start}, [(start, ())]
    while queue:
        name, way = queue.pop(0)
        steps = []
        for field, target in composite_fields(object_type(name)):
            steps.append(Step(name, field))
            ends = isinstance(target, GraphQLInterfaceType) or (not beyond_nodes and is_node(target))
            if not ends and target.name not in known:
                known.add(target.name)
                queue.append((target.name, (*way, steps[-1])))
        if steps or not way:
            found.append(Crossing(way, tuple(steps)))
    return found


def composite_fields(type_: GraphQLObjectType) -> Iterator[tuple[str, GraphQLNamedType]]:
    """The fields that lead to objects, and to which: of a connection, to its nodes."""
    for name, field in type_.fields.items():
        if not is_leaf_type(get_named_type(field.type)):
            yield name, goal(field)


def goal(field: GraphQLField) -> GraphQLNamedType:
    target = get_named_type(field.type)
    return get_named_type(object_type(target.name).fields["nodes"].type) if is_connection(target) else target


def is_connection(type_: GraphQLNamedType) -> bool:
    return type_.name.endswith("Connection")


def is_node(type_: GraphQLNamedType) -> bool:
    return isinstance(type_, GraphQLObjectType) and any(one.name == "Node" for one in type_.interfaces)


def selection(start: str, crossing: Crossing) -> str:
    """What is selected of the start to read all that lies one step behind the crossing."""
    size = SIZES[len(_lists(crossing.way))]
    ends = " ".join(f"{call(step, size)} {{ {whole(get_named_type(field_of(step).type))} }}" for step in crossing.steps)
    return along(crossing.way, f"{ends} {'__typename' if crossing.way else leaves(object_type(start))}")


def along(way: Way, below: str, sizes: Sequence[str] = SIZES) -> str:
    """The selection of what lies on the way, around what is selected at its end."""
    for position in reversed(range(len(way))):
        called = call(way[position], sizes[len(_lists(way[:position]))])
        inner = f"__typename nodes {{ {below} }}" if _lists(way[position : position + 1]) else below
        below = f"__typename {called} {{ {inner} }}"
    return below


def _lists(way: Way) -> list[Step]:
    return [step for step in way if is_connection(get_named_type(field_of(step).type))]


def field_of(step: Step) -> GraphQLField:
    return object_type(step.parent).fields[step.field]


def call(step: Step, size: str) -> str:
    field = field_of(step)
    given = [ARGUMENTS[step.parent, step.field]] if (step.parent, step.field) in ARGUMENTS else []
    if is_connection(get_named_type(field.type)):
        given.append(f"first: {size}")
    unsaid = [
        name for name, one in field.args.items() if is_required_argument(one) and f"{name}:" not in " ".join(given)
    ]
    assert not unsaid, f"say in ARGUMENTS what {step.parent}.{step.field} is asked with: {unsaid}"
    return f"{step.field}({', '.join(given)})" if given else step.field


def whole(type_: GraphQLNamedType) -> str:
    """All that an object says of itself; of a connection its nodes too, by each way that leads to them."""
    if not is_connection(type_):
        return leaves(type_)
    fields = object_type(type_.name).fields
    edge, node, page = (get_named_type(fields[name].type) for name in ("edges", "nodes", "pageInfo"))
    edges = f"edges {{ {leaves(edge)} node {{ {told_apart(node)} }} }}"
    return f"{leaves(type_)} pageInfo {{ {leaves(page)} }} {edges} nodes {{ {leaves(node)} }}"


def told_apart(type_: GraphQLNamedType) -> str:
    """What tells objects apart."""
    return "__typename id" if is_node(type_) else leaves(type_)


def leaves(type_: GraphQLNamedType) -> str:
    assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
    plain = (name for name, field in type_.fields.items() if is_leaf_type(get_named_type(field.type)))
    return " ".join(("__typename", *plain))


def fields_reached(start: str) -> set[tuple[str, str]]:
    """Every (type, field) that the ways from a type lead over or to."""
    found: set[tuple[str, str]] = set()
    queue = [start]
    while queue:
        name = queue.pop()
        for field, definition in object_type(name).fields.items():
            if (name, field) not in found:
                found.add((name, field))
                target = get_named_type(definition.type)
                queue += [target.name] if isinstance(target, GraphQLObjectType) else []
    return found
