"""The ASGI application and the server that runs it."""

import asyncio
import gc
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry.schema.base import BaseSchema

from atlas.budget import Budget
from atlas.domain.vocabulary import ExportFormat
from atlas.edge import BodyLimit, Edge, Straight, not_served
from atlas.metrics import Metrics
from atlas.oidc import TrustedIssuer
from atlas.pages import console, explorer
from atlas.schema.documents import Documents
from atlas.schema.export import export_findings
from atlas.schema.live import STREAMS_A_PRINCIPAL, Live
from atlas.schema.view import Dispatch, Services, View
from atlas.sealing import SealingKey
from atlas.store.database import Database
from atlas.store.health import revision
from atlas.store.migrations import head

log = structlog.get_logger("atlas.app")

Ping = Callable[[], Awaitable[object]]

GRAPHQL = "/graphql"
GRACE_SECONDS = 3
# How often a WebSocket is asked whether anybody is there, and how long it may take to say so.
PING_SECONDS = 20
# Objects of the first generation, and collections of it and of the second, that make a collection.
_GARBAGE = (10_000, 10, 10)
_CHECK_SECONDS = 3
_LARGEST_MESSAGE = 64 * 1024

_EXPOSED = ("X-Request-Id", "ETag", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def create_app(
    *,
    db: Database,
    schema: BaseSchema,
    dispatch: Dispatch,
    broker_ping: Ping,
    metrics: Metrics | None = None,
    issuer: TrustedIssuer | None = None,
    budget: Budget | None = None,
    subscriptions: int = STREAMS_A_PRINCIPAL,
    origins: Sequence[str] = (),
    metrics_apart: bool = False,
    trusted_only: bool = False,
    sealing_key: SealingKey | None = None,
) -> Starlette:
    """The API over `db`, a pool of `atlas_api`.

    `dispatch` hands queued jobs to the broker after their commit; `broker_ping` returns where the broker
    answers and raises where it does not. Without an `issuer` only API tokens are taken; without a
    `budget` nothing is counted. A principal has so many `subscriptions` at a time, 0 for no limit. Pages of `origins`
    may ask it, and of no other. With `metrics_apart` there is no `/metrics`: see `serve_metrics`. With `trusted_only`
    no document is taken but a trusted one, and there is no GraphiQL. Without a `sealing_key` no secret is taken.
    `app.state.live` ends every stream when it is closed.
    """
    metrics = metrics or Metrics()
    live = Live(db, metrics, subscriptions)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        listener = asyncio.create_task(live.run())
        try:
            yield
        finally:
            live.close()
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def ready(_request: Request) -> Response:
        return await _readiness(db, broker_ping)

    services = Services(
        db, live, dispatch, Documents(db, trusted_only), issuer, origins, budget, sealing_key=sealing_key
    )
    view = View(schema, services)
    app = Starlette(
        routes=[
            Route(GRAPHQL, view),
            WebSocketRoute(GRAPHQL, view),
            Route("/healthz", _alive),
            Route("/readyz", ready),
            *(() if metrics_apart else (_measured(metrics),)),
            *(Route(f"/export/findings.{form}", export_findings(view, form), methods=["GET"]) for form in ExportFormat),
            *console(),
            # What GraphiQL asks is never registered, and what it asks first is what the schema holds.
            *(() if trusted_only else explorer()),
        ],
        middleware=[
            Middleware(Edge, metrics=metrics),
            *_cross_origin(origins),
            Middleware(BodyLimit),
            Middleware(Straight, path=GRAPHQL, served=view),
        ],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
    # Behind a proxy with TLS it would send the caller, and the token, to an address without.
    app.router.redirect_slashes = False
    app.state.live, app.state.short_way = live, view.short_way
    return app


def settle_memory() -> None:
    """What the process has loaded stays as long as it, so the collector of garbage need not look at it again: it would
    hold up every request for a tenth of a second each time. What requests leave is looked for less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


async def serve(
    app: Starlette,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    sockets: list[socket.socket] | None = None,
    started: Callable[[int], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, then ends streams and open requests within `GRACE_SECONDS`.

    `started` is called with the port once connections are taken. Where `stop` is given, signals are left to
    the caller, and the server ends once it is set.
    """
    server = _Server(_config(app, host=host, port=port), app.state.live.close, started, stop)
    await server.serve(sockets=sockets)


async def serve_metrics(metrics: Metrics, *, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    """Serves `/metrics`, and nothing else, until `stop` is set: on an address that only the scraper reaches."""
    app = Starlette(
        routes=[_measured(metrics)],
        middleware=[Middleware(Edge, metrics=metrics)],
        exception_handlers={HTTPException: _refused},
    )
    await _Server(_config(app), lambda: None, None, stop).serve(sockets=sockets)


def _config(app: Starlette, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_protocol(),
        loop="auto",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=64 * 1024,
        access_log=False,
        server_header=False,
        date_header=True,
        log_config=None,
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_SECONDS,
        **options,
    )


def _protocol() -> Any:
    """Without httptools, h11 has limits of its own."""
    if sys.platform == "win32":
        return "auto"
    from atlas.heads import Heads

    return Heads


class _Server(uvicorn.Server):
    """uvicorn, which calls `ending` before it waits for connections to close."""

    def __init__(
        self,
        config: uvicorn.Config,
        ending: Callable[[], None],
        started: Callable[[int], None] | None,
        stop: asyncio.Event | None,
    ) -> None:
        super().__init__(config)
        self._ending = ending
        self._tell_started = started
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second: true ends its main loop."""
        stopped = self._stop is not None and self._stop.is_set()
        return await super().on_tick(counter) or stopped

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal asks for the end, and nothing more: uvicorn would raise it again, and the process die of it."""
        if self._stop is not None:
            yield
            return
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            with super().capture_signals():
                yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._tell_started is not None and self.servers:
            self._tell_started(int(self.servers[0].sockets[0].getsockname()[1]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # WebSockets are closed by uvicorn with 1012 before any stream runs on: nobody takes the end for the
        # end of what they followed.
        self._ending()
        await super().shutdown(sockets=sockets)


async def _readiness(db: Database, broker_ping: Ping) -> Response:
    """503 where a part is missing. A part is `ok`, or says in a word what is wrong, and no address."""

    async def database() -> str:
        return "ok" if await revision(db) == head() else "behind"

    async def broker() -> str:
        await broker_ping()
        return "ok"

    stands, answers = await asyncio.gather(_state(database), _state(broker))
    parts = {
        "database": "ok" if stands == "behind" else stands,
        "migrations": {"ok": "ok", "behind": "not at head"}.get(stands, "unknown"),
        "broker": answers,
    }
    ready = all(state == "ok" for state in parts.values())
    return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)


async def _state(check: Callable[[], Awaitable[str]]) -> str:
    try:
        return await asyncio.wait_for(check(), _CHECK_SECONDS)
    except Exception as error:  # noqa: BLE001
        log.warning("readyz.unreachable", error=type(error).__name__)
        return "unreachable"


def _measured(metrics: Metrics) -> Route:
    async def measured(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", measured)


def _cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """What a browser asks before a page of another origin may ask and read. A token is sent by the page itself."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "If-None-Match", "X-Request-Id"),
            expose_headers=_EXPOSED,
        )
    ]


async def _alive(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return not_served(error)
