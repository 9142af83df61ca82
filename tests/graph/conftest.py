"""One sign-in for all tests that read through a connection, and a home whose worker reads the stand-in."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.cli.conftest import Atlas, Up, served
from tests.factories import make_policy
from tests.graph.authority import Authority, authority_in
from tests.graph.scripts import POLICIES, scripts
from tests.graph.standin import MadeUp, StandIn, Tenant, serving

CATALOG = "deviceManagement/configurationPolicies"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signing_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Authority]:
    async with authority_in(tmp_path_factory.mktemp("authority")) as made:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("REQUESTS_CA_BUNDLE", str(made.ca))
            yield made


@pytest.fixture(scope="module")
def microsoft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, StandIn]]:
    """A sign-in and a Graph, in threads of their own: the command line is another process."""
    ready, stop, made = threading.Event(), threading.Event(), list[Authority]()

    async def serve() -> None:
        async with authority_in(tmp_path_factory.mktemp("authority")) as authority:
            made.append(authority)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(20)
    few = [make_policy(number, settingCount=1, isAssigned=False) for number in range(3)]
    with serving(Tenant().add(CATALOG, *few)) as graph:
        made[0].token = graph.token
        yield made[0], graph
    stop.set()
    thread.join(20)


@pytest.fixture(scope="module")
def connected(microsoft: tuple[Authority, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A home that is up, whose Microsoft is the stand-in, and whose lost jobs are found soon."""
    authority, graph = microsoft
    made = Atlas(
        tmp_path_factory.mktemp("graph-cli"),
        {
            "ATLAS_GRAPH_URL": graph.url,
            "ATLAS_GRAPH_AUTHORITY": authority.url,
            "REQUESTS_CA_BUNDLE": str(authority.ca),
            "ATLAS_LEASE_SECONDS": "2",
            "ATLAS_SWEEP_SECONDS": "0.5",
            "ATLAS_LOG_FORMAT": "json",
        },
    )
    with served(made) as up:
        yield up


@pytest.fixture
def graph() -> Iterator[StandIn]:
    """Sixty policies of three settings, in pages of 25."""
    with serving(Tenant({POLICIES: list(MadeUp(60, 3))}), page_by=25) as running:
        yield running


@pytest.fixture
def scripted() -> Iterator[StandIn]:
    with serving(scripts()) as running:
        yield running
