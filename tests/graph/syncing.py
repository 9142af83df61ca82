"""A tenant that is read from the stand-in by what a worker runs: signed in over TLS, under a lease of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from atlas import connections, graph_sync, jobs, sync
from atlas.connections import Application
from atlas.domain.vocabulary import Role
from atlas.graph_sync import GraphSource
from atlas.jobs import Lease
from atlas.sources.graph.budget import Budget
from atlas.store.database import Database
from atlas.store.tables import item_intervals, run_units, staged_items
from atlas.workers.actors import Terms, run
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant
from tests.graph.asking import IMPATIENT, UNBOUNDED
from tests.graph.authority import Authority
from tests.graph.standin import StandIn
from tests.test_sync import run_of

TERMS = Terms(lease_seconds=30, max_attempts=3, backoff_seconds=0)


@dataclass
class Reader:
    """A connected tenant, and where its Graph is. `sync` does what the API and then a worker do."""

    api: Database
    worker: Database
    tenant: Tenant
    source: GraphSource
    entra_tenant_id: UUID = field(default_factory=uuid4)

    async def start(self, item_types: Sequence[str] | None = None) -> jobs.Job:
        asked = await sync.start_sync(self.api, self.tenant.as_(Role.MANAGER), item_types=item_types)
        (job,) = asked.jobs
        return job

    async def work(self, job: jobs.Job, source: GraphSource | None = None) -> dict[str, Any]:
        """One attempt of a worker, and the run as it is then."""

        async def work(worker: Database, lease: Lease) -> None:
            await graph_sync.run_sync(worker, lease, source or self.source)

        await run(self.worker, job, work, TERMS)
        return await run_of(self.api, self.tenant, job.run_id)

    async def sync(self, item_types: Sequence[str] | None = None) -> dict[str, Any]:
        return await self.work(await self.start(item_types))

    def with_keys(self, *keys: bytes) -> GraphSource:
        return replace(self.source, keys=lambda: keys)

    async def coverage(self, run_id: UUID) -> dict[str, tuple[str, int]]:
        """Item type -> (status, observed)."""
        async with self.api.transaction(self.tenant.as_(Role.READER)) as connection:
            rows = await connection.execute(select(run_units).where(run_units.c.run_id == run_id))
            return {row.item_type: (row.status, row.observed) for row in rows}

    async def staged(self) -> int:
        async with self.api.transaction(self.tenant.as_(Role.READER)) as connection:
            return len((await connection.execute(select(staged_items.c.hash))).all())

    async def contents(self, scope_id: UUID) -> dict[tuple[str, str], tuple[str, str, str, str | None]]:
        """(type, id) -> (hash, settings hash, name, platform) of what the scope holds now."""
        i = item_intervals.c
        query = select(i.item_type, i.external_id, i.hash, i.settings_hash, i.display_name, i.platform)
        async with self.api.transaction(self.tenant.as_(Role.READER)) as connection:
            rows = await connection.execute(query.where(i.scope_id == scope_id, i.valid_to.is_(None)))
            return {(row[0], row[1]): tuple(row[2:]) for row in rows}  # type: ignore[misc]


async def reader(
    owner: Database, api: Database, worker: Database, graph: StandIn, authority: Authority, **changes: Any
) -> Reader:
    """A tenant of its own, connected by a client secret."""
    tenant = await make_tenant(owner, api)
    authority.token = graph.token
    made = Reader(
        api,
        worker,
        tenant,
        GraphSource(
            keys=lambda: (DEPLOYMENT_KEY,), graph=graph.url, authority=authority.url, limits=IMPATIENT, **changes
        ),
    )
    made.source.budgets[made.entra_tenant_id] = Budget(UNBOUNDED)
    await connections.connect(
        api,
        tenant.owner,
        Application(made.entra_tenant_id, uuid4()),
        secret=authority.secret.encode(),
        seal=connections.seal_with(deployment_key=DEPLOYMENT_KEY),
    )
    return made
