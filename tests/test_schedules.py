"""Schedules: who sets them, that each tick runs once, and what becomes of tenants that fail, or are many."""

import asyncio
import multiprocessing
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from atlas import schedules, triage
from atlas.domain.errors import RefusedError
from atlas.domain.schedule import SPREAD
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schedules import Wanted
from atlas.store import schedules as store
from atlas.store.database import Database, open_database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.pruning import rows
from tests.test_drift import KEY, record

HOUR = timedelta(hours=1)
RUNS = "select id, status from atlas.sync_runs where tenant_id = :t and source = 'GRAPH' order by created_at"
STATE = "select next_tick, due_at, failures from atlas.schedules where tenant_id = :t"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _alone(owner: Database) -> None:
    """The budget is that of the whole deployment, so that other tests' schedules would take of it."""
    await rows(owner, "delete from atlas.schedules returning id")


async def connected(owner: Database, api: Database) -> Tenant:
    tenant = await make_tenant(owner, api)
    await rows(
        owner,
        """insert into atlas.graph_connections
               (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference)
           values (:t, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'GLOBAL', 'CLIENT_SECRET', 'env:NONE')
           returning id""",
        t=tenant.id,
    )
    return tenant


async def scheduled(owner: Database, api: Database, **wanted: Any) -> tuple[Tenant, datetime]:
    """A tenant that syncs each hour, and the moment from which its first tick is due."""
    tenant = await connected(owner, api)
    await schedules.set_schedule(api, tenant.as_(Role.MANAGER), Wanted(**({"every_hours": 1} | wanted)))
    return tenant, (await state(owner, tenant)).next_tick + SPREAD


async def state(owner: Database, tenant: Tenant) -> Any:
    [row] = await rows(owner, STATE, t=tenant.id)
    return row


async def ends(owner: Database, tenant: Tenant, status: str) -> None:
    """The sync that is under way ends so."""
    seq = "(select last_seq + 1 from atlas.scopes s where s.tenant_id = r.tenant_id and s.id = r.scope_id)"
    recorded = status in {"SUCCEEDED", "PARTIAL"}
    await rows(
        owner,
        f"""update atlas.sync_runs r set status = :status, finished_at = now(), seq = {seq if recorded else "null"}
            where tenant_id = :t and source = 'GRAPH' and status = 'QUEUED' returning id""",
        t=tenant.id, status=status,
    )  # fmt: skip
    if recorded:
        advance = (
            "update atlas.scopes set last_seq = last_seq + 1 where tenant_id = :t and source = 'GRAPH' returning id"
        )
        await rows(owner, advance, t=tenant.id)


async def test_a_schedule_is_set_by_who_may_sync_where_there_is_something_to_read(
    owner: Database, api: Database
) -> None:
    tenant = await make_tenant(owner, api)
    wanted = Wanted(cron="30 2 * * *", time_zone="Europe/Berlin")
    with pytest.raises(RefusedError) as refused:
        await schedules.set_schedule(api, tenant.as_(Role.MANAGER), wanted)
    assert refused.value.code == "NO_GRAPH_CONNECTION"
    tenant = await connected(owner, api)
    with pytest.raises(RefusedError, match="role in this tenant"):
        await schedules.set_schedule(api, tenant.as_(Role.OPERATOR), wanted)
    await schedules.set_schedule(api, tenant.as_(Role.MANAGER), wanted)
    await schedules.set_schedule(api, tenant.owner, Wanted(every_hours=6))
    [row] = await rows(
        owner, "select every_hours, cron, created_by from atlas.schedules where tenant_id = :t", t=tenant.id
    )
    assert tuple(row) == (6, None, tenant.members[Role.OWNER])
    with pytest.raises(RefusedError, match="role in this tenant"):
        await schedules.remove_schedule(api, tenant.as_(Role.OPERATOR), "default")
    assert await schedules.remove_schedule(api, tenant.as_(Role.MANAGER), "default")
    assert not await schedules.remove_schedule(api, tenant.as_(Role.MANAGER), "default")
    told = await rows(
        owner,
        """select action, actor_id, before ->> 'cron' as before, after ->> 'everyHours' as after
           from atlas.audit_events where tenant_id = :t and action like 'schedule%' order by at""",
        t=tenant.id,
    )
    manager, owns = tenant.members[Role.MANAGER], tenant.members[Role.OWNER]
    assert [tuple(row) for row in told] == [
        ("schedule.set", manager, None, None),
        ("schedule.set", owns, "30 2 * * *", "6"),
        ("schedule.removed", manager, None, None),
    ]


