"""Reads of the inventory: objects as last observed, their versions, and how all stood at a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Uuid, and_, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.canonical import decode_body
from atlas.domain.redaction import Leaf
from atlas.store.bodies import unpack
from atlas.store.filters import TextFilter, among, of_scope_key
from atlas.store.pages import Key, Order, Row, pairs
from atlas.store.tables import contents, item_intervals, run_units, sync_runs

BY_NAME = Order("inventoryItems:NAME_ASC", (Key("display_name", str), Key("item_id", UUID)))
AT_A_RUN = Order("inventoryAt:TYPE_NAME_ASC", (Key("item_type", str), Key("display_name", str), Key("item_id", UUID)))
NEWEST_FIRST = Order("versions:NEWEST_FIRST", (Key("valid_from", int),), descending=True)

_i = item_intervals.c


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryItemFilter:
    scope_key: TextFilter | None = None
    item_type: TextFilter | None = None
    display_name: TextFilter | None = None
    external_id: TextFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """The inventory of one scope at one recorded run."""

    scope_id: UUID
    seq: int
    filter: InventoryItemFilter


def items_of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], wanted: InventoryItemFilter) -> Select[Any]:
    """The objects that are there now, each with when it was last observed and when it changed."""
    return _observed(tenant_id).where(_i.valid_to.is_(None), *_conditions(tenant_id, wanted))


def versions_at(tenant_id: UUID | None, _parent: ColumnElement[UUID], at: At) -> Select[Any]:
    """The versions whose interval covers the run."""
    return select(item_intervals).where(
        _i.scope_id == at.scope_id,
        _i.valid_from <= at.seq,
        or_(_i.valid_to.is_(None), _i.valid_to > at.seq),
        *_conditions(tenant_id, at.filter),
    )


def versions_of_item(tenant_id: UUID | None, item_id: ColumnElement[UUID], _filter: None) -> Select[Any]:
    return select(item_intervals).where(_i.tenant_id == tenant_id, _i.item_id == item_id)


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    """Each object as last observed, also where it is gone since."""
    query = (
        _observed(tenant_id)
        .where(_i.tenant_id == tenant_id, among(_i.item_id, ids))
        .ext(distinct_on(_i.item_id))
        .order_by(_i.item_id, _i.valid_from.desc())
    )
    rows: Sequence[Row] = (await connection.execute(query)).all()
    return rows


async def bodies(connection: AsyncConnection, tenant_id: UUID, hashes: Sequence[str]) -> Mapping[str, dict[str, Leaf]]:
    """The minimised, redacted contents under these hashes."""
    query = select(contents.c.hash, contents.c.body).where(
        contents.c.tenant_id == tenant_id, among(contents.c.hash, hashes)
    )
    return {row.hash: decode_body(unpack(row.body)) for row in await connection.execute(query)}


async def hashes_before(
    connection: AsyncConnection, tenant_id: UUID, versions: Sequence[tuple[UUID, int]]
) -> Mapping[tuple[UUID, int], str]:
    """The hash of the version before each (item id, valid from); a first version is absent."""
    wanted = pairs(versions, Uuid(), Integer())
    before = (
        select(_i.hash)
        .where(_i.tenant_id == tenant_id, _i.item_id == wanted.c.a, _i.valid_from < wanted.c.b)
        .order_by(_i.valid_from.desc())
        .limit(1)
        .lateral("before")
    )
    found = await connection.execute(
        select(wanted.c.a, wanted.c.b, before.c.hash).select_from(wanted.join(before, true()))
    )
    return {(row.a, row.b): row.hash for row in found}


def _observed(tenant_id: UUID | None) -> Select[Any]:
    """Intervals, each with the run that its object was last observed in and when its content began.

    That run is the newest, while the interval stood, that read the type to its end; any later one carried it over.
    """
    u, r = run_units.c, sync_runs.c
    last = (
        select(r.id.label("run_id"), func.coalesce(r.finished_at, r.created_at).label("at"))
        .select_from(run_units)
        .join(sync_runs, and_(r.tenant_id == tenant_id, r.id == u.run_id))
        .where(
            u.tenant_id == tenant_id,
            u.scope_id == _i.scope_id,
            u.item_type == _i.item_type,
            u.status == literal_column("'COMPLETE'"),
            u.seq >= _i.valid_from,
            or_(_i.valid_to.is_(None), u.seq < _i.valid_to),
        )
        .order_by(u.seq.desc())
        .limit(1)
        .lateral("last")
    )
    changed = sync_runs.alias("changed")
    began = and_(changed.c.tenant_id == tenant_id, changed.c.scope_id == _i.scope_id, changed.c.seq == _i.valid_from)
    return select(
        item_intervals,
        last.c.run_id.label("last_observed_run_id"),
        last.c.at.label("last_observed_at"),
        func.coalesce(changed.c.finished_at, changed.c.created_at).label("changed_at"),
    ).select_from(item_intervals.join(last, true()).join(changed, began))


def _conditions(tenant_id: UUID | None, wanted: InventoryItemFilter) -> Iterator[ColumnElement[bool]]:
    yield _i.tenant_id == tenant_id
    yield from of_scope_key(tenant_id, _i.scope_id, wanted.scope_key)
    for column, condition in (
        (_i.item_type, wanted.item_type),
        (_i.display_name, wanted.display_name),
        (_i.external_id, wanted.external_id),
    ):
        if condition is not None:
            yield from condition.conditions(column)
