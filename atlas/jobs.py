"""Leases: how one worker has a job, keeps it, loses it, and how the sweeper brings a lost one back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from atlas.store import jobs as store
from atlas.store.database import Connection, Context, Database
from atlas.store.jobs import Kind

BATCH = 200


@dataclass(frozen=True, slots=True)
class Job:
    """What a message carries: ids, and nothing else."""

    kind: Kind
    tenant_id: UUID
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that this process holds. `context` is what the database's policies let it in by."""

    job: Job
    token: UUID
    attempt: int
    duration: timedelta

    @property
    def context(self) -> Context:
        return Context(tenant_id=self.job.tenant_id, job_id=self.job.run_id, lease_token=self.token)


class LeaseLostError(Exception):
    """Somebody else has the job now. Whoever sees this stops, and has written nothing."""


async def claim(worker: Database, job: Job, *, lease_seconds: float) -> Lease | None:
    """Takes the job where it is due; None where there is nothing to do."""
    duration = timedelta(seconds=lease_seconds)
    async with worker.transaction() as connection:
        claimed = await store.claim(connection, job.kind, job.tenant_id, job.run_id, duration)
    if claimed is None:
        return None
    await worker.notify([job.tenant_id])
    return Lease(job, claimed[0], claimed[1], duration)


@asynccontextmanager
async def effect(worker: Database, lease: Lease) -> AsyncIterator[Connection]:
    """The transaction in which a job takes effect: it begins with the fence, so that a lost lease writes nothing."""
    async with worker.transaction(lease.context) as connection:
        job = lease.job
        if not await store.hold(connection, job.kind, job.tenant_id, job.run_id, lease.token, lease.duration):
            raise LeaseLostError
        yield connection


@asynccontextmanager
async def kept(worker: Database, lease: Lease) -> AsyncIterator[None]:
    """Prolongs the lease while the body works, at a third of its duration."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(lease.duration.total_seconds() / 3)
            # A beat that fails, however, is made good by the next one, or the lease runs out and the fence tells.
            with suppress(Exception):
                async with effect(worker, lease):
                    pass

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def progress(worker: Database, lease: Lease, done: int, total: int | None) -> None:
    async with effect(worker, lease) as connection:
        job = lease.job
        await store.write(connection, job.kind, job.tenant_id, job.run_id, progress_done=done, progress_total=total)
    await worker.notify([lease.job.tenant_id])


async def give_back(worker: Database, lease: Lease, *, delay_seconds: float) -> None:
    """Puts the job back into the queue, due after the delay. Nothing happens where the lease was lost."""
    with suppress(LeaseLostError):
        async with effect(worker, lease) as connection:
            job = lease.job
            await store.give_back(connection, job.kind, job.tenant_id, job.run_id, timedelta(seconds=delay_seconds))
        await worker.notify([lease.job.tenant_id])


async def fail(worker: Database, lease: Lease, *, code: str, message: str) -> None:
    with suppress(LeaseLostError):
        async with effect(worker, lease) as connection:
            job = lease.job
            await store.fail(connection, job.kind, job.tenant_id, job.run_id, code=code, message=message)
        await worker.notify([lease.job.tenant_id])


async def sweep(sweeper: Database, *, max_attempts: int, resend_seconds: float, grace_seconds: float) -> list[Job]:
    """One round of the sweeper: lost jobs back into the queue, expired acknowledgements back to NEW.

    Returns the jobs whose message must be sent now: those that still wait `grace_seconds` after they were asked for
    (their first message is lost, or the workers are busy), and again each `resend_seconds`. One sweeper is active at
    a time; the others return nothing.
    """
    touched: set[UUID] = set()
    unsent: list[Job] = []
    async with sweeper.transaction() as connection:
        if not await store.try_sweep_lock(connection):
            return []
        for kind in store.TABLES:
            touched |= await store.sweep_expired(connection, kind, max_attempts)
            due = await store.take_unsent(
                connection, kind, timedelta(seconds=grace_seconds), timedelta(seconds=resend_seconds), BATCH
            )
            unsent += [Job(kind, tenant_id, run_id) for tenant_id, run_id in due]
        touched |= await store.expire_acknowledgements(connection, BATCH)
    if touched:
        await sweeper.notify(touched)
    return unsent
