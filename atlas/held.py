"""Held sync runs: a run that lacks too much of what its scope holds waits until somebody confirms it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from atlas import jobs
from atlas.access import require
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.holding import NEEDS_CONFIRMATION, Drop, told
from atlas.domain.vocabulary import Capability, CoverageStatus, SyncRunStatus, UserErrorCode
from atlas.jobs import Job, Lease
from atlas.run_end import STALE, STALE_MESSAGE, end_recorded, overtake
from atlas.store import aliases, recording, staging
from atlas.store import held as store
from atlas.store import jobs as job_store
from atlas.store.database import Connection, Context, Database, forbidden
from atlas.triage import checked_reason


async def keep(
    connection: Connection,
    lease: Lease,
    scope_id: UUID,
    *,
    items: Sequence[recording.Incoming],
    units: Sequence[Mapping[str, Any]],
) -> None:
    """Stages what a run brought in one piece. The contents of the items are stored already."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    await store.keep(connection, tenant_id, run_id, items)
    await recording.insert_units(connection, tenant_id, scope_id, run_id, None, units)


async def hold(connection: Connection, lease: Lease, scope_id: UUID, *, drops: Sequence[Drop]) -> None:
    """Leaves what is staged of the run as it is, without recording any of it. It is the one that waits of its scope."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    await overtake(connection, lease, scope_id)
    await job_store.write(
        connection, "sync", tenant_id, run_id,
        status=SyncRunStatus.NEEDS_CONFIRMATION, lease_token=None, lease_until=None,
        error_code=NEEDS_CONFIRMATION, error_message=told(drops, run_id),
    )  # fmt: skip


async def confirm_run(db: Database, context: Context, run_id: UUID, *, reason: str) -> Job:
    """Says that what a held run lacks is really gone, and queues it. The job records what the run brought.

    Raises `RefusedError` INVALID_INPUT (reason), NOT_FOUND, FORBIDDEN, or CONFLICT where the run is not held, also
    because a newer one was recorded meanwhile.
    """
    reason = checked_reason(reason)
    if context.tenant_id is None:
        raise forbidden()
    async with db.transaction(replace(context, reason=reason)) as connection:
        run = await store.status_of(connection, context.tenant_id, run_id)
        if run is None:
            raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such sync run.", ("input", "id"))
        await require(connection, context, Capability.START_SYNC)
        if not await store.confirm(connection, context.tenant_id, run_id):
            # Somebody else may have confirmed it between the two statements.
            run = await store.status_of(connection, context.tenant_id, run_id) or run
            message = f"The sync run is {run['status']} and waits for no confirmation."
            if run["error_code"] == STALE:
                message = f"The sync run is stale. {STALE_MESSAGE}"
            raise RefusedError(UserErrorCode.CONFLICT, message, ("input", "id"))
    await db.notify([context.tenant_id])
    return Job("sync", context.tenant_id, run_id)


async def record_held(worker: Database, lease: Lease) -> None:
    """Records what a confirmed run brought, in one transaction under the scope's lock; the job ends with it.

    The run ends SUCCEEDED or PARTIAL, or FAILED where a newer one was recorded meanwhile.
    Raises `OperatorError` NOT_CONFIRMED where the run was never held: nobody but its reader can record it.
    """
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    async with jobs.effect(worker, lease) as connection:
        if not await store.confirmed(connection, tenant_id, run_id):
            raise OperatorError("NOT_CONFIRMED", "The run holds nothing that a worker could record.", "Sync again.")
        run = await recording.scope_of_run(connection, tenant_id, run_id)
        last = await recording.lock_scope(connection, tenant_id, run["scope_id"])
        newest = await recording.started_at(connection, tenant_id, run["scope_id"], last)
        items = await store.kept(connection, tenant_id, run_id)
        # The lease ends with the run's status, and with it the right to write anything else.
        await store.forget(connection, tenant_id, run_id)
        if newest is not None and newest > run["started_at"]:
            await job_store.fail(connection, "sync", tenant_id, run_id, code=STALE, message=STALE_MESSAGE)
        else:
            await _record(connection, lease, run["scope_id"], last + 1, items)
    await worker.notify([tenant_id])


async def _record(
    connection: Connection, lease: Lease, scope_id: UUID, seq: int, items: Sequence[recording.Incoming]
) -> None:
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    units = [dict(unit) for unit in await staging.units(connection, tenant_id, run_id)]
    complete = [unit["item_type"] for unit in units if unit["status"] == CoverageStatus.COMPLETE]
    delta = await recording.stage(connection, tenant_id, scope_id, items, complete)
    await recording.apply(connection, tenant_id, scope_id, seq)
    # A type whose key was rotated was held under the form that it stands recorded in; the next run renames it.
    forms = {item.item_type: item.hash.partition(":")[0] for item in items}
    await aliases.set_forms(connection, tenant_id, scope_id, forms)
    await store.number_units(connection, tenant_id, run_id, seq)
    await overtake(connection, lease, scope_id)
    await end_recorded(connection, lease, scope_id, seq, delta=delta, number=len(items), units=units)
