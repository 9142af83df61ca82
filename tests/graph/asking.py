"""What the tests of Graph share: a client of the stand-in that loses no time, and a reading that keeps its objects."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from atlas.sources.graph.budget import Budget, Rate
from atlas.sources.graph.client import GraphClient, Limits, open_client
from atlas.sources.graph.contracts import CONTRACTS, Contract, Family
from atlas.sources.graph.reading import read_type
from atlas.sources.model import SourceObject, UnitReading
from tests.graph.standin import StandIn

HURRIED = Limits(attempts=3, first_wait=0.01, longest_wait=5.0, jitter=0.01)
# For a server that hangs. A machine that is busy answers within that time.
IMPATIENT = replace(HURRIED, attempts=2, read=1.0)
UNBOUNDED = {family: Rate(100_000.0, 100_000) for family in Family}


@asynccontextmanager
async def asking(
    graph: StandIn, limits: Limits = HURRIED, budget: Budget | None = None, token: str | None = None
) -> AsyncIterator[GraphClient]:
    async def bearer() -> str:
        return graph.token if token is None else token

    async with open_client(graph.url, bearer, budget=budget or Budget(UNBOUNDED), limits=limits) as client:
        yield client


async def read(
    client: GraphClient, item_type: str | Contract = "configurationPolicy"
) -> tuple[UnitReading, list[SourceObject]]:
    objects: list[SourceObject] = []

    async def emit(found: Sequence[SourceObject]) -> None:
        objects.extend(found)

    contract = CONTRACTS[item_type] if isinstance(item_type, str) else item_type
    return await read_type(client, contract, emit=emit), objects


async def read_from(graph: StandIn, item_type: str = "configurationPolicy", **options: Any) -> Any:
    async with asking(graph, **options) as client:
        return await read(client, item_type)
