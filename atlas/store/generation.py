"""What a worker reads to generate drift: the pair, its coverage, and the objects that moved. Costs what changed."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Text, bindparam, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.bodies import unpack
from atlas.store.tables import (
    contents,
    drift_runs,
    judged_types,
    run_duplicates,
    run_units,
    scopes,
    sync_runs,
)

CHUNK = 500

# An object moved where its content at `i` differs from its content at `j`; both ends are index ranges of the
# intervals that closed or opened in between, so an object that stood still is never looked at.
_MOVED = text(
    """
    select coalesce(o.item_type, n.item_type) as item_type, coalesce(o.external_id, n.external_id) as external_id,
           o.hash as old_hash, n.hash as new_hash,
           o.settings_hash as old_settings_hash, n.settings_hash as new_settings_hash,
           o.display_name as old_name, n.display_name as new_name,
           coalesce(n.platform, o.platform) as platform, coalesce(n.item_id, o.item_id) as item_id
    from (select * from atlas.item_intervals
          where tenant_id = :tenant and scope_id = :scope and item_type = any(:types)
            and valid_to > :i and valid_to <= :j and valid_from <= :i) o
    full join (select * from atlas.item_intervals
          where tenant_id = :tenant and scope_id = :scope and item_type = any(:types)
            and valid_from > :i and valid_from <= :j and (valid_to is null or valid_to > :j)) n
      using (item_type, external_id)
    where o.hash is distinct from n.hash
    order by 1, 2
    """
).bindparams(bindparam("types", type_=ARRAY(Text)))


async def pair(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping:
    """The drift run with its scope's key, when its current run was read, and whether a run of its pair is pruned."""
    baseline = sync_runs.alias("baseline")
    d, s, r, b = drift_runs.c, scopes.c, sync_runs.c, baseline.c
    rows = await connection.execute(
        select(
            d.id, d.scope_id, d.baseline_run_id, d.current_run_id, d.baseline_seq, d.current_seq, d.baseline_mode,
            d.engine, d.status, s.key.label("scope_key"), r.finished_at.label("observed_at"),
            or_(r.pruned_at.is_not(None), b.pruned_at.is_not(None)).label("pruned"),
        )
        .join(scopes, (s.tenant_id == d.tenant_id) & (s.id == d.scope_id))
        .join(sync_runs, (r.tenant_id == d.tenant_id) & (r.id == d.current_run_id))
        .join(baseline, (b.tenant_id == d.tenant_id) & (b.id == d.baseline_run_id))
        .where(d.tenant_id == tenant_id, d.id == run_id)
    )  # fmt: skip
    return rows.mappings().one()


