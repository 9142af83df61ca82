"""Means to prune in a test: runs made old, a pruning done as the worker does it."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from atlas import jobs, prune
from atlas.prune import Pruned
from atlas.store.database import Database
from tests.factories import Tenant

KEEP_DAYS = 30


async def age(owner: Database, tenant: Tenant, run_ids: list[UUID], days: int = 100) -> None:
    """Makes these runs so many days older, but those that are old already."""
    statement = """update atlas.sync_runs set started_at = started_at - make_interval(days => :days),
        finished_at = finished_at - make_interval(days => :days), created_at = created_at - make_interval(days => :days)
        where tenant_id = :tenant and id = any(:runs) and created_at > now() - make_interval(days => 50)"""
    async with owner.transaction() as connection:
        await connection.execute(text(statement), {"tenant": tenant.id, "runs": run_ids, "days": days})


async def pruned(api: Database, worker: Database, tenant: Tenant, keep_days: int = KEEP_DAYS) -> Pruned:
    """Asks for a pruning and does the worker's work; what went."""
    job = await prune.request_pruning(api, tenant.owner, keep_days)
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    await prune.prune(worker, lease)
    went = await prune.outcome(api, tenant.owner, job.run_id)
    assert went is not None
    return went


async def rows(owner: Database, statement: str, **values: Any) -> list[Any]:
    async with owner.transaction() as connection:
        return list((await connection.execute(text(statement), values)).all())


async def pruned_until(owner: Database, api: Database, worker: Database, tenant: Tenant, run_id: UUID) -> Pruned:
    """Prunes as if the named run, and all before it, were just old enough."""
    job = await prune.request_pruning(api, tenant.owner, KEEP_DAYS)
    await rows(
        owner,
        """update atlas.prune_runs set created_at =
               (select finished_at from atlas.sync_runs where tenant_id = :t and id = :until)
               + make_interval(days => keep_days) + interval '1 microsecond'
           where tenant_id = :t and id = :job returning id""",
        t=tenant.id, until=run_id, job=job.run_id,
    )  # fmt: skip
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    await prune.prune(worker, lease)
    went = await prune.outcome(api, tenant.owner, job.run_id)
    assert went is not None
    return went


async def held_by_runs(owner: Database, tenant: Tenant) -> dict[int, list[Any]]:
    """What each run that is kept holds, and that all of it has its content."""
    found = {
        row.seq: list[Any]()
        for row in await rows(
            owner,
            "select seq from atlas.sync_runs where tenant_id = :t and seq is not null and pruned_at is null",
            t=tenant.id,
        )
    }
    statement = """select r.seq, i.item_type, i.external_id, i.display_name
        from atlas.sync_runs r join atlas.item_intervals i on i.tenant_id = r.tenant_id and i.scope_id = r.scope_id
            and i.valid_from <= r.seq and (i.valid_to is null or i.valid_to > r.seq)
        join atlas.contents c on c.tenant_id = i.tenant_id and c.hash = i.hash
        where r.tenant_id = :t and r.pruned_at is null"""
    for row in await rows(owner, statement, t=tenant.id):
        found[row.seq].append(row)
    return found


async def contents_of(owner: Database, tenant: Tenant) -> tuple[set[str], set[str]]:
    """The contents that are kept, and those that intervals name, or what a run that waits for confirmation brought."""
    kept = await rows(owner, "select hash from atlas.contents where tenant_id = :t", t=tenant.id)
    statement = """select hash from atlas.item_intervals where tenant_id = :t
        union select hash from atlas.staged_items where tenant_id = :t"""
    named = await rows(owner, statement, t=tenant.id)
    return {row.hash for row in kept}, {row.hash for row in named}
