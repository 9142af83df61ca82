"""Nothing takes longer than its time: a body, a statement, a request; and what ends is told what to do."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import strawberry
from sqlalchemy import text

from atlas.schema import body as bodies
from atlas.schema.errors import Masking
from atlas.schema.limits import Limiting, Limits
from atlas.schema.refusal import RESPONSE_TYPE
from atlas.store.database import Database, open_database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, serving


@pytest.mark.parametrize("known", [False, True])
async def test_a_body_that_does_not_come_is_408(
    server: Server, caller: Caller, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 200
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"host: atlas\r\nauthorization: Bearer {caller.token}\r\ncontent-type: application/json"
    writer.write(f'POST /graphql HTTP/1.1\r\n{head}\r\ncontent-length: 100\r\n\r\n{{"query": '.encode())
    async with asyncio.timeout(15):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"BAD_USER_INPUT" in answer


async def test_a_statement_that_takes_too_long_is_told_apart_from_a_fault(
    owner: Database, api: Database, caller: Caller
) -> None:
    url = api.engine.url.render_as_string(hide_password=False)
    hasty = open_database(url, statement_seconds=0.3)
    query = "query ($id: ID!) { tenant(by: { id: $id }) { scopes(first: 1) { nodes { key } } } }"
    body = {"query": query, "variables": {"id": caller.tenant_id}}
    async with (
        serving(hasty) as server,
        client_of(server.url, headers=caller.headers) as client,
        owner.transaction() as connection,
    ):
        await connection.execute(text("lock table atlas.scopes in access exclusive mode"))
        response = await client.post("/graphql", json=body)
    await hasty.close()
    (error,) = response.json()["errors"]
    assert response.status_code == 200
    assert error["extensions"]["code"] == "QUERY_TOO_COSTLY"
    assert "smaller pages" in error["message"]


@strawberry.type
class Query:
    @strawberry.field
    async def slow(self, seconds: float = 0) -> int:
        await asyncio.sleep(seconds)
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        for number in range(4):
            await asyncio.sleep(0.1)
            yield number


SCHEMA = strawberry.Schema(Query, subscription=Subscription, extensions=[Limiting(Limits(seconds=0.25)), Masking])


async def test_a_request_that_takes_too_long_is_ended_over_every_transport() -> None:
    query = "{ slow(seconds: 30) }"
    result = await SCHEMA.execute(query)
    streamed = [one async for one in await SCHEMA.stream(query)]
    for told in (result, *streamed):
        (error,) = told.errors or []
        assert (error.extensions or {})["code"] == "QUERY_TOO_COSTLY"
        assert "0.25 seconds" in error.message
    assert len(streamed) == 1
    assert (await SCHEMA.execute("{ slow }")).data == {"slow": 1}


async def test_a_subscription_may_run_on() -> None:
    seen = [one.data async for one in await SCHEMA.stream("subscription { ticks }")]
    assert seen == [{"ticks": number} for number in range(4)]


async def test_a_request_that_was_ended_is_told_as_refused(api: Database, caller: Caller) -> None:
    async with (
        serving(api, schema=SCHEMA) as server,
        client_of(server.url, headers={**caller.headers, "accept": RESPONSE_TYPE}) as client,
    ):
        response = await client.post("/graphql", json={"query": "{ slow(seconds: 30) }"})
    assert response.status_code == 400
    assert "data" not in response.json()
