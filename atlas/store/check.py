"""Is this database safe to serve from (at every start), and is it what this release made (`atlas db check`)?"""

from typing import Any

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from atlas.domain.errors import OperatorError
from atlas.store import migrations, snapshot
from atlas.store.database import Connection, Database, open_database
from atlas.store.lint import Offence, lint
from atlas.store.tables import metadata

OLDEST_SERVER = 150000
SHOWN = 3

UPGRADE = "Run `atlas db upgrade`."
NEWER_RELEASE = "Run the release of Atlas that migrated it, or a later one."


async def refuse_unsafe(db: Database, role: str = "atlas_api") -> None:
    """Returns where this process may serve over `db`; it must be connected as `role`, and no role with more rights.

    Raises `OperatorError`: DATABASE_UNREACHABLE, SERVER_TOO_OLD, WRONG_ROLE, UNSAFE_ROLE, NOT_MIGRATED,
    MIGRATIONS_OLDER, MIGRATIONS_NEWER, or UNSAFE_DATABASE for what the policy lint finds.
    """
    try:
        async with db.transaction(readonly=True) as connection:
            await _refuse_server_and_role(connection, role)
            if (problem := await _migrations_problem(connection)) is not None:
                raise problem
            offences = await lint(connection)
    except (OSError, TimeoutError, asyncpg.PostgresError, DBAPIError) as error:
        raise OperatorError(
            "DATABASE_UNREACHABLE",
            f"The database cannot be used as {role} ({type(error).__name__}).",
            "Check that the server runs and that the URL names its host, role and password.",
        ) from error
    if offences:
        shown = "; ".join(f"{offence.rule}: {offence.object}" for offence in offences[:SHOWN])
        more = f"; and {len(offences) - SHOWN} more" if len(offences) > SHOWN else ""
        raise OperatorError(
            "UNSAFE_DATABASE",
            f"The database does not keep tenants apart: {shown}{more}.",
            f"{offences[0].mend} `atlas db check` shows everything.",
        )


async def check(owner_url: str) -> list[Offence]:
    """Everything in which this database differs from what this release's migrations make; empty where nothing does.

    Migrations first, and where they are not at head nothing else; then the models of SQLAlchemy, the policy lint,
    and every line of the catalogue. `owner_url` names atlas_owner. Raises `OperatorError` where it cannot connect.
    """
    db = open_database(owner_url, size=1)
    try:
        async with db.transaction(readonly=True) as connection:
            if (problem := await _migrations_problem(connection)) is not None:
                return [Offence("migrations", problem.message, problem.mend)]
            offences = await connection.run_sync(_models_unlike) + await lint(connection)
            told = {offence.object for offence in offences}
            return offences + [found for found in await _catalogue_unlike(connection) if found.object not in told]
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise OperatorError(
            "DATABASE_UNREACHABLE",
            f"The database cannot be used as its owner ({type(error).__name__}).",
            "Check that the server runs and that ATLAS_OWNER_DATABASE_URL names its host, role and password.",
        ) from error
    finally:
        await db.close()


async def _refuse_server_and_role(connection: Connection, role: str) -> None:
    row = (
        await connection.execute(
            text("""
                select current_setting('server_version_num')::int as version, session_user::text as name,
                       r.rolsuper, r.rolbypassrls,
                       coalesce(pg_has_role(session_user, n.nspowner, 'MEMBER'), false) as owns
                from pg_roles r left join pg_namespace n on n.nspname = 'atlas' where r.rolname = session_user
            """)
        )
    ).one()
    if row.version < OLDEST_SERVER:
        raise OperatorError(
            "SERVER_TOO_OLD",
            f"The server is PostgreSQL {row.version // 10000}; Atlas needs {OLDEST_SERVER // 10000} or later.",
            "Upgrade the server.",
        )
    if row.rolsuper or row.rolbypassrls or row.owns:
        power = (
            "is a superuser" if row.rolsuper else "bypasses row level security" if row.rolbypassrls else "owns Atlas"
        )
        raise OperatorError(
            "UNSAFE_ROLE",
            f"The role {row.name} {power}, so the database would not keep tenants apart.",
            f"Let the URL name {role}, and run `atlas db bootstrap`, which takes such rights away from it.",
        )
    if row.name != role:
        raise OperatorError(
            "WRONG_ROLE",
            f"This process is connected as {row.name}, and its policies are those of {role}.",
            f"Let the URL name {role}.",
        )


async def _migrations_problem(connection: Connection) -> OperatorError | None:
    there, head = await migrations.revision(connection), migrations.head()
    if there == head:
        return None
    if there is None:
        return OperatorError("NOT_MIGRATED", "The database holds no tables of Atlas.", UPGRADE)
    if migrations.known(there):
        return OperatorError(
            "MIGRATIONS_OLDER", f"The database stands at migration {there}; this release needs {head}.", UPGRADE
        )
    return OperatorError(
        "MIGRATIONS_NEWER",
        f"The database stands at migration {there}, which this release does not know; it needs {head}.",
        NEWER_RELEASE,
    )


def _models_unlike(connection: SyncConnection) -> list[Offence]:
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table_schema": "atlas",
            "include_schemas": True,
            "compare_type": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == "atlas",
        },
    )
    return [
        Offence("model unlike the database", _said(difference), "Bring `store/tables` and the migrations together.")
        for difference in compare_metadata(context, metadata)
    ]


def _said(difference: Any) -> str:
    """Alembic tells a difference as a tuple, and those of one column as a list of such."""
    parts = difference[0] if isinstance(difference, list) else difference
    return " ".join(str(getattr(part, "fullname", None) or getattr(part, "name", None) or part) for part in parts)


async def _catalogue_unlike(connection: Connection) -> list[Offence]:
    kept, there = snapshot.kept_lines(), await snapshot.describe(connection)
    mend = "Undo it by hand as atlas_owner, or make it a migration and keep its snapshot."
    return [
        *(Offence("catalogue unlike the kept one", f"+ {line}", mend) for line in there if line not in set(kept)),
        *(Offence("catalogue unlike the kept one", f"- {line}", mend) for line in kept if line not in set(there)),
    ]
