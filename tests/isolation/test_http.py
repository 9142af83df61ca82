"""The same over real HTTP, with real tokens: what is foreign and what never was differ in no byte."""

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import Server
from tests.isolation import lists
from tests.isolation.anchors import Anchors, never_was
from tests.isolation.callers import Callers, post
from tests.isolation.deeds import DEEDS, Deed, codes, state, wanted
from tests.isolation.documents import NODE_ROOTS, SHORT_ROOTS, TENANT_ROOTS, Root, documents_of, plain_document
from tests.isolation.lists import ways_with_arguments
from tests.isolation.oracle import Answer, Judged, judge, leaks
from tests.isolation.world import connect

ONE_OF_EACH = {"no token", "unknown", "expired, READER", "revoked, READER"}
ROOTS = [*TENANT_ROOTS, *SHORT_ROOTS, *NODE_ROOTS]


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
async def test_a_root_answers_over_http_as_the_policy_says(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged, root: Root
) -> None:
    async def asking(person: Any, query: str, variables: Any) -> Answer:
        return await post(client, callers.headers(person), query, variables)

    document, turn = plain_document(root), ROOTS.index(root) % 2
    await judge(judged, callers.world, document, callers.world.realms[turn], handles[turn], asking=asking)
    assert judged.complaints == []


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
async def test_a_root_is_closed_without_a_token_that_holds(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged, root: Root
) -> None:
    document = plain_document(root)
    variables = next(iter(document.variables(handles[0])))
    await refused_alike(client, judged, by_everybody(callers, document.text, variables))


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.mutation)
async def test_a_mutation_is_closed_without_a_token_that_holds(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged, deed: Deed
) -> None:
    before = await state(callers.world)
    await refused_alike(client, judged, by_everybody(callers, deed.text, {"input": deed.given(handles[0])}))
    assert await state(callers.world) == before


async def test_every_document_is_closed_without_a_token_that_holds(
    callers: Callers, handles: tuple[Anchors, Anchors], client: httpx.AsyncClient, judged: Judged
) -> None:
    """Each way and each argument of the proof, asked for once: the tokens that do not hold take turns."""
    documents = [one for root in ROOTS for one in documents_of(root, beyond_nodes=root in TENANT_ROOTS)]
    documents += [one for way in ways_with_arguments() for one in lists.documents_of(way, handles[0])]
    refused = [*callers.refused.values(), *callers.others_refused.values()]
    asked = [
        (refused[number % len(refused)], document.text, next(iter(document.variables(handles[0]))))
        for number, document in enumerate(documents)
    ]
    assert len(asked) >= 300
    await refused_alike(client, judged, asked)


def by_everybody(callers: Callers, query: str, variables: Any) -> Iterator[tuple[str | None, str, Any]]:
    """One question by whoever is refused; by one of each kind also of what never was."""
    for kind, refused in callers.refused.items():
        yield refused, query, variables
        if kind in ONE_OF_EACH:
            yield refused, query, never_was(variables)


async def refused_alike(
    client: httpx.AsyncClient, judged: Judged, asked: Iterable[tuple[str | None, str, Any]]
) -> None:
    """401 in the same words, whatever is asked for, and whether it is there or never was."""
    texts = set()
    for refused, query, variables in asked:
        judged.cases += 1
        answer = await post(client, {} if refused is None else {"authorization": refused}, query, variables)
        assert (answer["status"], answer["data"]) == (401, None)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
        texts.add((refused is None, answer["text"]))
    assert len(texts) <= 3


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.mutation)
async def test_a_mutation_that_the_policy_refuses_writes_nothing_over_http(
    callers: Callers,
    handles: tuple[Anchors, Anchors],
    client: httpx.AsyncClient,
    listening: Server,
    judged: Judged,
    deed: Deed,
) -> None:
    world, given = callers.world, deed.given(handles[0])
    await connect(world.databases, world.alpha, connected=deed.connected)
    listening.sent.clear()
    before = await state(world)
    for person in (one for one in world.people if wanted(world, one, world.alpha, deed)):
        judged.cases += 1
        answer = await post(client, callers.headers(person), deed.text, {"input": given})
        assert answer["status"] == 200
        assert codes(answer, deed) == wanted(world, person, world.alpha, deed)
        assert not leaks(world, person, answer)
        if world.alpha.id not in person.roles:
            absent = {"input": never_was(given)}
            assert answer == await post(client, callers.headers(person), deed.text, absent)
    assert (await state(world), listening.sent) == (before, [])
