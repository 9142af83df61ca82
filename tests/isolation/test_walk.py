"""Every root field and every nested field, as everybody: the policy's answer, and nothing of another tenant."""

import pytest

from tests.isolation.anchors import Anchors
from tests.isolation.documents import NODE_ROOTS, SHORT_ROOTS, TENANT_ROOTS, Root, documents_of
from tests.isolation.oracle import Judged, ask, judge, seen
from tests.isolation.walk import fields_reached
from tests.isolation.world import World

# An export folder says nothing of these.
EMPTY = {("ItemTypeCoverage", "expected"), ("ItemTypeCoverage", "apiVersion")}


@pytest.mark.parametrize("root", [*TENANT_ROOTS, *SHORT_ROOTS, *NODE_ROOTS], ids=lambda root: root.name)
async def test_each_way_shows_a_member_what_the_policy_says_and_anybody_else_nothing(
    world: World, anchors: tuple[Anchors, Anchors], judged: Judged, root: Root
) -> None:
    documents = documents_of(root, beyond_nodes=root in TENANT_ROOTS)
    for number, document in enumerate(documents):
        # The tenants take turns, so that neither is only ever the one that looks or the one that is looked for.
        turn = number % 2
        await judge(judged, world, document, world.realms[turn], anchors[turn])
    assert judged.complaints == []
    assert judged.cases >= (450 if root in TENANT_ROOTS else 10)


async def test_the_world_holds_something_in_every_field(world: World, anchors: tuple[Anchors, Anchors]) -> None:
    found = set()
    for document in documents_of(TENANT_ROOTS[0], beyond_nodes=True):
        variables = list(document.variables(anchors[0]))[:2][-1]  # The larger page, where it has pages.
        answer = await ask(world, world.owner_of(world.alpha), document.text, variables)
        found |= seen(answer["data"])
    assert fields_reached("Tenant") - found == EMPTY
