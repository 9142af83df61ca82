"""The API in this process, and its worker as a child that is started again when it ends."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from atlas.cli.place import Place
from atlas.domain.errors import OperatorError

_BACKLOG = 2048


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
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
                "Name another with --port; 0 takes a free one.",
            ) from error
        yield listener


def serve(place: Place, listener: socket.socket, *, host: str, with_worker: bool, as_json: bool) -> None:
    """Serves until SIGINT or SIGTERM, and ends everything that it started."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(place, listener, host=host, with_worker=with_worker, as_json=as_json))


async def check_worker(place: Place) -> None:
    """Raises `OperatorError` where a worker of this place must not start."""
    from atlas.cli.caller import pool
    from atlas.store.check import refuse_unsafe

    place.refuse_unsafe_key()
    async with pool(place.url("worker_database")) as worker:
        await refuse_unsafe(worker, "atlas_worker")
    async with pool(place.url("sweeper_database")) as sweeper:
        await refuse_unsafe(sweeper, "atlas_sweeper")


async def _serve(place: Place, listener: socket.socket, *, host: str, with_worker: bool, as_json: bool) -> None:
    import signal

    from atlas.app import create_app
    from atlas.app import serve as serve_app
    from atlas.cli.child import keep_worker
    from atlas.cli.welcome import welcome
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
    db = open_database(place.url("database"))
    broker = open_broker(place.url("broker"))
    try:
        await refuse_unsafe(db)
        if with_worker:
            await check_worker(place)

        def started(port: int) -> None:
            tasks.append(asyncio.ensure_future(welcome(place, host, port, as_json=as_json)))

        app = create_app(
            db=db, schema=schema, dispatch=dispatcher(broker), broker_ping=lambda: _ping(broker), issuer=issuer
        )
        tasks: list[asyncio.Future[None]] = []
        if with_worker:
            tasks.append(asyncio.ensure_future(keep_worker(place, stop)))
        try:
            await serve_app(app, sockets=[listener], started=started, stop=stop)
        finally:
            stop.set()
            await asyncio.gather(*tasks)
    finally:
        await db.close()
        broker.close()
        broker.client.close()


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
