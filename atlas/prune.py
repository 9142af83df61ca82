"""Pruning: what old runs held is let go, for good. The runs' rows, findings and the audit record stay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from atlas import jobs
from atlas.access import require, tenant_of
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.retention import Recorded, gaps, prunable
from atlas.domain.vocabulary import Capability, UserErrorCode
from atlas.jobs import Job, Lease
from atlas.store import jobs as job_store
from atlas.store import pruning as store
from atlas.store import recording
from atlas.store.database import Connection, Context, Database, forbidden
from atlas.store.pruning import COUNTED, Counted, Place

BATCH = 1000
TENANTS_A_ROUND = 20
MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What goes or went: recorded and failed runs, closed intervals, contents, rows of coverage, activity events,
    and the source's own events.
    """

    runs: int = 0
    intervals: int = 0
    contents: int = 0
    coverage: int = 0
    events: int = 0
    source_events: int = 0


async def request_pruning(db: Database, context: Context, keep_days: int) -> Job:
    """Queues the pruning of what is older than so many days.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN, INVALID_INPUT, and CONFLICT where one is queued already.
    """
    tenant_id = tenant_of(context)
    _check(keep_days)
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.MANAGE_TENANT)
        if context.principal_id is None:
            raise forbidden()
        run_id = await store.request(
            connection, tenant_id, keep_days=keep_days, requested_by=context.principal_id,
            request_id=context.request_id,
        )  # fmt: skip
    if run_id is None:
        raise RefusedError(UserErrorCode.CONFLICT, "A pruning of this tenant is queued already.")
    return Job("prune", tenant_id, run_id)


async def preview(db: Database, context: Context, keep_days: int) -> Pruned:
    """What a pruning would let go of now, and nothing is changed. Raises as `request_pruning`, but not CONFLICT."""
    tenant_id = tenant_of(context)
    _check(keep_days)
    async with db.transaction(context, readonly=True) as connection:
        await require(connection, context, Capability.MANAGE_TENANT)
        before = await store.cutoff(connection, keep_days)
        found, holes = Pruned(), list[tuple[UUID, int, int]]()
        for scope_id in await store.scopes_of(connection, tenant_id):
            place = await _place(connection, Place(tenant_id, before, scope_id))
            holes += [(scope_id, low, high) for low, high in place.gaps]
            found = replace(found, runs=found.runs + len(place.going))
            for table in ("item_intervals", "run_units", "run_duplicates"):
                found = _plus(found, COUNTED[table], await store.count(connection, table, place))
        place = Place(tenant_id, before)
        return replace(
            found,
            contents=await store.count_orphans(connection, tenant_id, holes),
            events=await store.count_events(connection, place),
            source_events=await store.count(connection, "source_events", place),
        )


async def outcome(db: Database, context: Context, run_id: UUID) -> Pruned | None:
    """What a pruning let go of; None while it has not ended. Raises `OperatorError` where it failed."""
    async with db.transaction(context, readonly=True) as connection:
        row = await store.run_of(connection, tenant_of(context), run_id)
    if row["status"] == "FAILED":
        raise OperatorError(row["error_code"], row["error_message"], "Ask again; what was pruned so far stays so.")
    if row["status"] != "SUCCEEDED":
        return None
    return Pruned(**{name: row[name] for name in Pruned.__slots__})


async def ask_due(sweeper: Database, keep_days: int) -> list[Job]:
    """Asks for the prunings that are due: one a day and tenant, by one sweeper at a time."""
    async with sweeper.transaction() as connection:
        if not await job_store.try_sweep_lock(connection):
            return []
        made = await store.ask_due(connection, keep_days, TENANTS_A_ROUND)
    return [Job("prune", tenant_id, run_id) for tenant_id, run_id in made]


