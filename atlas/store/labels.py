"""Labels: written under the lease of a sync, read beside the changes that name what they are of."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Text, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.naming import LONGEST, Named
from atlas.domain.vocabulary import LabelKind
from atlas.store.pages import pairs
from atlas.store.tables import labels

CHUNK = 1_000

ITEM_TYPES: Mapping[LabelKind, str] = {
    LabelKind.FILTER: "assignmentFilter",
    LabelKind.SCOPE_TAG: "roleScopeTag",
}
"""What is itself an object of the inventory, and of which item type."""

_l = labels.c

_FROM_ITEMS = text(
    """
    insert into atlas.labels as l (tenant_id, kind, id, label)
    select distinct on (lower(i.external_id)) i.tenant_id, :kind, lower(i.external_id), left(i.display_name, :longest)
    from atlas.item_intervals i
    where i.tenant_id = :tenant and i.scope_id = :scope and i.item_type = :type and i.valid_to is null
      and i.display_name <> '' and position('~' in i.external_id) = 0
    order by lower(i.external_id), i.external_id
    on conflict (tenant_id, kind, id) do update set label = excluded.label, read_at = excluded.read_at
    where l.label is distinct from excluded.label
    """
)


async def write(connection: AsyncConnection, tenant_id: UUID, found: Mapping[Named, str | None]) -> None:
    """Keeps labels as they were read just now; None for what the source has not. As the worker that syncs."""
    rows = [{"tenant_id": tenant_id, "kind": kind, "id": id_, "label": one} for (kind, id_), one in found.items()]
    statement = insert(labels)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "kind", "id"],
        set_={"label": statement.excluded.label, "read_at": func.now()},
    )
    for start in range(0, len(rows), CHUNK):
        await connection.execute(statement, rows[start : start + CHUNK])


async def write_names_of_items(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> None:
    """Keeps the names of the objects of a scope that others refer to. As the worker that syncs."""
    for kind, item_type in ITEM_TYPES.items():
        named = {"kind": kind, "type": item_type, "longest": LONGEST}
        await connection.execute(_FROM_ITEMS, {"tenant": tenant_id, "scope": scope_id, **named})


async def wanted(
    connection: AsyncConnection, tenant_id: UUID, named: Collection[Named], *, older_than: timedelta
) -> list[Named]:
    """Those of which nothing is known, by kind and id; then those that were read longest ago."""
    asked = pairs(sorted(named), Text(), Text())
    query = (
        select(asked.c.a, asked.c.b)
        .outerjoin(labels, (_l.tenant_id == tenant_id) & (_l.kind == asked.c.a) & (_l.id == asked.c.b))
        .where(or_(_l.read_at.is_(None), _l.read_at < func.now() - literal(older_than)))
        .order_by(_l.read_at.nulls_first(), asked.c.a, asked.c.b)
    )
    return [(LabelKind(row.a), row.b) for row in await connection.execute(query)]


async def of(connection: AsyncConnection, tenant_id: UUID, named: Iterable[Named]) -> dict[Named, str]:
    """The labels that are known, in one statement."""
    asked = pairs(sorted(named), Text(), Text())
    query = (
        select(_l.kind, _l.id, _l.label)
        .join(asked, (_l.kind == asked.c.a) & (_l.id == asked.c.b))
        .where(_l.tenant_id == tenant_id, _l.label.is_not(None))
    )
    return {(LabelKind(row.kind), row.id): row.label for row in await connection.execute(query)}
