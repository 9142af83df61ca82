"""Statements of whole pages: a tenant, a page of one of its lists, and the objects that its rows refer to, in one.

A statement is built once for all pages of its form, and is kept as the text that the driver takes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import TIMESTAMP, ColumnElement, FromClause, Select, Text, Uuid, bindparam, cast, select, true
from sqlalchemy.dialects.postgresql import asyncpg

from atlas.store import drift_runs, findings, scopes, sync_runs
from atlas.store.pages import Listing, Position, Window, beside, sorting
from atlas.store.tables import tenants

# Where cursors are asked for, a row begins with the keys of the list's order, of which every order has as many.
KEYS = 2
_MOST_KEPT = 512
_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]
_TENANT = bindparam("tenant", type_=Uuid())

# What may be read of each kind of object, by the names of its columns.
COLUMNS: Mapping[str, Mapping[str, ColumnElement[Any]]] = {
    kind: {column.name: column for column in columns}
    for kind, columns in {
        "Tenant": tuple(tenants.c),
        "Finding": findings.COLUMNS,
        "Scope": scopes.COLUMNS,
        "SyncRun": sync_runs.COLUMNS,
        "DriftRun": drift_runs.COLUMNS,
    }.items()
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each object: columns, and by the column that holds its id what is read of another."""

    kind: str
    columns: tuple[str, ...]
    joined: tuple[tuple[str, "Wanted"], ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """`names` are the parameters in their order, `values` those that belong to the form."""

    text: str
    names: tuple[str, ...]
    values: Mapping[str, Any]

    def bound(self, given: Mapping[str, Any]) -> list[Any]:
        return [given[name] if name in given else self.values[name] for name in self.names]


def places(wanted: Wanted) -> Iterator[tuple[tuple[str, ...], str]]:
    """What stands in a row, in its order: (the path of keys to the object, its column)."""
    yield from _places(wanted, ())


def page_statement(
    tenant: tuple[str, ...], listing: Listing, window: Window, wanted: Wanted, *, keys: bool
) -> Statement:
    """Rows of the `KEYS` of the order, where they are asked for, of what `places` tells, and of the tenant's columns;
    one row further than the window is large. What is joined is null where it is not there. A time is the text that
    PostgreSQL makes of it, in UTC: the driver takes ten times as long to make a time of it than to hand it over.
    """
    shape = Window(window.size, window.backward, _sign(window.after), _sign(window.before))
    return _page_statement(tenant, listing, shape, wanted, keys)


@lru_cache(_MOST_KEPT)
def tenant_statement(tenant: tuple[str, ...]) -> Statement:
    """One row of the tenant's columns; none where it is not visible."""
    of = _of_tenant(tenant or ("id",)).subquery("of")
    return _compiled(select(*(_told(column) for column in of.c)))


def parameters(tenant_id: UUID, window: Window) -> dict[str, Any]:
    """What a statement of these takes besides what belongs to its form."""
    given: dict[str, Any] = {"tenant": tenant_id}
    for name, position in (("after", window.after), ("before", window.before)):
        given |= {f"{name}_{number}": value for number, value in enumerate(position or ())}
    return given


def _sign(position: Position | None) -> Position | None:
    """All positions have one form."""
    return None if position is None else ()


@lru_cache(_MOST_KEPT)
def _page_statement(tenant: tuple[str, ...], listing: Listing, window: Window, wanted: Wanted, keys: bool) -> Statement:
    page = _page(listing, window, wanted).subquery("page")
    order = [page.c[key.name] for key in listing.order.keys]
    if len(order) != KEYS:
        raise ValueError("a row begins with as many keys, whichever its order")
    columns: list[ColumnElement[Any]] = list(order) if keys else []
    source = _joined(columns, page, page, wanted, "j")
    if tenant:
        of = _of_tenant(tenant).subquery("of")
        columns += [_told(of.c[name]) for name in tenant]
        source = source.join(of, true())
    return _compiled(select(*columns).select_from(source).order_by(*sorting(order, window, listing.order)))


def _of_tenant(names: Sequence[str]) -> Select[Any]:
    return select(*(tenants.c[name] for name in names)).where(tenants.c.id == _TENANT)


def _told(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Text) if isinstance(column.type, TIMESTAMP) else column


def _page(listing: Listing, window: Window, wanted: Wanted) -> Select[Any]:
    query = listing.source(_TENANT, _TENANT, listing.filter)  # type: ignore[arg-type]
    keys = [query.selected_columns[key.name] for key in listing.order.keys]
    for name, position, follows in (("after", window.after, True), ("before", window.before, False)):
        if position is not None:
            there = [bindparam(f"{name}_{number}", type_=key.type) for number, key in enumerate(keys)]
            query = query.where(beside(keys, there, greater=follows != listing.order.descending))
    needed = dict.fromkeys(
        (*wanted.columns, *(key for key, _ in wanted.joined), *(key.name for key in listing.order.keys))
    )
    columns = [query.selected_columns[name] for name in needed]
    query = query.with_only_columns(*columns, maintain_column_froms=True)
    return query.order_by(*sorting(keys, window, listing.order)).limit(window.size + 1)


def _joined(
    columns: list[ColumnElement[Any]], source: FromClause, here: FromClause, wanted: Wanted, alias: str
) -> FromClause:
    columns += [_told(here.c[name]) for name in wanted.columns]
    for number, (key, other) in enumerate(wanted.joined):
        name = f"{alias}{number}"
        of = COLUMNS[other.kind]
        needed = dict.fromkeys(("tenant_id", "id", *other.columns, *(key for key, _ in other.joined)))
        target = select(*(of[one] for one in needed)).subquery(name)
        source = source.outerjoin(target, (target.c.tenant_id == _TENANT) & (target.c.id == here.c[key]))
        source = _joined(columns, source, target, other, f"{name}_")
    return source


def _places(wanted: Wanted, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from ((path, name) for name in wanted.columns)
    for key, other in wanted.joined:
        yield from _places(other, (*path, key))


def _compiled(query: Select[Any]) -> Statement:
    compiled = query.compile(dialect=_DIALECT)
    names = tuple(compiled.positiontup or ())
    values = {name: value for name, value in compiled.params.items() if value is not None}
    processors: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001
    return Statement(
        str(compiled), names, {name: processors[name](v) if name in processors else v for name, v in values.items()}
    )
