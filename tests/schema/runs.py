"""Runs made by hand, as the owner: what a worker would write, one step at a time."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text

from atlas.store.database import Database
from tests.factories import Tenant

INSERT_SCOPE = """insert into atlas.scopes (tenant_id, id, key, source, selection, label)
    values (:tenant, :id, :key, 'FOLDER', '{}', 'Made by hand')"""
INSERT_RUN = """insert into atlas.sync_runs (tenant_id, id, scope_id, source)
    values (:tenant, :id, :scope, 'FOLDER')"""
RUNNING = """update atlas.sync_runs set status = 'RUNNING', lease_token = gen_random_uuid(), progress_done = :done,
    progress_total = 10, started_at = now() where tenant_id = :tenant and id = :id"""
QUEUED = """update atlas.sync_runs set status = 'QUEUED', lease_token = null
    where tenant_id = :tenant and id = :id"""
FAILED = """update atlas.sync_runs set status = 'FAILED', lease_token = null, finished_at = now(),
    error_code = 'STOPPED', error_message = 'Stopped by hand.' where tenant_id = :tenant and id = :id"""


@dataclass(frozen=True, slots=True)
class SyncRun:
    owner: Database
    tenant: Tenant
    id: UUID

    async def becomes(self, statement: str, *, tell: bool = True, **values: object) -> None:
        """Commits the statement, and tells the API processes of it."""
        async with self.owner.transaction(self.tenant.owner) as connection:
            await connection.execute(text(statement), {"tenant": self.tenant.id, "id": self.id, **values})
        if tell:
            await self.owner.notify([self.tenant.id])


async def make_sync_run(owner: Database, tenant: Tenant, *, tell: bool = True) -> SyncRun:
    scope_id, run_id = uuid4(), uuid4()
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(INSERT_SCOPE), {"tenant": tenant.id, "id": scope_id, "key": f"s1:{scope_id.hex}"})
        await connection.execute(text(INSERT_RUN), {"tenant": tenant.id, "id": run_id, "scope": scope_id})
    if tell:
        await owner.notify([tenant.id])
    return SyncRun(owner, tenant, run_id)


async def prune_events(owner: Database, tenant: Tenant, *, up_to: int) -> None:
    async with owner.transaction() as connection:
        await connection.execute(
            text("delete from atlas.events where tenant_id = :tenant and seq <= :seq"),
            {"tenant": tenant.id, "seq": up_to},
        )
