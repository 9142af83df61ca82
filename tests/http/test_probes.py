"""What scanners of GraphQL servers try: the checks of graphql-cop, rated as it rates them, and what they find here.

Two findings are by choice, for whoever holds a token: queries by GET, which change nothing and name their token in a
header that no foreign page can send, and the schema, which is public. Without a token nothing is found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Server, make_caller, serving

TYPENAME = "query cop { __typename }"
DEEP = "query cop { __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }"


@dataclass(frozen=True, slots=True)
class Probe:
    """`found` reads an answer; a probe that it does not fit finds nothing."""

    severity: str
    found: Callable[[Any], bool]
    query: str = TYPENAME
    method: str = "POST"
    sent: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def finds(self, client: httpx.AsyncClient) -> bool:
        body = {"params": {"query": self.query}} if self.method == "GET" else None
        body = body or self.sent or {"json": {"query": self.query, "operationName": "cop"}}
        answer = await client.request(self.method, "/graphql", headers=self.headers, **body)
        try:
            return self.found(answer.json() if "json" in answer.headers["content-type"] else answer.text)
        except (KeyError, IndexError, TypeError):
            return False


def answered(answer: Any) -> bool:
    return bool(answer["data"]["__typename"])


PROBES = {
    "aliases": Probe(
        "HIGH",
        lambda answer: bool(answer["data"]["alias100"]),
        "query cop { " + "".join(f"alias{number}: __typename\n" for number in range(101)) + "}",
    ),
    "batches": Probe("HIGH", lambda answer: len(answer) >= 10, sent={"json": [{"query": TYPENAME}] * 10}),
    "directives": Probe(
        "HIGH", lambda answer: len(answer["errors"]) >= 10, "query cop { __typename " + "@aa" * 10 + " }"
    ),
    "duplicates": Probe("HIGH", answered, "query cop { " + "__typename\n" * 500 + "}"),
    "introspection": Probe(
        "HIGH",
        lambda answer: bool(answer["data"]["__schema"]["types"]),
        "query cop { __schema { types { name fields { name } } } }",
    ),
    "deep introspection": Probe("HIGH", lambda answer: len(answer["data"]["__schema"]["types"]) > 25, DEEP),
    "GET queries": Probe("MEDIUM", answered, method="GET"),
    "GET mutations": Probe("MEDIUM", answered, "mutation cop { __typename }", method="GET"),
    "forms": Probe("MEDIUM", answered, sent={"data": {"query": TYPENAME}}),
    "texts": Probe("MEDIUM", answered, sent={"content": TYPENAME}, headers={"content-type": "text/plain"}),
    "suggestions": Probe(
        "LOW", lambda answer: "Did you mean" in answer["errors"][0]["message"], "query cop { __schema { directive } }"
    ),
    "an explorer at the endpoint": Probe(
        "LOW", lambda answer: "GraphiQL" in str(answer), method="GET", headers={"accept": "text/html"}
    ),
    "traces": Probe("INFO", lambda answer: "tracing" in answer.get("extensions", {})),
    "exceptions": Probe("INFO", lambda answer: "exception" in answer["errors"][0]["extensions"], "qwerty cop { abc }"),
}


async def found(url: str, headers: Mapping[str, str]) -> set[str]:
    async with client_of(url, headers=headers) as client:
        return {name for name, probe in PROBES.items() if await probe.finds(client)}


async def test_without_a_token_nothing_is_found(server: Server) -> None:
    assert await found(server.url, {}) == set()
    assert await found(server.url, {"authorization": "Bearer atlas_wrong"}) == set()


async def test_with_a_token_only_what_is_so_by_choice(server: Server, owner: Database, api: Database) -> None:
    caller = await make_caller(owner, api, Role.OWNER)
    assert await found(server.url, caller.headers) == {"GET queries", "introspection", "suggestions"}


async def test_where_trusted_documents_alone_are_taken_nothing_severe_is_found(owner: Database, api: Database) -> None:
    caller = await make_caller(owner, api, Role.OWNER)
    async with serving(api, trusted_only=True) as strict:
        assert await found(strict.url, caller.headers) == set()


@pytest.mark.parametrize("name", PROBES)
async def test_each_probe_finds_what_it_looks_for(name: str) -> None:
    """Against answers of a server that takes everything."""
    everything = {
        "data": {"__typename": "Query", "alias100": "Query", "__schema": {"types": [{"name": "A"}] * 30}},
        "errors": [{"message": "Did you mean this?", "extensions": {"exception": {}}}] * 10,
        "extensions": {"tracing": {}},
        "page": "GraphiQL",
    }
    given = [everything] * 10 if name == "batches" else everything
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=given))
    async with httpx.AsyncClient(transport=transport, base_url="http://anything") as client:
        assert await PROBES[name].finds(client)
