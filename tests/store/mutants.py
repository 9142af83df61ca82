"""What a migrated database grants, one policy and one grant at a time, and what a role comes to without it."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg

from atlas.store.database import INSUFFICIENT_PRIVILEGE, Context
from tests.store.test_common_tables import ROWS
from tests.store.test_tenancy import INSERTS, UPDATES, contexts, delete_of, select_of
from tests.store.world import DENIED, World, filled

MATRIX = Path(__file__).parents[2] / "specs" / "policy-matrix.md"
ROLES = "('atlas_api', 'atlas_worker', 'atlas_sweeper')"
POLICIES = f"""
    select tablename as table, policyname as name, roles[1] as role, lower(cmd) as command, qual, with_check as check
    from pg_policies where schemaname = 'atlas' and roles[1] in {ROLES} order by 1, 2"""
GRANTS = f"""
    with granted as (
        select c.relname, null as attname, (aclexplode(c.relacl)).* from pg_class c
        where c.relnamespace = 'atlas'::regnamespace
        union all
        select c.relname, a.attname, (aclexplode(a.attacl)).* from pg_class c
        join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
        where c.relnamespace = 'atlas'::regnamespace
    )
    select relname as table, attname as column, grantee::regrole::text as role, lower(privilege_type) as command
    from granted where grantee::regrole::text in {ROLES} order by 1, 3, 4, 2"""

COLUMNS = """
    select c.relname as table, array_agg(a.attname::text order by a.attnum) as columns from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'atlas'::regnamespace and c.relkind = 'r' group by c.relname"""

# The sweeper gives back a job whose lease has run out; it sees no job that has ended, and moves none that is held.
SWEPT = "update atlas.{table} set status = 'QUEUED', lease_token = null, lease_until = null where tenant_id = :tenant"
SEEN = "select status from atlas.{table} where tenant_id = :tenant and status = 'SUCCEEDED'"
OPEN_JOBS = "where tenant_id = :tenant and status in ('QUEUED', 'RUNNING')"
LEASED = "update atlas.{table} set status = 'RUNNING', lease_token = :lease, lease_until = now() + interval "
EXPIRED, HELD = (f"{LEASED} '{until}' {OPEN_JOBS}" for until in ("-1 s", "1 h"))
ENDED = "update atlas.{table} set status = 'SUCCEEDED', lease_token = null{more} " + OPEN_JOBS


@dataclass(frozen=True, slots=True)
class Cell:
    """A statement of a role in a context; what it comes to is a number of rows, or the refusal.

    What has to be so `before` a superuser writes. Without `triggers`, policies and grants alone have the say.
    """

    role: str
    statement: str
    context: Context
    before: str = ""
    triggers: bool = False


def allowed(role: str, table: str, command: str, world: World, other: World) -> Cell:
    """The cell of the matrix in which the role may do this to the table."""
    swept = role == "atlas_sweeper" and command == "update"
    statement = {
        "select": ROWS.get(table) or select_of(table),
        "insert": f"insert into atlas.{table} {INSERTS[role].get(table)}",
        "update": SWEPT if swept else f"update atlas.{table} set {UPDATES[role].get(table)} where tenant_id = :tenant",
        "delete": delete_of(table),
    }[command]
    ids = world.ids | {"stranger": other.owner}
    right = contexts(role, world, other, table, deleting=command == "delete")["right"]
    statement, before = (filled(one.replace("{table}", table), ids) for one in (statement, EXPIRED if swept else ""))
    return Cell(role, statement, right, before, triggers=True)


def closed(role: str, table: str, command: str, world: World, other: World, column: str) -> list[Cell]:
    """Cells in which it may not: of another tenant, of none, and without a look at the rows that it writes."""
    if role == "atlas_sweeper":
        statement, before = (SEEN, "" if table == "sync_runs" else ENDED) if command == "select" else (SWEPT, HELD)
        more = ", added = 0" if table == "drift_runs" else ""
        both = (filled(one.replace("{table}", table).replace("{more}", more), world.ids) for one in (statement, before))
        return [Cell(role, next(both), Context(), next(both))]
    named = contexts(role, world, other, table, deleting=command == "delete")
    statement = allowed(role, table, command, world, other).statement
    blind = {"update": f"update atlas.{table} set {column} = default", "delete": f"delete from atlas.{table}"}
    return [
        *([Cell(role, blind[command], Context())] if command in blind else []),
        *(Cell(role, statement, named[one]) for one in ("wrong", "none")),
    ]


def wide(table: str, command: str, columns: list[str]) -> str:
    """A statement that needs the right to each of these columns, and is only planned."""
    names = ", ".join(columns)
    return (
        "explain "
        + {
            "select": f"select {names} from atlas.{table}",
            "insert": f"insert into atlas.{table} ({names}) values ({', '.join(['default'] * len(columns))})",
            "update": f"update atlas.{table} set {', '.join(f'{one} = default' for one in columns)}",
            "delete": f"delete from atlas.{table}",
        }[command]
    )


async def come_to(connection: asyncpg.Connection, cell: Cell) -> int | str:
    """How many rows it touches, that it is denied, or the code of its error. Nothing of it stays."""
    settings = asdict(cell.context).items()
    context = "".join(f"select set_config('atlas.{name}', '{value or ''}', true);" for name, value in settings)
    try:
        tag = await connection.execute(
            f"savepoint cell; set local session_replication_role = replica; {cell.before};"
            f"set local session_replication_role = {'origin' if cell.triggers else 'replica'}; {context}"
            f"set local session authorization {cell.role}; {cell.statement}"
        )
        number = tag.split()[-1]
        return int(number) if number.isdigit() else str(tag)
    except asyncpg.PostgresError as error:
        return DENIED if error.sqlstate == INSUFFICIENT_PRIVILEGE else str(error.sqlstate)
    finally:
        await connection.execute("rollback to savepoint cell")


@asynccontextmanager
async def mutated(connection: asyncpg.Connection, change: str) -> AsyncIterator[None]:
    await connection.execute(f"savepoint mutant; {change}")
    try:
        yield
    finally:
        await connection.execute("rollback to savepoint mutant")


def columns_of_the_matrix(known: Mapping[str, list[str]]) -> dict[tuple[str, str, str], list[str]]:
    """What the generated matrix says, by role, table and command; `known` are all columns of each table."""
    found: dict[tuple[str, str, str], list[str]] = {}
    role = ""
    for line in MATRIX.read_text().splitlines():
        role = line.removeprefix("## ") if line.startswith("## ") else role
        parts = [part.strip() for part in line.strip("|").split(" | ")]
        if role.startswith("atlas_") and (table := parts[0].strip("`")) in known:
            named = re.findall(r"`(\w+)`", parts[-1])
            every = not named or parts[-1].startswith("all")
            columns = [one for one in known[table] if one not in named] if every else named
            found[role, table, parts[1].replace("read", "select")] = columns
    return found
