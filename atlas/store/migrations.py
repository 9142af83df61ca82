"""Brings a database to this release's migrations, and tells where one stands."""

from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


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


def run(script: str) -> None:
    """Runs SQL text of a migration, any number of statements, in the migration's transaction."""
    bind = op.get_bind()
    bind.execute(text("select 1"))  # The adapter begins its transaction with the first statement of its own.
    bind.connection.dbapi_connection.run_async(lambda connection: connection.execute(script))  # type: ignore[union-attr]


async def upgrade(owner_url: str) -> str:
    """Runs what is missing, as `atlas_owner`; returns the revision reached. Safe to run from several places at once."""

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

    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()
    return head()
