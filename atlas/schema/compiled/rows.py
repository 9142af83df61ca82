"""From a shape to the columns that are read for it, and to the code that makes answers of rows of them."""

from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLID, GraphQLInt, GraphQLLeafType, GraphQLString

from atlas.schema.compiled.records import RECORDS, Part
from atlas.schema.executor.shapes import Embedded, Leaf, Name, Related, Shape
from atlas.store.compiled import COLUMNS, Wanted, places

Record = Sequence[Any]
# Makes an answer of each row. `tenant` is the tenant's id in hexadecimal digits, `cursor` that of a position.
Encode = Callable[[Sequence[Record], str, Callable[..., str]], list[dict[str, Any]]]
CURSOR = "cursor"


# The length of a time that PostgreSQL tells to the microsecond.
_FULL = len("2026-11-24 08:15:30.123456+00")


class UncompiledError(Exception):
    """What graphql-core is to answer."""


@dataclass(slots=True)
class _Columns:
    """What is read of one object, as it is found out."""

    kind: str
    names: dict[str, None] = field(default_factory=dict)
    joined: dict[str, "_Columns"] = field(default_factory=dict)

    def wanted(self, *, joined: bool = False) -> Wanted:
        """Of what is joined a column that is never null is read, which tells whether it is there."""
        if joined and all(_may_be_null(self.kind, name) for name in self.names):
            self.names["id"] = None
        below = tuple((key, of.wanted(joined=True)) for key, of in self.joined.items())
        return Wanted(self.kind, tuple(self.names), below)


@dataclass(slots=True)
class _Writer:
    """`first` is the place of the first column in a row; `values` is what the code refers to by name."""

    first: int
    places: Mapping[tuple[tuple[str, ...], str], int] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    needed: dict[int, None] = field(default_factory=dict)

    def refer(self, value: object) -> str:
        name = f"c{len(self.values)}"
        self.values[name] = value
        return name

    def prefix(self, type_name: str) -> str:
        return self.prefixes.setdefault(type_name, f"p{len(self.prefixes)}")


def wanted_of(shapes: Sequence[Shape]) -> Wanted:
    """What is read of each row for all of these shapes of it. Raises `UncompiledError`."""
    found = _Columns(shapes[0].type.name)
    for shape in shapes:
        _collect(found, shape, None)
    return found.wanted()


def encoder(shape: Shape, wanted: Wanted, first: int, edge: Sequence[tuple[str, str]] | None = None) -> Encode:
    """The code for rows in which `wanted` begins at the place `first`.

    With `edge`, the response names and the fields of an edge, it makes the edges of the objects.
    """
    writer = _Writer(first, {place: first + number for number, place in enumerate(places(wanted))})
    made = _object(writer, shape, (), None)
    if edge is not None:
        parts = {CURSOR: "cursor(r[0], r[1])", "node": made}
        made = "{" + ", ".join(f"{name!r}: {parts.get(what, repr(what))}" for name, what in edge) + "}"
    missing = " or ".join(f"r[{number}] is None" for number in writer.needed)
    source = "\n".join(
        [
            "def answers(rows, tenant, cursor):",
            *(f"    {name} = {of + ':'!r} + tenant + ':'" for of, name in writer.prefixes.items()),
            "    found = []",
            "    for r in rows:",
            *([f"        if {missing}: raise Uncompiled"] if missing else []),
            f"        found.append({made})",
            "    return found",
        ]
    )
    names = writer.values | {"Uncompiled": UncompiledError, "moment": _moment, "packed": b2a_base64, "given": _given}
    # Nothing of a caller's is in it but response names, which the grammar of GraphQL makes names of Python too.
    exec(compile(source, "<rows>", "exec"), names)  # noqa: S102
    encode: Encode = names["answers"]
    return encode


def _collect(found: _Columns, shape: Shape, part: Part | None) -> None:
    record = RECORDS.get(found.kind)
    if record is None:
        raise UncompiledError
    renamed = record.renamed if part is None else part.renamed
    for _, of in shape.parts:
        if isinstance(of, Leaf):
            name = renamed.get(of.attribute, of.attribute)
            if name not in COLUMNS[found.kind]:
                raise UncompiledError
            found.names[name] = None
        elif isinstance(of, Embedded) and part is None and of.attribute in record.parts:
            inner = record.parts[of.attribute]
            if inner.present is not None:
                found.names[inner.present] = None
            _collect(found, of.shape, inner)
        elif isinstance(of, Related) and part is None:
            key = of.relation.key
            _collect(found.joined.setdefault(key, _Columns(of.shape.type.name)), of.shape, None)
        elif not isinstance(of, Name):
            raise UncompiledError


