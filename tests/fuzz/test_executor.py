"""The planned executor beside graphql-core's own: random documents over the real schema, of a real world of data."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest

from atlas.schema.executor.code import plan_of
from atlas.store.database import Database
from tests.fuzz.beside import beside_the_standard
from tests.fuzz.conftest import NOT_BEGUN, Ground
from tests.fuzz.test_documents import documents

pytestmark = NOT_BEGUN

_SEED = 20261124


async def compared(ground: Ground, api: Database, count: int, seed: int) -> Counter[str]:
    """How many answers were of which kind; each is asked of both executors, and must be the same but for its order."""
    asked = [one for one in documents(ground, count, seed) if one.kind in {"query", "introspection"}]
    seen: Counter[str] = Counter()
    async with beside_the_standard(ground, api) as both:
        for asker, one in zip(itertools.cycle(ground.roles), asked, strict=False):
            responses = await both.ask(asker, one.body())
            answers = [(response.status_code, _sorted(response.json())) for response in responses]
            if answers[0] != answers[1]:
                # Of siblings that fail alike, the one that is told where all are lost is the one that failed first.
                answers = [(code, body | {"errors": _anywhere(body)}) for code, body in answers]
            assert answers[0] == answers[1], one.query
            body = answers[0][1]
            seen["errors" if body.get("errors") else "data"] += 1
            seen["lists"] += '": [{"' in json.dumps(body)
    return seen


def _sorted(body: dict[str, Any]) -> dict[str, Any]:
    """Siblings run side by side, so that the order of their errors is chance."""
    return body | ({"errors": sorted(body["errors"], key=json.dumps)} if "errors" in body else {})


def _anywhere(body: dict[str, Any]) -> list[str]:
    """The errors without the numbers of list items in their paths, each once."""
    errors = [
        error | {"path": ["*" if isinstance(part, int) else part for part in error.get("path", ())]}
        for error in body.get("errors", ())
    ]
    return sorted({json.dumps(error, sort_keys=True) for error in errors})


async def test_random_documents_are_answered_alike(ground: Ground, api: Database) -> None:
    plan_of.cache_clear()
    seen = await compared(ground, api, 400, _SEED)
    assert seen["data"] > 100, seen
    assert seen["lists"] > 30, seen
    assert plan_of.cache_info().misses > 15


@pytest.mark.soak
async def test_ten_thousand_random_documents_are_answered_alike(ground: Ground, api: Database) -> None:
    seen = await compared(ground, api, 10_000, _SEED + 1)
    print(f"\n{dict(seen)}, {plan_of.cache_info().misses} plans")  # noqa: T201
    assert seen["lists"] > 500, seen
