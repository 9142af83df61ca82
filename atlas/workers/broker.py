"""The broker: where messages of ids go, and how one is sent without waiting for a broker that is away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import dramatiq
import redis
import structlog
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, Retries, ShutdownNotifications

from atlas.jobs import Job

QUEUE = "atlas"
ACTORS = {"drift": "generate_drift", "sync": "run_sync", "prune": "prune", "trial": "try_connection"}
SEND_SECONDS = 2.0

log = structlog.get_logger(__name__)

Dispatch = Callable[[Sequence[Job]], Awaitable[None]]


class DaemonAsyncIO(AsyncIO):
    """Dramatiq's event loop thread, as a daemon: a second SIGTERM must not leave a process that never ends."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = EventLoopThread(self.logger)
        thread.daemon = True
        thread.start(timeout=5.0)
        set_event_loop_thread(thread)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = get_event_loop_thread()
        set_event_loop_thread(None)
        if thread is not None:
            thread.loop.call_soon_threadsafe(thread.loop.stop)
            thread.join(timeout=5.0)


def open_broker(url: str) -> RedisBroker:
    """A broker on Valkey or Redis (`redis://`, `rediss://`, `unix://`). Retry is the job row's, so Dramatiq has none.

    `before_*` hooks run in the order of the list and `after_*` in its reverse: the event loop is there first and last.
    """
    client = redis.Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=SEND_SECONDS)
    middleware: list[Middleware] = [DaemonAsyncIO(), ShutdownNotifications(), CurrentMessage(), Retries(max_retries=0)]
    broker = RedisBroker(client=client, middleware=middleware, namespace="atlas")  # type: ignore[no-untyped-call]
    broker.declare_queue(QUEUE)
    return broker


def dispatcher(broker: RedisBroker) -> Dispatch:
    """Sends the messages of committed jobs. A failed send is no error: the sweeper sends again what was not taken."""

    def send(jobs: Sequence[Job]) -> None:
        for job in jobs:
            broker.enqueue(
                dramatiq.Message(
                    queue_name=QUEUE,
                    actor_name=ACTORS[job.kind],
                    args=(str(job.tenant_id), str(job.run_id)),
                    kwargs={},
                    options={},
                )
            )

    async def dispatch(jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        try:
            await asyncio.wait_for(asyncio.to_thread(send, jobs), SEND_SECONDS)
        except (OSError, TimeoutError, redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
            log.warning("message not sent, the sweeper will", jobs=len(jobs), error=type(error).__name__)

    return dispatch


async def ping(broker: RedisBroker) -> bool:
    """Does the broker answer?"""
    try:
        await asyncio.wait_for(asyncio.to_thread(broker.client.ping), SEND_SECONDS)
    except (OSError, TimeoutError, redis.RedisError):
        return False
    return True
