"""Staged items: what a run from Graph has read and not recorded yet, a page at a time. As the worker."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Text, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.bodies import unpack
from atlas.store.recording import Delta, Incoming, delta_counted
from atlas.store.tables import contents, run_units, scopes, staged_items, sync_runs

_s = staged_items.c
_INCOMING = (_s.item_type, _s.external_id, _s.hash, _s.settings_hash, _s.display_name, _s.platform, _s.item_id)

_DELTA = text(
    """
    create temporary table delta on commit drop as
    select coalesce(s.item_type, b.item_type) as item_type, coalesce(s.external_id, b.external_id) as external_id,
           b.hash as old_hash, s.hash as new_hash, s.settings_hash, s.display_name, s.platform, s.item_id
    from (
        select * from atlas.staged_items
        where tenant_id = :tenant and run_id = :run and item_type = any(:complete)
    ) s
    full join (
        select item_type, external_id, hash from atlas.item_intervals
        where tenant_id = :tenant and scope_id = :scope and valid_to is null and item_type = any(:complete)
    ) b using (item_type, external_id)
    where s.hash is distinct from b.hash
    """
).bindparams(bindparam("complete", type_=ARRAY(Text)))


@dataclass(frozen=True, slots=True)
class Staged:
    """An object that was read. Where the key was rotated it is compared under its earlier hash, then renamed."""

    incoming: Incoming
    renamed_hash: str | None = None
    renamed_settings_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Renamed:
    """An object that goes on under the hashes of the present form."""

    item_type: str
    external_id: str
    hash: str
    renamed_hash: str
    renamed_settings_hash: str


async def run_of(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping:
    """(scope_id, selection, source, confirmed_at) of the run that this worker holds."""
    rows = await connection.execute(
        select(sync_runs.c.scope_id, sync_runs.c.source, sync_runs.c.confirmed_at, scopes.c.selection)
        .join(scopes, (scopes.c.tenant_id == sync_runs.c.tenant_id) & (scopes.c.id == sync_runs.c.scope_id))
        .where(sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id)
    )
    return rows.mappings().one()


async def units(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> Sequence[RowMapping]:
    """(item_type, status, observed, message) of the types that the run has read so far, by item type."""
    u = run_units.c
    rows = await connection.execute(
        select(u.item_type, u.status, u.observed, u.message)
        .where(u.tenant_id == tenant_id, u.run_id == run_id)
        .order_by(u.item_type)
    )
    return rows.mappings().all()


async def begin(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, item_type: str) -> None:
    """Forgets what was staged of a type whose reading broke off: it is read from its beginning."""
    await connection.execute(
        delete(staged_items).where(_s.tenant_id == tenant_id, _s.run_id == run_id, _s.item_type == item_type)
    )


async def keep_complete(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, complete: Collection[str]) -> None:
    """Forgets what was staged of types that were not read to their end: nothing of it is recorded."""
    await connection.execute(
        delete(staged_items).where(
            _s.tenant_id == tenant_id, _s.run_id == run_id, _s.item_type.not_in(sorted(complete))
        )
    )


async def put(connection: AsyncConnection, tenant_id: UUID, run_id: UUID, items: Sequence[Staged]) -> None:
    """Stages objects whose contents are stored. One that came before, equal to the last byte, is the same one."""
    rows = [
        {
            "tenant_id": tenant_id,
            "run_id": run_id,
            **asdict(item.incoming),
            "renamed_hash": item.renamed_hash,
            "renamed_settings_hash": item.renamed_settings_hash,
        }
        for item in items
    ]
    if rows:
        await connection.execute(insert(staged_items).on_conflict_do_nothing(), rows)


async def bodies(
    connection: AsyncConnection, tenant_id: UUID, run_id: UUID, item_types: Collection[str], *, after: str, most: int
) -> dict[str, bytes]:
    """Hash -> content of what is staged of these types, in the order of the hashes: the next ones after `after`."""
    query = (
        select(contents.c.hash, contents.c.body)
        .where(contents.c.tenant_id == tenant_id, contents.c.hash > after)
        .where(
            contents.c.hash.in_(
                select(_s.hash).where(
                    _s.tenant_id == tenant_id, _s.run_id == run_id, _s.item_type.in_(sorted(item_types))
                )
            )
        )
        .order_by(contents.c.hash)
        .limit(most)
    )
    return {row.hash: unpack(row.body) for row in await connection.execute(query)}


async def shared(
    connection: AsyncConnection, tenant_id: UUID, run_id: UUID, item_type: str | None = None
) -> set[tuple[str, str]]:
    """The (type, id) under which several objects came, of one type or of all."""
    rows = await connection.execute(
        text(
            "select item_type, external_id from atlas.staged_items where tenant_id = :tenant and run_id = :run"
            " and item_type = coalesce(:type, item_type) group by item_type, external_id having count(*) > 1"
        ),
        {"tenant": tenant_id, "run": run_id, "type": item_type},
    )
    return {(row.item_type, row.external_id) for row in rows}


async def under(
    connection: AsyncConnection, tenant_id: UUID, run_id: UUID, objects: Collection[tuple[str, str]]
) -> list[Incoming]:
    """What came under these (type, id)."""
    if not objects:
        return []
    keys = sorted(objects)
    columns = ", ".join(f"s.{column.name}" for column in _INCOMING)
    rows = await connection.execute(
        text(
            f"select {columns} from unnest(:types, :ids) k (item_type, external_id)"
            " join atlas.staged_items s on s.tenant_id = :tenant and s.run_id = :run"
            " and s.item_type = k.item_type and s.external_id = k.external_id"
        ).bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Text))),
        {
            "tenant": tenant_id,
            "run": run_id,
            "types": [item_type for item_type, _ in keys],
            "ids": [external_id for _, external_id in keys],
        },
    )
    return [Incoming(**row) for row in rows.mappings()]


async def rekey(
    connection: AsyncConnection,
    tenant_id: UUID,
    run_id: UUID,
    came_as: tuple[str, str, str],
    external_id: str,
    key: UUID,
) -> None:
    """Gives the object that came as (type, id, hash) an id of its own."""
    item_type, before, content = came_as
    await connection.execute(
        update(staged_items)
        .where(
            _s.tenant_id == tenant_id, _s.run_id == run_id,
            _s.item_type == item_type, _s.external_id == before, _s.hash == content,
        )
        .values(external_id=external_id, item_id=key)
    )  # fmt: skip


async def compare(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, run_id: UUID, complete: Sequence[str]
) -> Delta:
    """Compares what is staged of the complete types with the open intervals."""
    await connection.execute(
        _DELTA, {"tenant": tenant_id, "scope": scope_id, "run": run_id, "complete": list(complete)}
    )
    return await delta_counted(connection, tenant_id)


async def missing(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, run_id: UUID, item_type: str, *, most: int
) -> list[str]:
    """The ids of a type, in their order, that the scope holds and under which nothing was staged."""
    rows = await connection.execute(
        text(
            "select distinct held.id from ("
            # Objects that shared an id have one of their own, which Graph does not know.
            " select regexp_replace(external_id, '~[0-9a-f]{8}$', '') as id from atlas.item_intervals"
            " where tenant_id = :tenant and scope_id = :scope and valid_to is null and item_type = :type"
            ") held where not exists ("
            " select from atlas.staged_items s where s.tenant_id = :tenant and s.run_id = :run"
            " and s.item_type = :type and s.external_id = held.id"
            ") order by held.id limit :most"
        ),
        {"tenant": tenant_id, "scope": scope_id, "run": run_id, "type": item_type, "most": most},
    )
    return list(rows.scalars())


async def forms(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> dict[str, str]:
    """Item type -> the form that what is staged of it goes on in, which begins its hashes."""
    rows = await connection.execute(
        text(
            """
            select distinct item_type, split_part(coalesce(renamed_hash, hash), ':', 1) as form
            from atlas.staged_items where tenant_id = :tenant and run_id = :run
            """
        ),
        {"tenant": tenant_id, "run": run_id},
    )
    return {row.item_type: row.form for row in rows}


async def number(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> int:
    found: int = (
        await connection.execute(
            text("select count(*) from atlas.staged_items where tenant_id = :tenant and run_id = :run"),
            {"tenant": tenant_id, "run": run_id},
        )
    ).scalar_one()
    return found


async def renamed(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> list[Renamed]:
    """What was compared under an earlier form, and is to go on under the present one."""
    rows = await connection.execute(
        select(_s.item_type, _s.external_id, _s.hash, _s.renamed_hash, _s.renamed_settings_hash).where(
            _s.tenant_id == tenant_id, _s.run_id == run_id, _s.renamed_hash.is_not(None)
        )
    )
    return [Renamed(**row) for row in rows.mappings()]
