"""The source's own events with a sync: who changed what since the last one known."""

from datetime import UTC, datetime, timedelta
from typing import Final

from atlas import jobs
from atlas.graph_beside import beside, note
from atlas.jobs import Lease
from atlas.sources.graph.client import GraphClient
from atlas.sources.graph.events import MOST_EVENTS, PERMISSION, read_events
from atlas.store import source_events
from atlas.store.database import Database

# What is asked for when nothing is known yet; and how much later than it happened an event may be told.
FIRST_EVENTS: Final = timedelta(days=30)
LATE_EVENTS: Final = timedelta(hours=1)


async def read_run_events(worker: Database, lease: Lease, client: GraphClient, *, most: int = MOST_EVENTS) -> None:
    """Keeps what the source's own record says of changes since the last one known. Without it a run is as good.

    Where more than `most` are new, the next run goes on after the last that is kept, and this one says so.
    """
    tenant_id = lease.job.tenant_id
    async with jobs.effect(worker, lease) as connection:
        newest = await source_events.newest(connection, tenant_id)
    now = datetime.now(UTC)
    # An event of a clock that is ahead must not hide those that come until then.
    known = now - FIRST_EVENTS if newest is None else min(newest, now)
    since = known if newest is None else known - LATE_EVENTS
    async with beside(worker, lease, "The source's own events", permission=PERMISSION):
        async for page in read_events(client, since, known=known, most=most):
            async with jobs.effect(worker, lease) as connection:
                await source_events.write(connection, tenant_id, page.events)
            if page.more_after is not None:
                until = page.more_after.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                message = f"The source has more than {most:,} new events: the next sync reads those after {until}."
                await note(worker, lease, message)
