"""Reads of drift runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.filters import TextFilter, among, of_scope_key
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import drift_runs

_CREATED = (Key("created_at", datetime), Key("id", UUID))
ORDERS: Mapping[str, Order] = {
    "CREATED_AT_ASC": Order("driftRuns:CREATED_AT_ASC", _CREATED),
    "CREATED_AT_DESC": Order("driftRuns:CREATED_AT_DESC", _CREATED, descending=True),
}

_r = drift_runs.c
# The database grants no more: the token of a lease is the worker's.
COLUMNS = (
    _r.tenant_id, _r.id, _r.scope_id, _r.baseline_run_id, _r.current_run_id, _r.status, _r.requested_by, _r.created_at,
    _r.started_at, _r.finished_at, _r.progress_done, _r.progress_total, _r.added, _r.removed, _r.modified,
    _r.property_changes, _r.findings_new, _r.findings_reopened, _r.findings_resolved, _r.findings_unchanged,
    _r.findings_suppressed,    _r.not_evaluated, _r.error_code, _r.error_message, _r.attempts,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRunFilter:
    scope_key: TextFilter | None = None
    status: tuple[str, ...] | None = None


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], wanted: DriftRunFilter) -> Select[Any]:
    return _filtered(tenant_id, wanted)


def of_scope(tenant_id: UUID | None, scope_id: ColumnElement[UUID], wanted: DriftRunFilter) -> Select[Any]:
    return _filtered(tenant_id, wanted).where(_r.scope_id == scope_id)


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    query = select(*COLUMNS).where(_r.tenant_id == tenant_id, among(_r.id, ids))
    return (await connection.execute(query)).all()


def _filtered(tenant_id: UUID | None, wanted: DriftRunFilter) -> Select[Any]:
    query = select(*COLUMNS).where(_r.tenant_id == tenant_id, *of_scope_key(tenant_id, _r.scope_id, wanted.scope_key))
    return query if wanted.status is None else query.where(among(_r.status, wanted.status))
