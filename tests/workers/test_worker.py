"""The worker as a real process on a real broker: held, killed, stopped, and what becomes of its runs."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select, text

from atlas import drift, jobs
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.jobs import Lease
from atlas.local import Services
from atlas.record import record_folder
from atlas.store.database import Context, Database
from atlas.store.tables import drift_run_findings, drift_runs, findings
from atlas.workers.actors import Terms, run
from atlas.workers.broker import dispatcher, open_broker
from atlas.workers.runtime import WorkerSettings, running
from tests.factories import DEPLOYMENT_KEY, Tenant, make_policy, make_tenant, write_export
from tests.locks import end_what_waits

pytestmark = pytest.mark.usefixtures("empty_queue")

# A worker's process loads for two seconds of a processor, and a machine that is busy gives it a tenth of one.
PATIENCE = 60

KEY = scope_key(Selection(SyncSource.FOLDER))

WORKER = """
import orjson, sys
from atlas.workers.actors import Terms
from atlas.workers.runtime import WorkerSettings, run_until_stopped
given = orjson.loads(sys.argv[1])
run_until_stopped(WorkerSettings(**{**given, "terms": Terms(**given["terms"])}))
"""


def settings(cluster: Services, **terms: Any) -> dict[str, Any]:
    return {
        "worker_url": cluster.worker_database_url,
        "sweeper_url": cluster.sweeper_database_url,
        "broker_url": cluster.broker_url,
        "threads": 2,
        "sweep_seconds": 0.2,
        "resend_seconds": 2,
        "grace_seconds": 0.5,
        "terms": {"lease_seconds": 1.5, "max_attempts": 4, "backoff_seconds": 0.2} | terms,
    }


@contextmanager
def worker_process(cluster: Services, **terms: Any) -> Iterator[subprocess.Popen[bytes]]:
    given = orjson.dumps(settings(cluster, **terms)).decode()
    process = subprocess.Popen([sys.executable, "-c", WORKER, given], env=os.environ | {"PYTHONPATH": "."})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def two_runs(api: Database, worker: Database, tenant: Tenant, folder: Path, *, objects: int = 5) -> None:
    for value in (1, 2):
        export = write_export(folder / str(value), *(make_policy(n, value=value) for n in range(objects)))
        await record_folder(api, worker, tenant.as_(Role.MANAGER), path=export, deployment_key=DEPLOYMENT_KEY)


async def row_of(api: Database, tenant: Tenant, run_id: UUID) -> dict[str, Any]:
    d = drift_runs.c
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(
            select(d.status, d.attempts, d.findings_new, d.error_code).where(d.tenant_id == tenant.id, d.id == run_id)
        )
        return dict(rows.mappings().one())


async def ended(api: Database, tenant: Tenant, run_id: UUID, *, seconds: float = PATIENCE) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        while True:
            row = await row_of(api, tenant, run_id)
            if row["status"] in {"SUCCEEDED", "FAILED"}:
                return row
            await asyncio.sleep(0.05)


async def until(api: Database, tenant: Tenant, run_id: UUID, status: str, *, attempts: int = 0) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            row = await row_of(api, tenant, run_id)
            if row["status"] == status and row["attempts"] >= attempts:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def scope_held(owner: Database, tenant: Tenant) -> AsyncIterator[None]:
    """Holds the scope's row, so that a generation stops in the middle: at the beginning of its effect."""
    async with owner.transaction() as connection:
        await connection.execute(
            text("select 1 from atlas.scopes where tenant_id = :t for no key update"), {"t": tenant.id}
        )
        yield


async def each_finding_once(api: Database, tenant: Tenant, run_id: UUID) -> int:
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        prints = Counter((await connection.execute(select(findings.c.fingerprint))).scalars())
        seen = (
            await connection.execute(
                select(drift_run_findings.c.finding_id).where(drift_run_findings.c.drift_run_id == run_id)
            )
        ).scalars()
        assert len(set(seen)) == len(prints)
    assert set(prints.values()) <= {1}
    return len(prints)


