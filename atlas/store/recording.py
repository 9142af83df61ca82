"""Recording a sync run as interval rows: costs what changed, and an unchanged run writes none. As the worker."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Text, Uuid, bindparam, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.identity import Held
from atlas.store.bodies import pack
from atlas.store.tables import run_duplicates, run_units, scopes, sync_runs

# `delta` holds what differs between the incoming objects and the open intervals, of the complete types only. Whoever
# makes it gives its columns the same types and collations: a statement that was prepared for one serves the others.
_DELTA = text(
    """
    create temporary table delta on commit drop as
    select coalesce(s.item_type, b.item_type) as item_type, coalesce(s.external_id, b.external_id) as external_id,
           b.hash as old_hash, s.hash collate "C" as new_hash, s.settings_hash collate "C" as settings_hash,
           s.display_name collate "C" as display_name, s.platform, s.item_id
    from unnest(:item_types, :external_ids, :hashes, :settings_hashes, :names, :platforms, :item_ids)
         s (item_type, external_id, hash, settings_hash, display_name, platform, item_id)
    full join (
        select item_type, external_id, hash from atlas.item_intervals
        where tenant_id = :tenant and scope_id = :scope and valid_to is null and item_type = any(:complete)
    ) b using (item_type, external_id)
    where s.hash is distinct from b.hash
    """
).bindparams(
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("item_types", "external_ids", "hashes", "settings_hashes", "names", "platforms", "complete")
    ),
    bindparam("item_ids", type_=ARRAY(Uuid)),
)

_CLOSE = text(
    """
    update atlas.item_intervals b set valid_to = :seq
    from delta d
    where d.old_hash is not null and b.tenant_id = :tenant and b.scope_id = :scope and b.valid_to is null
      and b.item_type = d.item_type and b.external_id = d.external_id
    """
)

_OPEN = text(
    """
    insert into atlas.item_intervals (tenant_id, scope_id, item_type, external_id, valid_from, item_id, hash,
                                      settings_hash, display_name, platform)
    select :tenant, :scope, item_type, external_id, :seq, item_id, new_hash, settings_hash, display_name, platform
    from delta where new_hash is not null
    """
)


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object as it comes in: all that an interval row keeps of it."""

    item_type: str
    external_id: str
    hash: str
    settings_hash: str
    display_name: str
    platform: str | None
    item_id: UUID


@dataclass(frozen=True, slots=True)
class Delta:
    """How many objects were added, changed and removed, and the contents that are not stored yet."""

    added: int
    changed: int
    removed: int
    unknown: frozenset[str]


