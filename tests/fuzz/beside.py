"""The server beside one that executes as graphql-core does: both are asked the same, and must answer the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from atlas.schema.root import build
from atlas.store.database import Database
from tests.clients import client_of
from tests.fuzz.conftest import JSON, Asker, Ground
from tests.http.conftest import serving

# Under one id, what is told of a fault is the same.
_ID = {"x-request-id": "the-same-request"}


@dataclass(frozen=True, slots=True)
class Beside:
    """`standard` is the address of the one that executes as graphql-core does."""

    standard: str
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient]

    async def ask(self, asker: Asker, body: str | bytes) -> list[httpx.Response]:
        """What the server answers, and what the other does."""
        headers = JSON | _ID | {"authorization": f"Bearer {asker.token}"}
        return [await client.post("/graphql", content=body, headers=headers) for client in self.clients]


@asynccontextmanager
async def beside_the_standard(ground: Ground, api: Database) -> AsyncIterator[Beside]:
    async with (
        serving(api, schema=build(planned=False)) as standard,
        client_of(ground.server.url) as planned,
        client_of(standard.url) as plain,
    ):
        yield Beside(standard.url, (planned, plain))
