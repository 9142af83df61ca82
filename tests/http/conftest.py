"""A real server on a real socket, and tokens that a real caller would hold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio
from starlette.applications import Starlette

from atlas import access
from atlas.app import create_app, serve
from atlas.domain.vocabulary import Role
from atlas.schema.ids import encode_id
from atlas.schema.root import schema
from atlas.store.database import Database
from tests.clients import client_of
from tests.factories import Tenant, make_tenant


@dataclass(frozen=True, slots=True)
class Server:
    """`sent` is what was handed to the broker."""

    app: Starlette
    url: str
    port: int
    sent: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Caller:
    tenant: Tenant
    token: str
    token_id: Any
    principal_id: Any

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def tenant_id(self) -> str:
        return encode_id("Tenant", self.tenant.id, self.tenant.id)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(api: Database) -> AsyncIterator[Server]:
    async with serving(api) as started:
        yield started


@asynccontextmanager
async def serving(api: Database, **options: Any) -> AsyncIterator[Server]:
    """The application on a free port; `options` are those of `create_app`."""
    sent: list[Any] = []

    async def dispatch(jobs: Sequence[Any]) -> None:
        sent.extend(jobs)

    async def ping() -> None:
        """The broker of this server always answers."""

    app = create_app(**{"db": api, "schema": schema, "dispatch": dispatch, "broker_ping": ping} | options)
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(app, port=0, started=started.set_result, stop=stop))
    port = await asyncio.wait_for(started, 10)
    try:
        yield Server(app, f"http://127.0.0.1:{port}", port, sent)
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


@pytest_asyncio.fixture(loop_scope="session")
async def caller(owner: Database, api: Database) -> Caller:
    """A READER of a tenant of its own."""
    return await make_caller(owner, api)


async def make_caller(
    owner: Database, api: Database, role: Role = Role.READER, tenant: Tenant | None = None, **token: Any
) -> Caller:
    tenant = tenant or await make_tenant(owner, api)
    new = await access.create_token(api, tenant.owner, principal_name=f"caller-{uuid4().hex[:8]}", role=role, **token)
    return Caller(tenant, new.token, new.id, new.principal_id)


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: Server, caller: Caller) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(server.url, headers=caller.headers) as made:
        yield made
