"""Reads of the chain of the audit record, in batches; the database itself links it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, exists, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.audit_chain import Link, Position, Record
from atlas.store.tables import audit_events, audit_heads, audit_links

_e, _l, _h = audit_events.c, audit_links.c, audit_heads.c
_RECORD = (
    _e.tenant_id, _e.id, _e.at, _e.actor_id, _e.action, _e.target_type, _e.target_id,
    cast(_e.before, Text).label("before"), cast(_e.after, Text).label("after"), _e.reason, _e.request_id,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the chain begins and ends as of one moment: its first and last link, and its head."""

    first: int | None
    last: Position | None
    head: Position | None


async def ends(connection: AsyncConnection, tenant_id: UUID) -> Ends:
    of_tenant = select(_l.seq, _l.hash).where(_l.tenant_id == tenant_id)
    first = of_tenant.order_by(_l.seq).limit(1).subquery("first")
    last = of_tenant.order_by(_l.seq.desc()).limit(1).subquery("last")
    head = select(_h.seq, _h.hash).where(_h.tenant_id == tenant_id).subquery("head")
    # One statement: between two of them the chain may grow.
    one = select(literal_column("1")).subquery("one")
    always = true()
    row = (
        await connection.execute(
            select(first.c.seq, last.c.seq, last.c.hash, head.c.seq, head.c.hash).select_from(
                one.outerjoin(first, always).outerjoin(last, always).outerjoin(head, always)
            )
        )
    ).one()
    return Ends(row[0], _position(row[1], row[2]), _position(row[3], row[4]))


async def links_after(connection: AsyncConnection, tenant_id: UUID, seq: int, *, last: int, most: int) -> list[Link]:
    """The next links up to `last`, each with its event where that is there."""
    batch = (
        select(_l.seq, _l.event_id, _l.previous, _l.hash)
        .where(_l.tenant_id == tenant_id, _l.seq > seq, _l.seq <= last)
        .order_by(_l.seq)
        .limit(most)
        .subquery("batch")
    )
    rows = await connection.execute(
        select(*batch.c, *_RECORD)
        .select_from(batch.outerjoin(audit_events, (_e.tenant_id == tenant_id) & (_e.id == batch.c.event_id)))
        .order_by(batch.c.seq)
    )
    return [_link(row) for row in rows]


async def unlinked(
    connection: AsyncConnection, tenant_id: UUID, after: UUID | None, *, most: int
) -> tuple[Sequence[UUID], UUID | None]:
    """Of the next events by id those without a link, and the id to go on after; None at the end."""
    events = select(_e.id).where(_e.tenant_id == tenant_id).order_by(_e.id).limit(most)
    batch = (events if after is None else events.where(_e.id > after)).subquery("batch")
    linked = exists().where(_l.tenant_id == tenant_id, _l.event_id == batch.c.id)
    rows = (await connection.execute(select(batch.c.id, linked.label("linked")).order_by(batch.c.id))).all()
    return [row.id for row in rows if not row.linked], rows[-1].id if len(rows) == most else None


def _link(row: Sequence[Any]) -> Link:
    seq, event_id, previous, digest, *fields = row
    found = fields[1] is not None
    return Link(seq, event_id, previous, digest, Record(*fields) if found else None)


def _position(seq: int | None, digest: bytes | None) -> Position | None:
    return None if seq is None or digest is None else Position(seq, digest)
