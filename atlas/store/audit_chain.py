"""Reads of the chain of the audit record, in batches; the database itself links it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Text, cast, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.audit_chain import Link, Position, Record
from atlas.store.filters import among
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
    """The next links up to `last`, each with its event where that is there.

    Not as a join: on a table that was not analyzed yet the planner looks every link up among all events.
    """
    links = (
        await connection.execute(
            select(_l.seq, _l.event_id, _l.previous, _l.hash)
            .where(_l.tenant_id == tenant_id, _l.seq > seq, _l.seq <= last)
            .order_by(_l.seq)
            .limit(most)
        )
    ).all()
    wanted = among(_e.id, [link.event_id for link in links])
    rows = await connection.execute(select(*_RECORD).where(_e.tenant_id == tenant_id, wanted))
    records = {row.id: Record(*row) for row in rows}
    return [Link(*link, records.get(link.event_id)) for link in links]


async def unlinked(
    connection: AsyncConnection, tenant_id: UUID, after: UUID | None, *, most: int
) -> tuple[Sequence[UUID], UUID | None]:
    """Of the next events by id those without a link, and the id to go on after; None at the end."""
    events = select(_e.id).where(_e.tenant_id == tenant_id).order_by(_e.id).limit(most)
    found = (await connection.scalars(events if after is None else events.where(_e.id > after))).all()
    # An event and its link are committed together, so whoever sees the one sees the other in the next statement.
    linked = set(
        await connection.scalars(select(_l.event_id).where(_l.tenant_id == tenant_id, among(_l.event_id, found)))
    )
    return [one for one in found if one not in linked], found[-1] if len(found) == most else None


def _position(seq: int | None, digest: bytes | None) -> Position | None:
    return None if seq is None or digest is None else Position(seq, digest)
