"""The short way of a request: what it must ask the database each time, and when it leaves a request to the long one."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schema.ids import encode_id
from atlas.store import direct
from atlas.store.context import Context
from atlas.store.database import Database, open_database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, make_caller, serving
from tests.http.test_budget import limited
from tests.schema.rows import make_findings, make_scope

FINDINGS = """query ($id: ID!, $after: String) {
  tenant(by: {id: $id}) {
    name
    findings(first: 2, after: $after) { nodes { id } pageInfo { hasPreviousPage endCursor } }
  }
}"""


def asked(tenant_id: str, query: str = FINDINGS, **variables: Any) -> dict[str, Any]:
    return {"query": query, "variables": {"id": tenant_id} | variables}


async def ask(client: httpx.AsyncClient, tenant_id: str, **variables: Any) -> dict[str, Any]:
    body: dict[str, Any] = (await client.post("/graphql", json=asked(tenant_id, **variables))).json()
    return body


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def answered(server: Server) -> int:
    number: int = server.app.state.short_way.answered
    return number


async def test_only_a_token_that_held_a_moment_ago_goes_the_short_way(
    server: Server, caller: Caller, client: httpx.AsyncClient
) -> None:
    before = answered(server)
    first, second = await ask(client, caller.tenant_id), await ask(client, caller.tenant_id)
    assert answered(server) == before + 1
    assert first == second
    assert first["data"]["tenant"]["findings"]["nodes"] == []


async def test_a_token_that_ends_is_refused_at_the_next_request(
    server: Server, owner: Database, api: Database, caller: Caller, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        await ask(client, caller.tenant_id)
    before = answered(server)
    assert await access.revoke_token(api, caller.tenant.owner, caller.token_id)
    refused = await client.post("/graphql", json=asked(caller.tenant_id))
    assert refused.status_code == 401
    assert answered(server) == before


async def test_a_header_that_comes_twice_is_left_to_the_long_way(
    server: Server, caller: Caller, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        await ask(client, caller.tenant_id)
    before = answered(server)
    twice = [("authorization", client.headers["authorization"]), ("authorization", "Bearer atlas_other")]
    async with httpx.AsyncClient(base_url=server.url, headers=twice) as other:
        answer = await other.post("/graphql", json=asked(caller.tenant_id))
    assert answer.status_code == 200, "the first one counts"
    assert answered(server) == before


async def test_an_event_stream_is_left_to_the_long_way_however_it_is_spelled(
    server: Server, caller: Caller, client: httpx.AsyncClient
) -> None:
    await ask(client, caller.tenant_id)
    before = answered(server)
    for accept in ("text/event-stream", "Text/Event-Stream"):
        answer = await client.post("/graphql", json=asked(caller.tenant_id), headers={"accept": accept})
        assert answer.headers["content-type"].startswith("text/event-stream")
    assert answered(server) == before


async def test_a_membership_that_ends_shows_nothing_from_the_next_request_on(
    server: Server, owner: Database, api: Database, caller: Caller, client: httpx.AsyncClient
) -> None:
    scope = await make_scope(owner, caller.tenant)
    await make_findings(owner, scope, [{}])
    for _ in range(2):
        assert len((await ask(client, caller.tenant_id))["data"]["tenant"]["findings"]["nodes"]) == 1
    before = answered(server)
    await access.remove_membership(api, caller.tenant.owner, caller.principal_id)
    assert (await ask(client, caller.tenant_id))["data"] == {"tenant": None}
    assert answered(server) == before + 1, "the database said so"


async def test_a_foreign_tenant_and_an_absent_one_look_the_same(
    server: Server, owner: Database, api: Database, caller: Caller, client: httpx.AsyncClient
) -> None:
    foreign = await make_caller(owner, api)
    scope = await make_scope(owner, foreign.tenant)
    await make_findings(owner, scope, [{}])
    await ask(client, caller.tenant_id)
    before = answered(server)
    absent = encode_id("Tenant", scope.id, scope.id)
    assert await ask(client, foreign.tenant_id) == await ask(client, absent)
    assert answered(server) == before + 2


async def test_what_cannot_be_told_in_one_go_is_left_to_the_long_way_and_charged_once(
    cluster: Services, owner: Database, api: Database, caller: Caller
) -> None:
    scope, large = await make_scope(owner, caller.tenant), FINDINGS.replace("first: 2", "first: 90")
    await make_findings(owner, scope, [{} for _ in range(5)])
    async with limited(cluster, api, principal_points=600) as server, AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(server.url, headers=caller.headers))
        first = (await client.post("/graphql", json=asked(caller.tenant_id, large))).json()
        after = first["data"]["tenant"]["findings"]["pageInfo"]["endCursor"]
        before, left = answered(server), first["extensions"]["rateLimit"]["remaining"]
        second = (await client.post("/graphql", json=asked(caller.tenant_id, large, after=after))).json()
        assert second["data"]["tenant"]["findings"]["pageInfo"]["hasPreviousPage"] is True
        assert answered(server) == before
        cost = second["extensions"]["cost"]["requested"]
        # Ten points a second come back.
        assert 0 <= second["extensions"]["rateLimit"]["remaining"] - (left - cost) < cost


async def test_a_statement_that_takes_long_is_given_up_and_the_long_way_waits(
    cluster: Services, owner: Database, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "STATEMENT_SECONDS", 0.2)
    api = open_database(cluster.database_url)
    try:
        async with serving(api) as server, client_of(server.url, headers=caller.headers) as client:
            await ask(client, caller.tenant_id)
            before = answered(server)
            async with owner.engine.begin() as holder:
                await holder.execute(text("lock table atlas.findings in access exclusive mode"))
                waiting = asyncio.create_task(ask(client, caller.tenant_id))
                await asyncio.sleep(0.6)
                assert not waiting.done()
            assert (await waiting)["data"]["tenant"]["findings"]["nodes"] == []
            assert answered(server) == before
            async with asyncio.timeout(20):
                while answered(server) == before:  # The connection serves again; a slow machine may take as long.
                    assert (await ask(client, caller.tenant_id))["data"]["tenant"] is not None
    finally:
        await api.close()


async def test_who_is_entered_is_who_the_token_vouches_for(api: Database, caller: Caller) -> None:
    claimed = Context(tenant_id=caller.tenant.id, principal_id=caller.tenant.members[Role.OWNER])
    async with api.direct.reading(claimed, hash_of(caller.token)) as reading:
        ((principal,),) = await reading.rows("select current_setting('atlas.principal_id')", [])
    assert principal == str(caller.principal_id)
    for token in ("atlas_nobody", "", caller.token[:-1]):
        with pytest.raises(direct.TokenEndedError):
            async with api.direct.reading(claimed, hash_of(token)):
                raise AssertionError("nothing is read without a token")


async def test_a_reading_that_breaks_off_leaves_nothing_to_the_next(api: Database, caller: Caller) -> None:
    context = Context(tenant_id=caller.tenant.id)
    for _ in range(12):
        with pytest.raises(ValueError, match="broke off"):
            async with api.direct.reading(context, hash_of(caller.token)):
                raise ValueError("broke off")
    with pytest.raises(direct.TokenEndedError):
        async with api.direct.reading(context, b""):
            pass
    async with api.direct.reading(Context(), hash_of(caller.token)) as reading:
        ((tenant, count),) = await reading.rows(
            "select current_setting('atlas.tenant_id'), (select count(*) from atlas.scopes)", []
        )
    assert (tenant, count) == ("", 0)
