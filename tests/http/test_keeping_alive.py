"""What is sent while nothing happens, so that no proxy takes a stream for dead, and the dead do not stay."""

import asyncio
import json

import pytest
from strawberry.http.streaming import SSETransport

from atlas import app
from atlas.schema.ids import encode_activity_cursor
from atlas.store.database import Database
from bench.live_clients import Subscriber
from tests.http.conftest import Caller, Server, serving
from tests.http.test_streams import ACTIVITY, begin, receive, send, socket, stream, until_equal
from tests.schema.runs import make_sync_run


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes every 20 and every 15 seconds comes at once."""
    monkeypatch.setattr(app, "PING_SECONDS", 0.3)
    monkeypatch.setattr(SSETransport.__init__, "__defaults__", (0.3,))


async def test_an_event_stream_carries_comments_while_nothing_happens(
    soon: None, api: Database, caller: Caller
) -> None:
    async with serving(api) as server, stream(server, caller, ACTIVITY, tenant=caller.tenant_id) as response:
        lines = response.aiter_lines()
        async with asyncio.timeout(15):
            heard = [line for _ in range(6) if (line := await anext(lines))]
    assert heard == [": ping"] * 3


async def test_a_client_may_ask_over_the_socket_whether_anybody_is_there(server: Server, caller: Caller) -> None:
    async with socket(server) as made:
        await begin(made, caller)
        await send(
            made, type="subscribe", id="1", payload={"query": ACTIVITY, "variables": {"tenant": caller.tenant_id}}
        )
        for _ in range(3):
            await send(made, type="ping", payload={"any": "thing"})
            assert await receive(made) == {"type": "pong"}


@pytest.mark.parametrize("answers", [True, False])
async def test_a_socket_is_asked_whether_anybody_is_there_and_closed_where_nobody_is(
    soon: None, owner: Database, api: Database, caller: Caller, answers: bool
) -> None:
    await make_sync_run(owner, caller.tenant)
    variables = {"tenant": caller.tenant_id, "after": encode_activity_cursor(0)}
    async with serving(api) as server:
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: Subscriber(caller.token, {"query": ACTIVITY, "variables": variables}, answers=answers),
            "127.0.0.1",
            server.port,
        )
        async with asyncio.timeout(15):
            await made.first
            while made.pings < 4 and made.closed is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        live = server.app.state.live
        assert made.closed == (None if answers else 1011)
        assert json.loads(made.heard[0][1])["type"] == "next"
        await until_equal(lambda: live._streams[caller.principal_id], 1 if answers else 0)
        made.transport.abort()
