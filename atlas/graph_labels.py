"""Labels with a sync: what its objects name by ids is asked for, where nothing, or nothing new, is known of it."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from atlas import jobs
from atlas.domain.naming import Named
from atlas.graph_beside import beside
from atlas.jobs import Lease
from atlas.sources.graph.client import GraphClient
from atlas.sources.graph.labels import LABELS, read_labels
from atlas.store import labels
from atlas.store.database import Database

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
        async with beside(worker, lease, f"The {LABELS[kind].called}", permission=LABELS[kind].permission):
            async for found in read_labels(client, kind, [identity for _, identity in wanted[:MOST_ASKED_FOR]]):
                async with jobs.effect(worker, lease) as connection:
                    await labels.write(connection, lease.job.tenant_id, found)
