"""Held runs: what lacks too much is not taken for granted, says nothing of drift, and waits for a person."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from atlas import held, jobs, sync
from atlas.canonicalising import Inventory, canonicalise
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.holding import Drop, Threshold, beyond
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import ChangeType, CoverageStatus, FindingStatus, Role, SyncSource
from atlas.local import Services
from atlas.record import record as record_inventory
from atlas.sources.folder import read_folder
from atlas.store.database import Database
from atlas.store.held import confirm
from atlas.store.tables import audit_events, run_units, staged_items, sync_runs
from tests.factories import DEPLOYMENT_KEY, Tenant, make_policy, make_tenant, write_export
from tests.locks import until_the_api_waits
from tests.test_drift import findings_of, generated, record
from tests.test_sync import intervals, run_of

NUMBER = 12


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


def export(folder: Path, *numbers: int, value: int = 1) -> Path:
    return write_export(folder, *(make_policy(number, value=value) for number in numbers))


async def held_of(api: Database, tenant: Tenant) -> int:
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        return await connection.scalar(select(func.count()).select_from(staged_items)) or 0


async def work(worker: Database, job: jobs.Job) -> None:
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    await held.record_held(worker, lease)


async def hold(api: Database, worker: Database, tenant: Tenant, tmp_path: Path) -> UUID:
    """A scope with twelve policies, and a run that brings four of them, one with another value, and a new one."""
    await record(api, worker, tenant, export(tmp_path / "whole", *range(NUMBER)))
    half = export(tmp_path / "half", 0, 1, 2, 20)
    write_export(tmp_path / "half", make_policy(3, value=2), kind="Settings Catalog")
    return await record(api, worker, tenant, half)


async def test_a_run_that_lacks_too_much_is_held_and_records_nothing(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run = await run_of(api, tenant, await hold(api, worker, tenant, tmp_path))
    assert (run["status"], run["seq"], run["error_code"]) == ("NEEDS_CONFIRMATION", None, "NEEDS_CONFIRMATION")
    assert "configurationPolicy: 8 of 12 objects are missing, 5 came" in run["error_message"]
    assert f"atlas sync confirm {run['id']}" in run["error_message"]
    assert (run["added"], run["changed"], run["removed"]) == (0, 0, 0)
    assert all((since, until) == (1, None) for _, since, until in await intervals(api, tenant))
    assert await held_of(api, tenant) == 5
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        told = await connection.execute(
            select(run_units.c.seq, run_units.c.status).where(run_units.c.run_id == run["id"])
        )
        assert [tuple(row) for row in told] == [(None, "COMPLETE")]


async def test_a_held_run_makes_no_drift_and_the_next_complete_run_gives_what_really_changed(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """Half of a type is missing: no REMOVED and no RESOLVED finding of it."""
    await record(api, worker, tenant, export(tmp_path / "0", *range(NUMBER)))
    changed = export(tmp_path / "1", *range(1, NUMBER))
    write_export(changed, make_policy(0, value=2), kind="Settings Catalog")
    await record(api, worker, tenant, changed)
    await generated(api, worker, tenant)
    before = await findings_of(api, tenant)
    assert [(one["change_type"], one["status"]) for one in before] == [("MODIFIED", "NEW")]

    cut = await record(api, worker, tenant, export(tmp_path / "cut", *range(5)))
    assert (await run_of(api, tenant, cut))["status"] == "NEEDS_CONFIRMATION"
    await generated(api, worker, tenant)
    assert await findings_of(api, tenant) == before

    last = export(tmp_path / "2", *range(1, NUMBER - 1))
    write_export(last, make_policy(0, value=2), kind="Settings Catalog")
    run = await run_of(api, tenant, await record(api, worker, tenant, last))
    assert (run["status"], run["seq"], run["removed"]) == ("SUCCEEDED", 3, 1)
    drift = await generated(api, worker, tenant)
    assert (drift["added"], drift["modified"], drift["removed"]) == (0, 0, 1)
    after = {(one["change_type"], one["external_id"][-2:], one["status"]) for one in await findings_of(api, tenant)}
    assert after == {("MODIFIED", "00", "NEW"), ("REMOVED", "11", "NEW")}


async def test_a_confirmed_run_is_recorded_as_it_was_read(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    job = await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="  cleaned up ")
    assert (await run_of(api, tenant, run_id))["status"] == "QUEUED"
    await work(worker, job)
    run = await run_of(api, tenant, run_id)
    assert (run["status"], run["seq"], run["error_code"]) == ("SUCCEEDED", 2, None)
    assert (run["observed"], run["added"], run["changed"], run["removed"], run["unchanged"]) == (5, 1, 1, 8, 3)
    assert run["confirmed_by"] == tenant.members[Role.MANAGER]
    assert run["confirmed_at"] is not None
    assert await held_of(api, tenant) == 0
    drift = await generated(api, worker, tenant)
    assert (drift["added"], drift["modified"], drift["removed"]) == (1, 1, 8)
    async with api.transaction(tenant.owner) as connection:
        a = audit_events.c
        told = await connection.execute(
            select(a.action, a.actor_id, a.reason).where(a.target_id == run_id).order_by(a.at)
        )
        told = [tuple(row) for row in told]
    assert told == [
        ("syncRun.requested", tenant.members[Role.MANAGER], None),
        ("syncRun.needs_confirmation", None, None),
        ("syncRun.confirmed", tenant.members[Role.MANAGER], "cleaned up"),
        ("syncRun.succeeded", None, None),
    ]


async def test_a_newer_recorded_run_makes_a_held_one_obsolete(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    await record(api, worker, tenant, tmp_path / "whole")
    run = await run_of(api, tenant, run_id)
    assert (run["status"], run["error_code"]) == ("FAILED", "STALE")
    assert await held_of(api, tenant) == 0
    with pytest.raises(RefusedError, match="stale") as refused:
        await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="late")
    assert refused.value.code == "CONFLICT"


async def test_a_confirmed_run_that_is_overtaken_before_a_worker_comes_is_stale(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    job = await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="right")
    await record(api, worker, tenant, tmp_path / "whole")
    await work(worker, job)
    run = await run_of(api, tenant, run_id)
    assert (run["status"], run["error_code"], run["seq"]) == ("FAILED", "STALE", None)
    assert await held_of(api, tenant) == 0
    assert all(until is None for _, _, until in await intervals(api, tenant))


async def test_who_may_not_sync_cannot_confirm_and_what_is_not_held_needs_none(
    api: Database, worker: Database, owner: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    stranger = await make_tenant(owner, api)
    for context, reason, code in (
        (tenant.as_(Role.OPERATOR), "why", "FORBIDDEN"),
        (stranger.owner, "why", "NOT_FOUND"),
        (tenant.as_(Role.MANAGER), " ", "INVALID_INPUT"),
    ):
        with pytest.raises(RefusedError) as refused:
            await held.confirm_run(api, context, run_id, reason=reason)
        assert refused.value.code == code
    await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="why")
    with pytest.raises(RefusedError, match="QUEUED and waits for no confirmation"):
        await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="again")


async def test_who_confirms_a_run_in_the_moment_in_which_it_is_confirmed_is_told_how_it_stands(
    api: Database, worker: Database, cluster: Services, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    manager = tenant.as_(Role.MANAGER)
    async with api.transaction(replace(manager, reason="first")) as connection:
        assert await confirm(connection, tenant.id, run_id)
        second = asyncio.create_task(held.confirm_run(api, manager, run_id, reason="second"))
        await until_the_api_waits(cluster)
    with pytest.raises(RefusedError, match="QUEUED and waits for no confirmation"):
        await second


async def test_the_database_lets_nobody_confirm_in_anothers_name_or_do_more(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    for status in ("SUCCEEDED", "FAILED", "RUNNING"):
        with pytest.raises(Exception, match=r".") as refused:
            async with api.transaction(tenant.as_(Role.MANAGER)) as connection:
                await connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(status=status))
        assert refused.value is not None
    async with api.transaction(tenant.as_(Role.OPERATOR)) as connection:
        changed = await connection.execute(update(sync_runs).where(sync_runs.c.id == run_id).values(status="QUEUED"))
        assert changed.rowcount == 0
    assert (await run_of(api, tenant, run_id))["status"] == "NEEDS_CONFIRMATION"


async def test_a_confirmed_run_is_sent_again_and_given_back_and_an_unconfirmed_folder_is_not(
    api: Database, worker: Database, sweeper: Database, owner: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    waiting = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.FOLDER), "label")
    await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="right")

    async def sent() -> set[UUID]:
        due = await jobs.sweep(sweeper, max_attempts=5, resend_seconds=60, grace_seconds=0)
        return {job.run_id for job in due if job.tenant_id == tenant.id}

    assert await sent() == {run_id}
    lease = await jobs.claim(worker, jobs.Job("sync", tenant.id, run_id), lease_seconds=30)
    assert lease is not None
    async with owner.transaction() as connection:
        await connection.execute(
            text("update atlas.sync_runs set lease_until = now() - interval '1 second' where id = :id"), {"id": run_id}
        )
    await sent()
    assert (await run_of(api, tenant, run_id))["status"] == "QUEUED"
    assert await sent() == {run_id}
    lease = await jobs.claim(worker, waiting, lease_seconds=30)
    assert lease is not None
    with pytest.raises(OperatorError, match="nothing that a worker could record"):
        await held.record_held(worker, lease)


async def test_a_later_recording_lets_go_of_what_a_failed_confirmation_brought(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    run_id = await hold(api, worker, tenant, tmp_path)
    job = await held.confirm_run(api, tenant.as_(Role.MANAGER), run_id, reason="right")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    await jobs.fail(worker, lease, code="INTERNAL", message="It broke off.")
    assert await held_of(api, tenant) == 5
    await record(api, worker, tenant, tmp_path / "whole")
    assert await held_of(api, tenant) == 0


async def test_of_several_held_runs_only_the_newest_waits(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    first = await hold(api, worker, tenant, tmp_path)
    second = await record(api, worker, tenant, export(tmp_path / "again", 0, 1, 2))
    assert (await run_of(api, tenant, second))["status"] == "NEEDS_CONFIRMATION"
    assert (await run_of(api, tenant, first))["error_code"] == "STALE"
    assert await held_of(api, tenant) == 3, "what the first one brought is let go"
    with pytest.raises(RefusedError, match="stale"):
        await held.confirm_run(api, tenant.as_(Role.MANAGER), first, reason="cleaned up")
    await work(worker, await held.confirm_run(api, tenant.as_(Role.MANAGER), second, reason="cleaned up"))
    assert (await run_of(api, tenant, second))["removed"] == NUMBER - 3


@pytest.mark.parametrize(("before", "after"), [(2, 1), (3, 1), (4, 2), (5, 2), (5, 1)])
async def test_a_small_type_is_held_too(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path, before: int, after: int
) -> None:
    await record(api, worker, tenant, export(tmp_path / "whole", *range(before)))
    run = await run_of(api, tenant, await record(api, worker, tenant, export(tmp_path / "less", *range(after))))
    assert (run["status"], run["seq"]) == ("NEEDS_CONFIRMATION", None)
    await record(api, worker, tenant, export(tmp_path / "whole again", *range(before)))
    await generated(api, worker, tenant)
    assert await findings_of(api, tenant) == []


async def test_an_object_by_itself_that_is_gone_is_held_of_nobody(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    device = make_policy(90) | {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "settings": None}
    folder = export(tmp_path / "both", 0)
    write_export(folder, device, kind="DeviceConfiguration")
    await record(api, worker, tenant, folder)
    (folder / "SettingsCatalog" / "0000.json").write_text(json.dumps(make_policy(1)))
    run = await run_of(api, tenant, await record(api, worker, tenant, folder))
    assert (run["status"], run["removed"], run["added"]) == ("SUCCEEDED", 1, 1)


@pytest.mark.parametrize(
    "status",
    [CoverageStatus.FAILED, CoverageStatus.TRUNCATED, CoverageStatus.FORBIDDEN, CoverageStatus.UNLICENSED],
)
async def test_a_type_that_was_not_read_to_its_end_removes_and_resolves_nothing(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path, status: CoverageStatus
) -> None:
    """And is not held either: nothing of it is recorded. What changed meanwhile is told by the next complete run."""
    device = make_policy(90) | {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "settings": None}

    def folder(name: str, *policies: dict[str, Any]) -> Path:
        write_export(tmp_path / name, *policies)
        return write_export(tmp_path / name, device, kind="DeviceConfiguration")

    everything = [make_policy(number) for number in range(NUMBER)]
    await record(api, worker, tenant, folder("0", *everything))
    changed = [make_policy(0, value=2), *everything[1:]]
    await record(api, worker, tenant, folder("1", *changed))
    await generated(api, worker, tenant)
    before = await findings_of(api, tenant)
    assert len(before) == 1

    def broken(inventory: Inventory) -> Inventory:
        units = tuple(
            replace(unit, status=status) if unit.item_type == "configurationPolicy" else unit
            for unit in inventory.units
        )
        return replace(inventory, units=units)

    run_id = await record_with(api, worker, tenant, folder("2", *everything[:2]), broken)
    run = await run_of(api, tenant, run_id)
    assert (run["status"], run["removed"]) == ("PARTIAL", 0)
    drift = await generated(api, worker, tenant)
    assert [one["reason"] for one in drift["not_evaluated"]] == ["INCOMPLETE"]
    kept = await findings_of(api, tenant)
    assert [(one["id"], one["status"]) for one in kept] == [(one["id"], FindingStatus.NEW) for one in before]

    await record(api, worker, tenant, folder("3", *changed[:-1]))
    await generated(api, worker, tenant)
    after = {(one["change_type"], one["external_id"][-2:], one["status"]) for one in await findings_of(api, tenant)}
    assert after == {(ChangeType.MODIFIED, "00", FindingStatus.NEW), (ChangeType.REMOVED, "11", FindingStatus.NEW)}


async def record_with(
    api: Database, worker: Database, tenant: Tenant, folder: Path, change: Callable[[Inventory], Inventory]
) -> UUID:
    """Records a folder as if its reading had gone otherwise."""
    job = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.FOLDER), "label")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    inventory = canonicalise(read_folder(folder), derive_tenant_key(DEPLOYMENT_KEY, tenant.id))
    await record_inventory(worker, lease, change(inventory))
    return job.run_id


def test_the_threshold_is_a_share_of_what_a_type_holds() -> None:
    drops = [Drop("less", 10, 4, 6), Drop("half", 10, 5, 5), Drop("two", 2, 1, 1), Drop("all", 10, 10, 12)]
    drops.append(Drop("one", 1, 1, 0))
    assert [one.item_type for one in beyond(drops, Threshold())] == ["half", "two", "all"]
    assert [one.item_type for one in beyond(drops, Threshold(share=0.4, least=1))] == [one.item_type for one in drops]
    assert [one.item_type for one in beyond(drops, Threshold(least=5))] == ["half", "all"]
    assert [one.item_type for one in beyond(drops, Threshold(share=1))] == ["all"]
