"""Reads of sync runs and of their coverage, and what a run has to say besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Uuid, all_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.vocabulary import SyncRunStatus
from atlas.store.filters import TextFilter, TimeFilter, among, of_scope_key
from atlas.store.pages import Key, Order, Row, pairs
from atlas.store.tables import run_units, staged_items, sync_runs

_CREATED = (Key("created_at", datetime), Key("id", UUID))
ORDERS: Mapping[str, Order] = {
    "CREATED_AT_ASC": Order("syncRuns:CREATED_AT_ASC", _CREATED),
    "CREATED_AT_DESC": Order("syncRuns:CREATED_AT_DESC", _CREATED, descending=True),
}

_r = sync_runs.c
MOST_NOTES = 20
"""A run holds no more. Each worker that takes a run over may add its own, and none of them may fail it."""

# The database grants no more: the token of a lease is the worker's.
COLUMNS = (
    _r.tenant_id, _r.id, _r.scope_id, _r.seq, _r.source, _r.status, _r.requested_by, _r.created_at, _r.started_at,
    _r.finished_at, _r.progress_done, _r.progress_total, _r.observed, _r.added, _r.changed, _r.removed, _r.unchanged,
    _r.error_code, _r.error_message, _r.pruned_at, _r.notes,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRunFilter:
    scope_key: TextFilter | None = None
    status: tuple[str, ...] | None = None
    started_at: TimeFilter | None = None


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], wanted: SyncRunFilter) -> Select[Any]:
    return _filtered(tenant_id, wanted)


def of_scope(tenant_id: UUID | None, scope_id: ColumnElement[UUID], wanted: SyncRunFilter) -> Select[Any]:
    return _filtered(tenant_id, wanted).where(_r.scope_id == scope_id)


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    query = select(*COLUMNS).where(_r.tenant_id == tenant_id, among(_r.id, ids))
    return (await connection.execute(query)).all()


async def by_sequences(
    connection: AsyncConnection, tenant_id: UUID, places: Sequence[tuple[UUID, int]]
) -> Sequence[Row]:
    """The recorded runs at these (scope id, sequence)."""
    wanted = pairs(places, Uuid(), Integer())
    query = select(*COLUMNS).join(wanted, (wanted.c.a == _r.scope_id) & (wanted.c.b == _r.seq))
    return (await connection.execute(query.where(_r.tenant_id == tenant_id))).all()


async def coverage(connection: AsyncConnection, tenant_id: UUID, run_ids: Sequence[UUID]) -> Sequence[Row]:
    """What each run read of each item type, by item type."""
    u = run_units.c
    return (
        await connection.execute(
            select(run_units).where(u.tenant_id == tenant_id, among(u.run_id, run_ids)).order_by(u.run_id, u.item_type)
        )
    ).all()


async def staged(connection: AsyncConnection, tenant_id: UUID, run_ids: Sequence[UUID]) -> Sequence[Row]:
    """(run_id, item_type, objects) of what each run has read and not recorded yet, by item type.

    What a failed run brought lies there until a later one lets go of it, and is nothing that is to be recorded.
    """
    s = staged_items.c
    query = (
        select(s.run_id, s.item_type, func.count().label("objects"))
        .join(sync_runs, (_r.tenant_id == s.tenant_id) & (_r.id == s.run_id))
        .where(s.tenant_id == tenant_id, among(s.run_id, run_ids), _r.status != SyncRunStatus.FAILED)
        .group_by(s.run_id, s.item_type)
        .order_by(s.run_id, s.item_type)
    )
    return (await connection.execute(query)).all()


async def note(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, message: str) -> None:
    """Adds a note to the run, once, where it has room for one. As the worker that syncs."""
    await connection.execute(
        update(sync_runs)
        .where(
            _r.tenant_id == tenant_id,
            _r.id == run_id,
            literal(message) != all_(_r.notes),
            func.cardinality(_r.notes) < MOST_NOTES,
        )
        .values(notes=func.array_append(_r.notes, message))
    )


async def mark_read(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> None:
    """The run has read its source to the end by now; the first such moment stays. As the worker that syncs."""
    await connection.execute(
        update(sync_runs)
        .where(_r.tenant_id == tenant_id, _r.id == run_id, _r.read_at.is_(None))
        .values(read_at=func.now())
    )


def _filtered(tenant_id: UUID | None, wanted: SyncRunFilter) -> Select[Any]:
    query = select(*COLUMNS).where(_r.tenant_id == tenant_id, *of_scope_key(tenant_id, _r.scope_id, wanted.scope_key))
    if wanted.status is not None:
        query = query.where(among(_r.status, wanted.status))
    if wanted.started_at is not None:
        query = query.where(*wanted.started_at.conditions(_r.started_at))
    return query
