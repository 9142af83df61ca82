"""The API in this process, and its worker as a child that is started again when it ends."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.cli.place import Place
from atlas.domain.errors import OperatorError

if TYPE_CHECKING:
    from atlas.budget import Rates
    from atlas.settings import Settings

# A reader does not wait longer for one statement; it is less than the time of a request, so that its end is told.
STATEMENT_SECONDS = 20
_BACKLOG = 2048


@contextmanager
def listening(
    host: str, port: int, mend: str = "Name another with --port; 0 takes a free one."
) -> Iterator[socket.socket]:
    """The address, taken before anything is started. Raises `OperatorError` where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OperatorError("ADDRESS_UNUSABLE", f"There is no address {host}.", "Name another with --host.") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise OperatorError(
                "PORT_TAKEN",
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                mend,
            ) from error
        yield listener


def serve(place: Place, listener: socket.socket, *, host: str, with_worker: bool, as_json: bool) -> None:
    """Serves until SIGINT or SIGTERM, and ends everything that it started."""
    port = place.settings.metrics_port
    mend = "Name another as ATLAS_METRICS_PORT."
    with (
        nullcontext() if port is None else listening(host, port, mend) as scraped,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        runner.run(_serve(place, listener, scraped, host=host, with_worker=with_worker, as_json=as_json))


async def check_worker(place: Place) -> None:
    """Raises `OperatorError` where a worker of this place must not start."""
    from atlas.cli.caller import pool
    from atlas.store.check import refuse_unsafe

    place.refuse_unsafe_key()
    async with pool(place.url("worker_database")) as worker:
        await refuse_unsafe(worker, "atlas_worker")
    async with pool(place.url("sweeper_database")) as sweeper:
        await refuse_unsafe(sweeper, "atlas_sweeper")


async def _serve(
    place: Place,
    listener: socket.socket,
    scraped: socket.socket | None,
    *,
    host: str,
    with_worker: bool,
    as_json: bool,
) -> None:
    import signal

    from atlas.app import create_app, serve_metrics, settle_memory
    from atlas.app import serve as serve_app
    from atlas.budget import Scope, open_budget
    from atlas.cli.child import keep_worker
    from atlas.cli.welcome import welcome
    from atlas.metrics import Metrics
    from atlas.oidc import trusted_issuer
    from atlas.schema.root import schema
    from atlas.store.check import refuse_unsafe
    from atlas.store.database import open_database
    from atlas.workers.broker import dispatcher, open_broker

    place.refuse_unsafe_key()
    issuer = trusted_issuer(place.settings.oidc_issuer, place.settings.oidc_audience)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    db = open_database(place.url("database"), statement_seconds=STATEMENT_SECONDS)
    metrics = Metrics()
    rates = rates_of(place.settings)
    budget = open_budget(place.url("broker"), rates, metrics) if rates.limits(*Scope) else None
    broker = open_broker(place.url("broker"))
    try:
        await refuse_unsafe(db)
        if with_worker:
            await check_worker(place)

        def started(port: int) -> None:
            tasks.append(asyncio.ensure_future(welcome(place, host, port, as_json=as_json)))

        app = create_app(
            db=db,
            schema=schema,
            dispatch=dispatcher(broker),
            broker_ping=lambda: _ping(broker),
            metrics=metrics,
            issuer=issuer,
            budget=budget,
            subscriptions=place.settings.max_subscriptions,
            origins=place.settings.origins,
            metrics_apart=scraped is not None,
            trusted_only=place.settings.trusted_documents_only,
            sealing_key=place.sealing_key(),
        )
        tasks: list[asyncio.Future[None]] = []
        if with_worker:
            tasks.append(asyncio.ensure_future(keep_worker(place, stop)))
        if scraped is not None:
            tasks.append(asyncio.ensure_future(serve_metrics(metrics, sockets=[scraped], stop=stop)))
        settle_memory()
        try:
            await serve_app(app, sockets=[listener], started=started, stop=stop)
        finally:
            stop.set()
            await asyncio.gather(*tasks)
    finally:
        if budget is not None:
            await budget.close()
        await db.close()
        broker.close()
        broker.client.close()


def rates_of(settings: "Settings") -> "Rates":
    """Those that are set. Else a deployment has limits, and an embedded home, whose one user owns it, has none."""
    from atlas.budget import Rates

    given = {
        "principal_requests": settings.rate_limit_requests,
        "principal_points": settings.rate_limit_points,
        "tenant_requests": settings.rate_limit_tenant_requests,
        "tenant_points": settings.rate_limit_tenant_points,
    }
    rest = Rates(0, 0, 0, 0) if settings.embedded else Rates()
    return replace(rest, **{name: value for name, value in given.items() if value is not None})


async def _ping(broker: Any) -> None:
    from atlas.workers.broker import ping

    if not await ping(broker):
        raise ConnectionError


def _loop_factory() -> Any:
    """The quicker event loop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
