"""A schedule from its tick to the finding: the sweeper starts, a worker reads Graph, drift follows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from atlas import generate, jobs, schedules
from atlas.domain.schedule import SPREAD
from atlas.domain.vocabulary import Role
from atlas.schedules import Wanted
from atlas.store.database import Database
from tests.factories import make_policy
from tests.graph.authority import Authority
from tests.graph.standin import Tenant, serving
from tests.graph.syncing import Reader, reader
from tests.pruning import rows
from tests.test_drift import findings_of

CATALOG = "deviceManagement/configurationPolicies"


def release(value: int) -> Tenant:
    return Tenant().add(CATALOG, make_policy(1, settingCount=1, isAssigned=False, value=value))


async def ticked(owner: Database, sweeper: Database, made: Reader) -> list[jobs.Job]:
    """A round at the moment at which the tenant's next tick is due; what it made for this tenant."""
    [row] = await rows(owner, "select next_tick from atlas.schedules where tenant_id = :t", t=made.tenant.id)
    found = await schedules.run_due(sweeper, at_once=1000, now=row.next_tick + SPREAD)
    return [job for job in found if job.tenant_id == made.tenant.id]


async def test_what_changes_between_two_ticks_is_found(
    owner: Database, api: Database, worker: Database, sweeper: Database, signing_in: Authority
) -> None:
    with serving(release(1)) as before, serving(release(2)) as after:
        made = await reader(owner, api, worker, before, signing_in)
        await schedules.set_schedule(api, made.tenant.as_(Role.MANAGER), Wanted(every_hours=6))
        [first] = await ticked(owner, sweeper, made)
        assert (await made.work(first))["status"] == "SUCCEEDED"
        signing_in.token = after.token
        [second] = await ticked(owner, sweeper, made)
        source = replace(made.source, graph=after.url)
        run: dict[str, Any] = await made.work(second, source)
        assert (run["status"], run["seq"], run["requested_by"]) == ("SUCCEEDED", 2, None)
    asked = [job for job in await ticked(owner, sweeper, made) if job.kind == "drift"]
    lease = await jobs.claim(worker, asked[0], lease_seconds=30)
    assert len(asked) == 1
    assert lease is not None
    await generate.generate(worker, lease)
    [finding] = await findings_of(api, made.tenant)
    assert (finding["change_type"], finding["change_count"]) == ("MODIFIED", 1)


async def test_a_sync_that_is_under_way_stands_for_the_tick(
    owner: Database, api: Database, worker: Database, sweeper: Database, signing_in: Authority
) -> None:
    with serving(release(1)) as graph:
        made = await reader(owner, api, worker, graph, signing_in)
        await schedules.set_schedule(api, made.tenant.as_(Role.MANAGER), Wanted(every_hours=6))
        job = await made.start()
        assert await ticked(owner, sweeper, made) == []
        [tick] = await rows(
            owner, "select sync_run_id from atlas.schedule_ticks where tenant_id = :t", t=made.tenant.id
        )
        assert tick.sync_run_id == job.run_id
        await made.work(job)
    [row] = await rows(owner, "select next_tick from atlas.schedules where tenant_id = :t", t=made.tenant.id)
    await schedules.run_due(sweeper, at_once=1000, now=row.next_tick - timedelta(hours=1))
    [tick] = await rows(owner, "select status from atlas.schedule_ticks where tenant_id = :t", t=made.tenant.id)
    assert tick.status == "RECORDED"
