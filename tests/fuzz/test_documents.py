"""Thousands of random documents, as everybody: no fault, nothing of another tenant, no secret."""

import asyncio
import itertools
import random
from collections.abc import Sequence

import httpx
import pytest

from atlas.schema.root import schema
from tests.clients import client_of
from tests.fuzz.conftest import JSON, NOT_BEGUN, Asker, Ground
from tests.fuzz.generator import Asked, Writer
from tests.fuzz.judge import Verdicts
from tests.fuzz.values import HOSTILE_TEXTS

pytestmark = NOT_BEGUN

_AT_ONCE = 8
_SEED = 20261124
# A subscription is listened to for so long.
_SECONDS = 0.3


def documents(ground: Ground, count: int, seed: int) -> list[Asked]:
    rng = random.Random(seed)
    return [Writer(schema._schema, ground.material, rng).write() for _ in range(count)]


async def ask(client: httpx.AsyncClient, asker: Asker, asked: Asked) -> tuple[int, str]:
    headers = JSON | ({"authorization": f"Bearer {asker.token}"} if asker.token else {})
    if asked.kind != "subscription":
        response = await client.post("/graphql", content=asked.body(), headers=headers)
        return response.status_code, response.text
    headers |= {"accept": "text/event-stream"}
    async with client.stream("POST", "/graphql", content=asked.body(), headers=headers) as stream:
        try:
            async with asyncio.timeout(_SECONDS):
                async for line in stream.aiter_lines():
                    if line.startswith(("data: {", "{")):
                        return stream.status_code, line.removeprefix("data: ")
        except TimeoutError:
            pass
        return stream.status_code, '{"data": null}'


async def judged(ground: Ground, pairs: Sequence[tuple[Asker, Asked]]) -> Verdicts:
    verdicts, waiting = Verdicts(), iter(pairs)

    async def work(client: httpx.AsyncClient) -> None:
        for asker, asked in waiting:
            status, text = await ask(client, asker, asked)
            verdicts.judge(asker.name, asked, status, text, hidden=asker.hidden, secrets=ground.secrets)

    async with client_of(ground.server.url, timeout=60) as client:
        await asyncio.gather(*(work(client) for _ in range(_AT_ONCE)))
    return verdicts


def holds(verdicts: Verdicts, count: int) -> None:
    told = "\n\n".join(verdicts.complaints[:5])
    assert not verdicts.complaints, f"{len(verdicts.complaints)} of {verdicts.judged} answers:\n{told}"
    assert verdicts.judged == count
    # A generator that is refused at the door finds nothing.
    assert verdicts.seen.get("200 ok", 0) > count / 5, verdicts.seen


async def test_random_documents_find_no_fault_and_nothing_of_others(ground: Ground) -> None:
    asked = documents(ground, 600, _SEED)
    holds(await judged(ground, list(zip(itertools.cycle(ground.askers), asked, strict=False))), len(asked))


@pytest.mark.soak
async def test_ten_thousand_random_documents_as_each_role(ground: Ground) -> None:
    asked = documents(ground, 10_000, _SEED + 1)
    verdicts = await judged(ground, [(asker, one) for one in asked for asker in ground.roles])
    print(f"\n{verdicts.judged:,} answers judged: {dict(sorted(verdicts.seen.items()))}")  # noqa: T201
    holds(verdicts, len(asked) * len(ground.roles))


async def test_bodies_that_are_none_are_refused(ground: Ground) -> None:
    """Not a document, but what should carry one."""
    rng = random.Random(_SEED)
    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"query": 1}',
        b"\xff\xfe",
        b'{"query": "{a}", "variables": []}',
        b"[" * 5000,
    ]
    bodies += [text.encode("utf-8", "surrogatepass") for text in HOSTILE_TEXTS]
    bodies += [Asked("", "{ viewer { __typename } }").body()[: rng.randrange(40)] for _ in range(40)]
    headers = JSON | {"authorization": f"Bearer {ground.askers[0].token}"}
    async with client_of(ground.server.url, headers=headers) as client:
        for body in bodies:
            response = await client.post("/graphql", content=body)
            assert response.status_code == 400, body
            assert response.json()["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED"}


async def test_the_judge_finds_what_it_looks_for(ground: Ground) -> None:
    """What a member of both tenants is told would be wrong to tell a stranger."""
    both = next(one for one in ground.askers if not one.hidden)
    stranger = next(one for one in ground.askers if one.name == "without a token")
    asked = [one for one in documents(ground, 150, _SEED) if one.kind == "query"]
    verdicts = Verdicts()
    async with client_of(ground.server.url) as client:
        for one in asked:
            status, text = await ask(client, both, one)
            verdicts.judge("both", one, status, text, hidden=stranger.hidden, secrets=())
    assert len(verdicts.complaints) > 5
    assert all("foreign" in complaint for complaint in verdicts.complaints)
    caught = Verdicts()
    for status, text in (
        (500, "{}"),
        (200, '{"errors": [{"message": "x", "extensions": {"code": "INTERNAL"}}]}'),
        (200, '{"errors": [{"message": "x"}]}'),
        (200, '{"data": {"acknowledgeFinding": {"errors": [{"code": "NO_SUCH_CODE"}]}}}'),
        (200, '{"data": "File \\"/srv/atlas/store/pages.py\\""}'),
        (200, '{"data": "a secret value"}'),
        (200, "<html>"),
    ):
        caught.judge("x", Asked("query", "{ a }"), status, text, hidden=frozenset(), secrets=("a secret value",))
    assert len(caught.complaints) == caught.judged == 7
