"""Migrations run once, from wherever they are started, and make what is kept."""

import asyncio

import pytest
from sqlalchemy import make_url

from atlas.domain.errors import OperatorError
from atlas.store import migrations, snapshot
from atlas.store.bootstrap import connect
from atlas.store.database import Database, open_database
from atlas.store.migrations import upgrade
from tests.store.conftest import Server


async def test_two_that_start_together_migrate_once(empty: Server) -> None:
    reached = await asyncio.gather(*(upgrade(empty.url("atlas_owner")) for _ in range(3)))
    assert set(reached) == {migrations.head()}
    assert await upgrade(empty.url("atlas_owner")) == migrations.head()


async def test_a_plain_url_will_do(empty: Server) -> None:
    url = make_url(empty.url("atlas_owner")).set(drivername="postgresql").render_as_string(hide_password=False)
    assert await upgrade(url) == migrations.head()


async def test_the_database_says_where_it_stands(empty: Server, api: Database) -> None:
    database = open_database(empty.url("atlas_owner"), size=1)
    async with database.transaction() as connection:
        assert await migrations.revision(connection) is None
    await database.close()
    async with api.transaction() as connection:
        assert await migrations.revision(connection) == migrations.head()


async def test_a_database_of_a_later_release_is_left_alone(empty: Server) -> None:
    await upgrade(empty.url("atlas_owner"))
    connection = await connect(empty.url("atlas_owner"))
    await connection.execute("update atlas.alembic_version set version_num = '9999'")
    await connection.close()
    with pytest.raises(OperatorError) as refused:
        await upgrade(empty.url("atlas_owner"))
    assert refused.value.code == "MIGRATIONS_NEWER"


async def test_a_fresh_database_is_the_kept_one_line_by_line(owner: Database) -> None:
    """After a change of the migrations: `python -m atlas.store.snapshot OWNER_URL` keeps it anew."""
    async with owner.transaction() as connection:
        assert await snapshot.describe(connection) == snapshot.kept_lines()


def test_the_migrations_are_one_line_from_nothing_to_head() -> None:
    script = migrations.ScriptDirectory.from_config(migrations.config())
    assert script.get_bases() == ["0001"]
    assert script.get_heads() == [migrations.head()]
    assert not migrations.known("9999")


def test_every_migration_gives_up_soon_where_it_cannot_lock() -> None:
    versions = list((migrations.scripts() / "versions").glob("*.py"))
    assert len(versions) >= 5
    assert all("set local lock_timeout" in version.read_text(encoding="utf-8") for version in versions)