async def prune(worker: Database, lease: Lease) -> None:
    """Does the pruning of the lease, in short transactions that each begin with the fence.

    Whatever ends it in between, what is left goes the next time: first the runs are marked, then goes what no run
    that is not marked sees.
    """
    async with jobs.effect(worker, lease) as connection:
        before: datetime = (await store.run_of(connection, lease.job.tenant_id, lease.job.run_id))["cutoff"]
        scope_ids = await store.scopes_of(connection, lease.job.tenant_id)
    for scope_id in scope_ids:
        place = await _mark(worker, lease, Place(lease.job.tenant_id, before, scope_id))
        for table in ("item_intervals", "run_units", "run_duplicates"):
            await _in_batches(worker, lease, COUNTED[table], place, _deleting(table))
    await _prune_contents(worker, lease)
    everywhere = Place(lease.job.tenant_id, before)
    await _in_batches(worker, lease, "source_events", everywhere, _deleting("source_events"))
    await _in_batches(worker, lease, "events", everywhere, store.delete_events)
    async with jobs.effect(worker, lease) as connection:
        await job_store.write(
            connection, "prune", lease.job.tenant_id, lease.job.run_id,
            status="SUCCEEDED", lease_token=None, lease_until=None, finished_at=job_store.now(),
        )  # fmt: skip


async def _mark(worker: Database, lease: Lease, place: Place) -> Place:
    """Marks what goes of a scope, under its lock; the place as it is then."""
    async with jobs.effect(worker, lease) as connection:
        await store.lock_scopes(connection, place.tenant_id, place.scope_id)
        found = await _place(connection, place)
        await store.mark(connection, place.tenant_id, found.going)
        await store.add(connection, place.tenant_id, lease.job.run_id, "runs", len(found.going))
    return replace(found, going=())


async def _place(connection: Connection, place: Place) -> Place:
    """Which runs of the scope go, and what follows from that."""
    tenant_id, scope_id = place.tenant_id, place.scope_id
    if scope_id is None:
        return place
    runs = await store.recorded(connection, tenant_id, scope_id, place.cutoff)
    pairs = await store.generated_pairs(connection, tenant_id, scope_id)
    gone = set(prunable([Recorded(run["seq"], run["needed"]) for run in runs], pairs))
    kept = [run["seq"] for run in runs if run["seq"] not in gone]
    failed = await store.failed(connection, tenant_id, scope_id, place.cutoff)
    measured = await store.measured_from(connection, tenant_id, scope_id)
    return replace(
        place,
        seen=sorted({*kept, *measured}),
        gaps=gaps(kept),
        going=[*(run["id"] for run in runs if run["seq"] in gone), *failed],
    )


Batch = Callable[[Connection, Place, int], Awaitable[int]]


def _deleting(table: store.Table) -> Batch:
    async def batch(connection: Connection, place: Place, most: int) -> int:
        return await store.delete(connection, table, place, most)

    return batch


async def _in_batches(worker: Database, lease: Lease, counted: Counted, place: Place, batch: Batch) -> None:
    went = BATCH
    while went == BATCH:
        async with jobs.effect(worker, lease) as connection:
            if place.scope_id is not None:
                await store.lock_scopes(connection, place.tenant_id, place.scope_id)
            went = await batch(connection, place, BATCH)
            await store.add(connection, place.tenant_id, lease.job.run_id, counted, went)


async def _prune_contents(worker: Database, lease: Lease) -> None:
    """Contents belong to all scopes: while none is recorded or staged, what nothing names stays unnamed."""
    tenant_id = lease.job.tenant_id
    after: str | None = ""
    while after is not None:
        async with jobs.effect(worker, lease) as connection:
            await store.lock_scopes(connection, tenant_id)
            await recording.hold_contents(connection, tenant_id, to_prune=True)
            after, went = await store.delete_orphans(connection, tenant_id, after, BATCH)
            await store.add(connection, tenant_id, lease.job.run_id, "contents", went)


def _plus(found: Pruned, counted: Counted, number: int) -> Pruned:
    return replace(found, **{counted: getattr(found, counted) + number})


def _check(keep_days: int) -> None:
    if not 1 <= keep_days <= MOST_DAYS:
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"The days to keep are 1 to {MOST_DAYS}.", ("keepDays",))
