"""Labels with a sync: what its objects name by ids is asked for, where nothing, or nothing new, is known of it."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import structlog

from atlas import jobs
from atlas.domain.errors import OperatorError
from atlas.domain.naming import Named
from atlas.jobs import Lease
from atlas.sources.graph.client import GraphClient
from atlas.sources.graph.errors import GraphError
from atlas.sources.graph.labels import LABELS, read_labels
from atlas.store import labels, sync_runs
from atlas.store.database import Database

log = structlog.get_logger(__name__)

MOST_NAMED: Final = 20_000
"""A run remembers so many ids that its objects name; what is beyond is not asked for."""

MOST_ASKED_FOR: Final = 1_000
"""So many of a kind are asked for in one run: at the budget of a tenant, in less than a minute."""

KEPT: Final = timedelta(days=7)
"""A label that is older is asked for again: names change, and what was not there may be."""


async def read_run_labels(
    worker: Database, lease: Lease, client: GraphClient, named: Collection[Named], item_types: Collection[str]
) -> None:
    """Keeps the labels that are wanting. What Graph refuses is noted in the run, and fails nothing.

    `item_types` are those that this run reads: the names of their objects come with the inventory.
    """
    for kind in LABELS:
        if labels.ITEM_TYPES.get(kind) in item_types:
            continue
        async with jobs.effect(worker, lease) as connection:
            of_kind = [one for one in named if one[0] is kind]
            wanted = await labels.wanted(connection, lease.job.tenant_id, of_kind, older_than=KEPT) if of_kind else []
        try:
            async for found in read_labels(client, kind, [identity for _, identity in wanted[:MOST_ASKED_FOR]]):
                async with jobs.effect(worker, lease) as connection:
                    await labels.write(connection, lease.job.tenant_id, found)
        except (GraphError, OperatorError) as error:
            await note(worker, lease, f"The {LABELS[kind].called}", error, permission=LABELS[kind].permission)


async def note(
    worker: Database, lease: Lease, what: str, error: GraphError | OperatorError, *, permission: str
) -> None:
    """Says in the run that something beside its inventory was not read. A sign-in may end under way, too."""
    status, mend = (error.status, "") if isinstance(error, GraphError) else (None, error.mend)
    if status == 403:
        mend = f"Grant the application {permission}, with the consent of an administrator."
    log.warning("not read", what=what, run=str(lease.job.run_id), code=error.code, status=status)
    await note_message(worker, lease, f"{what} were not read. {error.message} {mend}".strip())


async def note_message(worker: Database, lease: Lease, message: str) -> None:
    async with jobs.effect(worker, lease) as connection:
        await sync_runs.note(connection, lease.job.tenant_id, lease.job.run_id, message)