async def test_twenty_requests_at_once_are_one_run(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    context = tenant.as_(Role.OPERATOR)
    asked = await asyncio.gather(*(drift.request_drift(api, context, scope_key=KEY) for _ in range(20)))
    assert len({one.run_id for one in asked}) == 1
    assert sum(one.created for one in asked) == 1
    with worker_process(cluster):
        row = await ended(api, tenant, asked[0].run_id)
    assert (row["status"], row["attempts"], row["findings_new"]) == ("SUCCEEDED", 1, 5)
    again = await drift.request_drift(api, context, scope_key=KEY)
    assert (again.run_id, again.created, again.jobs) == (asked[0].run_id, False, ())


async def test_a_worker_killed_in_the_middle_ends_in_one_success_with_each_finding_once(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    await dispatcher(open_broker(cluster.broker_url))(asked.jobs)
    with worker_process(cluster) as process:
        async with scope_held(owner, tenant):
            await until(api, tenant, asked.run_id, "RUNNING")
            process.send_signal(signal.SIGKILL)
            process.wait()
    with worker_process(cluster):
        row = await ended(api, tenant, asked.run_id)
    assert (row["status"], row["findings_new"]) == ("SUCCEEDED", 5)
    assert row["attempts"] >= 2
    assert await each_finding_once(api, tenant, asked.run_id) == 5


async def test_a_stopped_worker_gives_its_run_back_at_once(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    with worker_process(cluster, lease_seconds=60) as process:
        async with scope_held(owner, tenant):
            await until(api, tenant, asked.run_id, "RUNNING")
            process.terminate()
            assert await asyncio.to_thread(process.wait, 10) == 0
        assert (await row_of(api, tenant, asked.run_id))["status"] == "QUEUED"
    with worker_process(cluster):
        assert (await ended(api, tenant, asked.run_id))["status"] == "SUCCEEDED"


async def test_whenever_a_worker_is_stopped_its_run_is_no_longer_taken(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    """Also between the commit of the claim and whatever comes of it."""
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    (job,) = (await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)).jobs
    at_work = asyncio.Event()

    async def work(_worker: Database, _lease: Lease) -> None:
        at_work.set()
        await asyncio.sleep(60)

    async def stopped_after(moment: Awaitable[object]) -> dict[str, Any]:
        attempt = asyncio.create_task(run(worker, job, work, Terms()))
        await moment
        attempt.cancel()
        with suppress(asyncio.CancelledError):
            await attempt
        return await row_of(api, tenant, job.run_id)

    began = time.monotonic()
    assert (await stopped_after(at_work.wait()))["status"] == "QUEUED"
    took = time.monotonic() - began
    for step in range(60):
        assert (await stopped_after(asyncio.sleep(took * step / 50)))["status"] == "QUEUED", step


async def test_a_run_that_loses_its_worker_every_time_fails_with_a_reason(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    async with scope_held(owner, tenant):
        for attempt in (1, 2):
            with worker_process(cluster, max_attempts=2) as process:
                await until(api, tenant, asked.run_id, "RUNNING", attempts=attempt)
                process.kill()
    with worker_process(cluster, max_attempts=2):
        row = await ended(api, tenant, asked.run_id)
    assert (row["status"], row["attempts"], row["error_code"]) == ("FAILED", 2, "WORKER_LOST")
    again = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    assert again.created


async def test_a_lease_is_kept_after_a_beat_that_the_database_broke_off(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    """As when the database is started anew. Where Graph is waited for, nothing but beats keeps the lease."""
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    (job,) = (await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)).jobs
    lease = await jobs.claim(worker, job, lease_seconds=1.5)
    assert lease is not None
    its = {"t": tenant.id, "run": job.run_id}
    ends = text("select lease_until from atlas.drift_runs where tenant_id = :t and id = :run")

    async def leased() -> datetime:
        async with owner.transaction() as connection:
            return (await connection.execute(ends, its)).scalar_one()

    async with asyncio.timeout(PATIENCE), jobs.kept(worker, lease):
        async with owner.transaction() as connection:
            await connection.execute(
                text("select 1 from atlas.drift_runs where tenant_id = :t and id = :run for update"), its
            )
            await end_what_waits(cluster, "atlas_worker")  # A beat, for the row of its run.
        before = await leased()
        while await leased() == before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await jobs.give_back(worker, lease, delay_seconds=0)


async def test_a_flushed_broker_loses_no_run(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path)
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    broker = open_broker(cluster.broker_url)
    await dispatcher(broker)(asked.jobs)
    broker.client.flushall()
    with worker_process(cluster):
        assert (await ended(api, tenant, asked.run_id))["status"] == "SUCCEEDED"


async def test_a_broker_that_is_away_is_no_error_for_the_sender() -> None:
    send = dispatcher(open_broker("unix:///nowhere/valkey.sock"))
    await send((drift.Job("drift", UUID(int=1), UUID(int=2)),))


async def test_the_message_holds_ids_and_nothing_else(cluster: Services) -> None:
    broker = open_broker(cluster.broker_url)
    broker.client.flushall()
    job = drift.Job("drift", UUID(int=1), UUID(int=2))
    await dispatcher(broker)((job,))
    (message,) = [orjson.loads(value) for value in broker.client.hvals("atlas:atlas.msgs")]
    assert message["args"] == [str(job.tenant_id), str(job.run_id)]
    assert message["kwargs"] == {}
    assert set(message["options"]) <= {"redis_message_id"}
    broker.client.flushall()


@pytest.mark.parametrize("threads", [1, 3])
async def test_a_worker_in_this_process_leaves_no_thread_behind(cluster: Services, threads: int) -> None:
    import threading

    before = set(threading.enumerate())
    given = settings(cluster) | {"threads": threads, "terms": Terms()}
    with running(WorkerSettings(**given)):
        await asyncio.sleep(0.3)
    left = [one for one in set(threading.enumerate()) - before if not one.name.startswith("asyncio")]
    assert left == []
    _ = Context


async def test_the_pairs_of_a_scope_are_generated_oldest_first_whatever_order_their_messages_come_in(
    owner: Database, api: Database, worker: Database, cluster: Services, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await two_runs(api, worker, tenant, tmp_path / "a")
    await two_runs(api, worker, tenant, tmp_path / "b")
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    assert len(asked.jobs) == 3
    await dispatcher(open_broker(cluster.broker_url))(tuple(reversed(asked.jobs)))
    with running(WorkerSettings(**settings(cluster) | {"threads": 4, "terms": Terms()})):
        await ended(api, tenant, asked.run_id)
    d = drift_runs.c
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(select(d.current_seq, d.status, d.finished_at).order_by(d.finished_at))
        assert [(row.current_seq, row.status) for row in rows] == [(n, "SUCCEEDED") for n in (2, 3, 4)]
        states = Counter((await connection.execute(select(findings.c.status))).scalars())
    assert states == {"NEW": 5, "RESOLVED": 5}
