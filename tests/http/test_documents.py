"""Trusted documents over every transport, the mode that takes only those, and the ETags of GET."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio

from atlas.store import documents as store
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, serving
from tests.http.test_streams import begin, receive, send, socket

NEW = {"accept": "application/graphql-response+json"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def loaded(owner: Database) -> dict[str, str]:
    """Documents by their ids. A name that differs each time keeps the tests of one database apart."""
    mark = f"T{uuid4().hex}"
    viewer = f"query {mark} {{ viewer {{ __typename }} }}"
    findings = "tenant(by: {id: $id}) { findings(first: $first) { totalCount } }"
    tenant = f"query {mark}($id: ID!, $first: Int = 2) {{ {findings} }}"
    bodies = {
        _sha256(viewer): viewer,
        f"tenant-{mark}": tenant,
        f"schema-{mark}": f"query {mark} {{ __schema {{ queryType {{ name }} }} }}",
        f"watch-{mark}": f"subscription {mark}($id: ID!) {{ activity(tenantId: $id) {{ cursor }} }}",
    }
    async with owner.transaction() as connection:
        assert len(await store.add(connection, bodies)) == len(bodies)
    return {name.split("-")[0] if "-" in name else "viewer": name for name in bodies} | {"text": viewer}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def closed(api: Database) -> AsyncIterator[Server]:
    async with serving(api, trusted_only=True) as started:
        yield started


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(hash_: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_}}


def code(response: httpx.Response) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


async def test_a_document_is_asked_for_by_id_and_by_hash_over_post_and_get(
    client: httpx.AsyncClient, caller: Caller, loaded: dict[str, str]
) -> None:
    variables = {"id": caller.tenant_id}
    by_id = await client.post("/graphql", json={"documentId": loaded["tenant"], "variables": variables})
    assert by_id.json()["data"] == {"tenant": {"findings": {"totalCount": 0}}}
    got = await client.get("/graphql", params={"documentId": loaded["tenant"], "variables": json.dumps(variables)})
    assert got.json()["data"] == by_id.json()["data"]
    viewer = {"viewer": {"__typename": "Viewer"}}
    for response in (
        await client.post("/graphql", json={"extensions": persisted(loaded["viewer"])}),
        await client.get("/graphql", params={"extensions": json.dumps(persisted(loaded["viewer"].upper()))}),
        await client.post("/graphql", json={"query": loaded["text"], "extensions": persisted(loaded["viewer"])}),
    ):
        assert response.json()["data"] == viewer, response.text


async def test_the_price_of_a_document_follows_its_variables(
    client: httpx.AsyncClient, caller: Caller, loaded: dict[str, str]
) -> None:
    async def price(**variables: Any) -> Any:
        body = {"documentId": loaded["tenant"], "variables": {"id": caller.tenant_id} | variables}
        return (await client.post("/graphql", json=body)).json()["extensions"]["cost"]["requested"]

    async def price_of_text(**variables: Any) -> Any:
        query = "query($id: ID!, $first: Int) { tenant(by: {id: $id}) { findings(first: $first) { nodes { id } } } }"
        body = {"query": query, "variables": {"id": caller.tenant_id} | variables}
        return (await client.post("/graphql", json=body)).json()["extensions"]["cost"]["requested"]

    assert await price() == await price(first=50) == await price()
    assert [await price_of_text(first=first) for first in (1, 50, 1)] == [3, 52, 3]


async def test_what_is_not_known_is_told_as_clients_expect_it_and_never_registered(
    client: httpx.AsyncClient,
) -> None:
    query = f"query Q{uuid4().hex} {{ viewer {{ __typename }} }}"
    asked = {"extensions": persisted(_sha256(query))}
    for _ in range(2):
        unknown = await client.post("/graphql", json=asked)
        assert (unknown.status_code, unknown.json()["errors"][0]["message"]) == (200, "PersistedQueryNotFound")
        assert code(unknown) == "PERSISTED_QUERY_NOT_FOUND"
        assert "data" not in unknown.json()
        # The text that a client of automatic persisted queries sends then is answered.
        assert "errors" not in (await client.post("/graphql", json=asked | {"query": query})).json()
    assert (await client.post("/graphql", json=asked, headers=NEW)).status_code == 400
    assert code(await client.post("/graphql", json={"documentId": "no such document"})) == "PERSISTED_QUERY_NOT_FOUND"
    assert code(await client.post("/graphql", json={"query": "{ viewer { __typename } }"} | asked)) == "BAD_USER_INPUT"


async def test_what_names_a_document_is_well_formed(client: httpx.AsyncClient, loaded: dict[str, str]) -> None:
    for extensions in ({"persistedQuery": 1}, persisted("short"), {"persistedQuery": {"sha256Hash": [1]}}):
        assert code(await client.post("/graphql", json={"extensions": extensions})) == "BAD_USER_INPUT"
    both = {"documentId": loaded["viewer"], "query": loaded["text"]}
    assert code(await client.post("/graphql", json=both)) == "BAD_USER_INPUT"
    assert (await client.post("/graphql", json={"documentId": 1})).status_code == 400
    assert (await client.post("/graphql", json={"documentId": ""})).json()["errors"]


async def test_a_document_over_a_socket_and_an_event_stream(
    server: Server, client: httpx.AsyncClient, caller: Caller, loaded: dict[str, str]
) -> None:
    async with socket(server) as made:
        await begin(made, caller)
        for number, payload in enumerate(
            ({"documentId": loaded["viewer"]}, {"extensions": persisted(loaded["viewer"])}, {"query": loaded["text"]})
        ):
            await send(made, id=str(number), type="subscribe", payload=payload)
            assert (await receive(made))["payload"]["data"] == {"viewer": {"__typename": "Viewer"}}
            assert (await receive(made))["type"] == "complete"
        await send(made, id="x", type="subscribe", payload={"documentId": "absent"})
        refused = await receive(made)
        assert (refused["type"], refused["payload"][0]["message"]) == ("error", "PersistedQueryNotFound")
    body = {"documentId": loaded["watch"], "variables": {"id": "not a tenant"}}
    headers = {"accept": "text/event-stream"}
    async with client.stream("POST", "/graphql", json=body, headers=headers) as stream:
        text = "".join([part async for part in stream.aiter_text()])
    assert "NOT_FOUND" in text
    assert "PERSISTED" not in text


async def test_a_mode_that_takes_only_trusted_documents(closed: Server, caller: Caller, loaded: dict[str, str]) -> None:
    async with client_of(closed.url, headers=caller.headers) as client:
        assert "errors" not in (await client.post("/graphql", json={"documentId": loaded["viewer"]})).json()
        assert code(await client.post("/graphql", json={"query": loaded["text"]})) == "PERSISTED_QUERY_REQUIRED"
        assert code(await client.post("/graphql", json={"documentId": loaded["schema"]})) == "BAD_USER_INPUT"
        fresh = f"query Q{uuid4().hex} {{ viewer {{ __typename }} }}"
        sent = {"query": fresh, "extensions": persisted(_sha256(fresh))}
        assert code(await client.post("/graphql", json=sent)) == "PERSISTED_QUERY_NOT_FOUND"
        assert (await client.post("/graphql", json={})).status_code == 400
    async with socket(closed) as made:
        await begin(made, caller)
        await send(made, id="1", type="subscribe", payload={"query": loaded["text"]})
        assert (await receive(made))["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_REQUIRED"


async def test_what_was_removed_is_soon_taken_no_longer(
    owner: Database, client: httpx.AsyncClient, server: Server, monkeypatch: Any
) -> None:
    name = f"soon-{uuid4().hex}"
    async with owner.transaction() as connection:
        await store.add(connection, {name: "{ viewer { __typename } }"})
    monkeypatch.setattr("atlas.schema.documents.FRESH_SECONDS", 0.0)
    monkeypatch.setattr("atlas.schema.documents._AGAIN_SECONDS", 0.0)
    assert "errors" not in (await client.post("/graphql", json={"documentId": name})).json()
    async with owner.transaction() as connection:
        assert await store.remove(connection, [name, "absent"]) == [name]
    assert code(await client.post("/graphql", json={"documentId": name})) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_get_that_is_the_same_as_before_is_not_sent_again(
    client: httpx.AsyncClient, loaded: dict[str, str]
) -> None:
    asked = {"params": {"documentId": loaded["viewer"]}}
    first = await client.get("/graphql", **asked)
    tag = first.headers["etag"]
    assert tag == f'"{hashlib.sha256(first.content).hexdigest()}"'
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"authorization", "accept"} <= {one.strip().lower() for one in first.headers["vary"].split(",")}
    for given in (tag, f'"other", W/{tag}', "*"):
        again = await client.get("/graphql", **asked, headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in again.headers
    other = await client.get("/graphql", **asked, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    newer = await client.get("/graphql", **asked, headers=NEW)
    assert newer.headers["etag"] == tag
    assert newer.headers["content-type"] != first.headers["content-type"]
    posted = await client.post("/graphql", json={"documentId": loaded["viewer"]})
    assert "etag" not in posted.headers
