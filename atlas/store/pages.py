"""Pages of a list by keyset: which rows come next to a row, in an order that an index has."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, Select, Uuid, func, literal, select, true, tuple_
from sqlalchemy import Row as _Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

Row = _Row[*tuple[Any, ...]]
Value = datetime | str | int | UUID
Position = tuple[Value, ...]

# Builds the rows of one parent (a scope's findings, a tenant's runs): `(tenant id, parent, filter) -> select`.
Source = Callable[[UUID | None, ColumnElement[UUID], Any], Select[Any]]


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order: its name in the select, and the type of its values."""

    name: str
    type: type[datetime] | type[str] | type[int] | type[UUID]


@dataclass(frozen=True, slots=True)
class Order:
    """An order that an index has. The keys together are unique; a cursor is bound to `name`."""

    name: str
    keys: tuple[Key, ...]
    descending: bool = False

    def position(self, row: Row) -> Position:
        return tuple(getattr(row, key.name) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which rows, in which order. Equal listings of several parents are read in one statement."""

    source: Source
    order: Order
    filter: Hashable = None


@dataclass(frozen=True, slots=True)
class Window:
    """The part that is asked for: the first `size` rows between two positions, or the last where `backward`."""

    size: int
    backward: bool = False
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows in the list's order; `more` tells that the window holds further rows on the far side."""

    rows: Sequence[Row] = ()
    more: bool = False


async def fetch_slices(
    connection: AsyncConnection, tenant_id: UUID | None, listing: Listing, window: Window, parents: Sequence[UUID]
) -> Mapping[UUID, Slice]:
    """The window of each parent's list, in one statement whatever the number of parents."""

    def part(parent: ColumnElement[UUID]) -> Select[Any]:
        query = listing.source(tenant_id, parent, listing.filter)
        columns = _columns(query, listing.order)
        for position, follows in ((window.after, True), (window.before, False)):
            if position is not None:
                query = query.where(beside(columns, position, greater=follows != listing.order.descending))
        return query.order_by(*sorting(columns, window, listing.order)).limit(window.size + 1)

    if len(parents) == 1:
        rows = (await connection.execute(part(literal(parents[0], Uuid)))).all()
        return {parents[0]: _slice(rows, window)}
    wanted = _wanted(parents)
    page = part(wanted.c.parent).lateral("page")
    found = await connection.execute(
        select(wanted.c.parent.label("of_parent"), page)
        .select_from(wanted.join(page, true()))
        .order_by(wanted.c.parent, *sorting([page.c[key.name] for key in listing.order.keys], window, listing.order))
    )
    rows_of: dict[UUID, list[Row]] = {parent: [] for parent in parents}
    for row in found:
        rows_of[row.of_parent].append(row)
    return {parent: _slice(rows, window) for parent, rows in rows_of.items()}


async def fetch_counts(
    connection: AsyncConnection, tenant_id: UUID | None, listing: Listing, parents: Sequence[UUID]
) -> Mapping[UUID, int]:
    """How many rows each parent's list has, in one statement."""
    wanted = _wanted(parents)
    query = listing.source(tenant_id, wanted.c.parent, listing.filter)
    counted = query.with_only_columns(func.count(), maintain_column_froms=True).correlate(wanted)
    found = await connection.execute(select(wanted.c.parent, counted.scalar_subquery().label("total")))
    return {row.parent: row.total for row in found}


async def fetch_beyond(
    connection: AsyncConnection,
    tenant_id: UUID | None,
    listing: Listing,
    position: Position,
    parents: Sequence[UUID],
    *,
    before: bool,
) -> Mapping[UUID, bool]:
    """Does the list hold a row at or before (or at or after) a position?"""
    wanted = _wanted(parents)
    query = listing.source(tenant_id, wanted.c.parent, listing.filter)
    columns = _columns(query, listing.order)
    greater = before == listing.order.descending
    here = query.where(beside(columns, position, greater=greater, inclusive=True)).limit(1).correlate(wanted)
    found = await connection.execute(select(wanted.c.parent, here.exists().label("is_there")))
    return {row.parent: row.is_there for row in found}


def _wanted(parents: Sequence[UUID]) -> Any:
    """The parents as rows, from one bound array."""
    return (
        func.unnest(literal(list(dict.fromkeys(parents)), ARRAY(Uuid)))
        .table_valued(Column("parent", Uuid), name="wanted")
        .render_derived()
    )


def _columns(query: Select[Any], order: Order) -> list[ColumnElement[Any]]:
    return [query.selected_columns[key.name] for key in order.keys]


def sorting(columns: Sequence[ColumnElement[Any]], window: Window, order: Order) -> list[ColumnElement[Any]]:
    descending = order.descending != window.backward
    return [column.desc() if descending else column.asc() for column in columns]


def beside(
    columns: Sequence[ColumnElement[Any]],
    position: Sequence[Value | ColumnElement[Any]],
    *,
    greater: bool,
    inclusive: bool = False,
) -> ColumnElement[bool]:
    """A comparison of whole rows, which PostgreSQL answers from the index of the order."""
    here = tuple_(*columns)
    there = tuple_(
        *(
            value if isinstance(value, ColumnElement) else literal(value, column.type)
            for value, column in zip(position, columns, strict=True)
        )
    )
    if greater:
        return here >= there if inclusive else here > there
    return here <= there if inclusive else here < there


def _slice(rows: Sequence[Row], window: Window) -> Slice:
    kept = rows[: window.size]
    return Slice(kept[::-1] if window.backward else kept, more=len(rows) > window.size)


def pairs(values: Sequence[tuple[Any, Any]], first: TypeEngine[Any], second: TypeEngine[Any]) -> Any:
    """Pairs as rows (a, b), from two bound arrays: one statement whatever their number."""
    return (
        func.unnest(
            literal([a for a, _ in values], ARRAY(first)),
            literal([b for _, b in values], ARRAY(second)),
        )
        .table_valued(Column("a", first), Column("b", second), name="wanted")
        .render_derived()
    )
