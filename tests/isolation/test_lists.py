"""Every argument of every field, as everybody: filters, orders and ends reach no row of another tenant."""

import pytest

from tests.isolation.anchors import Anchors
from tests.isolation.lists import documents_of, ways_with_arguments
from tests.isolation.oracle import Judged, judge
from tests.isolation.walk import Way
from tests.isolation.world import World


@pytest.mark.parametrize(
    "way", ways_with_arguments(), ids=lambda way: ".".join((way[0].parent, *(s.field for s in way)))
)
async def test_no_argument_reaches_beyond_the_tenant(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged, way: Way
) -> None:
    for turn, of in enumerate(anchors):
        for document in documents_of(way, of)[turn::2]:
            await judge(judged, world, document, world.realms[turn], of)
    assert judged.complaints == []


async def test_the_conditions_do_not_shrink_unseen(anchors: tuple[Anchors, Anchors]) -> None:
    assert sum(len(documents_of(way, anchors[0])) for way in ways_with_arguments()) >= 160
