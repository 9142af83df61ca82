"""From a shape to the code that answers it: one expression a field, compiled once for all requests.

The code does only what is sure to come out as graphql-core would have it. On anything else - a null that must not be, a
value of another type - it raises `Unplanned`, and graphql-core does the whole list anew, with its errors and paths.
Reading an attribute changes nothing, so doing it twice is no harm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

from atlas.schema.executor.shapes import Leaf, Name, Other, Part, Related, Shape
from atlas.schema.resolvers import Relation

# So many shapes are kept. Names are the caller's to choose, so there is no end of them.
_MOST_KEPT = 512

Loaded = Mapping[tuple[UUID, Any], Any]


class Unplanned(Exception):  # noqa: N818
    """Not as the code expects it: left to graphql-core."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Objects that a list needs: `keys` finds the tenants and keys in its items, `answer` is made of each object."""

    relation: Relation
    keys: Callable[[Sequence[Any]], set[tuple[UUID, Any]]]
    answer: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`answers` gives what a list's items come to; `wanted` is what must be loaded before, in the order of its maps.

    `others` are the response names that are left open, in their places.
    """

    answers: Callable[[Sequence[Any], Sequence[Loaded]], list[dict[str, Any]]]
    wanted: tuple[Wanted, ...]
    others: tuple[str, ...]


@dataclass(slots=True)
class _Writer:
    """Writes the code of one shape; `values` is what it refers to by name."""

    lines: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    wanted: list[Wanted] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    count: int = 0

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def refer(self, value: object) -> str:
        name = f"c{len(self.values)}"
        self.values[name] = value
        return name


@lru_cache(_MOST_KEPT)
def plan_of(shape: Shape) -> Plan:
    writer = _Writer()
    made = _object(writer, shape, "o", "o", indent=2)
    source = "\n".join(
        [
            "def answers(items, loaded):",
            "    found = []",
            "    for o in items:",
            *writer.lines,
            f"        found.append({made})",
            "    return found",
        ]
    )
    names = writer.values | {"Unplanned": Unplanned}
    # Nothing of a caller's is in it but response names, which the grammar of GraphQL makes names of Python too.
    exec(compile(source, "<plan>", "exec"), names)  # noqa: S102
    return Plan(names["answers"], tuple(writer.wanted), tuple(writer.others))


def _object(writer: _Writer, shape: Shape, here: str, path: str, indent: int) -> str:
    """Writes what must come before, and gives the expression of the answer."""
    if shape.type.is_type_of is not None:
        check = writer.refer(shape.type.is_type_of)
        writer.lines.append(f"{'    ' * indent}if not {check}({here}, None): raise Unplanned")
    parts = [f"{name!r}: {_part(writer, name, part, here, path, indent)}" for name, part in shape.parts]
    return "{" + ", ".join(parts) + "}"


def _part(writer: _Writer, name: str, part: Part, here: str, path: str, indent: int) -> str:
    if isinstance(part, Name):
        return repr(part.type_name)
    if isinstance(part, Other):
        writer.others.append(name)
        return "None"
    space = "    " * indent
    value = writer.fresh()
    if isinstance(part, Related):
        return _related(writer, part, here, path)
    writer.lines.append(f"{space}{value} = {here}.{part.attribute}")
    if isinstance(part, Leaf):
        convert = writer.refer(_converter(part))
        quick = None if part.is_list else _quick(part.type, value)
        condition = f"{value} is not None" if part.nullable else ""
        if quick is not None:
            condition = f"{condition} and not ({quick})" if condition else f"not ({quick})"
        writer.lines.append(f"{space}if {condition or 'True'}: {value} = {convert}({value})")
        return value
    if not part.nullable:
        writer.lines.append(f"{space}if {value} is None: raise Unplanned")
        return _object(writer, part.shape, value, f"{path}.{part.attribute}", indent)
    made = writer.fresh()
    writer.lines += [f"{space}{made} = None", f"{space}if {value} is not None:"]
    inner = _object(writer, part.shape, value, f"{path}.{part.attribute}", indent + 1)
    writer.lines.append(f"{space}    {made} = {inner}")
    return made


def _related(writer: _Writer, part: Related, here: str, path: str) -> str:
    number = len(writer.wanted)
    key = part.relation.key
    writer.wanted.append(Wanted(part.relation, _keys(path, key), _one(plan_of(part.shape))))
    return f"loaded[{number}][{here}.tenant_id, {here}.{key}]"


def _one(plan: Plan) -> Callable[[Any], dict[str, Any]]:
    return lambda found: plan.answers((found,), ())[0]


@lru_cache(_MOST_KEPT)
def _keys(path: str, key: str) -> Callable[[Sequence[Any]], set[tuple[UUID, Any]]]:
    """Looks into embedded objects, of which one that may be null may be null."""
    attributes = path.split(".")[1:]

    def keys(items: Sequence[Any]) -> set[tuple[UUID, Any]]:
        found = set()
        for item in items:
            here = item
            for attribute in attributes:
                here = None if here is None else getattr(here, attribute)
            if here is not None:
                found.add((here.tenant_id, getattr(here, key)))
        return found

    return keys


def _quick(type_: GraphQLLeafType, value: str) -> str | None:
    """A condition under which a value is its own answer."""
    if type_ is GraphQLString or type_ is GraphQLID:
        return f"type({value}) is str"
    if type_ is GraphQLBoolean:
        return f"{value} is True or {value} is False"
    if type_ is GraphQLInt:
        return f"type({value}) is int and -2147483648 <= {value} <= 2147483647"
    return None


@lru_cache(_MOST_KEPT)
def _converter(leaf: Leaf) -> Callable[[Any], Any]:
    one = _enum(leaf.type) if isinstance(leaf.type, GraphQLEnumType) else _scalar(leaf.type)
    if not leaf.is_list:
        return one
    nullable = leaf.items_nullable

    def listed(values: Any) -> list[Any]:
        if type(values) is not list:
            raise Unplanned
        return [None if value is None and nullable else one(value) for value in values]

    return listed


def _scalar(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    coerce = type_.coerce_output_value

    def convert(value: Any) -> Any:
        if value is None or isinstance(value, Exception):
            raise Unplanned
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise Unplanned
        return coerced

    return convert


def _enum(type_: GraphQLEnumType) -> Callable[[Any], Any]:
    wrapped: type[Enum] | None = getattr(type_, "wrapped_cls", None)
    if wrapped is None:
        return _scalar(type_)
    names = {member: type_.coerce_output_value(member) for member in wrapped}

    def convert(value: Any) -> Any:
        if type(value) is not wrapped:
            raise Unplanned
        return names[value]

    return convert
