"""Compiled operations beside graphql-core: the same bytes, whoever asks, of a real world of data."""

import itertools
import random
from collections import Counter

import pytest

from atlas.store.database import Database
from tests.clients import client_of
from tests.fuzz.beside import beside_the_standard
from tests.fuzz.compiled import LISTS, Compilable
from tests.fuzz.conftest import JSON, NOT_BEGUN, Ground

pytestmark = NOT_BEGUN

_SEED = 20261130


async def cursors_of(url: str, headers: dict[str, str], tenant: str) -> dict[str, list[str]]:
    """Cursors of each list, of its order where none is said."""
    lists = " ".join(f"{name}(first: 50) {{ edges {{ cursor }} }}" for name in LISTS)
    query = f"query ($id: ID!) {{ tenant(by: {{id: $id}}) {{ {lists} }} }}"
    async with client_of(url, headers=headers) as client:
        found = (await client.post("/graphql", json={"query": query, "variables": {"id": tenant}})).json()
    return {name: [edge["cursor"] for edge in page["edges"]] for name, page in found["data"]["tenant"].items()}


async def compared(ground: Ground, api: Database, count: int, seed: int) -> Counter[str]:
    """How many answers were of which kind, and how many of them were compiled."""
    tenants = tuple(pool.ids["Tenant"][0] for pool in (ground.material.own, ground.material.foreign))
    rng, seen = random.Random(seed), Counter[str]()
    async with beside_the_standard(ground, api) as both:
        owner = next(asker for asker in ground.roles if asker.name.startswith("OWNER"))
        cursors = await cursors_of(both.standard, JSON | {"authorization": f"Bearer {owner.token}"}, tenants[0])
        writer = Compilable(rng, tenants, cursors)
        before = ground.server.app.state.short_way.answered
        for asker, one in zip(itertools.cycle(ground.roles), [writer.write() for _ in range(count)], strict=False):
            responses = await both.ask(asker, one.body())
            answers = [(response.status_code, response.content) for response in responses]
            assert answers[0] == answers[1], one.body()
            seen["errors" if b'"errors"' in answers[0][1] else "data"] += 1
            seen["rows"] += b'":[{"' in answers[0][1]
    seen["compiled"] = ground.server.app.state.short_way.answered - before
    return seen


async def test_compiled_operations_answer_with_the_same_bytes(ground: Ground, api: Database) -> None:
    seen = await compared(ground, api, 280, _SEED)
    assert seen["compiled"] > 190, seen
    assert seen["rows"] > 80, seen


@pytest.mark.soak
async def test_thousands_of_compiled_operations_answer_with_the_same_bytes(ground: Ground, api: Database) -> None:
    seen = await compared(ground, api, 5_000, _SEED + 1)
    print(f"\n{dict(seen)}")  # noqa: T201
    assert seen["compiled"] > 3_500, seen
