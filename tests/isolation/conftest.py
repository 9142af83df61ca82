"""One world for all that only reads and one that is written to, and a count of the cases that were judged."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from atlas.store.database import Database
from tests.clients import client_of
from tests.conftest import JUDGED
from tests.http.conftest import Server, serving
from tests.isolation.anchors import Anchors, anchors_of
from tests.isolation.callers import Callers, make_callers
from tests.isolation.oracle import Judged
from tests.isolation.world import Databases, World, make_world


@pytest.fixture(scope="session")
def databases(owner: Database, api: Database, worker: Database) -> Databases:
    return Databases(owner, api, worker)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Nothing is written to it: what is judged against it stays the same."""
    return await make_world(databases, tmp_path_factory.mktemp("exports"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def anchors(world: World) -> tuple[Anchors, Anchors]:
    """Those of alpha and of beta."""
    return await anchors_of(world, world.alpha), await anchors_of(world, world.beta)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def busy(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that is written to. Who is a member of what, and with which role, stays."""
    return await make_world(databases, tmp_path_factory.mktemp("busy"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def handles(busy: World) -> tuple[Anchors, Anchors]:
    """The anchors of the busy alpha and beta."""
    return await anchors_of(busy, busy.alpha), await anchors_of(busy, busy.beta)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def callers(busy: World) -> Callers:
    """The busy world, seen by robots with tokens."""
    return await make_callers(busy)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def listening(api: Database) -> AsyncIterator[Server]:
    """The API on a real socket."""
    async with serving(api) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(listening: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client that brings no token of its own."""
    async with client_of(listening.url, timeout=30) as made:
        yield made


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Judged:
    """Counts the cases of a test."""
    judged = Judged()
    request.addfinalizer(lambda: request.node.user_properties.append((JUDGED, judged.cases)))
    return judged
