"""What all tests share: one real PostgreSQL and one real Valkey, migrated once, connected to as the real roles."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio
from sqlalchemy import text

from atlas.local import Services, services
from atlas.store.bootstrap import bootstrap
from atlas.store.database import Database, open_database
from atlas.store.jobs import TABLES
from atlas.store.migrations import upgrade
from atlas.workers.broker import open_broker

JUDGED = "isolation cases"
# Where a test takes long, since it starts processes. They come first, so that at the end no process works alone.
LONG = ("tests/cli", "tests/graph", "tests/examples", "tests/workers", "tests/test_model.py", "tests/local")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The embedded services of a home of their own, bootstrapped and migrated."""
    with services(tmp_path_factory.mktemp("home")) as running:

        async def prepare() -> None:
            await bootstrap(running.superuser_database_url)
            await upgrade(running.owner_database_url)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, prepare()).result()
        yield running


async def _database(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(cluster: Services) -> AsyncIterator[Database]:
    async for database in _database(cluster.owner_database_url):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(cluster: Services) -> AsyncIterator[Database]:
    async for database in _database(cluster.database_url):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker(cluster: Services) -> AsyncIterator[Database]:
    async for database in _database(cluster.worker_database_url):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sweeper(cluster: Services) -> AsyncIterator[Database]:
    async for database in _database(cluster.sweeper_database_url):
        yield database


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def empty_queue(owner: Database, cluster: Services) -> None:
    """Nothing waits for a worker: what other tests asked for and left would be worked off first."""
    async with owner.transaction() as connection:
        for table in TABLES.values():
            await connection.execute(
                text(
                    f"""update {table.fullname} set status = 'FAILED', error_code = 'LEFT', error_message = 'Left.',
                            finished_at = now(), lease_token = null, lease_until = null
                        where status in ('QUEUED', 'RUNNING')"""
                )
            )
    broker = open_broker(cluster.broker_url)
    broker.client.flushall()
    broker.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many cases the proof of isolation judged, in whichever process it ran."""
    ended = [report for report in terminalreporter.getreports("") if report.when == "teardown"]
    judged = sum(value for report in ended for name, value in report.user_properties if name == JUDGED)
    if judged:
        terminalreporter.write_line(f"isolation: {judged:,} cases judged, each with its control")
