"""The actors: thin shells around the use cases. What a run comes to is in its row, not in Dramatiq."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import dramatiq
import structlog

from atlas import generate, graph_sync, graph_trial, jobs, prune
from atlas.domain.errors import OperatorError, TemporaryError
from atlas.graph_sync import GraphSource
from atlas.jobs import Job, Lease, LeaseLostError
from atlas.store.database import Database
from atlas.store.jobs import Kind
from atlas.workers.broker import ACTORS, QUEUE, Dispatch

log = structlog.get_logger(__name__)


Work = Callable[[Database, Lease], Awaitable[Job | None]]
Actor = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, how often a run is tried, and how long it rests in between (seconds, doubled)."""

    lease_seconds: float = 30
    max_attempts: int = 5
    backoff_seconds: float = 2


def declare(
    broker: dramatiq.Broker, worker: Callable[[], Database], dispatch: Dispatch, terms: Terms, source: GraphSource
) -> None:
    """Declares the actors. `worker` is asked inside of the event loop, to which a database's pool belongs."""
    works: dict[Kind, Work] = {
        "drift": generate.generate,
        "sync": partial(graph_sync.run_sync, source=source),
        "prune": prune.prune,
        "trial": partial(graph_trial.try_connection, source=source),
    }

    def taking(kind: Kind, work: Work) -> Actor:
        async def take(tenant_id: str, run_id: str) -> None:
            following = await run(worker(), Job(kind, UUID(tenant_id), UUID(run_id)), work, terms)
            await dispatch([following] if following else [])

        return take

    for kind, work in works.items():
        take = taking(kind, work)
        dramatiq.actor(actor_name=ACTORS[kind], queue_name=QUEUE, broker=broker, notify_shutdown=True)(take)


async def run(worker: Database, job: Job, work: Work, terms: Terms) -> Job | None:
    """Claims the job, works under its lease, and gives it back or fails it where the work does not end well.

    Returns the job that waited for this one, where the work names it.
    """
    lease = await _claim(worker, job, terms)
    if lease is None:
        return None
    bound = log.bind(kind=job.kind, run=str(job.run_id), attempt=lease.attempt)
    try:
        async with jobs.kept(worker, lease):
            return await work(worker, lease)
    except LeaseLostError:
        bound.warning("lease lost, another worker has the run")
    except asyncio.CancelledError:
        bound.info("shutting down, the run goes back into the queue")
        await jobs.give_back(worker, lease, delay_seconds=0)
        raise
    except TemporaryError as error:
        bound.warning("run rests", code=error.code)
        await _try_again(worker, lease, terms, error)
    except OperatorError as error:
        bound.warning("run failed", code=error.code)
        await jobs.fail(worker, lease, code=error.code, message=error.message)
    except Exception as error:  # noqa: BLE001  # The row must tell how the run ended, whatever broke.
        # An error's text may quote values of the tenant, so the log tells its kind and the place.
        bound.error("run broke off", error=type(error).__name__, at=_where(error))
        await _try_again(worker, lease, terms)
    return None


async def _claim(worker: Database, job: Job, terms: Terms) -> Lease | None:
    """Claims to the end even where the worker is told to stop meanwhile: a lease nobody knows of runs out, and late."""
    claiming = asyncio.ensure_future(jobs.claim(worker, job, lease_seconds=terms.lease_seconds))
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        lease = await claiming
        if lease is not None:
            await jobs.give_back(worker, lease, delay_seconds=0)
        raise


async def _try_again(worker: Database, lease: Lease, terms: Terms, error: TemporaryError | None = None) -> None:
    if lease.attempt >= terms.max_attempts:
        message = f"The run broke off {lease.attempt} times. The worker's log says where; ask for the run again then."
        code, message = ("INTERNAL", message) if error is None else (error.code, f"{error.message} {error.mend}")
        await jobs.fail(worker, lease, code=code, message=message)
    else:
        await jobs.give_back(worker, lease, delay_seconds=terms.backoff_seconds * 2 ** (lease.attempt - 1))


def _where(error: Exception) -> list[str]:
    """The innermost frames, as file:line of this program."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
