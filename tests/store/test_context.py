"""The context travels with BEGIN, ends with the transaction, and is never another's."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from atlas.store.database import Connection, Context, Database, open_database, sqlstate
from tests.store.conftest import Server
from tests.store.world import World, make_world, rows

SETTINGS = ("tenant_id", "principal_id", "job_id", "lease_token", "request_id", "reason")


@pytest_asyncio.fixture(loop_scope="session")
async def single(server: Server) -> AsyncIterator[Database]:
    """A pool of one connection, so that each transaction follows on another's."""
    database = open_database(server.url("atlas_api"), size=1)
    yield database
    await database.close()


async def settings(connection: Connection) -> dict[str, str | None]:
    columns = ", ".join(f"nullif(current_setting('atlas.{name}', true), '') as {name}" for name in SETTINGS)
    return dict((await connection.execute(text(f"select {columns}"))).mappings().one())


async def test_begin_and_the_settings_go_in_one_message(single: Database, world: World) -> None:
    sent: list[str] = []
    async with single.transaction() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await connection.execute(text("select 1"))
    driver.add_query_logger(lambda record: sent.append(record.query))
    async with single.transaction(world.context()) as connection:
        await connection.execute(text("select 1"))
    assert sent[0].startswith("BEGIN;SELECT set_config(")
    assert sent[1:] == ["COMMIT;"], "the statement itself goes as a prepared one"
    assert all(f"set_config('atlas.{name}'" in sent[0] for name in SETTINGS)


@pytest.mark.parametrize(
    "reason",
    [
        "it's",
        "\\",
        "\\'",
        "'); drop table atlas.findings; --",
        "Ünïcode ✓ 😀",
        "a\nb\tc",
        "$$ $1 :x %s %(y)s",
        "x" * 4000,
        ";",
    ],
)
async def test_whatever_a_person_typed_arrives_as_typed(single: Database, reason: str) -> None:
    async with single.transaction(Context(reason=reason, request_id=reason)) as connection:
        found = await settings(connection)
    assert (found["reason"], found["request_id"]) == (reason, reason)


async def test_the_next_user_of_a_connection_finds_nothing(single: Database, world: World) -> None:
    full = world.context(job_id=world.drift_run, lease_token=world.lease, reason="known")
    async with single.transaction(full) as connection:
        first = await connection.scalar(text("select pg_backend_pid()"))
        assert None not in (await settings(connection)).values()
    async with single.transaction() as connection:
        assert await connection.scalar(text("select pg_backend_pid()")) == first
        assert set((await settings(connection)).values()) == {None}
        assert await rows(connection, "select 1 from atlas.findings", {}) == []


async def test_nor_after_an_error_or_a_setting_of_the_whole_session(single: Database, world: World) -> None:
    with pytest.raises(DBAPIError):
        async with single.transaction(world.context()) as connection:
            await connection.execute(text("select 1 / 0"))
    async with single.transaction() as connection:
        assert set((await settings(connection)).values()) == {None}
        for name, value in (("tenant_id", world.tenant), ("principal_id", world.owner)):
            await connection.execute(text(f"select set_config('atlas.{name}', '{value}', false)"))
    async with single.transaction() as connection:
        assert set((await settings(connection)).values()) == {None}
        assert await rows(connection, "select 1 from atlas.findings", {}) == []


async def test_a_savepoint_keeps_the_context(single: Database, world: World) -> None:
    async with single.transaction(world.context()) as connection:
        async with connection.begin_nested():
            assert await rows(connection, "select 1 from atlas.findings", {})
        assert (await settings(connection))["tenant_id"] == str(world.tenant)


async def test_a_readonly_transaction_writes_nothing_and_the_next_may(single: Database, world: World) -> None:
    touch = text("update atlas.findings set acknowledged_until = null where tenant_id = :t")
    with pytest.raises(DBAPIError) as refused:
        async with single.transaction(world.context(), readonly=True) as connection:
            await connection.execute(touch, {"t": world.tenant})
    assert sqlstate(refused.value) == "25006"
    async with single.transaction(world.context()) as connection:
        assert (await connection.execute(touch, {"t": world.tenant})).rowcount == 2


async def test_a_setting_that_is_no_uuid_reads_nothing(single: Database, world: World) -> None:
    with pytest.raises(DBAPIError):
        async with single.transaction(world.context()) as connection:
            await connection.execute(text("select set_config('atlas.tenant_id', 'everything', true)"))
            await rows(connection, "select 1 from atlas.findings", {})


async def test_tasks_that_are_cancelled_at_random_never_read_another_tenant(api: Database, owner: Database) -> None:
    worlds = [await make_world(owner) for _ in range(4)]
    chance = random.Random(7)
    seen: list[tuple[UUID, set[UUID]]] = []

    async def read(world: World) -> None:
        async with api.transaction(world.context()) as connection:
            for _ in range(3):
                found = await connection.scalars(text("select tenant_id from atlas.findings"))
                seen.append((world.tenant, set(found)))

    async def read_or_be_cancelled(world: World) -> None:
        task = asyncio.create_task(read(world))
        if chance.random() < 0.6:
            await asyncio.sleep(chance.random() * 0.05)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(read_or_be_cancelled(chance.choice(worlds)) for _ in range(200)))
    assert len(seen) > 50
    assert all(found == {tenant} for tenant, found in seen)
    for world in worlds * 5:
        await read(world)
    async with api.transaction() as connection:
        assert await rows(connection, "select 1 from atlas.findings", {}) == []
