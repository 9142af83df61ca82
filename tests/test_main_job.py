"""The main job from outside: asked for over HTTP, done by a worker process, followed over a WebSocket."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.local import Services
from atlas.store.database import Database
from atlas.workers.broker import dispatcher, open_broker, ping
from tests.clients import client_of
from tests.http.conftest import Caller, Server, make_caller, serving
from tests.workers.test_worker import scope_held, two_runs, worker_process

pytestmark = pytest.mark.usefixtures("empty_queue")

KEY = scope_key(Selection(SyncSource.FOLDER))
GENERATE = """
mutation ($input: GenerateDriftInput!) {
  generateDrift(input: $input) { created driftRun { id status attempts } errors { code message } }
}
"""
FOLLOW = "subscription ($id: ID!) { driftRun(id: $id) { status attempts counts { findingsNew } } }"
FINDINGS = """
query ($id: ID!) {
  node(id: $id) { ... on DriftRun { attempts findings(first: 100) { totalCount nodes { fingerprint } } } }
}
"""
FORWARD = ["QUEUED", "RUNNING", "SUCCEEDED"]


@pytest_asyncio.fixture(loop_scope="session")
async def live(api: Database, cluster: Services) -> AsyncIterator[Server]:
    """A server whose messages go to the real broker."""
    broker = open_broker(cluster.broker_url)

    async def reachable() -> None:
        assert await ping(broker)

    async with serving(api, dispatch=dispatcher(broker), broker_ping=reachable) as server:
        yield server
    broker.client.close()


@pytest.fixture
async def operator(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Caller:
    """An OPERATOR of a tenant with two recorded runs that differ in five objects."""
    caller = await make_caller(owner, api, Role.OPERATOR)
    await two_runs(api, worker, caller.tenant, tmp_path)
    return caller


async def asked(server: Server, caller: Caller, query: str, **variables: Any) -> Any:
    async with client_of(server.url, headers=caller.headers, timeout=30) as client:
        answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def generated(server: Server, caller: Caller) -> dict[str, Any]:
    given = {"tenantId": caller.tenant_id, "scopeKey": KEY}
    payload: dict[str, Any] = (await asked(server, caller, GENERATE, input=given))["generateDrift"]
    assert payload["errors"] == []
    return payload


async def states(server: Server, caller: Caller, run: str, seen: list[dict[str, Any]]) -> None:
    """Follows the run with a client nobody here wrote, until the server completes the subscription."""
    transport = WebsocketsTransport(
        url=server.url.replace("http", "ws") + "/graphql",
        init_payload={"authorization": f"Bearer {caller.token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=transport) as session:
        query = gql(FOLLOW)
        query.variable_values = {"id": run}
        async for event in session.subscribe(query):
            seen.append(event["driftRun"])  # noqa: PERF401  # Others read it as it grows.


async def until(seen: list[dict[str, Any]], status: str) -> None:
    async with asyncio.timeout(20):
        while not any(one["status"] == status for one in seen):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_asked_twenty_times_at_once_over_http_it_is_one_run(live: Server, operator: Caller) -> None:
    payloads = await asyncio.gather(*(generated(live, operator) for _ in range(20)))
    assert len({one["driftRun"]["id"] for one in payloads}) == 1
    assert sum(one["created"] for one in payloads) == 1


async def test_a_subscriber_sees_the_run_wait_run_and_succeed_and_then_the_end(
    live: Server, operator: Caller, cluster: Services
) -> None:
    run = (await generated(live, operator))["driftRun"]["id"]
    seen: list[dict[str, Any]] = []
    following = asyncio.create_task(states(live, operator, run, seen))
    await until(seen, "QUEUED")
    with worker_process(cluster):
        await asyncio.wait_for(following, 20)
    positions = [FORWARD.index(one["status"]) for one in seen]
    assert positions == sorted(positions)
    assert (seen[0]["status"], seen[-1]["status"]) == ("QUEUED", "SUCCEEDED")
    assert seen[-1]["counts"] == {"findingsNew": 5}


async def test_a_worker_killed_in_the_middle_is_seen_to_succeed_once_with_each_finding_once(
    live: Server, operator: Caller, owner: Database, cluster: Services
) -> None:
    run = (await generated(live, operator))["driftRun"]["id"]
    seen: list[dict[str, Any]] = []
    following = asyncio.create_task(states(live, operator, run, seen))
    with worker_process(cluster) as process:
        async with scope_held(owner, operator.tenant):
            await until(seen, "RUNNING")
            process.send_signal(signal.SIGKILL)
            process.wait()
    with worker_process(cluster):
        await asyncio.wait_for(following, 30)
    assert [one["status"] for one in seen].count("SUCCEEDED") == 1
    told = (await asked(live, operator, FINDINGS, id=run))["node"]
    prints = [one["fingerprint"] for one in told["findings"]["nodes"]]
    assert (len(prints), len(set(prints)), told["findings"]["totalCount"]) == (5, 5, 5)
    assert told["attempts"] == 2
    again = await generated(live, operator)
    assert (again["driftRun"]["id"], again["created"]) == (run, False)
