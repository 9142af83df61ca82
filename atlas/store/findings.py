"""Reads of findings: pages, counts, evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.bodies import unpack_evidence
from atlas.store.filters import TextFilter, TimeFilter, among, of_scope_key
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import drift_run_findings, findings, scopes

_ID = Key("id", UUID)
_LAST_SEEN = (Key("last_seen_at", datetime), _ID)
_FIRST_SEEN = (Key("first_seen_at", datetime), _ID)
ORDERS: Mapping[str, Order] = {
    "LAST_SEEN_AT_DESC": Order("findings:LAST_SEEN_AT_DESC", _LAST_SEEN, descending=True),
    "LAST_SEEN_AT_ASC": Order("findings:LAST_SEEN_AT_ASC", _LAST_SEEN),
    "FIRST_SEEN_AT_DESC": Order("findings:FIRST_SEEN_AT_DESC", _FIRST_SEEN, descending=True),
    "FIRST_SEEN_AT_ASC": Order("findings:FIRST_SEEN_AT_ASC", _FIRST_SEEN),
    "SEVERITY_DESC": Order("findings:SEVERITY_DESC", (Key("severity_rank", int), _ID), descending=True),
    "SUBJECT_NAME_ASC": Order("findings:SUBJECT_NAME_ASC", (Key("display_name", str), _ID)),
}

_f = findings.c
_HIDDEN = and_(_f.suppressed_by.is_not(None), or_(_f.suppressed_until.is_(None), _f.suppressed_until > func.now()))
# All but the evidence, which is read when somebody asks for changes; `hidden_by` is the rule that hides it now.
COLUMNS = (
    *(column for column in _f if column.name not in {"evidence", "suppressed_by", "suppressed_until"}),
    case((_HIDDEN, _f.suppressed_by)).label("hidden_by"),
)

# What a dimension groups by: its label in the answer and its column.
DIMENSIONS: Mapping[str, tuple[str, ColumnElement[Any]]] = {
    "STATUS": ("status", _f.status),
    "SEVERITY": ("severity", _f.severity_rank),
    "CHANGE_TYPE": ("change_type", _f.change_type),
    "ITEM_TYPE": ("item_type", _f.item_type),
    "SCOPE": ("scope_key", _f.scope_id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    scope_key: TextFilter | None = None
    status: tuple[str, ...] | None = None
    severity: tuple[int, ...] | None = None
    change_type: tuple[str, ...] | None = None
    kind: tuple[str, ...] | None = None
    item_type: TextFilter | None = None
    subject_external_id: TextFilter | None = None
    subject_name: TextFilter | None = None
    first_seen_at: TimeFilter | None = None
    last_seen_at: TimeFilter | None = None
    is_current: bool | None = None
    # Hidden by a rule that stands: None leaves them in.
    suppressed: bool | None = None


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], wanted: FindingFilter) -> Select[Any]:
    return select(*COLUMNS).where(*_conditions(tenant_id, wanted))


def of_scope(tenant_id: UUID | None, scope_id: ColumnElement[UUID], wanted: FindingFilter) -> Select[Any]:
    return select(*COLUMNS).where(*_conditions(tenant_id, wanted), _f.scope_id == scope_id)


def of_drift_run(tenant_id: UUID | None, drift_run_id: ColumnElement[UUID], wanted: FindingFilter) -> Select[Any]:
    """The findings that a drift run saw."""
    seen = drift_run_findings.c
    return (
        select(*COLUMNS)
        .join(drift_run_findings, seen.finding_id == _f.id)
        .where(*_conditions(tenant_id, wanted), seen.tenant_id == tenant_id, seen.drift_run_id == drift_run_id)
    )


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    query = select(*COLUMNS).where(_f.tenant_id == tenant_id, among(_f.id, ids))
    return (await connection.execute(query)).all()


async def evidence(
    connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]
) -> Mapping[UUID, list[dict[str, Any]]]:
    """The changes of each finding, in path order, as `domain` wrote them."""
    query = select(_f.id, _f.evidence).where(_f.tenant_id == tenant_id, among(_f.id, ids))
    return {row.id: unpack_evidence(row.evidence) for row in await connection.execute(query)}


async def counts(
    connection: AsyncConnection,
    tenant_id: UUID,
    wanted: FindingFilter,
    by: Sequence[str],
    scope_ids: Sequence[UUID] | None = None,
) -> Sequence[Row]:
    """(total, and a column per dimension), grouped in one statement, in the order of the groups.

    With `scope_ids` each scope is counted apart, named by the column `of_scope`. Severity comes as its rank.
    """
    columns = [column.label(label) for label, column in (DIMENSIONS[dimension] for dimension in by)]
    query = select(func.count().label("total"), *columns).where(*_conditions(tenant_id, wanted))
    groups = [column for _, column in (DIMENSIONS[dimension] for dimension in by)]
    if scope_ids is not None:
        query = query.add_columns(_f.scope_id.label("of_scope")).where(among(_f.scope_id, scope_ids))
        groups.append(_f.scope_id)
    grouped = query.group_by(*groups).order_by(*groups) if groups else query
    if "SCOPE" not in by:
        return (await connection.execute(grouped)).all()
    counted = grouped.order_by(None).subquery("counted")
    kept = [column for column in counted.c if column.name != "scope_key"]
    named = (
        select(*kept, scopes.c.key.label("scope_key"))
        .join(scopes, scopes.c.id == counted.c.scope_key)
        .where(scopes.c.tenant_id == tenant_id)
        .order_by(scopes.c.key, *(column for column in kept if column.name not in {"total", "of_scope"}))
    )
    return (await connection.execute(named)).all()


def _conditions(tenant_id: UUID | None, wanted: FindingFilter) -> Iterator[ColumnElement[bool]]:
    yield _f.tenant_id == tenant_id
    yield from of_scope_key(tenant_id, _f.scope_id, wanted.scope_key)
    chosen: tuple[tuple[ColumnElement[Any], Sequence[Any] | None], ...] = (
        (_f.status, wanted.status),
        (_f.severity_rank, wanted.severity),
        (_f.change_type, wanted.change_type),
        (_f.kind, wanted.kind),
    )
    for column, values in chosen:
        if values is not None:
            yield among(column, values)
    ranges: tuple[tuple[ColumnElement[Any], TextFilter | TimeFilter | None], ...] = (
        (_f.item_type, wanted.item_type),
        (_f.external_id, wanted.subject_external_id),
        (_f.display_name, wanted.subject_name),
        (_f.first_seen_at, wanted.first_seen_at),
        (_f.last_seen_at, wanted.last_seen_at),
    )
    for column, condition in ranges:
        if condition is not None:
            yield from condition.conditions(column)
    if wanted.is_current is not None:
        yield _f.is_current == wanted.is_current
    if wanted.suppressed:
        yield _HIDDEN
    elif wanted.suppressed is not None:
        yield or_(_f.suppressed_by.is_(None), _f.suppressed_until <= func.now())
