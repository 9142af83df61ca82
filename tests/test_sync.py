"""Recording runs: what a run writes, what it refuses, and what it says of what it could not read."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from atlas import jobs, sync
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import Role, SyncSource
from atlas.record import record_folder
from atlas.store.database import Database
from atlas.store.tables import item_intervals, run_units, scopes, sync_runs
from tests.factories import DEPLOYMENT_KEY, Tenant, make_policy, make_tenant, write_export
from tests.test_drift import record


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


async def run_of(api: Database, tenant: Tenant, run_id: UUID) -> dict[str, Any]:
    columns = [column for column in sync_runs.c if column.name != "lease_token"]
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        row = await connection.execute(select(*columns).where(sync_runs.c.id == run_id))
        return dict(row.mappings().one())


async def newest(api: Database, tenant: Tenant) -> dict[str, Any]:
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        run_id = await connection.scalar(select(sync_runs.c.id).order_by(sync_runs.c.created_at.desc()).limit(1))
    assert run_id is not None
    return await run_of(api, tenant, run_id)


async def intervals(api: Database, tenant: Tenant) -> list[tuple[str, int, int | None]]:
    i = item_intervals.c
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(
            select(i.external_id, i.valid_from, i.valid_to).order_by(i.external_id, i.valid_from)
        )
        return [(row.external_id[-2:], row.valid_from, row.valid_to) for row in rows]


async def test_a_run_writes_what_changed_and_an_unchanged_run_writes_no_interval(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    first = write_export(tmp_path / "1", make_policy(1), make_policy(2), make_policy(3))
    second = write_export(tmp_path / "2", make_policy(1), make_policy(2, value=2), make_policy(4))
    counts = []
    for folder in (first, first, second):
        run = await run_of(api, tenant, await record(api, worker, tenant, folder))
        counts.append((run["status"], run["seq"], run["added"], run["changed"], run["removed"], run["unchanged"]))
    assert counts == [("SUCCEEDED", 1, 3, 0, 0, 0), ("SUCCEEDED", 2, 0, 0, 0, 3), ("SUCCEEDED", 3, 1, 1, 1, 1)]
    assert await intervals(api, tenant) == [
        ("01", 1, None),
        ("02", 1, 3),
        ("02", 3, None),
        ("03", 1, 3),
        ("04", 3, None),
    ]


async def test_a_file_that_cannot_be_read_makes_the_run_partial_and_removes_nothing(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path, make_policy(1), make_policy(2))
    device = make_policy(9) | {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "settings": None}
    write_export(folder, device, kind="DeviceConfiguration")
    await record(api, worker, tenant, folder)
    (folder / "SettingsCatalog" / "0001.json").write_text('{"id": ')
    run = await run_of(api, tenant, await record(api, worker, tenant, folder))
    assert (run["status"], run["removed"], run["error_code"]) == ("PARTIAL", 0, "INCOMPLETE")
    assert "SettingsCatalog/0001.json" in run["error_message"]
    assert [(one[0], one[2]) for one in await intervals(api, tenant)] == [("01", None), ("02", None), ("09", None)]


async def test_a_run_in_which_nothing_could_be_read_fails_and_records_nothing(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path, make_policy(1))
    (folder / "SettingsCatalog" / "bad.json").write_text("not json")
    run = await run_of(api, tenant, await record(api, worker, tenant, folder))
    assert (run["status"], run["seq"], run["error_code"]) == ("FAILED", None, "NOTHING_COMPLETE")
    assert await intervals(api, tenant) == []


async def test_a_folder_that_is_none_leaves_no_run_behind_and_one_without_a_policy_a_failed_one(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    for path in (tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(OperatorError):
            await record(api, worker, tenant, path)
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        assert await connection.scalar(select(func.count()).select_from(sync_runs)) == 0
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperatorError):
        await record(api, worker, tenant, tmp_path / "empty")
    assert ((await newest(api, tenant))["status"], (await newest(api, tenant))["error_code"]) == ("FAILED", "NO_POLICY")


async def test_a_type_named_and_not_there_is_empty_and_one_not_named_is_absent(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path / "1", make_policy(1))
    device = make_policy(9) | {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "settings": None}
    write_export(folder, device, kind="DeviceConfiguration")
    await record(api, worker, tenant, folder)
    run = await run_of(api, tenant, await record(api, worker, tenant, write_export(tmp_path / "2", make_policy(1))))
    assert (run["status"], run["removed"]) == ("PARTIAL", 0)
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(
            select(run_units.c.item_type, run_units.c.status).where(run_units.c.run_id == run["id"])
        )
        assert {row.item_type: row.status for row in rows} == {
            "configurationPolicy": "COMPLETE",
            "deviceConfiguration": "ABSENT",
        }


async def test_named_types_are_a_scope_of_their_own_and_an_unknown_one_is_refused(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path, make_policy(1))
    common = {"path": folder, "deployment_key": DEPLOYMENT_KEY}
    await record(api, worker, tenant, folder)
    for types in (["configurationPolicy"], ["configurationPolicy", "configurationPolicy"]):
        await record_folder(api, worker, tenant.as_(Role.MANAGER), item_types=types, **common)  # type: ignore[arg-type]
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(select(scopes.c.key, scopes.c.last_seq).order_by(scopes.c.last_seq))
        assert [row.last_seq for row in rows] == [1, 2]
    with pytest.raises(RefusedError) as refused:
        await record_folder(api, worker, tenant.as_(Role.MANAGER), item_types=["configurationPolice"], **common)  # type: ignore[arg-type]
    assert refused.value.code == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("NamedLocation", r"Did you mean namedLocation\?$"),
        ("microsoft.graph.DeviceConfiguration", r"Did you mean deviceConfiguration\?$"),
        ("configurationPolice", "Did you mean configurationPolicy"),
        ("microsoft.graph.PolicySet", "Known are assignmentFilter, "),
        ("x" * 100_000, "Known are"),
    ],
)
def test_a_type_that_graph_is_not_asked_for_is_refused_with_those_that_are_meant(name: str, mend: str) -> None:
    with pytest.raises(RefusedError, match=mend) as refused:
        sync.graph_selection(["configurationPolicy", name])
    assert (refused.value.code, refused.value.path) == ("INVALID_INPUT", ("input", "itemTypes"))


async def test_only_a_manager_starts_a_sync(api: Database, worker: Database, tenant: Tenant, tmp_path: Path) -> None:
    folder = write_export(tmp_path, make_policy(1))
    with pytest.raises(RefusedError) as refused:
        await record_folder(api, worker, tenant.as_(Role.OPERATOR), path=folder, deployment_key=DEPLOYMENT_KEY)
    assert refused.value.code == "FORBIDDEN"


async def test_a_recording_that_started_before_the_newest_is_stale(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path, make_policy(1))
    await record(api, worker, tenant, folder)
    async with owner.transaction() as connection:
        await connection.execute(
            text("update atlas.sync_runs set started_at = now() + :ahead where tenant_id = :t"),
            {"ahead": timedelta(hours=1), "t": tenant.id},
        )
    run = await run_of(api, tenant, await record(api, worker, tenant, folder))
    assert (run["status"], run["error_code"]) == ("FAILED", "STALE")


async def test_a_killed_recording_fails_and_is_not_taken_over(
    owner: Database, api: Database, worker: Database, sweeper: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = write_export(tmp_path, make_policy(1))
    job = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.FOLDER), "label")
    lease = await jobs.claim(worker, job, lease_seconds=60)
    assert lease is not None
    async with owner.transaction() as connection:
        await connection.execute(
            text("update atlas.sync_runs set lease_until = now() - interval '1 second' where id = :id"),
            {"id": job.run_id},
        )
    sent = await jobs.sweep(sweeper, max_attempts=5, resend_seconds=60, grace_seconds=0)
    assert job not in sent
    run = await run_of(api, tenant, job.run_id)
    assert (run["status"], run["error_code"]) == ("FAILED", "WORKER_LOST")
    assert (await run_of(api, tenant, await record(api, worker, tenant, folder)))["status"] == "SUCCEEDED"


async def test_two_objects_under_one_id_stay_themselves_whatever_order_they_arrive_in(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    twin = make_policy(1, value=5, name="Twin")
    for number, order in enumerate(((make_policy(1), twin), (twin, make_policy(1)))):
        await record(api, worker, tenant, write_export(tmp_path / str(number), *order))
    rows = await intervals(api, tenant)
    assert [(one[1], one[2]) for one in rows] == [(1, None), (1, None)]
