"""Access that ends, ends: on every API process, within two seconds, for whoever lost it and for nobody else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schema.errors import Code
from atlas.schema.live import Live
from atlas.schema.standing import EXPIRED, REFUSED
from atlas.store.database import Database
from tests.clients import client_of
from tests.factories import Tenant, make_tenant
from tests.http.conftest import Caller, Server, make_caller
from tests.http.test_serve import process
from tests.http.test_streams import ACTIVITY, begin, closed, events, receive, send, socket, stream, until_equal
from tests.schema.runs import make_sync_run

SECONDS = 2.0
VIEWER = {"query": "{ viewer { memberships(first: 10) { nodes { id } } } }"}

End = Callable[[Database, Caller], Awaitable[object]]


async def revoke(api: Database, caller: Caller) -> None:
    assert await access.revoke_token(api, caller.tenant.owner, caller.token_id)


async def remove(api: Database, caller: Caller) -> None:
    assert await access.remove_membership(api, caller.tenant.owner, caller.principal_id)


@dataclass(frozen=True, slots=True)
class Watching:
    """One caller's two streams of a tenant's activity on one server."""

    made: ClientConnection
    lines: AsyncIterator[str]

    async def next(self) -> None:
        """Both tell the next activity."""
        assert (await receive(self.made))["type"] == "next"
        async with asyncio.timeout(15):
            assert await anext(self.lines) == "event: next"
            while await anext(self.lines):
                pass

    async def ended(self) -> float:
        """When both had ended as they must."""
        assert await closed(self.made) == REFUSED
        async with asyncio.timeout(15):
            seen = events([line async for line in self.lines])
        assert [name for name, _ in seen] == ["next", "complete"]
        assert seen[0][1]["errors"][0]["extensions"]["code"] == Code.UNAUTHENTICATED
        return time.monotonic()


@asynccontextmanager
async def watching(server: Server, caller: Caller, tenant_id: str) -> AsyncIterator[Watching]:
    variables = {"tenant": tenant_id, "after": None}
    async with socket(server) as made, stream(server, caller, ACTIVITY, **variables) as response:
        await begin(made, caller)
        await send(made, type="subscribe", id="1", payload={"query": ACTIVITY, "variables": variables})
        yield Watching(made, response.aiter_lines())


async def subscribed(server: Server, headers: dict[str, str], count: int) -> None:
    """Waits until so many streams of the process wait for news."""
    async with client_of(server.url, headers=headers) as client, asyncio.timeout(15):
        while f"atlas_subscriptions {float(count)}" not in (await client.get("/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("end", [revoke, remove])
async def test_every_process_ends_the_streams_of_whoever_lost_access_and_no_other(
    cluster: Services, owner: Database, api: Database, end: End
) -> None:
    tenant = await make_tenant(owner, api)
    leaving, staying = await make_caller(owner, api, tenant=tenant), await make_caller(owner, api, tenant=tenant)
    async with AsyncExitStack() as stack:
        servers = [(await stack.enter_async_context(process(cluster)))[1] for _ in range(2)]
        gone = [await stack.enter_async_context(watching(one, leaving, leaving.tenant_id)) for one in servers]
        kept = [await stack.enter_async_context(watching(one, staying, staying.tenant_id)) for one in servers]
        await asyncio.gather(*(subscribed(one, staying.headers, 4) for one in servers))
        started = time.monotonic()
        await end(api, leaving)
        assert max(await asyncio.gather(*(one.ended() for one in gone))) - started < SECONDS
        for one in servers:
            await is_refused(one, leaving, by_token=end is revoke)
        await make_sync_run(owner, tenant)
        await asyncio.gather(*(one.next() for one in kept))


async def make_person(owner: Database, api: Database, *tenants: Tenant) -> Caller:
    """A READER of all these tenants, whose token is of the first."""
    person = await access.ensure_local_principal(api, f"person-{uuid4().hex}")
    for tenant in tenants:
        await access.set_membership(api, tenant.owner, person.id, Role.READER)
    context = replace(tenants[0].owner, principal_id=person.id)
    new = await access.create_own_token(owner, context, expires_at=datetime.now(UTC) + timedelta(hours=1))
    return Caller(tenants[0], new.token, new.id, person.id)


async def is_refused(server: Server, caller: Caller, *, by_token: bool) -> None:
    async with client_of(server.url, headers=caller.headers) as client:
        response = await client.post("/graphql", json=VIEWER)
        query = {
            "query": "query ($id: ID!) { tenant(by: { id: $id }) { name } }",
            "variables": {"id": caller.tenant_id},
        }
        asked = await client.post("/graphql", json=query)
    if by_token:
        assert response.status_code == asked.status_code == 401
    else:
        assert response.json()["data"]["viewer"]["memberships"] == {"nodes": []}
        assert asked.json()["data"] == {"tenant": None}


async def test_a_token_of_one_tenant_ends_its_streams_of_another(
    server: Server, owner: Database, api: Database
) -> None:
    """The tenant that revokes a token is told; the stream follows the other one, in which nothing happened."""
    tenant, other = await make_tenant(owner, api), await make_tenant(owner, api)
    caller = await make_person(owner, api, tenant, other)
    async with watching(server, caller, global_id(other)) as streams:
        live: Live = server.app.state.live
        await until_equal(lambda: live._streams[caller.principal_id], 2)
        started = time.monotonic()
        await revoke(api, caller)
        assert await streams.ended() - started < SECONDS


async def test_a_socket_that_is_idle_ends_with_its_token(server: Server, owner: Database, api: Database) -> None:
    caller, other = await make_caller(owner, api), await make_caller(owner, api)
    async with socket(server) as made, socket(server) as kept:
        await begin(made, caller)
        await begin(kept, other)
        started = time.monotonic()
        await revoke(api, caller)
        assert await closed(made) == REFUSED != EXPIRED
        assert time.monotonic() - started < SECONDS
        await send(kept, type="ping")
        assert (await receive(kept))["type"] == "pong"


async def test_one_stream_too_many_is_refused_and_says_what_to_do(
    server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Live = server.app.state.live
    monkeypatch.setattr(live, "most", 2)
    variables: dict[str, Any] = {"tenant": caller.tenant_id, "after": None}
    async with watching(server, caller, caller.tenant_id) as streams:
        await until_equal(lambda: live._streams[caller.principal_id], 2)
        async with stream(server, caller, ACTIVITY, **variables) as response, asyncio.timeout(15):
            seen = events([line async for line in response.aiter_lines()])
        (error,) = seen[0][1]["errors"]
        assert error["extensions"]["code"] == Code.RATE_LIMITED
        assert "End one" in error["message"]
        await send(streams.made, type="subscribe", id="2", payload={"query": ACTIVITY, "variables": variables})
        refused = await receive(streams.made)
        assert "RATE_LIMITED" in json.dumps(refused)
        await send(streams.made, type="complete", id="1")
        await until_equal(lambda: live._streams[caller.principal_id], 1)
        await send(streams.made, type="subscribe", id="3", payload={"query": ACTIVITY, "variables": variables})
        await until_equal(lambda: live._streams[caller.principal_id], 2)
    await until_equal(lambda: caller.principal_id in live._streams, False)


def global_id(tenant: Tenant) -> str:
    return Caller(tenant, "", None, None).tenant_id
