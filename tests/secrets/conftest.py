"""One house for all tests of secrets: it is lived in once, searched once, and then leaked in on purpose."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import pytest_asyncio

from atlas.local import services
from atlas.store.bootstrap import bootstrap
from atlas.store.database import open_database
from atlas.store.migrations import upgrade
from tests.secrets import places
from tests.secrets.canaries import Mint
from tests.secrets.house import House, api_process, make_house
from tests.secrets.life import Doors, Life, live
from tests.secrets.search import Hunted, Place


@dataclass(frozen=True, slots=True)
class Harvest:
    """All places where a secret of the house could be, as they were when its life was over."""

    places: list[Place]
    hunted: Hunted
    life: Life


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with services(folder / "home") as running:

        async def prepare() -> None:
            await bootstrap(running.superuser_database_url)
            await upgrade(running.owner_database_url)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, prepare()).result()
        yield make_house(running, folder, Mint("secrets"))


@pytest.fixture(scope="session")
def address(house: House) -> Iterator[Callable[[], str]]:
    with api_process(house) as address:
        yield address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def doors(house: House) -> AsyncIterator[Doors]:
    urls = (house.services.owner_database_url, house.services.database_url, house.services.worker_database_url)
    opened = [open_database(url) for url in urls]
    yield Doors(*opened)
    for database in opened:
        await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def life(house: House, address: Callable[[], str], doors: Doors) -> Life:
    return await live(house, doors, address)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def harvest(house: House, life: Life) -> Harvest:
    collected = [
        *await places.of_database(house.services),
        *life.told,
        *house.outputs,
        *places.of_house(house),
    ]
    return Harvest(collected, Hunted((house.mint,), life.secrets), life)
