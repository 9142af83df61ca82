"""The roles and the database, made once by a superuser before the first migration."""

import secrets
from collections.abc import Mapping

import asyncpg
from sqlalchemy import make_url

from atlas.domain.errors import OperatorError

DATABASE = "atlas"

# Only the owner bypasses the policies: validation and backfills of a migration would silently see no rows.
ROLES: Mapping[str, str] = {
    "atlas_owner": "login bypassrls nosuperuser nocreaterole nocreatedb",
    "atlas_api": "login nobypassrls nosuperuser nocreaterole nocreatedb",
    "atlas_worker": "login nobypassrls nosuperuser nocreaterole nocreatedb",
    "atlas_sweeper": "login nobypassrls nosuperuser nocreaterole nocreatedb",
    "atlas_policy": "nologin nobypassrls nosuperuser nocreaterole nocreatedb",
}


# Who may come in, and the worker's temporary tables: no other role may make anything.
DATABASE_GRANTS = """
revoke all on database {database} from public, atlas_api, atlas_worker, atlas_sweeper;
grant connect on database {database} to atlas_api, atlas_worker, atlas_sweeper;
grant temporary on database {database} to atlas_worker
"""


async def bootstrap(
    superuser_url: str, passwords: Mapping[str, str] | None = None, *, database: str = DATABASE
) -> list[str]:
    """Makes roles and database where they are missing, and puts right what is there. Idempotent.

    `superuser_url` names a role that may create roles with BYPASSRLS; `passwords` maps role names to passwords, for
    servers that ask for one; `database` is the name that the other URLs give. Returns what was made.
    """
    made: list[str] = []
    quoted = '"' + database.replace('"', '""') + '"'
    connection = await connect(superuser_url, database="postgres")
    try:
        for role, attributes in ROLES.items():
            if not await connection.fetchval("select true from pg_roles where rolname = $1", role):
                await connection.execute(f"create role {role}")
                made.append(f"role {role}")
            await connection.execute(f"alter role {role} with {attributes}")
            if role in (passwords or {}):
                await _set_password(connection, role, (passwords or {})[role])
        # Migrations give definer functions to atlas_policy, which needs this membership.
        await connection.execute("grant atlas_policy to atlas_owner")
        if not await connection.fetchval("select true from pg_database where datname = $1", database):
            await connection.execute(f"create database {quoted} owner atlas_owner encoding 'UTF8' template template0")
            made.append(f"database {database}")
        await connection.execute(DATABASE_GRANTS.format(database=quoted))
    finally:
        await connection.close()
    await _close_public_schema(superuser_url, database)
    return made


async def _close_public_schema(superuser_url: str, database: str) -> None:
    """A database that began before PostgreSQL 15 lets everybody create in its public schema."""
    connection = await connect(superuser_url, database=database)
    try:
        if await connection.fetchval("select to_regnamespace('public') is not null"):
            await connection.execute("revoke create on schema public from public")
    finally:
        await connection.close()


async def connect(url: str, *, database: str | None = None) -> asyncpg.Connection:
    """A bare connection for the work of an operator, outside of any tenant.

    Raises `OperatorError` where the server cannot be reached or refuses the role.
    """
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if database is not None:
        parsed = parsed.set(database=database)
    # The URL is read as the pool reads it: sockets, several hosts and TLS mean the same in both.
    _, options = parsed.get_dialect()().create_connect_args(parsed)
    try:
        return await asyncpg.connect(**options, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise OperatorError(
            "DATABASE_UNREACHABLE",
            f"PostgreSQL refused the connection as {parsed.username} ({type(error).__name__}).",
            "Check that the server runs and that the URL names its host, role and password.",
        ) from error


async def _set_password(connection: asyncpg.Connection, role: str, password: str) -> None:
    """The password travels as a bound value; format() quotes it, since ALTER ROLE takes no parameters."""
    setting = f"atlas.p{secrets.token_hex(4)}"
    async with connection.transaction():
        await connection.execute("set local log_statement = 'none'")
        await connection.execute("select set_config($1, $2, true)", setting, password)
        await connection.execute(
            f"do $$ begin execute format('alter role {role} password %L', current_setting('{setting}')); end $$"
        )
