"""Hash aliases: one content under the prefixes of two forms or keys, so that nothing decided is orphaned."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import hash_aliases, recorded_forms

_TEXTS = ARRAY(Text)


async def forms(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> dict[str, str]:
    """Item type -> the prefix under which its open contents are recorded."""
    rows = await connection.execute(
        select(recorded_forms.c.item_type, recorded_forms.c.form).where(
            recorded_forms.c.tenant_id == tenant_id, recorded_forms.c.scope_id == scope_id
        )
    )
    return {row.item_type: row.form for row in rows}


async def set_forms(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, form_of: Mapping[str, str]) -> None:
    """Item type -> the form that its contents stand recorded in from now on."""
    await connection.execute(
        text(
            """
            insert into atlas.recorded_forms as f (tenant_id, scope_id, item_type, form)
            select :tenant, :scope, n.item_type, n.form from unnest(:types, :forms) n (item_type, form)
            on conflict (tenant_id, scope_id, item_type) do update set form = excluded.form
            where f.form <> excluded.form
            """
        ).bindparams(bindparam("types", type_=_TEXTS), bindparam("forms", type_=_TEXTS)),
        {
            "tenant": tenant_id,
            "scope": scope_id,
            "types": sorted(form_of),
            "forms": [form for _, form in sorted(form_of.items())],
        },
    )


async def write(connection: AsyncConnection, tenant_id: UUID, aliases: Mapping[str, str]) -> None:
    """Old hash -> new hash. What pointed to the old one points to the new one from now on."""
    pairs = sorted((old, new) for old, new in aliases.items() if old != new)
    if not pairs:
        return
    values = {"tenant": tenant_id, "old": [old for old, _ in pairs], "new": [new for _, new in pairs]}
    bound = (bindparam("old", type_=_TEXTS), bindparam("new", type_=_TEXTS))
    await connection.execute(
        text(
            """
            update atlas.hash_aliases a set new_hash = k.new_hash
            from unnest(:old, :new) k (old_hash, new_hash)
            where a.tenant_id = :tenant and a.new_hash = k.old_hash and a.old_hash <> k.new_hash
            """
        ).bindparams(*bound),
        values,
    )
    await connection.execute(
        text(
            """
            insert into atlas.hash_aliases (tenant_id, old_hash, new_hash)
            select :tenant, k.old_hash, k.new_hash from unnest(:old, :new) k (old_hash, new_hash)
            on conflict (tenant_id, old_hash) do update set new_hash = excluded.new_hash
            """
        ).bindparams(*bound),
        values,
    )


async def rename_open(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, item_type: str, renamed: Mapping[str, tuple[str, str]]
) -> None:
    """External id -> (hash, settings hash): the open intervals go on under these, and no new one begins."""
    ids = sorted(renamed)
    await connection.execute(
        text(
            """
            update atlas.item_intervals i set hash = k.hash, settings_hash = k.settings_hash
            from unnest(:ids, :hashes, :settings) k (external_id, hash, settings_hash)
            where i.tenant_id = :tenant and i.scope_id = :scope and i.valid_to is null and i.item_type = :item_type
              and i.external_id = k.external_id and i.hash <> k.hash
            """
        ).bindparams(*(bindparam(name, type_=_TEXTS) for name in ("ids", "hashes", "settings"))),
        {
            "tenant": tenant_id,
            "scope": scope_id,
            "item_type": item_type,
            "ids": ids,
            "hashes": [renamed[one][0] for one in ids],
            "settings": [renamed[one][1] for one in ids],
        },
    )


async def newest(connection: AsyncConnection, tenant_id: UUID, hashes: Iterable[str]) -> dict[str, str]:
    """Hash -> its newest alias, of those that have one."""
    rows = await connection.execute(
        select(hash_aliases.c.old_hash, hash_aliases.c.new_hash).where(
            hash_aliases.c.tenant_id == tenant_id, hash_aliases.c.old_hash.in_(sorted(set(hashes)))
        )
    )
    return {row.old_hash: row.new_hash for row in rows}


async def older(connection: AsyncConnection, tenant_id: UUID, hashes: Iterable[str]) -> dict[str, list[str]]:
    """Hash -> the hashes that it had under older prefixes."""
    rows = await connection.execute(
        select(hash_aliases.c.old_hash, hash_aliases.c.new_hash)
        .where(hash_aliases.c.tenant_id == tenant_id, hash_aliases.c.new_hash.in_(sorted(set(hashes))))
        .order_by(hash_aliases.c.old_hash)
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.new_hash, []).append(row.old_hash)
    return found
