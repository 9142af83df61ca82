"""A worker process: Dramatiq's threads, the event loop of the actors, and the sweeper beside them."""

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dramatiq
import structlog
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.brokers.redis import RedisBroker

from atlas import jobs, prune, schedules
from atlas.domain.errors import OperatorError
from atlas.graph_sync import GraphSource
from atlas.jobs import Job
from atlas.store.database import Database, open_database
from atlas.workers.actors import Terms, declare
from atlas.workers.broker import dispatcher, open_broker

log = structlog.get_logger(__name__)

STOP_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker needs; the URLs hold passwords and are never shown."""

    worker_url: str
    sweeper_url: str
    broker_url: str
    threads: int = 4
    sweep_seconds: float = 5
    resend_seconds: float = 60
    grace_seconds: float = 5
    keep_days: int | None = None
    scheduled_at_once: int = 20
    terms: Terms = Terms()
    source: GraphSource = field(default_factory=lambda: GraphSource(keys=_no_keys))


def _no_keys() -> Sequence[bytes]:
    raise OperatorError(
        "NO_KEY_FILE",
        "The worker has no deployment key, so it can open no credential and redact nothing.",
        "Set ATLAS_SECRET_KEY_FILE for the worker too.",
    )


class ClosePools(dramatiq.Middleware):
    """Ends what is left on the event loop, and closes the pools that belong to it, before the loop itself ends."""

    def __init__(self, pools: Sequence[Database | GraphSource]) -> None:
        self.pools = pools

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = get_event_loop_thread()
        if thread is not None:
            asyncio.run_coroutine_threadsafe(self._close(), thread.loop).result(timeout=STOP_MS / 1000)

    async def _close(self) -> None:
        # Dramatiq gives a cancelled actor one second; giving a run back may take longer where a lock is held.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=STOP_MS / 2000)
        for pool in self.pools:
            await pool.close()


@contextmanager
def running(settings: WorkerSettings) -> Iterator[None]:
    """Works in the background until the body ends; what was under way then goes back into the queue.

    One event loop runs the actors, so `threads` is how many runs are under way at once.
    """
    broker = open_broker(settings.broker_url)
    worker_db = open_database(settings.worker_url, size=settings.threads * 2)
    sweeper_db = open_database(settings.sweeper_url, size=2)
    broker.add_middleware(ClosePools((worker_db, sweeper_db, settings.source)))
    declare(broker, lambda: worker_db, dispatcher(broker), settings.terms, settings.source)
    worker = dramatiq.Worker(broker, worker_threads=settings.threads, worker_timeout=100)
    worker.start()
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("the worker has no event loop")
    sweeping = asyncio.run_coroutine_threadsafe(_sweep(sweeper_db, broker, settings), thread.loop)
    try:
        yield
    finally:
        sweeping.cancel()
        worker.stop(timeout=STOP_MS)
        broker.close()
        broker.client.close()


async def _sweep(sweeper: Database, broker: RedisBroker, settings: WorkerSettings) -> None:
    """Rounds of the sweeper. A step that fails is told, holds up no other, and comes again with the next round."""
    dispatch = dispatcher(broker)

    async def lost() -> Sequence[Job]:
        return await jobs.sweep(
            sweeper,
            max_attempts=settings.terms.max_attempts,
            resend_seconds=settings.resend_seconds,
            grace_seconds=settings.grace_seconds,
        )

    async def due() -> Sequence[Job]:
        return await schedules.run_due(sweeper, at_once=settings.scheduled_at_once)

    async def old() -> Sequence[Job]:
        return () if settings.keep_days is None else await prune.ask_due(sweeper, settings.keep_days)

    while True:
        for step in (lost, due, old):
            try:
                await dispatch(await step())
            except Exception as error:  # noqa: BLE001  # The sweeper is what recovers, so it goes on.
                log.warning("sweep failed", step=step.__name__, error=type(error).__name__)
        await asyncio.sleep(settings.sweep_seconds)


def run_until_stopped(settings: WorkerSettings) -> None:
    """`atlas worker`: works until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with running(settings):
        log.info("worker is ready", threads=settings.threads)
        while not stop.wait(1.0):
            pass
    log.info("worker has stopped")
