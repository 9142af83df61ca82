"""How a sync run ends: its reading, and then the run, which is recorded in whole or in part, or failed."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from atlas import jobs
from atlas.domain.vocabulary import CoverageStatus, SyncRunStatus
from atlas.jobs import Lease
from atlas.store import held, labels, recording, sync_runs
from atlas.store import jobs as job_store
from atlas.store.database import Connection, Database
from atlas.store.recording import Delta

NAMED_PROBLEMS = 10
STALE = "STALE"
STALE_MESSAGE = "A newer run was read meanwhile. Sync again."


async def end_reading(worker: Database, lease: Lease) -> None:
    """Notes that the run has read its source to the end: later changes are of no concern to it."""
    async with jobs.effect(worker, lease) as connection:
        await sync_runs.mark_read(connection, lease.job.tenant_id, lease.job.run_id)


async def end_recorded(
    connection: Connection,
    lease: Lease,
    scope_id: UUID,
    seq: int,
    *,
    delta: Delta,
    number: int,
    units: Sequence[Mapping[str, Any]],
    problems: Sequence[str] = (),
) -> None:
    """The run is number `seq` of its scope, with `number` objects; what was held before it is overtaken."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    complete = [unit["item_type"] for unit in units if unit["status"] == CoverageStatus.COMPLETE]
    whole = len(complete) == len(units)
    await labels.write_names_of_items(connection, tenant_id, scope_id)
    await recording.advance_scope(connection, tenant_id, scope_id, seq, complete)
    await job_store.write(
        connection, "sync", tenant_id, run_id,
        status=SyncRunStatus.SUCCEEDED if whole else SyncRunStatus.PARTIAL,
        seq=seq, lease_token=None, lease_until=None, finished_at=job_store.now(),
        observed=sum(unit["observed"] for unit in units),
        added=delta.added, changed=delta.changed, removed=delta.removed,
        unchanged=number - delta.added - delta.changed,
        error_code=None if whole else "INCOMPLETE",
        error_message=None if whole else _incomplete(units, problems),
    )  # fmt: skip


async def end_failed(
    connection: Connection, lease: Lease, scope_id: UUID, units: Sequence[Mapping[str, Any]], code: str, message: str
) -> None:
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    await recording.insert_units(connection, tenant_id, scope_id, run_id, None, units)
    await job_store.fail(connection, "sync", tenant_id, run_id, code=code, message=message)


async def overtake(connection: Connection, lease: Lease, scope_id: UUID) -> None:
    """What was held of the scope before this run is obsolete: it would undo what this run recorded."""
    await held.overtake(connection, lease.job.tenant_id, scope_id, lease.job.run_id, code=STALE, message=STALE_MESSAGE)


def told(problems: Sequence[str]) -> str:
    """Names the first problems; the coverage has the rest, type by type."""
    named = "; ".join(problems[:NAMED_PROBLEMS])
    more = len(problems) - NAMED_PROBLEMS
    return f"{named}; and {more} more" if more > 0 else named


def _incomplete(units: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> str:
    """Names the files that could not be read, and the types of which nothing is said for it."""
    types = [unit["item_type"] for unit in units if unit["status"] != CoverageStatus.COMPLETE]
    return f"Not read to the end: {', '.join(types)}." + (f" {told(problems)}" if problems else "")
