"""What a sync reads beside its inventory, such as names: bounded, and no failure of it fails a run that is read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from atlas import jobs
from atlas.domain.errors import OperatorError
from atlas.jobs import Lease
from atlas.sources.graph.errors import GraphError
from atlas.store import sync_runs
from atlas.store.database import Database

log = structlog.get_logger(__name__)

LONGEST_SECONDS: Final = 300.0
"""So long a run that is read waits for one of these. Graph may throttle for hours."""


@asynccontextmanager
async def beside(worker: Database, lease: Lease, what: str, *, permission: str) -> AsyncIterator[None]:
    """The body reads it. What Graph or the sign-in refuses, and what takes too long, is noted in the run."""
    try:
        async with asyncio.timeout(LONGEST_SECONDS) as limit:
            yield
    except (GraphError, OperatorError) as error:
        await _note_error(worker, lease, what, error, permission=permission)
    except TimeoutError:
        if not limit.expired():
            raise
        message = f"It took longer than {LONGEST_SECONDS:g} seconds. The next sync goes on."
        await _note_error(worker, lease, what, GraphError("TOOK_TOO_LONG", message), permission=permission)


async def note(worker: Database, lease: Lease, message: str) -> None:
    """Says in the run what a reader of it should know, once."""
    async with jobs.effect(worker, lease) as connection:
        await sync_runs.note(connection, lease.job.tenant_id, lease.job.run_id, message)


async def _note_error(
    worker: Database, lease: Lease, what: str, error: GraphError | OperatorError, *, permission: str
) -> None:
    status, mend = (error.status, "") if isinstance(error, GraphError) else (None, error.mend)
    if status == 403:
        mend = f"Grant the application {permission}, with the consent of an administrator."
    log.warning("not read", what=what, run=str(lease.job.run_id), code=error.code, status=status)
    await note(worker, lease, f"{what} were not read. {error.message} {mend}".strip())
