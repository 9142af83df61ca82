"""Who may do what, as one page, generated from the catalogue of a migrated database.

`python -m atlas.store.matrix OWNER_URL` writes the page anew after a migration was added; a test compares the two.
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store import conditions
from atlas.store.conditions import Extent
from atlas.store.database import open_database
from atlas.store.migrations import scripts

HEAD = """# Who may do what

Generated from the catalogue of a migrated database, and compared with it by a test. After a migration:
`python -m atlas.store.matrix OWNER_URL`.

The roles of people are rows of a table; the policies of `atlas_api` ask it for a capability at every statement. *All*
means every row of the tenant, *some* the rows for which the rest of the condition holds, and nothing stands where the
database refuses. What a role has no line for, it cannot do; nobody may TRUNCATE. `atlas_owner` owns everything,
bypasses the policies, and serves nobody.
"""
SECTIONS = {
    "atlas_api": "The API and the command line. The columns of READER to OWNER say how much of it each role gets.",
    "atlas_worker": "The worker. *The lease* is the tenant of the one run whose lease its context holds.",
    "atlas_sweeper": "What queues lost runs again. It spans tenants, and these columns are all that it sees of them.",
    "atlas_policy": "Nobody can log in as it: the functions below run as it, for whoever calls them.",
}
COMMANDS = {"SELECT": "read", "INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}

_CAPABILITIES = """
    select c.role, c.capability from atlas.role_capabilities c join atlas.roles r on r.name = c.role
    order by r.rank, c.capability
"""
_GRANTS = """
    select r.rolname as role, t.relname as table_name, p.privilege, t.relrowsecurity as guarded,
           array_agg(a.attname order by a.attnum) filter (where p.privilege <> 'DELETE'
               and has_column_privilege(r.oid, t.oid, a.attnum, p.privilege)) as granted,
           array_agg(a.attname order by a.attnum) as columns
    from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped,
         pg_roles r, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality p (privilege, place)
    where t.relnamespace = 'atlas'::regnamespace and t.relkind in ('r', 'p', 'v', 'm') and r.rolname = any (:roles)
      and case when p.privilege = 'DELETE' then has_table_privilege(r.oid, t.oid, 'DELETE')
               else has_any_column_privilege(r.oid, t.oid, p.privilege) end
    group by r.rolname, t.relname, t.relrowsecurity, p.privilege, p.place
    order by r.rolname, t.relname, p.place
"""
_POLICIES = """
    select r as role, tablename as table_name, cmd, qual, with_check
    from pg_policies, unnest(roles) r where schemaname = 'atlas' order by tablename, policyname
"""
_FUNCTIONS = """
    select p.oid::regprocedure::text as name,
           case when p.prosecdef then pg_get_userbyid(p.proowner) else 'whoever calls it' end as runs_as,
           array(select r.rolname::text from pg_roles r
                 where r.rolname = any (:roles) and r.oid <> p.proowner
                   and has_function_privilege(r.oid, p.oid, 'EXECUTE')
                 order by 1) as callers
    from pg_proc p where p.pronamespace = 'atlas'::regnamespace and p.prorettype <> 'trigger'::regtype order by 1
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What a database role may do to a table: under which condition, and with which columns."""

    table: str
    command: str
    using: conditions.Condition | None
    check: conditions.Condition | None
    columns: str

    @property
    def needs(self) -> str:
        told = [conditions.words(one) for one in (self.using, self.check) if one is not None]
        if len(told) == 2 and told[0] != told[1]:
            return f"{told[0]}; then {told[1]}"
        return told[0] if told else "nothing: it is the same for all tenants"

    def extent(self, held: frozenset[str]) -> Extent:
        return min(
            (conditions.extent(one, held) for one in (self.using, self.check) if one is not None), default=Extent.ALL
        )


def kept() -> Path:
    """The page, in a checkout."""
    return scripts().parent / "specs" / "policy-matrix.md"


async def render(connection: AsyncConnection) -> str:
    """The page in Markdown, the same for every database of the same migrations."""
    held: dict[str, frozenset[str]] = {}
    for role, capability in (await connection.execute(text(_CAPABILITIES))).all():
        held[role] = held.get(role, frozenset()) | {capability}
    parts = [HEAD, "## Roles and capabilities\n", _capabilities(held)]
    for role, told in SECTIONS.items():
        parts += [f"## {role}\n", f"{told}\n", _of_role(await _lines(connection, role), held, role)]
    parts += ["## Functions\n", "Triggers aside: nobody calls those.\n", await _functions(connection)]
    return "\n".join(parts)


def _capabilities(held: dict[str, frozenset[str]]) -> str:
    names = sorted(frozenset().union(*held.values()), key=lambda one: (-sum(one in own for own in held.values()), one))
    rows = [[name, *("yes" if name in held[role] else "" for role in held)] for name in names]
    return _table(["capability", *held], rows)


def _of_role(lines: Sequence[Line], held: dict[str, frozenset[str]], role: str) -> str:
    # The capabilities of people decide only where a person acts.
    people = held if role == "atlas_api" else {}
    rows = (
        [
            f"`{line.table}`",
            line.command,
            line.needs,
            *(_told(line.extent(own)) for own in people.values()),
            line.columns,
        ]
        for line in lines
    )
    return _table(["table", "command", "needs", *people, "columns"], rows)


async def _lines(connection: AsyncConnection, role: str) -> list[Line]:
    grants = (await connection.execute(text(_GRANTS), {"roles": [role]})).mappings().all()
    policies = [one for one in (await connection.execute(text(_POLICIES))).mappings() if one["role"] == role]
    lines = []
    for grant in grants:
        table, privilege = grant["table_name"], grant["privilege"]
        columns = _columns(grant["granted"], grant["columns"])
        of_command = [one for one in policies if one["table_name"] == table and one["cmd"] in {privilege, "ALL"}]
        if not grant["guarded"]:
            lines.append(Line(table, COMMANDS[privilege], None, None, columns))
        lines += [
            Line(table, COMMANDS[privilege], _read(one["qual"]), _read(one["with_check"]), columns)
            for one in of_command
        ]
    return lines


async def _functions(connection: AsyncConnection) -> str:
    found = (await connection.execute(text(_FUNCTIONS), {"roles": ["atlas_owner", *SECTIONS]})).mappings()
    rows = ([f"`{one['name']}`", one["runs_as"], ", ".join(one["callers"])] for one in found)
    return _table(["function", "runs as", "called by"], rows)


def _read(expression: str | None) -> conditions.Condition | None:
    return None if expression is None else conditions.read(expression)


def _columns(granted: Sequence[str] | None, columns: Sequence[str]) -> str:
    """`all`, `all but ...` where that is shorter, or their names; empty for DELETE, which has none."""
    if granted is None:
        return ""
    missing = [name for name in columns if name not in granted]
    if not missing:
        return "all"
    if 2 * len(missing) < len(granted):
        return f"all but {_names(missing)}"
    return _names(granted)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _told(extent: Extent) -> str:
    return "" if extent is Extent.NONE else extent.name.lower()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def lines() -> Iterator[str]:
        yield from (_row(head), _row(["---"] * len(head)))
        yield from map(_row, rows)

    return "\n".join(lines()) + "\n"


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


async def write(owner_url: str) -> Path:
    database = open_database(owner_url, size=1)
    try:
        async with database.transaction(readonly=True) as connection:
            page = await render(connection)
    finally:
        await database.close()
    kept().write_text(page, encoding="utf-8")
    return kept()


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(write(sys.argv[1]))}\n")
