"""Pruning: asked for by members, due by the clock, and done by the worker in batches under its lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import drift_runs, prune_runs, scopes, sync_runs

Table = Literal["run_units", "run_duplicates", "item_intervals", "source_events"]
Counted = Literal["runs", "intervals", "contents", "coverage", "events", "source_events"]
COUNTED: Mapping[Table, Counted] = {
    "item_intervals": "intervals",
    "run_units": "coverage",
    "run_duplicates": "coverage",
    "source_events": "source_events",
}

# Of the runs of a scope those that must stay: young ones, the newest, the pinned one, both runs of the newest
# generated pair, what an open job names, and up to where the findings of a type have been judged.
_RECORDED = """
select r.id, r.seq,
    coalesce(r.finished_at, r.created_at) >= :cutoff or r.seq = s.last_seq or r.id is not distinct from s.pinned_run_id
    or exists (select from atlas.judged_types j where j.tenant_id = :tenant and j.scope_id = :scope and j.seq = r.seq)
    or exists (select from atlas.drift_runs d
               where d.tenant_id = :tenant and d.scope_id = :scope and r.id in (d.baseline_run_id, d.current_run_id)
                 and (d.status in ('QUEUED', 'RUNNING')
                      or (d.status = 'SUCCEEDED' and d.current_seq = s.generated_seq))) as needed
from atlas.sync_runs r join atlas.scopes s on s.tenant_id = :tenant and s.id = r.scope_id
where r.tenant_id = :tenant and r.scope_id = :scope and r.seq is not null and r.pruned_at is null
order by r.seq
"""

# From which runs an open finding is measured, when it was first seen and when its content last came back: whoever
# triages it wants to know since when its object was watched.
_MEASURED_FROM = """
select distinct r.seq from atlas.findings f
left join atlas.drift_runs d on d.tenant_id = :tenant and d.id = f.returned_in
join atlas.sync_runs r on r.tenant_id = :tenant and r.id in (f.baseline_run_id, d.baseline_run_id)
where f.tenant_id = :tenant and f.scope_id = :scope and f.status in ('NEW', 'ACKNOWLEDGED')
"""

_OF_PRUNED_RUNS = """
join atlas.sync_runs r on r.tenant_id = :tenant and r.id = u.run_id and r.scope_id = :scope
    and (r.pruned_at is not null or r.id = any(cast(:going as uuid[])))
where u.tenant_id = :tenant"""

# What goes, from each table. A type's coverage in the run in which it was last read to its end, as seen from a run
# that is kept, says of that type what it would say if all runs were kept.
_GOES: Mapping[Table, str] = {
    "run_units": f"""
        from atlas.run_units u {_OF_PRUNED_RUNS} and not (
            u.status = 'COMPLETE' and u.seq is not null and exists (
                select from (select min(k) as seq from unnest(cast(:seen as integer[])) k where k >= u.seq) k
                where k.seq is not null and not exists (
                    select from atlas.run_units n
                    where n.tenant_id = :tenant and n.scope_id = :scope and n.item_type = u.item_type
                      and n.status = 'COMPLETE' and n.seq > u.seq and n.seq <= k.seq)))""",
    "run_duplicates": f"from atlas.run_duplicates u {_OF_PRUNED_RUNS}",
    "item_intervals": """
        from unnest(cast(:lows as integer[]), cast(:highs as integer[])) g (low, high)
        join atlas.item_intervals u on u.tenant_id = :tenant and u.scope_id = :scope
            and u.valid_to > g.low + 1 and u.valid_to <= g.high and u.valid_from > g.low""",
    "source_events": """
        from atlas.source_events u
        where u.tenant_id = :tenant and u.at < :cutoff and not exists (
            select from atlas.scopes s join atlas.sync_runs r on r.tenant_id = s.tenant_id and r.scope_id = s.id
            where s.tenant_id = :tenant and s.last_seq > coalesce(s.generated_seq, 1)
              and r.seq >= coalesce(s.generated_seq, 1) and r.pruned_at is null and r.started_at <= u.at)
          and not exists (
            select from atlas.findings f
            where f.tenant_id = :tenant and f.status in ('NEW', 'ACKNOWLEDGED')
              and regexp_replace(f.external_id, '~[0-9a-f]{8}$', '') = u.resource_id)""",
}

# What nothing refers to: no object, open or closed, of any scope; no alias; nothing that is read and not recorded yet.
_UNNAMED = """
    not exists (select from atlas.hash_aliases a where a.tenant_id = :tenant and a.old_hash = c.hash)
    and not exists (select from atlas.hash_aliases a where a.tenant_id = :tenant and a.new_hash = c.hash)
    and not exists (select from atlas.staged_items s where s.tenant_id = :tenant and s.hash = c.hash)
    and not exists (select from atlas.staged_items s where s.tenant_id = :tenant and s.renamed_hash = c.hash)"""
_ORPHANS = f"""
with part as materialized (
    select hash from atlas.contents where tenant_id = :tenant and hash > :after order by hash limit :most
), gone as (
    delete from atlas.contents c using part
    where c.tenant_id = :tenant and c.hash = part.hash and {_UNNAMED}
      and not exists (select from atlas.item_intervals i where i.tenant_id = :tenant and i.hash = c.hash)
    returning c.hash
)
select (select max(hash) from part) as last, (select count(*)::int from gone) as gone
"""
_ORPHANS_TO_BE = f"""
select count(*)::int from atlas.contents c where c.tenant_id = :tenant and {_UNNAMED} and not exists (
    select from atlas.item_intervals i where i.tenant_id = :tenant and i.hash = c.hash and not exists (
        select from unnest(cast(:scopes as uuid[]), cast(:lows as integer[]), cast(:highs as integer[]))
            g (scope_id, low, high)
        where g.scope_id = i.scope_id and i.valid_to <= g.high and i.valid_from > g.low))
