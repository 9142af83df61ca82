"""Staging under one key and recording under the next: what was staged stands in the form that it was staged in."""

from dataclasses import asdict
from pathlib import Path

from atlas import jobs, staging, sync
from atlas.domain.canonical import form_of
from atlas.domain.holding import Threshold
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.sources.folder import read_folder
from atlas.store import aliases, recording
from atlas.store.database import Database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import findings_of, generated
from tests.test_rotation import NEW, OLD
from tests.test_sync import run_of

POLICY = "configurationPolicy"
SELECTION = Selection(SyncSource.FOLDER, item_types=(POLICY,))


async def test_a_key_that_is_rotated_in_the_middle_of_a_sync_loses_no_change(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)

    async def synced(name: str, values: dict[int, int], keys: list[bytes], at_the_end: list[bytes]) -> tuple[int, ...]:
        objects = [make_policy(number, value=value) for number, value in values.items()]
        return await _synced(api, worker, tenant, write_export(tmp_path / name, *objects), keys, at_the_end)

    assert await synced("1", {1: 1, 2: 1}, [OLD], [OLD]) == (2, 0, 0)
    assert await synced("2", {1: 1, 2: 1}, [OLD], [NEW, OLD]) == (0, 0, 0)
    assert await synced("3", {1: 2, 2: 1, 3: 1}, [NEW, OLD], [NEW, OLD]) == (1, 1, 0)
    run = await generated(api, worker, tenant, scope_key=scope_key(SELECTION))
    assert (run["added"], run["modified"], run["removed"], run["not_evaluated"]) == (1, 1, 0, [])
    assert await synced("4", {1: 2, 2: 1, 3: 1}, [NEW, OLD], [NEW, OLD]) == (0, 0, 0)
    await generated(api, worker, tenant, scope_key=scope_key(SELECTION))
    assert len(await findings_of(api, tenant)) == 2


async def _synced(
    api: Database, worker: Database, tenant: Tenant, folder: Path, keys: list[bytes], at_the_end: list[bytes]
) -> tuple[int, ...]:
    """Stages a folder under `keys`, records it under `at_the_end`: how many were added, changed, removed."""
    job = await sync.request(api, tenant.as_(Role.MANAGER), SELECTION, "label")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    reading = read_folder(folder)
    forms = staging.forms_of([derive_tenant_key(key, tenant.id) for key in keys])
    async with jobs.effect(worker, lease) as connection:
        scope_id = (await recording.scope_of_run(connection, tenant.id, job.run_id))["scope_id"]
        compared = forms.recorded((await aliases.forms(connection, tenant.id, scope_id)).get(POLICY))
    await staging.stage(worker, lease, scope_id, reading.objects, forms, compared)
    async with jobs.effect(worker, lease) as connection:
        await recording.insert_units(connection, tenant.id, scope_id, job.run_id, None, [asdict(reading.units[0])])
    end = staging.forms_of([derive_tenant_key(key, tenant.id) for key in at_the_end])
    await staging.record_staged(worker, lease, form_of(*end.present), Threshold())
    run = await run_of(api, tenant, job.run_id)
    return run["added"], run["changed"], run["removed"]
