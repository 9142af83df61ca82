"""Source events: who may write them, what is refused of them, and that one comes once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from atlas.domain.attribution import SourceEvent
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import ActorKind, Role
from atlas.store import source_events as store
from atlas.store.database import Database
from tests.store.world import World

EVENT = SourceEvent(
    id="new",
    resource_id="one",
    activity="Patch",
    operation="Patch",
    actor_kind=ActorKind.APPLICATION,
    actor_id="an id",
    actor_name="Pipeline",
    at=datetime(2026, 11, 1, tzinfo=UTC),
    correlation_id=None,
)


async def kept(owner: Database, world: World) -> list[tuple[str, str | None]]:
    query = text("select id, actor_name from atlas.source_events where tenant_id = :t order by id")
    async with owner.transaction() as connection:
        return [tuple(row) for row in await connection.execute(query, {"t": world.tenant})]


async def test_an_event_is_kept_once_however_often_it_is_read(owner: Database, worker: Database, world: World) -> None:
    for again in (EVENT, replace(EVENT, actor_name="Another name")):
        async with worker.transaction(world.leased(job_id=world.sync_run)) as connection:
            await store.write(connection, world.tenant, [again, again])
    assert [one for one in await kept(owner, world) if one[0] == "new"] == [("new", "Pipeline")]


async def test_only_the_lease_of_a_sync_writes_events(api: Database, worker: Database, world: World) -> None:
    doors = [(api, world.context(Role.OWNER)), (worker, world.leased()), (worker, world.context())]
    for door, context in doors:
        with pytest.raises(RefusedError):
            async with door.transaction(context) as connection:
                await store.write(connection, world.tenant, [replace(EVENT, id="refused")])


async def test_the_name_of_a_person_is_refused(worker: Database, world: World) -> None:
    with pytest.raises(IntegrityError, match="source_events_actor_name"):
        async with worker.transaction(world.leased(job_id=world.sync_run)) as connection:
            await store.write(connection, world.tenant, [replace(EVENT, actor_kind=ActorKind.USER, id="a person")])
