"""The catalogue of the schema as text: what the migrations made, kept beside them and compared line by line.

`python -m atlas.store.snapshot OWNER_URL` writes the kept text anew after a migration was added.
"""

import asyncio
import sys
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.database import open_database
from atlas.store.migrations import scripts

# Each query gives lines that tell one kind of thing wholly. NOT NULL stands with the column, since PostgreSQL 18
# also counts it as a constraint; deparsed text has its whitespace folded.
SECTIONS: tuple[str, ...] = (
    """
    select format('schema %s owner=%s', nspname, pg_get_userbyid(nspowner)) from pg_namespace where nspname = 'atlas'
    """,
    """
    select format('relation %s kind=%s owner=%s rls=%s force=%s options=%s', relname, relkind,
                  pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, coalesce(reloptions::text, '{}'))
    from pg_class where relnamespace = 'atlas'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    """,
    """
    select format('column %s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  case when a.attcollation <> t.typcollation then ' collate ' || l.collname end,
                  case when a.attnotnull then ' not null' end,
                  case a.attgenerated when 's' then ' generated ' else ' default ' end
                      || pg_get_expr(d.adbin, d.adrelid))
    from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        join pg_type t on t.oid = a.atttypid
        left join pg_collation l on l.oid = a.attcollation
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = 'atlas'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and a.attnum > 0 and not a.attisdropped
    """,
    """
    select format('constraint %s.%s %s', r.relname, c.conname, pg_get_constraintdef(c.oid))
    from pg_constraint c join pg_class r on r.oid = c.conrelid
    where c.connamespace = 'atlas'::regnamespace and c.contype in ('p', 'u', 'f', 'c', 'x')
    """,
    """
    select format('index %s %s', c.relname, pg_get_indexdef(i.indexrelid))
    from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'atlas'::regnamespace
    """,
    """
    select format('policy %s.%s %s for %s to %s using %s check %s', tablename, policyname, lower(permissive),
                  lower(cmd), array_to_string(roles, ','), coalesce(qual, '-'), coalesce(with_check, '-'))
    from pg_policies where schemaname = 'atlas'
    """,
    """
    select format('function %s owner=%s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner),
                  pg_get_functiondef(p.oid))
    from pg_proc p where p.pronamespace = 'atlas'::regnamespace and p.prokind in ('f', 'p')
    """,
    """
    select format('trigger %s.%s enabled=%s %s', c.relname, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid))
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'atlas'::regnamespace and not t.tgisinternal
    """,
    """
    select format('type %s kind=%s', t.oid::regtype, t.typtype)
    from pg_type t left join pg_class c on c.oid = t.typrelid
    where t.typnamespace = 'atlas'::regnamespace and t.typelem = 0 and coalesce(c.relkind, 'c') = 'c'
    """,
)

# The owner of a thing holds everything on it, which is no grant.
GRANTS = """
    with acl(kind, object, owner, entries) as (
        select 'schema', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner))
        from pg_namespace where nspname = 'atlas'
        union all
        select 'relation', relname::text, relowner,
            coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
        from pg_class where relnamespace = 'atlas'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'column', c.relname || '.' || a.attname, c.relowner, a.attacl
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'atlas'::regnamespace and a.attacl is not null and not a.attisdropped
        union all
        select 'function', p.oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
        from pg_proc p where pronamespace = 'atlas'::regnamespace
        union all
        select 'default of ' || d.defaclobjtype::text, coalesce(n.nspname, '*'), d.defaclrole, d.defaclacl
        from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
        where d.defaclnamespace in (0, 'atlas'::regnamespace)
    )
    select format('grant %s on %s %s to %s%s', lower(e.privilege_type), acl.kind, acl.object,
                  coalesce(r.rolname, 'public'), case when e.is_grantable then ' with grant option' end)
    from acl, aclexplode(acl.entries) e left join pg_roles r on r.oid = e.grantee
    where e.grantee <> acl.owner
"""


def kept() -> Path:
    """The text that belongs to this release's migrations."""
    return scripts() / "snapshot.txt"


async def grants(connection: AsyncConnection) -> list[str]:
    """What each role may do in the schema, a line a privilege; columns on their own lines."""
    return await _lines(connection, GRANTS)


async def describe(connection: AsyncConnection) -> list[str]:
    """The whole schema, sorted within its sections; the same for every database of the same migrations."""
    return [line for section in (*SECTIONS, GRANTS) for line in await _lines(connection, section)]


def kept_lines() -> list[str]:
    return kept().read_text(encoding="utf-8").splitlines()


async def write(owner_url: str) -> Path:
    """Keeps the catalogue of this freshly migrated database as what every other is compared with."""
    database = open_database(owner_url, size=1)
    try:
        async with database.transaction(readonly=True) as connection:
            lines = await describe(connection)
    finally:
        await database.close()
    kept().write_text("\n".join(lines) + "\n", encoding="utf-8")
    return kept()


async def _lines(connection: AsyncConnection, query: str) -> list[str]:
    rows = await connection.exec_driver_sql(query)
    return sorted({" ".join(row.split()) for row in rows.scalars()})


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(write(sys.argv[1]))}\n")
