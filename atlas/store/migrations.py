"""Brings a database to this release's migrations, and tells where one stands."""

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from atlas.domain.errors import OperatorError


def scripts() -> Path:
    """Where the migrations lie: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def config() -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    return settings


def head() -> str:
    """The revision that this release needs."""
    revision = ScriptDirectory.from_config(config()).get_current_head()
    if revision is None:
        raise RuntimeError("the package holds no migration")
    return revision


def known(revision: str) -> bool:
    """False for a revision that a later release made."""
    return revision in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


async def revision(connection: AsyncConnection) -> str | None:
    """Where this database stands; None before the first migration. Every role may ask."""
    if not await connection.scalar(text("select to_regclass('atlas.alembic_version') is not null")):
        return None
    found: str | None = await connection.scalar(text("select version_num from atlas.alembic_version"))
    return found


def run(script: str) -> None:
    """Runs SQL text of a migration, any number of statements, in the migration's transaction."""
    bind = op.get_bind()
    bind.execute(text("select 1"))  # The adapter begins its transaction with the first statement of its own.
    bind.connection.dbapi_connection.run_async(lambda connection: connection.execute(script))  # type: ignore[union-attr]


async def upgrade(owner_url: str) -> str:
    """Runs what is missing, as `atlas_owner`; returns the revision reached. Safe to run from several places at once.

    Raises `OperatorError` where a newer release has migrated the database.
    """

    def migrate(connection: Connection) -> None:
        # Two deployments that start together must not run a migration twice.
        connection.execute(text("select pg_advisory_lock(hashtextextended('atlas.migrations', 0))"))
        connection.execute(text("create schema if not exists atlas"))
        connection.commit()
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        connection.execute(text("grant select on atlas.alembic_version to atlas_api, atlas_worker, atlas_sweeper"))
        connection.commit()

    engine = create_async_engine(make_url(owner_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    except CommandError as error:
        raise OperatorError(
            "MIGRATIONS_NEWER",
            "The database stands at a migration that this release does not know.",
            "Run the release of Atlas that migrated it, or a later one.",
        ) from error
    finally:
        await engine.dispose()
    return head()