def _object(writer: _Writer, shape: Shape, path: tuple[str, ...], part: Part | None, kind: str = "") -> str:
    """The expression of an object whose columns are at `path`."""
    kind = kind or shape.type.name
    record = RECORDS[kind]
    renamed = record.renamed if part is None else part.renamed
    made = []
    for name, of in shape.parts:
        if isinstance(of, Name):
            value = repr(of.type_name)
        elif isinstance(of, Leaf):
            column = renamed.get(of.attribute, of.attribute)
            value = _leaf(writer, of, kind, column, writer.places[path, column], of_row=part is None)
        elif isinstance(of, Embedded):
            inner = record.parts[of.attribute]
            value = _object(writer, of.shape, path, inner, kind)
            if inner.present is not None:
                value = f"(None if r[{writer.places[path, inner.present]}] is None else {value})"
        elif isinstance(of, Related):
            there = (*path, of.relation.key)
            kind_there = of.shape.type.name
            sure = (
                place for (p, name), place in writer.places.items() if p == there and not _may_be_null(kind_there, name)
            )
            writer.needed[next(sure)] = None
            value = _object(writer, of.shape, there, None)
        else:
            raise UncompiledError
        made.append(f"{name!r}: {value}")
    return "{" + ", ".join(made) + "}"


def _leaf(writer: _Writer, leaf: Leaf, kind: str, column: str, place: int, *, of_row: bool) -> str:
    value = f"r[{place}]"
    if of_row and leaf.attribute == "id":
        # As `encode_id`: no text of names, colons and hexadecimal digits has a sign that base64url writes otherwise.
        return f"packed(({writer.prefix(kind)} + {value}.hex).encode(), newline=False).rstrip(b'=').decode()"
    may_be_null = _may_be_null(kind, column)
    if leaf.is_list:
        if leaf.type is not GraphQLString or leaf.items_nullable:
            raise UncompiledError
        made = value
    else:
        made = _converted(writer, leaf.type, value)
    if not may_be_null or (leaf.nullable and made == value):
        return made
    if leaf.nullable:
        return f"(None if {value} is None else {made})"
    return f"given({value})" if made == value else f"({made} if {value} is not None else given({value}))"


def _sure_place(writer: _Writer, path: tuple[str, ...], kind: str) -> int:
    """Of a column that is null only where nothing was joined."""
    of = (place for (at, name), place in writer.places.items() if at == path and not _may_be_null(kind, name))
    return next(of)


def _may_be_null(kind: str, column: str) -> bool:
    """What is computed may be."""
    return bool(getattr(COLUMNS[kind][column], "nullable", True))


def _converted(writer: _Writer, type_: GraphQLLeafType, value: str) -> str:
    if type_ in {GraphQLString, GraphQLID, GraphQLInt, GraphQLBoolean}:
        return value
    if isinstance(type_, GraphQLEnumType):
        members = getattr(type_, "wrapped_cls", None)
        if members is None:
            raise UncompiledError
        names = {member.value: type_.coerce_output_value(member) for member in members}
        return f"{writer.refer(names)}[{value}]"
    if type_.name == "DateTime":
        return f"({value}[:10] + 'T' + {value}[11:26] + 'Z' if len({value}) == {_FULL} else moment({value}))"
    if type_.name == "UUID":
        return f"str({value})"
    raise UncompiledError


def _moment(told: str) -> str:
    """As `serialize_datetime`, of a time as PostgreSQL tells it in UTC, which leaves zeros out at the end."""
    day, _, rest = told.partition(" ")
    second, _, fraction = rest.removesuffix("+00").partition(".")
    if not rest.endswith("+00") or len(day) != len("2026-11-24"):
        raise UncompiledError
    return f"{day}T{second}.{fraction:0<6}Z"


def _given(value: Any) -> Any:
    if value is None:
        raise UncompiledError
    return value
