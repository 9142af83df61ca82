"""Reads of the audit record; the database itself writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.filters import TextFilter, TimeFilter, among
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import audit_events

ORDER = Order("auditEvents:AT_DESC", (Key("at", datetime), Key("id", UUID)), descending=True)

_e = audit_events.c


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventFilter:
    action: TextFilter | None = None
    actor_id: UUID | None = None
    target: tuple[str, UUID] | None = None
    at: TimeFilter | None = None
    # An id that names nothing matches nothing.
    nothing: bool = False


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], wanted: AuditEventFilter) -> Select[Any]:
    query = select(audit_events).where(_e.tenant_id == tenant_id)
    if wanted.nothing:
        return query.where(among(_e.id, ()))
    if wanted.action is not None:
        query = query.where(*wanted.action.conditions(_e.action))
    if wanted.actor_id is not None:
        query = query.where(_e.actor_id == wanted.actor_id)
    if wanted.target is not None:
        target_type, target_id = wanted.target
        query = query.where(_e.target_id == target_id, _e.target_type == target_type)
    if wanted.at is not None:
        query = query.where(*wanted.at.conditions(_e.at))
    return query


def of_finding(tenant_id: UUID | None, finding_id: ColumnElement[UUID], _filter: None) -> Select[Any]:
    """The triage of a finding; whoever may read the finding may read it."""
    return select(audit_events).where(
        _e.tenant_id == tenant_id, _e.target_id == finding_id, _e.target_type == "Finding"
    )


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    query = select(audit_events).where(_e.tenant_id == tenant_id, among(_e.id, ids))
    return (await connection.execute(query)).all()
