"""Source events: written under the lease of a sync, read beside the findings that they may explain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.attribution import MOST_WEIGHED, SourceEvent, Window
from atlas.domain.vocabulary import ActorKind
from atlas.store.tables import source_events

CHUNK = 1_000

# A finding's window is that of the pair in which it was first seen, or in which its content last came back. Where that
# pair tells of another move to the same content, this one may have begun in any pair since the first.
# A window begins where the type was last really read at or before the baseline: what could not be read is carried over
# from there. It ends where the current run had read its source, however long it waited to be recorded.
# The plain ids are worked out first, so that a policy keeps no comparison from the index.
_AROUND = text(
    """
    with windows as materialized (
        select f.id as finding_id, f.external_id, regexp_replace(f.external_id, '~[0-9a-f]{8}$', '') as plain_id,
               coalesce(read.started_at, b.started_at) as since, coalesce(c.read_at, c.finished_at) as until
        from atlas.findings f
        left join atlas.drift_runs d on d.tenant_id = :tenant and d.id = f.returned_in
        left join atlas.drift_run_findings s
            on s.tenant_id = :tenant and s.drift_run_id = f.returned_in and s.finding_id = f.id
        join atlas.sync_runs b on b.tenant_id = :tenant
            and b.id = case when s.finding_id is null then f.baseline_run_id else d.baseline_run_id end
        join atlas.sync_runs c on c.tenant_id = :tenant and c.id = coalesce(d.current_run_id, f.current_run_id)
        left join lateral (
            select r.started_at from atlas.run_units u
            join atlas.sync_runs r on r.tenant_id = :tenant and r.id = u.run_id
            where u.tenant_id = :tenant and u.scope_id = f.scope_id and u.item_type = f.item_type
              and u.status = 'COMPLETE' and u.seq <= b.seq
            order by u.seq desc limit 1
        ) read on true
        where f.tenant_id = :tenant and f.id = any(:ids) and f.kind = 'DRIFT'
    )
    select w.finding_id, w.external_id, w.since, w.until, e.id, e.resource_id, e.activity, e.operation, e.actor_kind,
           e.actor_id, e.actor_name, e.at, e.correlation_id
    from windows w
    cross join lateral (
        select * from atlas.source_events e
        where e.tenant_id = :tenant and e.resource_id = w.plain_id and e.at > w.since and e.at <= w.until
          and lower(e.operation) <> 'get'
        order by e.at desc, e.id desc limit :most
    ) e
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def write(connection: AsyncConnection, tenant_id: UUID, events: Iterable[SourceEvent]) -> None:
    """Keeps the events; one that is known already stays as it is. Inside the effect of a sync."""
    rows = [{"tenant_id": tenant_id, **asdict(event)} for event in events]
    for start in range(0, len(rows), CHUNK):
        await connection.execute(insert(source_events).on_conflict_do_nothing(), rows[start : start + CHUNK])


async def newest(connection: AsyncConnection, tenant_id: UUID) -> datetime | None:
    """When the newest event that is kept happened. As the worker that syncs."""
    found: datetime | None = await connection.scalar(
        select(func.max(source_events.c.at)).where(source_events.c.tenant_id == tenant_id)
    )
    return found


async def around(
    connection: AsyncConnection, tenant_id: UUID, finding_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Window, list[SourceEvent]]]:
    """Finding -> its window and the newest events in it, one more than are weighed. One without events is left out."""
    rows = await connection.execute(_AROUND, {"tenant": tenant_id, "ids": list(finding_ids), "most": MOST_WEIGHED + 1})
    found: dict[UUID, tuple[Window, list[SourceEvent]]] = {}
    for row in rows:
        window = Window(row.external_id, row.since, row.until)
        _, events = found.setdefault(row.finding_id, (window, []))
        events.append(
            SourceEvent(
                id=row.id,
                resource_id=row.resource_id,
                activity=row.activity,
                operation=row.operation,
                actor_kind=ActorKind(row.actor_kind),
                actor_id=row.actor_id,
                actor_name=row.actor_name,
                at=row.at,
                correlation_id=row.correlation_id,
            )
        )
    return found
