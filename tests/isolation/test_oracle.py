"""The oracle proves itself: with a policy opened, or none asked, it complains of what everybody then sees."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from sqlalchemy import text

from atlas.store.database import Database
from tests.isolation.anchors import Anchors
from tests.isolation.atoms import atoms
from tests.isolation.documents import DECLARED, Document, Root, query_of
from tests.isolation.lists import documents_of, ways_with_arguments
from tests.isolation.oracle import Judged, ask, judge, leaks
from tests.isolation.policy import NESTED
from tests.isolation.walk import Way
from tests.isolation.world import Person, Realm, World

# What has to be opened for an object of each type to be seen by strangers; an item is read with its runs.
OPENED = {
    "AuditEvent": ("audit_events",),
    "DriftRun": ("drift_runs",),
    "Finding": ("findings",),
    "GraphApplication": ("graph_connections",),
    "InventoryItem": ("item_intervals", "run_units", "sync_runs"),
    "Membership": ("memberships",),
    "Rule": ("rules",),
    "Scope": ("scopes",),
    "SyncRun": ("sync_runs",),
    "Tenant": ("tenants",),
}


@asynccontextmanager
async def opened(owner: Database, tables: Sequence[str]) -> AsyncIterator[None]:
    """A policy more a table, by which the API reads every row of it."""
    async with owner.transaction() as connection:
        for table in tables:
            await connection.execute(
                text(f"create policy opened on atlas.{table} for select to atlas_api using (true)")
            )
    try:
        yield
    finally:
        async with owner.transaction() as connection:
            for table in tables:
                await connection.execute(text(f"drop policy opened on atlas.{table}"))


def strangers_to(world: World, realm: Realm) -> list[Person]:
    return [person for person in world.people if realm.id not in person.roles]


def told_of(judged: Judged, person: Person) -> bool:
    return any(f"by {person.name}:" in complaint for complaint in judged.complaints)


@pytest.mark.parametrize("kind", OPENED)
async def test_an_opened_policy_is_told_of_for_each_who_may_not_see(
    world: World, anchors: tuple[Anchors, Anchors], kind: str
) -> None:
    judged = Judged()
    query = query_of(f"node(id: $id) {{ ... on {kind} {{ of: id __typename }} }}", DECLARED)
    document = Document(Root("node", "", "", ("node",), kind=kind), ((),), query)
    async with opened(world.databases.owner, OPENED[kind]):
        await judge(judged, world, document, world.alpha, anchors[0])
    assert [person.name for person in strangers_to(world, world.alpha) if not told_of(judged, person)] == []


@pytest.mark.parametrize("way", [way for way in ways_with_arguments() if (way[0].parent, way[0].field) not in NESTED])
async def test_without_any_policy_every_list_is_told_of(
    world: World, anchors: tuple[Anchors, Anchors], way: Way
) -> None:
    judged, unbound = Judged(), partial(ask, world, db=world.databases.owner)
    document = documents_of(way, anchors[1])[0]
    await judge(judged, world, document, world.beta, anchors[1], asking=unbound)
    assert [person.name for person in strangers_to(world, world.beta) if not told_of(judged, person)] == []


async def test_a_datum_is_found_in_ids_cursors_and_texts(world: World, anchors: tuple[Anchors, Anchors]) -> None:
    person = world.owner_of(world.beta)
    for hidden in (anchors[0].ids["Finding"][0], f"seen in {world.alpha.mark}.", str(world.alpha.entra_id)):
        assert leaks(world, person, {"data": [{"message": hidden}]})
        assert not leaks(world, world.owner_of(world.alpha), hidden)
    assert atoms("2026-11-24T08:00:00Z") & atoms("2026-11-24 08:00:00.000000+00")