async def coverage(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> Mapping[str, RowMapping]:
    """Item type -> (status, message) of one sync run."""
    u = run_units.c
    rows = await connection.execute(
        select(u.item_type, u.status, u.message).where(u.tenant_id == tenant_id, u.run_id == run_id)
    )
    return {row["item_type"]: row for row in rows.mappings()}


async def complete_before(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int, item_types: Iterable[str]
) -> set[str]:
    """Those of the types that were read to their end at or before the scope's run `seq`."""
    u = run_units.c
    rows = await connection.execute(
        select(u.item_type)
        .distinct()
        .where(
            u.tenant_id == tenant_id,
            u.scope_id == scope_id,
            u.item_type.in_(list(item_types)),
            u.status == "COMPLETE",
            u.seq <= seq,
        )
    )
    return set(rows.scalars())


async def lock_scope(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> int | None:
    """The newest generated run's number. Two pairs of one scope never take effect at the same time.

    FOR NO KEY UPDATE: rows that merely refer to the scope, such as other jobs', need not wait.
    """
    generated: int | None = (
        await connection.execute(
            select(scopes.c.generated_seq)
            .where(scopes.c.tenant_id == tenant_id, scopes.c.id == scope_id)
            .with_for_update(key_share=True)
        )
    ).scalar_one()
    return generated


async def next_queued(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, run_id: UUID) -> UUID | None:
    """The scope's next drift run that waits for this one, oldest pair first."""
    found: UUID | None = await connection.scalar(
        select(drift_runs.c.id)
        .where(
            drift_runs.c.tenant_id == tenant_id,
            drift_runs.c.scope_id == scope_id,
            drift_runs.c.status == "QUEUED",
            drift_runs.c.id != run_id,
        )
        .order_by(drift_runs.c.current_seq, drift_runs.c.baseline_seq)
        .limit(1)
    )
    return found


async def judged(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> dict[str, int]:
    """Item type -> the run up to which its findings have been judged."""
    rows = await connection.execute(
        select(judged_types.c.item_type, judged_types.c.seq).where(
            judged_types.c.tenant_id == tenant_id, judged_types.c.scope_id == scope_id
        )
    )
    return {row.item_type: row.seq for row in rows}


async def moved(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, item_types: Sequence[str], i: int, j: int
) -> Sequence[RowMapping]:
    """The objects of these types whose content differs between the runs i < j, in the order of (type, id)."""
    if not item_types or i >= j:
        return []
    rows = await connection.execute(
        _MOVED, {"tenant": tenant_id, "scope": scope_id, "types": list(item_types), "i": i, "j": j}
    )
    return rows.mappings().all()


async def hashes_at(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, objects: Iterable[tuple[str, str]], seq: int
) -> dict[tuple[str, str], str]:
    """(type, id) -> hash at the run `seq`, of those objects that were there."""
    keys = list(objects)
    rows = await connection.execute(
        text(
            """
            select i.item_type, i.external_id, i.hash
            from unnest(cast(:types as text[]), cast(:ids as text[])) k (item_type, external_id)
            join atlas.item_intervals i on i.tenant_id = :tenant and i.scope_id = :scope
              and i.item_type = k.item_type and i.external_id = k.external_id
              and i.valid_from <= :seq and (i.valid_to is null or i.valid_to > :seq)
            """
        ),
        {
            "types": [t for t, _ in keys],
            "ids": [e for _, e in keys],
            "tenant": tenant_id,
            "scope": scope_id,
            "seq": seq,
        },
    )
    return {(row.item_type, row.external_id): row.hash for row in rows}


async def bodies(connection: AsyncConnection, tenant_id: UUID, hashes: Iterable[str]) -> dict[str, bytes]:
    """Hash -> canonical body, decompressed."""
    wanted = sorted(set(hashes))
    found: dict[str, bytes] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = await connection.execute(
            select(contents.c.hash, contents.c.body).where(
                contents.c.tenant_id == tenant_id, contents.c.hash.in_(wanted[start : start + CHUNK])
            )
        )
        found.update({row.hash: unpack(row.body) for row in rows})
    return found


async def duplicates(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> Sequence[RowMapping]:
    """(item_type, external_id, display_name, detail) of the ids that several objects shared in one run."""
    d = run_duplicates.c
    rows = await connection.execute(
        select(d.item_type, d.external_id, d.display_name, d.detail)
        .where(d.tenant_id == tenant_id, d.run_id == run_id)
        .order_by(d.item_type, d.external_id)
    )
    return rows.mappings().all()


async def duplicated_at(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int
) -> frozenset[tuple[str, str]]:
    """The (type, id) that several objects shared in the newest run up to this number that read the type whole."""
    rows = await connection.execute(
        text(
            """
            select d.item_type, d.external_id
            from (select item_type, max(seq) as seq from atlas.run_units
                  where tenant_id = :tenant and scope_id = :scope and status = 'COMPLETE' and seq <= :seq
                  group by item_type) u
            join atlas.sync_runs r on r.tenant_id = :tenant and r.scope_id = :scope and r.seq = u.seq
            join atlas.run_duplicates d on d.tenant_id = :tenant and d.run_id = r.id and d.item_type = u.item_type
            """
        ),
        {"tenant": tenant_id, "scope": scope_id, "seq": seq},
    )
    return frozenset((row.item_type, row.external_id) for row in rows)


async def held_types(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> set[str]:
    """The item types of which the scope holds objects now: one index probe a type, however many objects there are."""
    rows = await connection.execute(
        text(
            """
            select t from atlas.scopes s, unnest(s.item_types) t
            where s.tenant_id = :tenant and s.id = :scope and exists (
                select from atlas.item_intervals i
                where i.tenant_id = :tenant and i.scope_id = :scope and i.item_type = t and i.valid_to is null)
            """
        ),
        {"tenant": tenant_id, "scope": scope_id},
    )
    return set(rows.scalars())


async def set_judged(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, item_types: Iterable[str], seq: int
) -> None:
    await connection.execute(
        text(
            """
            insert into atlas.judged_types as j (tenant_id, scope_id, item_type, seq)
            select :tenant, :scope, t, :seq from unnest(cast(:types as text[])) t
            on conflict (tenant_id, scope_id, item_type) do update set seq = excluded.seq where j.seq < excluded.seq
            """
        ),
        {"tenant": tenant_id, "scope": scope_id, "types": sorted(item_types), "seq": seq},
    )


async def set_generated(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int) -> None:
    await connection.execute(
        scopes.update()
        .where(scopes.c.tenant_id == tenant_id, scopes.c.id == scope_id)
        .values(generated_seq=func.greatest(func.coalesce(scopes.c.generated_seq, 0), seq))
    )
