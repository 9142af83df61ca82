"""The tables that are of no single tenant: every command and role, under a right context, a wrong one and none."""

import pytest
from sqlalchemy import text

from atlas.store.database import Database
from atlas.store.lint_rules import APP_ROLES
from tests.store.test_tenancy import contexts, databases
from tests.store.world import DENIED, World, attempt

__all__ = ["databases"]

# A tenant and a principal are rows of somebody's: the statement asks for the world's own.
ROWS = {
    "alembic_version": "select version_num from atlas.alembic_version",
    "principals": "select id from atlas.principals where id = :owner",
    "role_capabilities": "select role from atlas.role_capabilities",
    "roles": "select name from atlas.roles",
    "tenants": "select id from atlas.tenants where id = :tenant",
    "trusted_documents": "select count(*) from atlas.trusted_documents",
}
SOMEBODYS = {"principals", "tenants"}
COLUMNS = {"alembic_version": "version_num", "role_capabilities": "role", "roles": "name", "trusted_documents": "id"}
READS = {"atlas_api": set(ROWS), "atlas_worker": {"alembic_version"}, "atlas_sweeper": {"alembic_version"}}
WRITES = (
    "insert into atlas.{table} default values",
    "update atlas.{table} set {column} = {column}",
    "delete from atlas.{table}",
    "truncate atlas.{table} cascade",
)


async def test_the_expectation_names_every_table_without_a_tenant(owner: Database) -> None:
    query = """select c.relname from pg_class c where c.relnamespace = 'atlas'::regnamespace and c.relkind in ('r', 'p')
               and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')"""
    async with owner.transaction() as connection:
        assert set(await connection.scalars(text(query))) == set(ROWS)


@pytest.mark.parametrize("role", APP_ROLES)
async def test_a_read_finds_ones_own_or_what_all_tenants_share(
    databases: dict[str, Database], role: str, world: World, other: World
) -> None:
    for table, statement in ROWS.items():
        for name, context in contexts(role, world, other).items():
            found = await attempt(databases[role], context, statement, world.ids)
            if table not in READS[role]:
                assert found == DENIED, (table, name)
            elif table in SOMEBODYS:
                assert found == (1 if name == "right" else 0), (table, name)
            else:
                assert isinstance(found, int)
                assert found > 0, (table, name)


@pytest.mark.parametrize("role", APP_ROLES)
async def test_nobody_writes_them(databases: dict[str, Database], role: str, world: World, other: World) -> None:
    for table in ROWS:
        for command in WRITES:
            statement = command.format(table=table, column=COLUMNS.get(table, "id"))
            for name, context in contexts(role, world, other).items():
                assert await attempt(databases[role], context, statement, world.ids) == DENIED, (statement, name)
