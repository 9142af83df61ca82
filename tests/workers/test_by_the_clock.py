"""What a running worker does by itself as time passes: it prunes where that is set, and syncs what is scheduled."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from atlas import schedules
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schedules import Wanted
from atlas.store.database import Database
from atlas.workers.actors import Terms
from atlas.workers.runtime import WorkerSettings, running
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.pruning import age, rows
from tests.test_drift import generated, record
from tests.workers.test_worker import settings

pytestmark = pytest.mark.usefixtures("empty_queue")

PATIENCE = 60


async def until(owner: Database, statement: str, tenant: Tenant) -> Any:
    """The row of the statement, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await rows(owner, statement, t=tenant.id)):  # noqa: ASYNC110  # The database tells.
            await asyncio.sleep(0.2)
    return found[0]


async def test_where_history_is_kept_for_some_days_a_worker_prunes_the_rest(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    exports = [write_export(tmp_path / str(value), make_policy(1, value=value)) for value in range(4)]
    run_ids = [await record(api, worker, tenant, export) for export in exports]
    await generated(api, worker, tenant)
    await age(owner, tenant, run_ids)
    # The tenants of other tests were pruned today, so that this one need not wait for them.
    await rows(
        owner,
        """insert into atlas.prune_runs (tenant_id, keep_days, status, finished_at)
           select id, 30, 'SUCCEEDED', now() from atlas.tenants where id <> :t returning id""",
        t=tenant.id,
    )
    with running(WorkerSettings(**settings(cluster) | {"keep_days": 30, "terms": Terms()})):
        ended = await until(
            owner, "select * from atlas.prune_runs where tenant_id = :t and status = 'SUCCEEDED'", tenant
        )
    assert (ended.keep_days, ended.requested_by, ended.runs, ended.intervals) == (30, None, 2, 2)


async def test_a_worker_starts_what_is_scheduled_and_a_tenant_that_fails_rests(
    owner: Database, api: Database, cluster: Services
) -> None:
    tenant = await make_tenant(owner, api)
    await rows(
        owner,
        """insert into atlas.graph_connections
               (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference)
           values (:t, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'GLOBAL', 'CLIENT_SECRET', 'env:NONE')
           returning id""",
        t=tenant.id,
    )
    await schedules.set_schedule(api, tenant.as_(Role.MANAGER), Wanted(every_hours=6))
    # What is set counts from now: the hours pass at once.
    due = "update atlas.schedules set next_tick = now(), due_at = now() where tenant_id = :t returning id"
    await rows(owner, due, t=tenant.id)
    with running(WorkerSettings(**settings(cluster) | {"terms": Terms()})):
        tick = await until(
            owner, "select * from atlas.schedule_ticks where tenant_id = :t and status = 'FAILED'", tenant
        )
    [run] = await rows(owner, "select * from atlas.sync_runs where tenant_id = :t", t=tenant.id)
    assert (run.id, run.status, run.requested_by) == (tick.sync_run_id, "FAILED", None)
    rests = "select failures, due_at > now() as rests from atlas.schedules where tenant_id = :t"
    [row] = await rows(owner, rests, t=tenant.id)
    assert (row.failures, row.rests) == (1, True)