"""

# The feed goes from its oldest end, so that what is left of it has no gap.
_EVENTS = """
with part as materialized (
    select seq, at from atlas.events where tenant_id = :tenant order by seq limit :most
)
delete from atlas.events e
where e.tenant_id = :tenant
  and e.seq <= (select max(seq) from part)
  and e.seq < coalesce((select min(seq) from part where at >= :cutoff), 9223372036854775807)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What is looked at: a scope, the numbers of runs whose coverage counts, the gaps between the kept runs, and
    before when events are old. `going` names runs that a preview takes for pruned.
    """

    tenant_id: UUID
    cutoff: datetime
    scope_id: UUID | None = None
    seen: Sequence[int] = ()
    gaps: Sequence[tuple[int, int]] = ()
    going: Sequence[UUID] = ()

    @property
    def values(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant_id,
            "scope": self.scope_id,
            "cutoff": self.cutoff,
            "seen": list(self.seen),
            "lows": [low for low, _ in self.gaps],
            "highs": [high for _, high in self.gaps],
            "going": list(self.going),
        }


async def request(
    connection: AsyncConnection, tenant_id: UUID, *, keep_days: int, requested_by: UUID, request_id: str | None
) -> UUID | None:
    """Queues a pruning; None where one is queued already."""
    rows = await connection.execute(
        insert(prune_runs)
        .values(tenant_id=tenant_id, keep_days=keep_days, requested_by=requested_by, request_id=request_id)
        .on_conflict_do_nothing(index_elements=["tenant_id"], index_where=text("status = 'QUEUED'"))
        .returning(prune_runs.c.id)
    )
    made: UUID | None = rows.scalar_one_or_none()
    return made


async def ask_due(connection: AsyncConnection, keep_days: int, most: int) -> list[tuple[UUID, UUID]]:
    """(tenant, run) of the prunings that are due by the clock, made now. As the sweeper."""
    rows = await connection.execute(
        text("select tenant_id, id from atlas.ask_for_prunings(:days, :most)"), {"days": keep_days, "most": most}
    )
    return [(row.tenant_id, row.id) for row in rows]


async def run_of(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping:
    """The pruning as it stands, and `cutoff`: what is older goes."""
    p = prune_runs.c
    rows = await connection.execute(
        select(
            p.status, p.keep_days, p.runs, p.intervals, p.contents, p.coverage, p.events, p.source_events,
            p.error_code, p.error_message, p.finished_at,
            (p.created_at - func.make_interval(0, 0, 0, p.keep_days)).label("cutoff"),
        ).where(p.tenant_id == tenant_id, p.id == run_id)
    )  # fmt: skip
    return rows.mappings().one()


async def cutoff(connection: AsyncConnection, keep_days: int) -> datetime:
    before: datetime = (
        await connection.execute(select(func.now() - func.make_interval(0, 0, 0, keep_days)))
    ).scalar_one()
    return before


async def scopes_of(connection: AsyncConnection, tenant_id: UUID) -> list[UUID]:
    rows = await connection.execute(select(scopes.c.id).where(scopes.c.tenant_id == tenant_id).order_by(scopes.c.id))
    return list(rows.scalars())


async def lock_scopes(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID | None = None) -> None:
    """Holds one scope, or all of the tenant always in the same order: nothing is recorded or generated meanwhile.

    Waits no more than two seconds, since others wait behind whoever waits.
    """
    await connection.execute(text("set local lock_timeout = '2s'"))
    held = select(scopes.c.id).where(scopes.c.tenant_id == tenant_id).order_by(scopes.c.id)
    if scope_id is not None:
        held = held.where(scopes.c.id == scope_id)
    await connection.execute(held.with_for_update(key_share=True))


async def recorded(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, before: datetime
) -> Sequence[RowMapping]:
    """(id, seq, needed) of the recorded runs that are kept, oldest first."""
    values = {"tenant": tenant_id, "scope": scope_id, "cutoff": before}
    return (await connection.execute(text(_RECORDED), values)).mappings().all()


async def generated_pairs(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> set[tuple[int, int]]:
    d = drift_runs.c
    rows = await connection.execute(
        select(d.baseline_seq, d.current_seq).where(
            d.tenant_id == tenant_id, d.scope_id == scope_id, d.status == "SUCCEEDED"
        )
    )
    return {(row.baseline_seq, row.current_seq) for row in rows}


async def measured_from(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> set[int]:
    """The numbers of the runs from which open findings are measured."""
    rows = await connection.execute(text(_MEASURED_FROM), {"tenant": tenant_id, "scope": scope_id})
    return set(rows.scalars())


async def failed(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, before: datetime) -> list[UUID]:
    """The old runs that recorded nothing and whose coverage is kept so far."""
    r = sync_runs.c
    rows = await connection.execute(
        select(r.id).where(
            r.tenant_id == tenant_id,
            r.scope_id == scope_id,
            r.status == "FAILED",
            r.pruned_at.is_(None),
            r.created_at < before,
        )
    )
    return list(rows.scalars())


async def mark(connection: AsyncConnection, tenant_id: UUID, run_ids: Sequence[UUID]) -> None:
    """From here on the runs are pruned, though what they held goes later."""
    if run_ids:
        r = sync_runs.c
        marked = update(sync_runs).where(r.tenant_id == tenant_id, r.id.in_(run_ids)).values(pruned_at=func.now())
        await connection.execute(marked)


async def delete(connection: AsyncConnection, table: Table, place: Place, most: int) -> int:
    """Deletes at most so many of the rows that go; how many that were."""
    result = await connection.execute(
        text(f"delete from atlas.{table} where ctid = any(array(select u.ctid {_GOES[table]} limit :most))"),
        place.values | {"most": most},
    )
    return result.rowcount


async def count(connection: AsyncConnection, table: Table, place: Place) -> int:
    """How many rows would go."""
    counted: int = (await connection.execute(text(f"select count(*)::int {_GOES[table]}"), place.values)).scalar_one()
    return counted


async def delete_orphans(connection: AsyncConnection, tenant_id: UUID, after: str, most: int) -> tuple[str | None, int]:
    """Looks at the next contents in the order of their hashes; the last one looked at, None at the end, and how many
    of them went.
    """
    row = (await connection.execute(text(_ORPHANS), {"tenant": tenant_id, "after": after, "most": most})).one()
    return row.last, row.gone


async def count_orphans(connection: AsyncConnection, tenant_id: UUID, gaps: Sequence[tuple[UUID, int, int]]) -> int:
    """How many contents nothing would refer to, were the intervals in these (scope, low, high) gone."""
    scope_ids, lows, highs = ([gap[position] for gap in gaps] for position in range(3))
    values = {"tenant": tenant_id, "scopes": scope_ids, "lows": lows, "highs": highs}
    counted: int = (await connection.execute(text(_ORPHANS_TO_BE), values)).scalar_one()
    return counted


async def delete_events(connection: AsyncConnection, place: Place, most: int) -> int:
    result = await connection.execute(text(_EVENTS), place.values | {"most": most})
    return result.rowcount


async def count_events(connection: AsyncConnection, place: Place) -> int:
    counted: int = (
        await connection.execute(
            text("select count(*)::int from atlas.events where tenant_id = :tenant and at < :cutoff"), place.values
        )
    ).scalar_one()
    return counted


async def add(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, counted: Counted, number: int) -> None:
    """Adds to what the pruning counts."""
    if number:
        p = prune_runs.c
        counting = update(prune_runs).where(p.tenant_id == tenant_id, p.id == run_id)
        await connection.execute(counting.values({counted: p[counted] + number}))