async def scope_of_run(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping:
    """(scope_id, started_at, selection) of the run that this worker holds."""
    rows = await connection.execute(
        select(sync_runs.c.scope_id, sync_runs.c.started_at, scopes.c.selection)
        .join(scopes, (scopes.c.tenant_id == sync_runs.c.tenant_id) & (scopes.c.id == sync_runs.c.scope_id))
        .where(sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id)
    )
    return rows.mappings().one()


async def lock_scope(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> int:
    """The number of the newest recorded run. One recording of a scope at a time."""
    last: int = (
        await connection.execute(
            select(scopes.c.last_seq)
            .where(scopes.c.tenant_id == tenant_id, scopes.c.id == scope_id)
            .with_for_update(key_share=True)
        )
    ).scalar_one()
    return last


async def started_at(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int) -> datetime | None:
    """When the scope's recorded run of this number started."""
    started: datetime | None = await connection.scalar(
        select(sync_runs.c.started_at).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.scope_id == scope_id, sync_runs.c.seq == seq
        )
    )
    return started


async def stage(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, items: Sequence[Incoming], complete: Sequence[str]
) -> Delta:
    """Compares the incoming objects of the complete types with the open intervals."""
    await connection.execute(
        _DELTA,
        {
            "tenant": tenant_id,
            "scope": scope_id,
            "complete": list(complete),
            "item_types": [item.item_type for item in items],
            "external_ids": [item.external_id for item in items],
            "hashes": [item.hash for item in items],
            "settings_hashes": [item.settings_hash for item in items],
            "names": [item.display_name for item in items],
            "platforms": [item.platform for item in items],
            "item_ids": [item.item_id for item in items],
        },
    )
    return await delta_counted(connection, tenant_id)


async def delta_counted(connection: AsyncConnection, tenant_id: UUID) -> Delta:
    """What the table `delta` of this transaction holds, in numbers."""
    counts = (
        await connection.execute(
            text(
                "select count(*) filter (where old_hash is null) as added,"
                " count(*) filter (where old_hash is not null and new_hash is not null) as changed,"
                " count(*) filter (where new_hash is null) as removed from delta"
            )
        )
    ).one()
    unknown = await connection.execute(
        text(
            "select distinct new_hash from delta d where new_hash is not null and not exists ("
            "select from atlas.contents c where c.tenant_id = :tenant and c.hash = d.new_hash)"
        ),
        {"tenant": tenant_id},
    )
    return Delta(counts.added, counts.changed, counts.removed, frozenset(unknown.scalars()))


async def hold_contents(connection: AsyncConnection, tenant_id: UUID, *, to_prune: bool) -> None:
    """Until the transaction ends: no content of the tenant goes while some are named, and none is named meanwhile.

    For what names contents without the scope's lock, and for what lets go of them.
    """
    lock = "pg_advisory_xact_lock" if to_prune else "pg_advisory_xact_lock_shared"
    await connection.execute(select(getattr(func, lock)(func.hashtextextended(f"atlas.contents:{tenant_id}", 0))))


async def insert_contents(connection: AsyncConnection, tenant_id: UUID, bodies: Mapping[str, bytes]) -> None:
    """Stores bodies by their hash; one that somebody stored meanwhile is the same by definition."""
    rows = [{"tenant": tenant_id, "hash": key, "body": pack(body)} for key, body in bodies.items()]
    if rows:
        await connection.execute(
            text(
                "insert into atlas.contents (tenant_id, hash, body) values (:tenant, :hash, :body)"
                " on conflict do nothing"
            ),
            rows,
        )


async def stored(connection: AsyncConnection, tenant_id: UUID, hashes: Collection[str]) -> set[str]:
    """Those of the hashes whose content is kept."""
    if not hashes:
        return set()
    rows = await connection.execute(
        text("select hash from atlas.contents where tenant_id = :tenant and hash = any(:hashes)").bindparams(
            bindparam("hashes", type_=ARRAY(Text))
        ),
        {"tenant": tenant_id, "hashes": sorted(hashes)},
    )
    return set(rows.scalars())


async def apply(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int) -> None:
    """Closes and opens the intervals that the staged delta names, as of run `seq`."""
    values = {"tenant": tenant_id, "scope": scope_id, "seq": seq}
    await connection.execute(_CLOSE, values)
    await connection.execute(_OPEN, values)


async def insert_units(
    connection: AsyncConnection,
    tenant_id: UUID,
    scope_id: UUID,
    run_id: UUID,
    seq: int | None,
    units: Iterable[Mapping[str, Any]],
) -> None:
    rows = [{"tenant_id": tenant_id, "scope_id": scope_id, "run_id": run_id, "seq": seq, **unit} for unit in units]
    if rows:
        await connection.execute(insert(run_units), rows)


async def insert_duplicates(
    connection: AsyncConnection, tenant_id: UUID, run_id: UUID, duplicates: Iterable[Mapping[str, Any]]
) -> None:
    rows = [{"tenant_id": tenant_id, "run_id": run_id, **duplicate} for duplicate in duplicates]
    if rows:
        await connection.execute(insert(run_duplicates), rows)


async def advance_scope(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, seq: int, item_types: Iterable[str]
) -> None:
    """The scope's newest run is `seq` now, and these types are known to it."""
    await connection.execute(
        text(
            "update atlas.scopes set last_seq = :seq,"
            " item_types = array(select distinct t from unnest(item_types || :types) t order by t)"
            " where tenant_id = :tenant and id = :scope"
        ).bindparams(bindparam("types", type_=ARRAY(Text))),
        {"tenant": tenant_id, "scope": scope_id, "seq": seq, "types": sorted(item_types)},
    )


async def derived_keys(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, item_types: Sequence[str]
) -> list[tuple[str, str]]:
    """The open (type, id) keys derived because several objects shared one id: few, by an index of their own."""
    rows = await connection.execute(
        text(
            "select item_type, external_id from atlas.item_intervals"
            " where tenant_id = :tenant and scope_id = :scope and valid_to is null"
            " and strpos(external_id, '~') > 0 and item_type = any(:types)"
        ).bindparams(bindparam("types", type_=ARRAY(Text))),
        {"tenant": tenant_id, "scope": scope_id, "types": list(item_types)},
    )
    return [(row.item_type, row.external_id) for row in rows]


async def held_under(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, objects: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Held]:
    """(type, id) -> what the open intervals hold under these keys, and under the keys derived from them (`id~...`)."""
    if not objects:
        return {}
    # "~" is the last printable character of ASCII, so that one range of the index holds an id and what derives from it.
    rows = await connection.execute(
        text(
            """
            select i.item_type, i.external_id, i.hash, i.display_name, i.settings_hash
            from unnest(:types, :ids) k (item_type, external_id)
            join atlas.item_intervals i on i.tenant_id = :tenant and i.scope_id = :scope and i.valid_to is null
              and i.item_type = k.item_type
              and i.external_id >= k.external_id and i.external_id < k.external_id || '~' || chr(127)
              and (i.external_id = k.external_id or i.external_id >= k.external_id || '~')
            """
        ).bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Text))),
        {
            "tenant": tenant_id,
            "scope": scope_id,
            "types": [item_type for item_type, _ in objects],
            "ids": [external_id for _, external_id in objects],
        },
    )
    return {(row.item_type, row.external_id): Held(row.hash, row.display_name, row.settings_hash) for row in rows}
