"""What every request passes: an id, a size limit, headers, one line of log, and no exception out."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas.domain.vocabulary import ExportFormat
from atlas.logs import where
from atlas.metrics import Metrics
from atlas.schema.errors import Code
from atlas.schema.refusal import RefusedRequestError

log = structlog.get_logger("atlas.http")

LARGEST_BODY = 1024 * 1024

# Not what begins as a token does: a request id is logged and audited.
_SANE_REQUEST_ID = re.compile(r"(?!atlas_|eyJ)[A-Za-z0-9._-]{8,64}")
_DRAINED = 4
_DRAIN_SECONDS = 2
_EXPORTS = frozenset({f"/export/findings.{form}" for form in ExportFormat})
_ROUTES = frozenset({"/", "/graphql", "/graphiql", "/healthz", "/readyz", "/metrics"}) | _EXPORTS
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# As the server sends them.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


@dataclass(slots=True)
class _Seen:
    """What is known of an answer once it has left."""

    status: int = 0
    stream: bool = False
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Edge:
    """The outermost middleware. Headers that an inner application set are kept."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        seen = _Seen()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, _watched(send, request_id, seen))
            except ClientDisconnect:
                seen.status = 499
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                    raise
                log.error("http.fault", error=type(error).__name__, frames=where(error))  # noqa: TRY400
                await _fail(scope, receive, send, request_id, seen)
            finally:
                self._tell(scope, seen)

    def _tell(self, scope: Scope, seen: _Seen) -> None:
        seconds = time.perf_counter() - seen.started
        route = scope["path"] if scope["path"] in _ROUTES else "other"
        method = scope.get("method", "WEBSOCKET")
        method = method if method in {*_METHODS, "WEBSOCKET"} else "OTHER"
        self.metrics.requests.labels(route, method, str(seen.status)).inc()
        if scope["type"] == "http" and not seen.stream:
            self.metrics.seconds.labels(route).observe(seconds)
        # An address that is none of ours may be anything, a mistyped token too.
        log.info(
            "http.request",
            method=method,
            path=route,
            status=seen.status,
            milliseconds=round(seconds * 1000, 1),
        )


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Refuses a body that is too large, told beforehand or counted as it comes in."""

    app: ASGIApp
    largest: int = LARGEST_BODY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self.largest:
            await self._too_large().response()(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.largest:
                if message.get("more_body", False):
                    await self._drain(receive)
                raise self._too_large()
            return message

        try:
            await self.app(scope, counted, send)
        except RefusedRequestError as refused:
            await refused.response()(scope, receive, send)

    async def _drain(self, receive: Receive) -> None:
        """Reads a little further before the answer: one sent into a running upload is lost with the connection."""
        left = _DRAINED * self.largest
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    def _too_large(self) -> RefusedRequestError:
        # The rest of the body is not read, so the connection cannot be used again.
        return RefusedRequestError(
            413, f"The body is larger than {self.largest} bytes.", headers={"Connection": "close"}
        )


@dataclass(frozen=True, slots=True)
class Straight:
    """Hands the requests for one address to what serves it, past the router and what stands around that."""

    app: ASGIApp
    path: str
    served: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        straight = scope["type"] == "http" and scope["path"] == self.path
        await (self.served if straight else self.app)(scope, receive, send)


def not_served(error: HTTPException) -> Response:
    """404 and 405 of the router, as JSON."""
    told = {404: "There is nothing at this address.", 405: "This address takes another method."}
    refused = RefusedRequestError(
        error.status_code,
        told.get(error.status_code, "The request cannot be served."),
        code=Code.NOT_FOUND if error.status_code == 404 else Code.BAD_USER_INPUT,
        headers=error.headers or {},
    )
    return refused.response()


def _request_id(headers: Headers) -> str:
    """The caller's own where it is sane, so that both logs tell the same; else a new one."""
    given = headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid4().hex


def _watched(send: Send, request_id: str, seen: _Seen) -> Send:
    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            headers = list(message.get("headers", ()))
            told = {name.lower(): value for name, value in headers}
            seen.stream = told.get(b"content-type", b"").startswith(b"text/event-stream")
            headers.extend(pair for pair in _HEADERS if pair[0] not in told)
            if b"x-request-id" not in told:
                headers.append((b"x-request-id", request_id.encode()))
            message["headers"] = headers
        elif message["type"] == "websocket.accept":
            seen.status = 101
        elif message["type"] == "websocket.close" and not seen.status:
            seen.status = 403
        await send(message)

    return watched


def _is_cancelled() -> bool:
    """Is the end of this task asked for? Else a cancellation is a fault like another: one that got away."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _fail(scope: Scope, receive: Receive, send: Send, request_id: str, seen: _Seen) -> None:
    """An answer that has begun cannot be taken back: the server ends the connection, since it is not whole."""
    if scope["type"] == "http" and not seen.status:
        message = f"Something went wrong in Atlas. Tell its operator the request id {request_id}."
        failed = RefusedRequestError(500, message, code=Code.INTERNAL)
        await failed.response()(scope, receive, _watched(send, request_id, seen))
    elif seen.status == 101:
        await send({"type": "websocket.close", "code": 1011, "reason": "Something went wrong in Atlas"})
