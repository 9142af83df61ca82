"""Pages of other origins: nothing is for them by default, and what is allowed is named."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError
from websockets import Origin
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from atlas.local import Services
from atlas.settings import Settings
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, serving
from tests.http.test_serve import process
from tests.http.test_streams import PROTOCOL, begin, socket

FRIEND, STRANGER = "https://console.example", "https://evil.example"
ASKED = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
QUERY = {"query": "{ __typename }"}


@pytest_asyncio.fixture(loop_scope="session")
async def friendly(api: Database) -> AsyncIterator[Server]:
    async with serving(api, origins=(FRIEND,)) as server:
        yield server


def granted(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


async def test_by_default_no_page_of_another_origin_may_ask(client: httpx.AsyncClient) -> None:
    for origin in (FRIEND, STRANGER, "null", ""):
        preflight = await client.options("/graphql", headers={"origin": origin, **ASKED})
        assert preflight.status_code == 405
        assert granted(preflight) == {}
        assert granted(await client.post("/graphql", json=QUERY, headers={"origin": origin})) == {}


async def test_an_origin_that_is_named_may_ask_and_read_and_send_a_token_but_no_cookie(
    friendly: Server, caller: Caller
) -> None:
    async with client_of(friendly.url) as client:
        preflight = await client.options("/graphql", headers={"origin": FRIEND, **ASKED})
        answer = await client.post("/graphql", json=QUERY, headers={"origin": FRIEND, **caller.headers})
        refused = await client.post("/graphql", json=QUERY, headers={"origin": FRIEND})
    assert preflight.status_code == 200
    allowed = granted(preflight)
    assert allowed["access-control-allow-origin"] == FRIEND
    assert {"Authorization", "Content-Type"} <= set(allowed["access-control-allow-headers"].split(", "))
    assert allowed["access-control-allow-methods"] == "GET, POST"
    assert "access-control-allow-credentials" not in allowed
    assert answer.json()["data"] == {"__typename": "Query"}
    assert granted(answer)["access-control-allow-origin"] == FRIEND
    assert "RateLimit-Remaining" in granted(answer)["access-control-expose-headers"]
    assert refused.status_code == 401
    assert granted(refused)["access-control-allow-origin"] == FRIEND, "a page reads why it was refused"


async def test_an_origin_that_is_not_named_is_refused_beside_one_that_is(friendly: Server, caller: Caller) -> None:
    async with client_of(friendly.url, headers=caller.headers) as client:
        for origin in (STRANGER, f"{FRIEND}.evil.example", FRIEND.replace("https", "http"), f"{FRIEND}:8443", "null"):
            preflight = await client.options("/graphql", headers={"origin": origin, **ASKED})
            assert preflight.status_code == 400
            answer = await client.post("/graphql", json=QUERY, headers={"origin": origin})
            assert "access-control-allow-origin" not in granted(preflight) | granted(answer)
        cookies = {"origin": FRIEND, **ASKED, "access-control-request-headers": "x-anything-else"}
        assert (await client.options("/graphql", headers=cookies)).status_code == 400


async def test_a_websocket_follows_the_same_list(friendly: Server, caller: Caller) -> None:
    async with socket(friendly, origin=FRIEND) as made:
        await begin(made, caller)
    for origin in (STRANGER, "null", f"{FRIEND}:8443"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(friendly, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_the_log_tells_of_a_refused_websocket_without_its_headers(
    cluster: Services,
) -> None:
    async with process(cluster) as (running, server):
        url = f"ws://127.0.0.1:{server.port}/graphql?token=a-token-in-the-url"
        with pytest.raises(InvalidStatus):
            await connect(
                url, subprotocols=[PROTOCOL], proxy=None, origin=Origin(STRANGER), user_agent_header="agent-7"
            )
        async with connect(url, subprotocols=[PROTOCOL], proxy=None, user_agent_header="agent-7"):
            pass
        running.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(running.communicate(), 10)
    lines = [json.loads(line) for line in log.splitlines()]
    statuses = {line["status"] for line in lines if line.get("method") == "WEBSOCKET"}
    assert statuses == {101, 403}
    for kept_out in (b"a-token", b"evil.example", b"agent-7", b"127.0.0.1"):
        assert kept_out not in log


@pytest.mark.parametrize(
    "value", ["*", "console.example", "https://console.example/", "https://a b", "https://x.example/path", "null"]
)
def test_what_is_no_origin_is_no_setting(value: str) -> None:
    with pytest.raises(ValidationError, match="origins like"):
        Settings(cors_origins=value)


def test_origins_are_named_with_commas_between_them() -> None:
    assert Settings(cors_origins=f" {FRIEND},http://localhost:3000 ,").origins == (FRIEND, "http://localhost:3000")
    assert Settings().origins == ()
