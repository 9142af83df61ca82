"""The server as a process: it ends in a few seconds whatever still runs, and its log tells no secret."""

import asyncio
import json
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from atlas.local import Services
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Server, make_caller
from tests.http.test_streams import ACTIVITY, begin, closed, events, send, socket, stream

SCRIPT = Path(__file__).with_name("serve_once.py")


@asynccontextmanager
async def process(cluster: Services) -> AsyncIterator[tuple[Process, Server]]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(SCRIPT), cluster.database_url, stdout=PIPE, stderr=PIPE
    )
    try:
        assert started.stdout is not None
        async with asyncio.timeout(20):
            port = int(await started.stdout.readline())
        yield started, Server(None, f"http://127.0.0.1:{port}", port)  # type: ignore[arg-type]
    finally:
        if started.returncode is None:
            started.kill()
            await started.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_streams_and_the_process_within_seconds(
    cluster: Services, owner: Database, api: Database, number: signal.Signals
) -> None:
    caller = await make_caller(owner, api)
    variables = {"tenant": caller.tenant_id}
    async with process(cluster) as (running, server):
        async with socket(server) as made, stream(server, caller, ACTIVITY, **variables) as response:
            await begin(made, caller)
            await send(made, type="subscribe", id="1", payload={"query": ACTIVITY, "variables": variables})
            await asyncio.sleep(0.3)
            asked = time.monotonic()
            running.send_signal(number)
            assert await closed(made) == 1012, "a client connects again after it"
            seen = events([line async for line in response.aiter_lines()])
            assert seen[0][1]["errors"][0]["extensions"]["code"] == "SHUTTING_DOWN"
            _, log = await asyncio.wait_for(running.communicate(), 5)
        assert time.monotonic() - asked < 5
        assert running.returncode == 0
    assert b"Traceback" not in log


async def test_the_log_of_a_process_is_json_and_holds_no_token_variable_or_query(
    cluster: Services, owner: Database, api: Database
) -> None:
    caller = await make_caller(owner, api)
    secret = "a-value-that-nobody-may-read"
    async with process(cluster) as (running, server):
        async with client_of(server.url, headers=caller.headers) as client:
            query = "query Q($id: ID!) { node(id: $id) { id } }"
            body = {"query": query, "variables": {"id": secret}}
            assert (await client.post("/graphql", json=body, headers={"x-request-id": "request-3"})).status_code == 200
            await client.get("/graphql", params={"query": "{", "token": secret})
            await client.get(f"/healthz?{secret}")
        running.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(running.communicate(), 10)
    lines = [json.loads(line) for line in log.decode().splitlines()]
    (asked,) = [line for line in lines if line.get("request_id") == "request-3"]
    assert (asked["event"], asked["method"], asked["path"], asked["status"]) == (
        "http.request", "POST", "/graphql", 200,
    )  # fmt: skip
    for kept_out in (caller.token, secret, "query Q", "$id"):
        assert kept_out not in log.decode()


async def test_a_request_that_is_being_answered_is_answered_before_the_end(
    cluster: Services, owner: Database, api: Database
) -> None:
    caller = await make_caller(owner, api)
    async with process(cluster) as (running, server):

        async def slowly() -> AsyncIterator[bytes]:
            yield b'{"query": '
            await asyncio.sleep(0.2)
            running.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            yield b'"{ __typename }"}'

        headers = caller.headers | {"content-type": "application/json"}
        async with client_of(server.url, headers=headers) as client:
            response = await client.post("/graphql", content=slowly())
        assert response.json()["data"] == {"__typename": "Query"}
        await asyncio.wait_for(running.communicate(), 10)
        assert running.returncode == 0
