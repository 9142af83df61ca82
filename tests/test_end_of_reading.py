"""The end of a run's reading: what happened to the source later explains none of the run's changes."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from atlas import held, jobs, sync, triage
from atlas.domain.attribution import attribute
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import Role, SyncSource
from atlas.run_end import end_reading
from atlas.store import source_events, sync_runs
from atlas.store.database import Database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.pruning import pruned_until
from tests.test_drift import findings_of, generated, record
from tests.test_sync import run_of

NUMBER = 12


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


async def happens(owner: Database, tenant: Tenant, external_id: str, actor: str) -> None:
    """The source notes that somebody changed the object this very moment, by the database's clock."""
    noted = """insert into atlas.source_events
            (tenant_id, id, resource_id, activity, operation, actor_kind, actor_id, at)
        values (:tenant, :id, :resource, 'Patch', 'Patch', 'USER', :actor, clock_timestamp())"""
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(
            text(noted), {"tenant": tenant.id, "id": uuid4().hex, "resource": external_id, "actor": actor}
        )


async def actors(api: Database, tenant: Tenant, external_id: str) -> list[str | None]:
    """Who may have made the change of the object's one finding, newest first."""
    (finding,) = [one for one in await findings_of(api, tenant) if one["external_id"] == external_id]
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        found = await source_events.around(connection, tenant.id, [finding["id"]])
    return [event.actor_id for _, events in found.values() for event in events]


async def attributed(api: Database, tenant: Tenant, finding_id: UUID) -> tuple[str, list[str | None]]:
    """How sure it is who made a finding's change, and who may have, newest first."""
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        found = await source_events.around(connection, tenant.id, [finding_id])
    told = attribute(*found[finding_id])
    return told.confidence.value, [event.actor_id for event in told.events]


async def test_a_run_has_so_many_notes_each_once_and_one_more_fails_nothing(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await record(api, worker, tenant, write_export(tmp_path, make_policy(0)))
    told = [f"note {number}" for number in range(sync_runs.MOST_NOTES + 5)]
    async with owner.transaction(tenant.owner) as connection:
        for message in [*told[:3], *told]:
            await sync_runs.note(connection, tenant.id, run_id, message)
    assert (await run_of(api, tenant, run_id))["notes"] == told[: sync_runs.MOST_NOTES]


async def test_a_run_that_was_held_attributes_no_change_made_while_it_waited(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    changed = make_policy(0, value=2)
    whole = write_export(tmp_path / "whole", *map(make_policy, range(NUMBER)))
    await record(api, worker, tenant, whole)
    await happens(owner, tenant, changed["id"], "changed what was read")
    run_id = await record(api, worker, tenant, write_export(tmp_path / "cut", changed, make_policy(1)))
    run = await run_of(api, tenant, run_id)
    assert run["status"] == "NEEDS_CONFIRMATION"
    await happens(owner, tenant, changed["id"], "came after the reading")

    job = await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="cleaned up")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    await held.record_held(worker, lease)
    recorded = await run_of(api, tenant, run_id)
    assert recorded["read_at"] == run["read_at"] < recorded["confirmed_at"] < recorded["finished_at"]
    await generated(api, worker, tenant)
    assert await actors(api, tenant, changed["id"]) == ["changed what was read"]

    # What came after it is told of the next change: the window of that one begins where this reading began.
    await record(api, worker, tenant, write_export(tmp_path / "next", make_policy(0, value=3), make_policy(1)))
    await generated(api, worker, tenant)
    (last,) = [one for one in await findings_of(api, tenant) if one["is_current"] and one["change_type"] == "MODIFIED"]
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        found = await source_events.around(connection, tenant.id, [last["id"]])
    assert [event.actor_id for _, events in found.values() for event in events] == ["came after the reading"]


async def test_a_run_of_which_nobody_noted_the_end_of_reading_has_read_when_it_ends(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """As of runs that were recorded before the end of reading was kept."""
    await record(api, worker, tenant, write_export(tmp_path / "0", make_policy(0)))
    await happens(owner, tenant, make_policy(0)["id"], "ada")
    await record(api, worker, tenant, write_export(tmp_path / "1", make_policy(0, value=2)))
    async with owner.transaction() as connection:
        await connection.execute(
            text("update atlas.sync_runs set read_at = null where tenant_id = :tenant"), {"tenant": tenant.id}
        )
    await generated(api, worker, tenant)
    assert await actors(api, tenant, make_policy(0)["id"]) == ["ada"]


async def test_a_worker_that_goes_on_after_a_lost_one_leaves_the_end_of_reading_as_it_is(
    api: Database, worker: Database, tenant: Tenant
) -> None:
    job = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.FOLDER), "label")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    seen = set()
    for _ in range(2):
        await end_reading(worker, lease)
        seen.add((await run_of(api, tenant, job.run_id))["read_at"])
    assert len(seen) == 1
    assert None not in seen


async def test_a_change_that_came_back_is_that_of_whoever_made_it_again(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    one = make_policy(0)["id"]
    told = []
    steps = [(1, "nobody"), (2, "ada"), (1, "the undoing"), (2, "eve"), (3, "on"), (2, "bob")]
    for step, (value, actor) in enumerate(steps):
        if step:
            await happens(owner, tenant, one, actor)
        await record(api, worker, tenant, write_export(tmp_path / str(step), make_policy(0, value=value)))
        if step:
            await generated(api, worker, tenant)
            first = min(await findings_of(api, tenant), key=lambda row: row["first_seen_at"])
            told.append((first["status"], await attributed(api, tenant, first["id"])))
        if step == 1:
            await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [first["id"]], reason="agreed")
    everybody = ["bob", "on", "eve", "the undoing", "ada"]
    assert told == [
        ("NEW", ("EXACT", ["ada"])),
        ("RESOLVED", ("EXACT", ["ada"])),
        ("ACKNOWLEDGED", ("EXACT", ["eve"])),
        ("ACKNOWLEDGED", ("EXACT", ["eve"])),
        # The last pair tells of 3 -> 2: when 1 became something else, to end so, this finding does not know.
        ("ACKNOWLEDGED", ("AMBIGUOUS", everybody)),
    ]


async def test_who_made_a_change_that_came_back_stays_known_when_the_runs_of_it_are_pruned(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    one, runs = make_policy(0)["id"], []
    for step, value in enumerate((1, 2, 1, 2, 2, 2)):
        if value != 1:
            await happens(owner, tenant, one, "ada" if step == 1 else "eve")
        export = write_export(tmp_path / str(step), make_policy(0, value=value))
        runs.append(await record(api, worker, tenant, export))
        if step:
            await generated(api, worker, tenant)
            (first,) = [
                row["id"]
                for row in await findings_of(api, tenant)
                if (row["external_id"], row["baseline_run_id"]) == (one, runs[0])
            ]
        if step == 1:
            await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [first], reason="agreed")
    before = await attributed(api, tenant, first)
    assert before == ("EXACT", ["eve"])
    assert (await pruned_until(owner, api, worker, tenant, runs[3])).runs == 4
    assert await attributed(api, tenant, first) == before
