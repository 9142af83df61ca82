"""COPY FROM reaches no table: where a role may insert, the row security refuses it, and elsewhere the grant."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.database import INSUFFICIENT_PRIVILEGE, Database
from atlas.store.lint_rules import APP_ROLES
from tests.store.test_tenancy import INSERTS, contexts, databases
from tests.store.world import World

__all__ = ["databases"]

FEATURE_NOT_SUPPORTED = "0A000"
# The columns that the role may insert, or all that can be written.
COLUMNS = """
    select c.relname, coalesce(
        array_agg(a.attname) filter (where has_column_privilege(:role, c.oid, a.attnum, 'insert')),
        array_agg(a.attname))
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'atlas'::regnamespace and c.relkind in ('r', 'p') and a.attgenerated = ''
    group by c.relname order by c.relname"""


async def copied(connection: AsyncConnection, table: str, columns: list[str]) -> str:
    """What a copy of no row at all comes to: the refusal is made before any is read."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    try:
        return str(await driver.copy_records_to_table(table, schema_name="atlas", columns=columns, records=[]))
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)


@pytest.mark.parametrize("role", APP_ROLES)
async def test_nobody_copies_into_a_table(
    databases: dict[str, Database], owner: Database, role: str, world: World, other: World
) -> None:
    async with owner.transaction() as connection:
        tables = (await connection.execute(text(COLUMNS), {"role": role})).all()
        # The control: whoever goes around the policies may.
        assert {await copied(connection, table, columns) for table, columns in tables} == {"COPY 0"}
    assert len(tables) > 30
    for table, columns in tables:
        wanted = FEATURE_NOT_SUPPORTED if table in INSERTS[role] else INSUFFICIENT_PRIVILEGE
        for name, context in contexts(role, world, other, table).items():
            async with databases[role].transaction(context) as connection:
                assert await copied(connection, table, columns) == wanted, (table, name)
