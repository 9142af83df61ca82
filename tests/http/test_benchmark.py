"""The benchmarks of reading, in short: every contender answers, and all of them the same."""

from atlas.local import Services
from bench import graphql, pages


async def test_all_contenders_answer_the_same(cluster: Services) -> None:
    """`measured` refuses to go on where one answers otherwise than the others."""
    found = await graphql.measured(cluster, graphql.HOUSE, None, requests=3, rounds=0, clients=1)
    shown = graphql.figures(found)
    assert set(shown) == set(graphql.HOUSE)
    assert all(one["rate"] > 0 and one["p50"] <= one["p99"] for one in shown.values())


async def test_pages_beside_each_other_are_read(cluster: Services) -> None:
    """`measured` refuses to go on where a page holds other rows than it should."""
    found = await pages.measured(cluster, 300, 4, requests=3, rounds=0)
    shown = pages.figures(found)
    assert set(shown) == set(pages.BESIDE)
    assert all(one["p50"] > 0 and one["ratio"] > 0 for one in shown.values())