async def test_a_tick_runs_once_and_missed_ticks_are_one(owner: Database, api: Database, sweeper: Database) -> None:
    tenant, due = await scheduled(owner, api)
    assert await schedules.run_due(sweeper, at_once=9, now=due - SPREAD - timedelta(seconds=1)) == []
    [job] = await schedules.run_due(sweeper, at_once=9, now=due + 5 * HOUR)
    assert (job.kind, job.tenant_id) == ("sync", tenant.id)
    assert await schedules.run_due(sweeper, at_once=9, now=due + 6 * HOUR) == []
    await ends(owner, tenant, "SUCCEEDED")
    assert await schedules.run_due(sweeper, at_once=9, now=due + 5 * HOUR + HOUR / 4) == []
    assert len(await schedules.run_due(sweeper, at_once=9, now=due + 6 * HOUR)) == 1
    assert [row.status for row in await rows(owner, RUNS, t=tenant.id)] == ["SUCCEEDED", "QUEUED"]


async def _rounds(url: str, moment: datetime) -> int:
    sweeper = open_database(url, size=2)
    try:
        return sum([len(await schedules.run_due(sweeper, at_once=1000, now=moment)) for _ in range(20)])
    finally:
        await sweeper.close()


def _sweeps(url: str, moment: datetime) -> int:
    return asyncio.run(_rounds(url, moment))


async def test_of_many_worker_processes_each_tick_is_started_by_one(
    owner: Database, api: Database, cluster: Services
) -> None:
    made = [await scheduled(owner, api) for _ in range(5)]
    moment = max(due for _, due in made)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        work = pool.starmap_async(_sweeps, [(cluster.sweeper_database_url, moment)] * 3)
        started = await asyncio.to_thread(work.get, 120)
    assert sum(started) == 5
    assert [len(await rows(owner, RUNS, t=tenant.id)) for tenant, _ in made] == [1] * 5


async def test_without_the_lock_of_a_round_the_key_of_a_tick_still_lets_one_start(
    owner: Database, api: Database, sweeper: Database
) -> None:
    tenant, due = await scheduled(owner, api)
    [row] = await rows(owner, "select id, next_tick from atlas.schedules where tenant_id = :t", t=tenant.id)

    async def start() -> Any:
        async with sweeper.transaction() as connection:
            return await store.start(
                connection, tenant.id, row.id, tick=row.next_tick, following=due + HOUR, due_at=due + HOUR, at=due
            )

    started = await asyncio.gather(*(start() for _ in range(8)))
    assert sum(one is not None for one in started) == 1
    assert len(await rows(owner, RUNS, t=tenant.id)) == 1


async def test_who_fails_rests_twice_as_long_each_time_and_holds_nobody_up(
    owner: Database, api: Database, sweeper: Database
) -> None:
    failing, due = await scheduled(owner, api)
    well, other_due = await scheduled(owner, api)
    moment, rests = max(due, other_due), []
    for _ in range(7):
        await schedules.run_due(sweeper, at_once=9, now=moment)
        assert [row.status for row in await rows(owner, RUNS, t=failing.id)][-1] == "QUEUED"
        await ends(owner, failing, "FAILED")
        await ends(owner, well, "SUCCEEDED")
        await schedules.run_due(sweeper, at_once=9, now=moment)
        rests.append((await state(owner, failing)).due_at - moment)
        assert (await state(owner, well)).due_at - moment <= HOUR + SPREAD
        moment = max((await state(owner, failing)).due_at, (await state(owner, well)).due_at)
    assert [round(rest / HOUR) for rest in rests] == [1, 2, 4, 8, 16, 24, 24]
    assert len(await rows(owner, RUNS, t=well.id)) >= 7
    await schedules.run_due(sweeper, at_once=9, now=moment)
    await ends(owner, failing, "SUCCEEDED")
    await schedules.run_due(sweeper, at_once=9, now=moment)
    assert (await state(owner, failing)).failures == 0


