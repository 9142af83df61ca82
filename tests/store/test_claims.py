"""A job is taken once, and only its lease opens the tenant to a worker."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from atlas.store import jobs
from atlas.store.database import Context, Database
from tests.store.test_tenancy import READ_BY_WORKER, TABLES
from tests.store.world import DENIED, World, attempt, rows, run

LEASE = timedelta(seconds=30)
QUEUE = """update atlas.drift_runs set status = 'QUEUED', lease_token = null, lease_until = null
           where tenant_id = :tenant and id = :drift_run"""


async def claim(worker: Database, world: World, tenant: UUID | None = None) -> tuple[UUID, int] | None:
    async with worker.transaction() as connection:
        return await jobs.claim(connection, "drift", tenant or world.tenant, world.drift_run, LEASE)


async def as_owner(owner: Database, world: World, statement: str) -> None:
    async with owner.transaction() as connection:
        assert await run(connection, statement, world.ids) == 1


async def readable(worker: Database, world: World, context: Context) -> list[str]:
    select = "select tenant_id from atlas.{} where tenant_id = :tenant"
    found = [
        table for table in TABLES if await attempt(worker, context, select.format(table), world.ids) not in (0, DENIED)
    ]
    return sorted(found)


async def test_of_many_who_claim_at_once_one_gets_the_lease(worker: Database, owner: Database, world: World) -> None:
    await as_owner(owner, world, QUEUE)
    taken = [lease for lease in await asyncio.gather(*(claim(worker, world) for _ in range(8))) if lease]
    assert len(taken) == 1
    assert await claim(worker, world) is None
    [(token, attempts)] = taken
    assert attempts == 2
    # The secret of a connection, what the source records and calls things, and what a held run brought, are for who
    # syncs.
    assert await readable(worker, world, world.leased(lease_token=token)) == sorted(
        set(READ_BY_WORKER) - {"events", "graph_connections", "prune_runs", "labels", "staged_items", "source_events"}
    )


async def test_the_lease_of_a_trial_opens_its_connection_and_nothing_else(
    worker: Database, owner: Database, world: World, other: World
) -> None:
    """Whoever tries a connection sees its secret, and neither another one nor anything of the inventory."""
    async with owner.transaction() as connection:
        await run(connection, _SECOND_CONNECTION, world.ids)
    taken = "select lease_token from atlas.claim_trial_run(:tenant, :connection, interval '30 seconds')"
    async with worker.transaction() as connection:
        token = await connection.scalar(text(taken), world.ids)
    async with worker.transaction() as connection:
        assert await connection.scalar(text(taken), world.ids) is None, "it is taken"
    trial = world.leased(job_id=world.connection, lease_token=token)
    assert await readable(worker, world, trial) == ["graph_connections"]
    seen = "select id from atlas.graph_connections"
    assert await attempt(worker, trial, seen, {}) == 1
    assert await attempt(worker, world.leased(job_id=world.connection), seen, {}) == 0, "under another lease"
    assert await attempt(worker, other.leased(job_id=world.connection, lease_token=token), seen, {}) == 0
    ends = """update atlas.graph_connections set status = 'SUCCEEDED', lease_token = null, lease_until = null,
              tested_at = now(), missing = '[]' where tenant_id = :tenant"""
    assert await attempt(worker, trial, ends, world.ids) == 1
    swapped = "update atlas.graph_connections set sealed = 'other' where tenant_id = :tenant"
    assert await attempt(worker, trial, swapped, world.ids) == DENIED


_SECOND_CONNECTION = """
    insert into atlas.graph_connections (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, sealed)
    values (:tenant, :scope, :scope, :scope, 'GLOBAL', 'CLIENT_SECRET', 'sealed')"""


async def test_a_job_that_is_not_due_is_not_taken(worker: Database, owner: Database, world: World) -> None:
    await as_owner(owner, world, QUEUE)
    later = "update atlas.drift_runs set available_at = now() + interval '1 hour' where id = :drift_run"
    await as_owner(owner, world, later)
    assert await claim(worker, world) is None


async def test_a_job_is_not_taken_under_another_tenant(
    worker: Database, owner: Database, world: World, other: World
) -> None:
    await as_owner(owner, world, QUEUE)
    assert await claim(worker, world, tenant=other.tenant) is None


@pytest.mark.parametrize("who", ["api", "sweeper"])
async def test_nobody_but_a_worker_claims(api: Database, sweeper: Database, world: World, who: str) -> None:
    db = {"api": api, "sweeper": sweeper}[who]
    statement = "select atlas.claim_drift_run(:tenant, :drift_run, interval '30 s')"
    assert await attempt(db, world.context(), statement, world.ids) == DENIED


@pytest.mark.parametrize("lease", ["none", "guessed", "another job's", "expired", "given back", "finished"])
async def test_without_its_lease_a_worker_reads_and_writes_nothing(
    worker: Database, owner: Database, world: World, other: World, lease: str
) -> None:
    context = world.leased()
    match lease:
        case "none":
            context = world.leased(lease_token=None)
        case "guessed":
            context = world.leased(lease_token=uuid4())
        case "another job's":
            context = other.leased(tenant_id=world.tenant)
        case "expired":
            expire = "update atlas.drift_runs set lease_until = now() - interval '1 ms' where id = :drift_run"
            await as_owner(owner, world, expire)
        case "given back":
            async with worker.transaction(context) as connection:
                await jobs.give_back(connection, "drift", world.tenant, world.drift_run, timedelta())
        case "finished":
            async with worker.transaction(context) as connection:
                await jobs.fail(connection, "drift", world.tenant, world.drift_run, code="X", message="x")
    assert await readable(worker, world, context) == []
    touched = "update atlas.findings set last_seen_at = now() where tenant_id = :tenant"
    assert await attempt(worker, context, touched, world.ids) == 0
    content = "insert into atlas.contents (tenant_id, hash, body) values (:tenant, 'c1:new', 'x')"
    assert await attempt(worker, context, content, world.ids) == DENIED
    async with worker.transaction(context) as connection:
        assert not await jobs.hold(connection, "drift", world.tenant, world.drift_run, world.lease, LEASE)


async def test_the_lease_opens_no_other_tenant(worker: Database, world: World, other: World) -> None:
    assert await readable(worker, other, world.leased()) == []


async def test_a_worker_writes_of_its_own_run_only(worker: Database, owner: Database, world: World) -> None:
    another = """insert into atlas.drift_runs (tenant_id, id, scope_id, baseline_run_id, current_run_id,
                     baseline_seq, current_seq, baseline_mode, engine)
                 values (:tenant, :item, :scope, :current_run, :later_run, 2, 3, 'PINNED', 'e1')"""
    await as_owner(owner, world, another)
    progress = "update atlas.drift_runs set progress_done = 1 where tenant_id = :tenant"
    assert await attempt(worker, world.leased(), progress, world.ids) == 1
    seen = (
        "insert into atlas.drift_run_findings (tenant_id, drift_run_id, finding_id) values (:tenant, :item, :finding)"
    )
    assert await attempt(worker, world.leased(), seen, world.ids) == DENIED
    unit = """insert into atlas.run_units (tenant_id, run_id, item_type, scope_id, status, observed)
              values (:tenant, :current_run, 'scripts', :scope, 'COMPLETE', 1)"""
    assert await attempt(worker, world.leased(), unit, world.ids) == DENIED


async def test_the_end_of_a_job_is_audited_with_no_actor(worker: Database, owner: Database, world: World) -> None:
    async with worker.transaction(world.leased(principal_id=world.owner)) as connection:
        await jobs.fail(connection, "drift", world.tenant, world.drift_run, code="BROKEN", message="It broke.")
    async with owner.transaction() as connection:
        events = await rows(
            connection,
            "select action, actor_id, after ->> 'error' as error from atlas.audit_events"
            " where tenant_id = :tenant and target_id = :drift_run and action <> 'driftRun.requested'",
            world.ids,
        )
    assert [tuple(event) for event in events] == [("driftRun.failed", None, "BROKEN")]


async def test_the_sweeper_queues_what_expired_and_leaves_what_holds(
    sweeper: Database, owner: Database, world: World, other: World
) -> None:
    await as_owner(
        owner, world, "update atlas.drift_runs set lease_until = now() - interval '1 s' where id = :drift_run"
    )
    async with sweeper.transaction() as connection:
        tenants = await jobs.sweep_expired(connection, "drift", 5)
    assert world.tenant in tenants
    assert other.tenant not in tenants
    async with owner.transaction() as connection:
        status = text("select status from atlas.drift_runs where id = :id")
        assert await connection.scalar(status, {"id": world.drift_run}) == "QUEUED"
        assert await connection.scalar(status, {"id": other.drift_run}) == "RUNNING"


async def test_what_was_never_sent_goes_before_what_was_sent_and_still_waits(
    sweeper: Database, owner: Database, world: World, other: World
) -> None:
    """Sent an hour ago and again each minute, a job that waits for another must not keep a new one back."""
    async with owner.transaction() as connection:
        await connection.execute(text("update atlas.drift_runs set sent_at = now() where status = 'QUEUED'"))
    for one, sent, minutes in ((world, "null", 1), (other, "now() - interval '1 hour'", 120)):
        await as_owner(owner, one, QUEUE)
        due = f"sent_at = {sent}, available_at = now() - interval '{minutes} minutes'"
        await as_owner(owner, one, f"update atlas.drift_runs set {due} where tenant_id = :tenant and id = :drift_run")
    taken = []
    for _ in range(2):
        async with sweeper.transaction() as connection:
            taken += await jobs.take_unsent(connection, "drift", timedelta(seconds=5), timedelta(seconds=60), 1)
    assert taken == [(world.tenant, world.drift_run), (other.tenant, other.drift_run)]
