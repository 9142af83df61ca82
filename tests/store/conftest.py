"""A database of its own on a real server, migrated once, and one pool for each of the real roles."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import make_url

from atlas.store.bootstrap import bootstrap, connect
from atlas.store.database import Database, open_database
from atlas.store.migrations import upgrade
from tests.store.world import World, make_world


@dataclass(frozen=True, slots=True)
class Server:
    """A server and a migrated database of it; `url(role)` names that database as that role."""

    superuser_url: str
    database: str

    def url(self, role: str, database: str | None = None) -> str:
        url = make_url(self.superuser_url).set(username=role, database=database or self.database)
        return url.render_as_string(hide_password=False)

    @property
    def superuser(self) -> str:
        return make_url(self.superuser_url).username or "postgres"

    async def create(self, kind: str) -> "Server":
        """A database of the same server with its grants, and no migration yet."""
        created = Server(self.superuser_url, f"atlas_{kind}_{uuid4().hex[:12]}")
        await bootstrap(created.superuser_url, database=created.database)
        return created

    async def drop(self) -> None:
        connection = await connect(self.superuser_url, database="postgres")
        await connection.execute(f"drop database {self.database} with (force)")
        await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The embedded server of all tests; or, to try another version, the one that ATLAS_TEST_SUPERUSER_URL names."""
    superuser_url = os.environ.get("ATLAS_TEST_SUPERUSER_URL")
    if superuser_url is None:
        superuser_url = request.getfixturevalue("cluster").superuser_database_url
    server = await Server(superuser_url, "postgres").create("test")
    await upgrade(server.url("atlas_owner"))
    yield server
    await server.drop()


@pytest_asyncio.fixture(loop_scope="session")
async def empty(server: Server) -> AsyncIterator[Server]:
    """A database of the test's own, with its roles and no migration."""
    empty = await server.create("empty")
    yield empty
    await empty.drop()


@pytest_asyncio.fixture(loop_scope="session")
async def spare(empty: Server) -> Server:
    """A migrated database of the test's own, to break."""
    await upgrade(empty.url("atlas_owner"))
    return empty


async def _opened(server: Server, role: str) -> AsyncIterator[Database]:
    database = open_database(server.url(role), size=10)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(server: Server) -> AsyncIterator[Database]:
    async for database in _opened(server, "atlas_owner"):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(server: Server) -> AsyncIterator[Database]:
    async for database in _opened(server, "atlas_api"):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker(server: Server) -> AsyncIterator[Database]:
    async for database in _opened(server, "atlas_worker"):
        yield database


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sweeper(server: Server) -> AsyncIterator[Database]:
    async for database in _opened(server, "atlas_sweeper"):
        yield database


@pytest_asyncio.fixture(loop_scope="session")
async def world(owner: Database) -> World:
    """A tenant with a row in every table."""
    return await make_world(owner)


@pytest_asyncio.fixture(loop_scope="session")
async def other(owner: Database) -> World:
    """Another such tenant, of other people."""
    return await make_world(owner)
