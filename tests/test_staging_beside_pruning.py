"""A sync that stages pages while a pruning lets go of contents: both pass, and what is staged has its content."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from atlas import jobs, staging, sync
from atlas.canonicalising import canonicalise
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import Role, SyncSource
from atlas.sources.folder import read_folder
from atlas.staging import Forms
from atlas.store import recording
from atlas.store.database import Connection, Database
from tests.factories import DEPLOYMENT_KEY, Tenant, make_policy, make_tenant, write_export
from tests.pruning import pruned, rows
from tests.test_hiding import until_it_waits

ROUNDS = 30


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


async def left_over(owner: Database, tenant: Tenant, hashes: list[str]) -> None:
    """Contents that nothing names, as a run leaves them that was cancelled."""
    async with owner.transaction(tenant.owner) as connection:
        await recording.insert_contents(connection, tenant.id, dict.fromkeys(hashes, b"{}"))


async def leased(api: Database, worker: Database, tenant: Tenant) -> jobs.Lease:
    job = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.FOLDER), "label")
    lease = await jobs.claim(worker, job, lease_seconds=60)
    assert lease is not None
    return lease


class Staging:
    """One sync that stages the same two policies, whose contents have these hashes."""

    def __init__(self, worker: Database, tenant: Tenant, folder: Path) -> None:
        key = derive_tenant_key(DEPLOYMENT_KEY, tenant.id)
        self.worker, self.tenant = worker, tenant
        self.reading = read_folder(write_export(folder, make_policy(1), make_policy(2)))
        self.hashes = [item.hash for item in canonicalise(self.reading, key).items]
        self.forms: Forms = staging.forms_of([key])

    async def stage(self, lease: jobs.Lease) -> None:
        async with jobs.effect(self.worker, lease) as connection:
            run = await recording.scope_of_run(connection, self.tenant.id, lease.job.run_id)
        await staging.stage(
            self.worker, lease, run["scope_id"], self.reading.objects, self.forms, self.forms.present
        )  # fmt: skip


async def staged(owner: Database, tenant: Tenant) -> list[str]:
    """The hashes of what is staged, each of which has its content."""
    query = """select s.hash from atlas.staged_items s
        join atlas.contents c on c.tenant_id = s.tenant_id and c.hash = s.hash where s.tenant_id = :t order by 1"""
    return [row.hash for row in await rows(owner, query, t=tenant.id)]


async def waits_or_is_done(connection: Connection, working: asyncio.Task[object]) -> None:
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    while not working.done() and not await connection.scalar(waiting):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_what_a_page_found_stored_stays_until_it_is_named(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """The first content is there and nothing names it; staging waits in its midst for the second one."""
    made = Staging(worker, tenant, tmp_path)
    await left_over(owner, tenant, made.hashes[:1])
    lease = await leased(api, worker, tenant)
    async with owner.transaction(tenant.owner) as connection:
        await recording.insert_contents(connection, tenant.id, {made.hashes[1]: b"{}"})
        page = asyncio.create_task(made.stage(lease))
        await until_it_waits(owner, connection, page)
        pruning = asyncio.create_task(pruned(api, worker, tenant))
        await waits_or_is_done(connection, pruning)
    await page
    assert (await pruning).contents == 0
    assert await staged(owner, tenant) == sorted(made.hashes)


async def test_what_a_pruning_is_letting_go_of_is_stored_again(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """The pruning waits in its midst for the one content, and may have let go of the other."""
    made = Staging(worker, tenant, tmp_path)
    await left_over(owner, tenant, made.hashes)
    lease = await leased(api, worker, tenant)
    async with owner.transaction(tenant.owner) as connection:
        held = text("select hash from atlas.contents where tenant_id = :t and hash = :hash for key share")
        await connection.execute(held, {"t": tenant.id, "hash": max(made.hashes)})
        pruning = asyncio.create_task(pruned(api, worker, tenant))
        await until_it_waits(owner, connection, pruning)
        page = asyncio.create_task(made.stage(lease))
        await waits_or_is_done(connection, page)
    assert (await pruning).contents == 2
    await page
    assert await staged(owner, tenant) == sorted(made.hashes)


async def test_staging_and_pruning_at_one_moment_both_pass(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    made = Staging(worker, tenant, tmp_path)
    went = 0
    for _ in range(ROUNDS):
        await left_over(owner, tenant, made.hashes)
        _, gone = await asyncio.gather(made.stage(await leased(api, worker, tenant)), pruned(api, worker, tenant))
        went += gone.contents
        assert await staged(owner, tenant) == sorted(made.hashes)
        await rows(owner, "delete from atlas.staged_items where tenant_id = :t returning hash", t=tenant.id)
    assert (await pruned(api, worker, tenant)).contents + went > 0
