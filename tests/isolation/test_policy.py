"""The tables that expectations come from: complete, and what the database enforces."""

import pytest

from tests.isolation.policy import FINDING_AUDIT, MATRIX, MUTATIONS, NESTED, NODES, QUERIES, SUBSCRIPTIONS
from tests.isolation.walk import node_types, object_type
from tests.isolation.world import World


async def test_the_roles_hold_what_the_design_gives_them(world: World) -> None:
    assert world.capabilities == MATRIX


@pytest.mark.parametrize(
    ("root", "table"), [("Query", QUERIES), ("Mutation", MUTATIONS), ("Subscription", SUBSCRIPTIONS)]
)
def test_every_root_field_says_what_it_needs(root: str, table: dict[str, object]) -> None:
    assert set(table) == set(object_type(root).fields)


def test_every_type_with_a_global_id_says_what_it_needs() -> None:
    assert set(NODES) - {FINDING_AUDIT} == set(node_types())


def test_what_needs_more_is_there_and_can_be_withheld() -> None:
    for parent, field in NESTED:
        assert not str(object_type(parent).fields[field].type).endswith("!")
