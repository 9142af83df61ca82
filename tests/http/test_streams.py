"""Subscriptions over WebSocket and over event streams, against the real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import websockets
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schema.ids import encode_activity_cursor, encode_id
from atlas.schema.socket import SocketHandler
from atlas.schema.view import View
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, make_caller
from tests.locks import until_the_api_waits
from tests.schema.runs import FAILED, RUNNING, SyncRun, make_sync_run

ACTIVITY = """subscription ($tenant: ID!, $after: String) {
    activity(tenantId: $tenant, after: $after) { cursor syncRun { id status } } }"""
SYNC_RUN = "subscription ($id: ID!) { syncRun(id: $id) { status progress { done } } }"
PROTOCOL = websockets.Subprotocol("graphql-transport-ws")


def request(query: str, **variables: object) -> GraphQLRequest:
    return GraphQLRequest(query, variable_values=variables)


def global_id(run: SyncRun) -> str:
    return encode_id("SyncRun", run.tenant.id, run.id)


@asynccontextmanager
async def session(server: Server, caller: Caller) -> AsyncIterator[Any]:
    transport = WebsocketsTransport(
        url=f"ws://127.0.0.1:{server.port}/graphql",
        subprotocols=[PROTOCOL],
        init_payload={"authorization": f"Bearer {caller.token}"},
    )
    async with Client(transport=transport, fetch_schema_from_transport=False) as made:
        yield made


@asynccontextmanager
async def socket(server: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    async with connect(url, subprotocols=[PROTOCOL], proxy=None, **options) as made:
        yield made


async def send(made: ClientConnection, **message: object) -> None:
    await made.send(json.dumps(message))


async def receive(made: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(15):
        message: dict[str, Any] = json.loads(await made.recv())
    return message


async def begin(made: ClientConnection, caller: Caller) -> None:
    await send(made, type="connection_init", payload={"token": caller.token})
    assert (await receive(made))["type"] == "connection_ack"


async def closed(made: ClientConnection) -> int:
    """The code of the close that comes next, whatever is sent before."""
    try:
        async with asyncio.timeout(15):
            while True:
                await made.recv()
    except ConnectionClosed as end:
        assert end.rcvd is not None
        return end.rcvd.code


def events(lines: list[str]) -> list[tuple[str, Any]]:
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    data = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [(name, json.loads(text) if text else None) for name, text in zip(names, data, strict=True)]


@asynccontextmanager
async def stream(server: Server, caller: Caller, query: str, **variables: object) -> AsyncIterator[Any]:
    headers = {**caller.headers, "accept": "text/event-stream"}
    body = {"query": query, "variables": variables}
    async with (
        client_of(server.url, headers=headers, timeout=10) as client,
        client.stream("POST", "/graphql", json=body) as response,
    ):
        yield response


async def moves(run: SyncRun) -> None:
    await asyncio.sleep(0.15)
    for done in (1, 4):
        await run.becomes(RUNNING, done=done)
        await asyncio.sleep(0.05)
    await run.becomes(FAILED)


async def test_a_run_is_followed_to_its_end_over_a_websocket(server: Server, owner: Database, caller: Caller) -> None:
    run = await make_sync_run(owner, caller.tenant)
    seen = []
    async with session(server, caller) as client, asyncio.timeout(15):
        async for one in client.subscribe(request(SYNC_RUN, id=global_id(run))):
            seen.append(one["syncRun"]["status"])
            if seen[-1] == "QUEUED":
                await run.becomes(RUNNING, done=1)
            elif seen[-1] == "RUNNING":
                await run.becomes(FAILED)
    assert seen == ["QUEUED", "RUNNING", "FAILED"]


async def test_a_run_is_followed_to_its_end_over_an_event_stream(
    server: Server, owner: Database, caller: Caller
) -> None:
    run = await make_sync_run(owner, caller.tenant)
    async with stream(server, caller, SYNC_RUN, id=global_id(run)) as response, asyncio.timeout(15):
        assert response.headers["content-type"].startswith("text/event-stream")
        mover = asyncio.create_task(moves(run))
        seen = events([line async for line in response.aiter_lines()])
        await mover
    assert seen[-1] == ("complete", None)
    assert [data["data"]["syncRun"]["status"] for name, data in seen if name == "next"][-1] == "FAILED"


async def test_a_run_that_has_ended_is_told_once(server: Server, owner: Database, caller: Caller) -> None:
    run = await make_sync_run(owner, caller.tenant)
    await run.becomes(FAILED)
    async with stream(server, caller, SYNC_RUN, id=global_id(run)) as response, asyncio.timeout(15):
        seen = events([line async for line in response.aiter_lines()])
    assert [name for name, _ in seen] == ["next", "complete"]


async def test_a_foreign_run_an_absent_one_and_nonsense_are_told_the_same(
    server: Server, owner: Database, api: Database, caller: Caller
) -> None:
    foreign = await make_caller(owner, api)
    run = await make_sync_run(owner, foreign.tenant)
    absent = encode_id("SyncRun", caller.tenant.id, run.id)
    wrong_type = encode_id("DriftRun", foreign.tenant.id, run.id)
    told = set()
    for value in (global_id(run), absent, wrong_type, "nonsense", ""):
        async with stream(server, caller, SYNC_RUN, id=value) as response, asyncio.timeout(15):
            seen = events([line async for line in response.aiter_lines()])
        assert [name for name, _ in seen] == ["next", "complete"]
        told.add(json.dumps(seen[0][1]["errors"]))
        async with session(server, caller) as client, asyncio.timeout(15):
            with pytest.raises(TransportQueryError) as refused:
                async for _ in client.subscribe(request(SYNC_RUN, id=value)):
                    pass
        told.add(json.dumps(refused.value.errors))
    assert len(told) == 1
    assert '"NOT_FOUND"' in told.pop()
    async with stream(server, foreign, SYNC_RUN, id=global_id(run)) as response, asyncio.timeout(15):
        assert (await anext(response.aiter_lines())) == "event: next", "its own member sees it"


async def test_activity_resumes_after_the_cursor_without_a_gap(server: Server, owner: Database, caller: Caller) -> None:
    run = await make_sync_run(owner, caller.tenant)
    await run.becomes(RUNNING, done=1)
    tenant = caller.tenant_id
    query = "query ($id: ID!) { tenant(by: { id: $id }) { activityCursor } }"
    async with session(server, caller) as client, asyncio.timeout(15):
        loaded = await client.execute(request(query, id=tenant))
        cursor = loaded["tenant"]["activityCursor"]
        await run.becomes(RUNNING, done=2)
        first = client.subscribe(request(ACTIVITY, tenant=tenant, after=cursor))
        one = (await anext(first))["activity"]
        await first.aclose()
        await run.becomes(RUNNING, done=3)
        await run.becomes(FAILED)
    async with session(server, caller) as client, asyncio.timeout(15):
        second = client.subscribe(request(ACTIVITY, tenant=tenant, after=one["cursor"]))
        rest = [(await anext(second))["activity"] for _ in range(2)]
        await second.aclose()
    cursors = [cursor, one["cursor"], *(activity["cursor"] for activity in rest)]
    assert cursors == [encode_activity_cursor(seq) for seq in (2, 3, 4, 5)]
    assert rest[-1]["syncRun"] == {"id": global_id(run), "status": "FAILED"}, "the object as it is now"


async def test_a_cursor_that_is_none_is_told(server: Server, caller: Caller) -> None:
    for after in ("", "garbage", encode_activity_cursor(10**6), "A" * 500):
        async with stream(server, caller, ACTIVITY, tenant=caller.tenant_id, after=after) as response:
            async with asyncio.timeout(15):
                seen = events([line async for line in response.aiter_lines()])
        assert seen[0][1]["errors"][0]["extensions"]["code"] == "BAD_CURSOR"
        assert seen[-1][0] == "complete"


@pytest.mark.parametrize("payload", [None, {}, {"token": "atlas_wrong"}, {"authorization": "Basic x"}, {"token": 7}])
async def test_a_websocket_without_a_token_is_closed_with_4401(server: Server, payload: object) -> None:
    async with socket(server) as made:
        await send(made, type="connection_init", payload=payload)
        assert await closed(made) == 4401


async def test_a_websocket_takes_the_token_from_its_header_too(server: Server, caller: Caller) -> None:
    async with socket(server, additional_headers=caller.headers) as made:
        await send(made, type="connection_init")
        assert (await receive(made))["type"] == "connection_ack"
        await send(made, type="subscribe", id="1", payload={"query": "{ viewer { principal { id } } }"})
        assert (await receive(made))["payload"]["data"]["viewer"]
        assert (await receive(made))["type"] == "complete"


async def test_a_websocket_is_asked_nothing_before_it_is_let_in(server: Server) -> None:
    async with socket(server) as made:
        await send(made, type="subscribe", id="1", payload={"query": "{ __typename }"})
        assert await closed(made) == 4401


async def test_a_page_of_another_site_opens_no_websocket(server: Server, caller: Caller) -> None:
    for origin in ("https://evil.example", "null", f"http://localhost:{server.port}"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket(server, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    async with socket(server, origin=f"http://127.0.0.1:{server.port}") as made:
        await begin(made, caller)


async def test_the_older_protocol_is_not_spoken(server: Server) -> None:
    url = f"ws://127.0.0.1:{server.port}/graphql"
    async with connect(url, subprotocols=[websockets.Subprotocol("graphql-ws")], proxy=None) as made:
        assert made.subprotocol is None
        assert await closed(made) == 4406


@pytest.mark.parametrize(
    "message",
    ["{", "[]", "1", "{}", '{"type": 1}', '{"type": "no_such"}', '{"type": "subscribe"}',
     '{"type": "subscribe", "id": [], "payload": {"query": "{ a }"}}', '{"type": "subscribe", "id": "1"}',
     '{"type": "subscribe", "id": "1", "payload": {"query": 1}}', '{"type": "subscribe", "id": "1", "payload": []}',
     '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}', '{"type": "complete"}',
     '{"type": "connection_init", "payload": []}'],
)  # fmt: skip
async def test_a_message_that_is_none_closes_with_4400(server: Server, caller: Caller, message: str) -> None:
    async with socket(server) as made:
        await begin(made, caller)
        await made.send(message)
        assert await closed(made) == 4400


async def test_a_message_that_is_too_large_closes_with_1009(server: Server, caller: Caller) -> None:
    async with socket(server) as made:
        await begin(made, caller)
        await made.send(json.dumps({"type": "ping", "payload": {"x": "y" * 70_000}}))
        assert await closed(made) == 1009


async def test_an_invalid_document_is_an_error_and_the_socket_stays(server: Server, caller: Caller) -> None:
    async with socket(server) as made:
        await begin(made, caller)
        for query, code in (
            ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
            ("", "BAD_USER_INPUT"),
            (None, "BAD_USER_INPUT"),
        ):
            await send(made, type="subscribe", id="1", payload={"query": query, "extensions": {}})
            message = await receive(made)
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == code
        await send(made, type="ping")
        assert (await receive(made))["type"] == "pong"


async def test_a_socket_carries_so_many_operations(server: Server, caller: Caller) -> None:
    variables = {"tenant": caller.tenant_id}
    async with socket(server) as made:
        await begin(made, caller)
        for number in range(21):
            payload = {"query": ACTIVITY, "variables": variables}
            await send(made, type="subscribe", id=str(number), payload=payload)
        message = await receive(made)
        assert (message["id"], message["type"]) == ("20", "error")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_operations_of_one_socket_share_no_loader(server: Server, owner: Database, caller: Caller) -> None:
    run = await make_sync_run(owner, caller.tenant)
    query = "query ($id: ID!) { node(id: $id) { ... on SyncRun { status } } }"
    async with session(server, caller) as client:
        before = await client.execute(request(query, id=global_id(run)))
        await run.becomes(FAILED)
        after = await client.execute(request(query, id=global_id(run)))
    assert (before["node"]["status"], after["node"]["status"]) == ("QUEUED", "FAILED")


async def test_the_end_of_a_token_closes_with_4403(server: Server, owner: Database, api: Database) -> None:
    short = await make_caller(owner, api, expires_at=datetime.now(UTC) + timedelta(seconds=2.5))
    async with socket(server) as made:
        await begin(made, short)
        assert await closed(made) == 4403
    short = await make_caller(owner, api, expires_at=datetime.now(UTC) + timedelta(seconds=2.5))
    async with stream(server, short, ACTIVITY, tenant=short.tenant_id) as response, asyncio.timeout(15):
        seen = events([line async for line in response.aiter_lines()])
    assert seen[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_revoked_token_and_a_lost_membership_close_with_4401(
    server: Server, owner: Database, api: Database
) -> None:
    async def revoke(caller: Caller) -> None:
        await access.revoke_token(api, caller.tenant.owner, caller.token_id)

    async def remove(caller: Caller) -> None:
        await access.remove_membership(api, caller.tenant.owner, caller.principal_id)

    for end in (revoke, remove):
        caller = await make_caller(owner, api)
        await make_sync_run(owner, caller.tenant)
        variables = {"tenant": caller.tenant_id, "after": encode_activity_cursor(0)}
        payload = {"query": ACTIVITY, "variables": variables}
        async with socket(server) as made, stream(server, caller, ACTIVITY, **variables) as response:
            lines = response.aiter_lines()
            await begin(made, caller)
            await send(made, type="subscribe", id="1", payload=payload)
            assert (await receive(made))["type"] == "next"
            assert await anext(lines) == "event: next"
            await end(caller)
            assert await closed(made) == 4401
            async with asyncio.timeout(15):
                *_, last = [line async for line in lines if line.startswith("data: {")]
            assert json.loads(last.removeprefix("data: "))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_membership_that_ends_while_a_feed_begins_is_no_feed_that_never_began(
    cluster: Services, server: Server, owner: Database, api: Database
) -> None:
    caller = await make_caller(owner, api)
    await make_sync_run(owner, caller.tenant)
    after = encode_activity_cursor(1)

    async def read() -> list[tuple[str, Any]]:
        async with stream(server, caller, ACTIVITY, tenant=caller.tenant_id, after=after) as response:
            return events([line async for line in response.aiter_lines()])

    async with owner.transaction() as holder, asyncio.timeout(15):
        await holder.execute(text("lock table atlas.event_counters in access exclusive mode"))
        reading = asyncio.create_task(read())
        await until_the_api_waits(cluster)
        gone = text("delete from atlas.memberships where tenant_id = :tenant and principal_id = :principal")
        await holder.execute(gone, {"tenant": caller.tenant.id, "principal": caller.principal_id})
    seen = await reading
    assert seen[0][1]["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_revoked_token_asks_nothing_more_over_an_open_socket(
    server: Server, owner: Database, api: Database
) -> None:
    caller = await make_caller(owner, api)
    async with socket(server) as made:
        await begin(made, caller)
        await access.revoke_token(api, caller.tenant.owner, caller.token_id)
        with suppress(ConnectionClosed):  # It may be closed by now.
            await send(made, type="subscribe", id="1", payload={"query": "{ viewer { principal { id } } }"})
        assert await closed(made) == 4401


async def test_what_ends_before_it_began_is_forgotten(
    server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_here: list[SocketHandler] = []

    class Noted(SocketHandler):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made_here.append(self)

    monkeypatch.setattr(View, "graphql_transport_ws_handler_class", Noted)
    async with socket(server) as made:
        await begin(made, caller)
        asked = {"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}
        made.transport.write(frame_of(asked) + frame_of({"type": "complete", "id": "1"}))
        await send(made, type="ping")
        while (await receive(made))["type"] != "pong":
            pass
        (handler,) = made_here
        assert (handler._documents, handler.operations) == ({}, {})


def frame_of(message: dict[str, Any]) -> bytes:
    """As a client sends it, with others in one packet."""
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=True)


async def test_a_subscriber_that_leaves_is_forgotten(server: Server, caller: Caller) -> None:
    live = server.app.state.live

    def waiting() -> int:
        return int(live._streams[caller.principal_id])

    async with stream(server, caller, ACTIVITY, tenant=caller.tenant_id), socket(server) as made:
        await begin(made, caller)
        payload = {"query": ACTIVITY, "variables": {"tenant": caller.tenant_id}}
        await send(made, type="subscribe", id="1", payload=payload)
        await until_equal(waiting, 2)
        await send(made, type="complete", id="1")
        await until_equal(waiting, 1)
    await until_equal(waiting, 0)


async def until_equal(count: Any, wanted: int) -> None:
    async with asyncio.timeout(15):
        while count() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_reader_may_follow_and_only_its_own_tenant(server: Server, owner: Database, api: Database) -> None:
    mine = await make_caller(owner, api, Role.READER)
    foreign = await make_caller(owner, api, Role.OWNER)
    async with stream(server, mine, ACTIVITY, tenant=foreign.tenant_id) as response, asyncio.timeout(15):
        seen = events([line async for line in response.aiter_lines()])
    assert seen[0][1]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
