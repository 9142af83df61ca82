"""Roles and database are made once, and put right where they went wrong."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from atlas.domain.errors import OperatorError
from atlas.store.bootstrap import ROLES, bootstrap, connect
from tests.store.conftest import Server


@pytest_asyncio.fixture(loop_scope="session")
async def superuser(server: Server) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(server.superuser_url, database=server.database)
    yield connection
    await connection.close()


async def test_a_second_run_makes_nothing(server: Server) -> None:
    assert await bootstrap(server.superuser_url, database=server.database) == []


async def test_only_the_owner_goes_around_the_policies(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "select rolname, rolbypassrls, rolcanlogin, rolsuper or rolcreaterole or rolcreatedb or rolreplication as more"
        " from pg_roles where rolname like 'atlas%'"
    )
    found = {row["rolname"]: (row["rolbypassrls"], row["rolcanlogin"], row["more"]) for row in rows}
    assert found == {role: (role == "atlas_owner", role != "atlas_policy", False) for role in ROLES}


async def test_what_was_widened_is_taken_back(server: Server, superuser: asyncpg.Connection) -> None:
    await superuser.execute(f"grant create, temporary on database {server.database} to atlas_api, public")
    await superuser.execute("grant create on schema public to public")
    await bootstrap(server.superuser_url, database=server.database)
    for role in ("atlas_api", "atlas_sweeper", "atlas_worker"):
        database = "select has_database_privilege($1, current_database(), 'CREATE')"
        assert not await superuser.fetchval(database, role)
        assert not await superuser.fetchval("select has_schema_privilege($1, 'public', 'CREATE')", role)
    temporary = "select has_database_privilege($1, current_database(), 'TEMP')"
    assert not await superuser.fetchval(temporary, "atlas_api")
    assert await superuser.fetchval(temporary, "atlas_worker")


async def test_a_database_may_have_any_name(server: Server) -> None:
    name = f'atlas "{uuid4().hex[:8]}" é'
    try:
        assert await bootstrap(server.superuser_url, database=name) == [f"database {name}"]
        connection = await connect(server.url("atlas_worker", name))
        assert await connection.fetchval("select current_database()") == name
        await connection.close()
    finally:
        connection = await connect(server.superuser_url, database="postgres")
        quoted = name.replace('"', '""')
        await connection.execute(f'drop database "{quoted}" with (force)')
        await connection.close()


async def test_a_password_arrives_whatever_it_holds_and_is_stored_as_a_hash(
    server: Server, superuser: asyncpg.Connection
) -> None:
    try:
        await bootstrap(
            server.superuser_url, {"atlas_sweeper": "it's \\ \"; drop role x; --"}, database=server.database
        )
        stored = await superuser.fetchval("select rolpassword from pg_authid where rolname = 'atlas_sweeper'")
        assert stored.startswith("SCRAM-SHA-256$")
    finally:
        await superuser.execute("alter role atlas_sweeper password null")


async def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(OperatorError) as refused:
        await bootstrap("postgresql+asyncpg://postgres:hunter2@localhost:1/postgres")
    assert refused.value.code == "DATABASE_UNREACHABLE"
    assert "hunter2" not in str(refused.value)


async def test_everybody_else_is_kept_out_of_the_database(server: Server, superuser: asyncpg.Connection) -> None:
    granted = await superuser.fetch(
        "select coalesce(r.rolname, 'public') as who, privilege_type from pg_database d, aclexplode(d.datacl) e"
        " left join pg_roles r on r.oid = e.grantee where datname = $1 and e.grantee <> d.datdba",
        server.database,
    )
    assert {(row["who"], row["privilege_type"]) for row in granted} == {
        ("atlas_api", "CONNECT"), ("atlas_worker", "CONNECT"), ("atlas_sweeper", "CONNECT"),
        ("atlas_worker", "TEMPORARY"),
    }  # fmt: skip
