"""Every subscription, with every kind of token: members are told what happens in their tenant, others nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from atlas import triage
from atlas.domain.vocabulary import Role
from atlas.schema.ids import decode_id, encode_activity_cursor
from tests.http.conftest import Server
from tests.http.test_streams import receive, send, socket
from tests.isolation.anchors import Anchors, never_was
from tests.isolation.callers import Callers
from tests.isolation.oracle import Judged, leaks
from tests.isolation.policy import SUBSCRIPTIONS
from tests.isolation.world import Realm, World

QUERIES = {
    "driftRun": "subscription ($id: ID!) { driftRun(id: $id) { id status tenant { id name } } }",
    "syncRun": "subscription ($id: ID!) { syncRun(id: $id) { id status tenant { id name } scope { label } } }",
    "activity": """subscription ($id: ID!, $after: String) { activity(tenantId: $id, after: $after) {
        cursor syncRun { id } driftRun { id } finding { id } } }""",
}
KINDS = {"driftRun": "DriftRun", "syncRun": "SyncRun", "activity": "Tenant"}
# A run that has ended is told once; of a feed the beginning is enough.
MOST = {"driftRun": 1, "syncRun": 1, "activity": 8}
CHANGES = 12

# What is told, by (headers, variables).
Tell = Callable[[Mapping[str, str], Mapping[str, Any]], Awaitable[list[Any]]]


def asked_for(field: str, of: Anchors) -> dict[str, Any]:
    variables = {"id": of.ids[KINDS[field]][0]}
    return variables | ({"after": encode_activity_cursor(0)} if field == "activity" else {})


async def told(
    client: httpx.AsyncClient, headers: Mapping[str, str], field: str, variables: Mapping[str, Any], most: int
) -> list[Any]:
    """The status, and then what is told, up to the end or to so many events."""
    body = {"query": QUERIES[field], "variables": variables}
    accept = {"accept": "text/event-stream"}
    async with client.stream("POST", "/graphql", json=body, headers=accept | dict(headers)) as response:
        found: list[Any] = [response.status_code]
        if response.status_code != httpx.codes.OK:
            return [*found, (await response.aread()).decode()]
        async for line in response.aiter_lines():
            if line.startswith("data:") and line != "data:":
                found.append(json.loads(line.removeprefix("data:")))
            if line.startswith("event: complete") or len(found) > most:
                break
    return found


async def told_in_a_socket(
    server: Server, token: str | None, field: str, variables: Mapping[str, Any], most: int
) -> list[Any]:
    """The same over a WebSocket: what is told, up to the end or to so many events; or the code of its close."""
    async with socket(server) as made:
        await send(made, type="connection_init", payload={} if token is None else {"authorization": token})
        try:
            assert (await receive(made))["type"] == "connection_ack"
        except ConnectionClosed as end:
            assert end.rcvd is not None
            return [end.rcvd.code, end.rcvd.reason]
        await send(made, type="subscribe", id="1", payload={"query": QUERIES[field], "variables": variables})
        found: list[Any] = [httpx.codes.OK]
        while len(found) <= most and (message := await receive(made))["type"] in {"next", "error"}:
            found.append(message["payload"])
            if message["type"] == "error":
                break
    return found


def test_every_subscription_is_asked_for() -> None:
    assert set(QUERIES) == set(SUBSCRIPTIONS)


@pytest.mark.parametrize("field", QUERIES)
async def test_a_stream_tells_members_and_nobody_else(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged, field: str
) -> None:
    async def tell(headers: Mapping[str, str], variables: Mapping[str, Any]) -> list[Any]:
        return await told(client, headers, field, variables, MOST[field])

    await assert_members_alone_are_told(callers, handles, judged, field, tell)


async def assert_members_alone_are_told(
    callers: Callers, handles: tuple[Anchors, Anchors], judged: Judged, field: str, tell: Tell
) -> None:
    world = callers.world
    for realm, of in zip(world.realms, handles, strict=True):
        variables = asked_for(field, of)
        for person in world.people:
            judged.cases += 1
            found = await tell(callers.headers(person), variables)
            assert not leaks(world, person, found)
            role = person.roles.get(realm.id)
            if role is not None and SUBSCRIPTIONS[field] in world.capabilities[role]:
                assert_told(found, realm, field, variables)
            else:
                assert "NOT_FOUND" in str(found)
                assert found == await tell(callers.headers(person), never_was(variables))


def assert_told(found: list[Any], realm: Realm, field: str, variables: Mapping[str, Any]) -> None:
    status, *events = found
    assert status == httpx.codes.OK
    assert len(events) == MOST[field], "the control was told nothing"
    for event in events:
        one = event["data"][field]
        if field == "activity":
            ids = [below["id"] for below in one.values() if isinstance(below, dict)]
            assert {getattr(decode_id(each), "tenant_id", None) for each in ids} == {realm.id}
        else:
            assert (one["id"], one["tenant"]["name"]) == (variables["id"], realm.mark)


@pytest.mark.parametrize("field", QUERIES)
async def test_a_stream_is_closed_without_a_token_that_holds(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged, field: str
) -> None:
    for refused in callers.refused.values():
        headers = {} if refused is None else {"authorization": refused}
        judged.cases += 1
        variables = asked_for(field, handles[0])
        found = await told(client, headers, field, variables, MOST[field])
        assert found[0] == httpx.codes.UNAUTHORIZED
        assert "UNAUTHENTICATED" in found[1]
        assert found == await told(client, headers, field, never_was(variables), MOST[field])


@pytest.mark.parametrize("field", QUERIES)
async def test_a_socket_tells_members_and_nobody_else(
    callers: Callers, handles: tuple[Anchors, Anchors], listening: Server, judged: Judged, field: str
) -> None:
    async def tell(headers: Mapping[str, str], variables: Mapping[str, Any]) -> list[Any]:
        return await told_in_a_socket(listening, headers["authorization"], field, variables, MOST[field])

    await assert_members_alone_are_told(callers, handles, judged, field, tell)


async def test_a_socket_is_closed_without_a_token_that_holds(
    callers: Callers, handles: tuple[Anchors, Anchors], listening: Server, judged: Judged
) -> None:
    closes = []
    for refused in (*callers.refused.values(), *callers.others_refused.values()):
        judged.cases += 1
        closes.append(await told_in_a_socket(listening, refused, "driftRun", asked_for("driftRun", handles[0]), 1))
    assert {code for code, _ in closes} == {4401}
    assert len({str(one) for one in closes}) == 1


async def test_a_cursor_of_another_tenant_s_feed_is_only_a_number(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged
) -> None:
    world = callers.world
    (_, first, *_) = await told(
        client, callers.headers(world.owner_of(world.beta)), "activity", asked_for("activity", handles[1]), 3
    )
    variables = asked_for("activity", handles[0]) | {"after": first["data"]["activity"]["cursor"]}
    for role in Role:
        judged.cases += 1
        person = world.member(world.alpha, role)
        found = await told(client, callers.headers(person), "activity", variables, 3)
        assert not leaks(world, person, found)
        assert_told([found[0], *found[1:]] + found[-1:] * (MOST["activity"] - 3), world.alpha, "activity", variables)


async def test_while_both_tenants_are_busy_each_hears_its_own(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged
) -> None:
    world = callers.world
    watchers = [(realm, world.member(realm, role)) for realm in world.realms for role in Role]
    now = {
        realm.id: await feed_ends(client, callers, realm, of) for realm, of in zip(world.realms, handles, strict=True)
    }
    streams = [
        asyncio.create_task(
            told(
                client,
                callers.headers(person),
                "activity",
                {"id": of_realm(world, handles, realm), **now[realm.id]},
                CHANGES,
            )
        )
        for realm, person in watchers
    ]
    await asyncio.gather(*(changes(world, realm, of) for realm, of in zip(world.realms, handles, strict=True)))
    for (realm, person), (status, *events) in zip(watchers, await asyncio.gather(*streams), strict=True):
        judged.cases += 1
        assert status == httpx.codes.OK
        assert not leaks(world, person, events)
        heard = [event["data"]["activity"]["finding"]["id"] for event in events]
        assert heard == [handles[world.realms.index(realm)].ids["Finding"][0]] * CHANGES


def of_realm(world: World, handles: tuple[Anchors, Anchors], realm: Realm) -> str:
    return handles[world.realms.index(realm)].ids["Tenant"][0]


async def feed_ends(client: httpx.AsyncClient, callers: Callers, realm: Realm, of: Anchors) -> dict[str, str]:
    """Where the feed stands, so that nothing that follows is missed."""
    query = "query ($id: ID!) { tenant(by: {id: $id}) { activityCursor } }"
    owner = callers.world.owner_of(realm)
    body = {"query": query, "variables": {"id": of.ids["Tenant"][0]}}
    answer = await client.post("/graphql", json=body, headers=callers.headers(owner))
    return {"after": answer.json()["data"]["tenant"]["activityCursor"]}


async def changes(world: World, realm: Realm, of: Anchors) -> None:
    """Triage of one finding to and fro, an event each time."""
    decoded = decode_id(of.ids["Finding"][0])
    assert decoded is not None
    context = realm.tenant.as_(Role.OPERATOR)
    for _ in range(CHANGES // 2):
        await triage.acknowledge(world.databases.api, context, [decoded.key], reason=f"busy in {realm.mark}")
        await triage.reopen(world.databases.api, context, decoded.key, reason=f"busy in {realm.mark}")
