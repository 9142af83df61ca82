"""Structured logs: one line an event, with the request id, and never a header, a variable or a query text."""

import logging
import sys
import traceback
import warnings
from types import TracebackType
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["auto", "json", "text"]

# Loggers of libraries that would write values: uvicorn's access log holds query strings, Strawberry's the
# messages of exceptions. `atlas.app` and `atlas.schema.errors` write what is needed of both.
# Those of signing in and of HTTP quote addresses, accounts and answers; what went wrong stands in the run's row.
_SILENCED = ("uvicorn.access", "strawberry.execution", "azure", "msal", "urllib3", "httpx", "httpcore", "hpack", "h2")

# What these tell below the level named holds the query string or the origin of a WebSocket; `atlas.edge` logs it.
# httpx tells every address that it asks, with what is filtered for.
_QUIETED = {
    "uvicorn.error": logging.WARNING,
    "strawberry.ws": logging.ERROR,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "hpack": logging.WARNING,
}


def configure(log_format: str = "auto", *, level: int = logging.INFO) -> None:
    """Sends structlog and the standard library's logging to stderr: `auto` is text on a terminal, else JSON."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if text else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        frames_only,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _SILENCED:
        silenced = logging.getLogger(name)
        silenced.handlers, silenced.propagate = [logging.NullHandler()], False
    # A field that fails cancels its siblings, also those that have not begun: nothing is lost with them.
    never = r"coroutine '(GraphQLCoreConverter|Executor)\..*' was never awaited"
    warnings.filterwarnings("ignore", message=never, category=RuntimeWarning)
    for name, lowest in _QUIETED.items():
        logging.getLogger(name).setLevel(lowest)


def where(error: BaseException, *, most: int = 12) -> list[str]:
    """The frames that an error passed, innermost last, as `file:line function`: its text may hold values."""
    return _frames(error.__traceback__)[-most:]


def frames_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by the type and the frames of the exception."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["frames"] = where(error)
    return event


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
