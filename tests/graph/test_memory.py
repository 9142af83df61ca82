"""Memory does not grow with the tenant, and Settings Catalog takes few requests."""

import tracemalloc
from collections.abc import Sequence

import pytest

from atlas.domain.canonical import canonical_item
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.graph.reading import read_type
from atlas.sources.model import SourceObject
from tests.domain.graph import KEY
from tests.graph.asking import asking
from tests.graph.standin import MadeUp, Tenant, serving

POLICIES = "deviceManagement/configurationPolicies"


async def peak_of_reading(policies: int) -> int:
    """The most bytes that were held at a time, by the client and the stand-in together."""
    pages: list[int] = []

    async def let_go(objects: Sequence[SourceObject]) -> None:
        pages.append(len(objects))
        for one in objects:
            canonical_item(one.item_type, one.raw, KEY, one.external_id)

    with serving(Tenant({POLICIES: MadeUp(policies, 4)})) as graph:
        async with asking(graph) as client:
            tracemalloc.start()
            unit = await read_type(client, CONTRACTS["configurationPolicy"], emit=let_go)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert (unit.status, sum(pages), max(pages)) == ("COMPLETE", policies, 50)
    return peak


async def test_eight_times_the_policies_take_no_more_memory():
    await peak_of_reading(50)  # What is remembered for good, such as the names of properties, is remembered here.
    few, many = await peak_of_reading(100), await peak_of_reading(800)
    assert many < few * 1.5


@pytest.mark.parametrize("settings", [1, 40])
async def test_a_policy_takes_less_than_a_tenth_of_a_request_whatever_its_settings(settings: int):
    done: list[int] = []

    async def count(objects: Sequence[SourceObject]) -> None:
        done.append(len(objects))

    with serving(Tenant({POLICIES: MadeUp(200, settings)})) as graph:
        async with asking(graph) as client:
            unit = await read_type(client, CONTRACTS["configurationPolicy"], emit=count)
        assert len(graph.asked) / 200 < 0.1
    assert unit.observed == 200
    assert done == [50] * 4