async def test_five_hundred_tenants_at_midnight_do_not_stampede(
    owner: Database, api: Database, sweeper: Database
) -> None:
    tenant, _ = await scheduled(owner, api, every_hours=None, cron="0 0 * * *")
    await rows(
        owner,
        """with made as (
               insert into atlas.tenants (name)
               select 'midnight ' || :t || n from generate_series(1, 499) n returning id
           ), scoped as (
               insert into atlas.scopes (tenant_id, key, source, selection, label)
               select id, 's1:midnight', 'GRAPH', '{}', 'Microsoft Graph' from made returning tenant_id, id
           )
           insert into atlas.schedules (tenant_id, name, scope_id, cron, time_zone, anchor, next_tick, due_at)
           select o.tenant_id, s.name, o.id, s.cron, s.time_zone, s.anchor, s.next_tick, s.due_at
           from scoped o, atlas.schedules s where s.tenant_id = :u returning id""",
        t=str(tenant.id), u=tenant.id,
    )  # fmt: skip
    [tick] = await rows(owner, "select distinct next_tick from atlas.schedules")
    moment, started = tick.next_tick + SPREAD, Counter[Any]()
    for _ in range(60):
        jobs = await schedules.run_due(sweeper, at_once=25, now=moment)
        started.update(job.tenant_id for job in jobs)
        [under_way] = await rows(owner, "select count(*) as n from atlas.schedule_ticks where status = 'STARTED'")
        assert under_way.n <= 25
        if sum(started.values()) == 500 and not under_way.n:
            break
        await rows(
            owner,
            """update atlas.sync_runs r set status = 'FAILED', finished_at = now() from atlas.schedule_ticks k
               where k.sync_run_id = r.id and k.tenant_id = r.tenant_id and k.status = 'STARTED' returning r.id""",
        )
        moment += timedelta(seconds=5)
    assert len(started) == 500
    assert set(started.values()) == {1}


async def test_drift_follows_what_a_tick_recorded(
    owner: Database, api: Database, worker: Database, sweeper: Database, tmp_path: Path
) -> None:
    tenant, due = await scheduled(owner, api)
    pairs = """select baseline_seq, current_seq, baseline_mode, requested_by from atlas.drift_runs
               where tenant_id = :t order by created_at"""
    for number in range(2):
        await schedules.run_due(sweeper, at_once=9, now=due + number * HOUR)
        await ends(owner, tenant, "PARTIAL")
        made = await schedules.run_due(sweeper, at_once=9, now=due + number * HOUR)
        assert [job.kind for job in made] == ["drift"] * number
    assert [tuple(row) for row in await rows(owner, pairs, t=tenant.id)] == [(1, 2, "PREVIOUS_RUN", None)]
    runs = await rows(owner, RUNS, t=tenant.id)
    [scope] = await rows(owner, "select key from atlas.scopes where tenant_id = :t", t=tenant.id)
    await triage.pin_baseline(
        api, tenant.as_(Role.MANAGER), scope_key=scope.key, run_id=runs[0].id, reason="the golden one"
    )
    await schedules.run_due(sweeper, at_once=9, now=due + 2 * HOUR)
    await ends(owner, tenant, "SUCCEEDED")
    await schedules.run_due(sweeper, at_once=9, now=due + 2 * HOUR)
    assert [tuple(row) for row in await rows(owner, pairs, t=tenant.id)][1:] == [(1, 3, "PINNED", None)]
    # What is under way already stands for a tick, and a run of another scope is none of its business.
    await record(api, worker, tenant, write_export(tmp_path, make_policy(1)))
    await rows(
        owner,
        """insert into atlas.sync_runs (tenant_id, scope_id, source) select tenant_id, id, 'GRAPH' from atlas.scopes
           where tenant_id = :t and source = 'GRAPH' returning id""",
        t=tenant.id,
    )
    assert await schedules.run_due(sweeper, at_once=9, now=due + 3 * HOUR) == []
    assert len(await rows(owner, RUNS, t=tenant.id)) == 4
    assert scope.key != KEY


async def test_a_held_run_is_no_failure(owner: Database, api: Database, sweeper: Database) -> None:
    tenant, due = await scheduled(owner, api)
    await schedules.run_due(sweeper, at_once=9, now=due)
    await ends(owner, tenant, "NEEDS_CONFIRMATION")
    assert await schedules.run_due(sweeper, at_once=9, now=due) == []
    assert (await state(owner, tenant)).failures == 0
    assert len(await schedules.run_due(sweeper, at_once=9, now=datetime.now(UTC) + 3 * HOUR)) == 1
