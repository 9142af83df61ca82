"""One contender of the GraphQL benchmark, in a process and on a core of its own: `python -m bench.serving SETTING`.

Prints its port once it takes connections, and serves until it is told to end.
"""

import json
import logging
import os
import socket
import sys
from typing import Any
from uuid import UUID

import structlog
import uvicorn
import uvloop

from atlas.app import create_app, settle_memory
from atlas.budget import Rates, open_budget
from atlas.heads import Heads
from atlas.metrics import Metrics
from atlas.schema.root import build
from atlas.store.database import open_database
from bench import floor

_PLENTY = 10**9


def main() -> None:
    setting = json.loads(sys.argv[1])
    if setting["core"] is not None:
        os.sched_setaffinity(0, {setting["core"]})
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL + 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    app = _app(setting)
    settle_memory()
    uvloop.run(_serve(app, "httptools" if setting["name"].startswith("floor") else Heads))


def _app(setting: dict[str, Any]) -> Any:
    name, url = setting["name"], setting["database_url"]
    if name.startswith("floor"):
        plain = url.replace("postgresql+asyncpg://", "postgresql://")
        ids = UUID(setting["tenant"]), UUID(setting["principal"])
        return floor.app(plain, *ids, signing_in=name == "floor, signing in")

    async def dispatch(_jobs: Any) -> None:
        """Nothing is queued here."""

    async def ping() -> None:
        """The broker is not asked."""

    metrics = Metrics()
    return create_app(
        db=open_database(url),
        schema=build(planned=name != "atlas, standard executor"),
        dispatch=dispatch,
        broker_ping=ping,
        metrics=metrics,
        # All that is counted in production is counted here, and nothing is refused.
        budget=open_budget(setting["broker_url"], Rates(_PLENTY, _PLENTY, _PLENTY, _PLENTY), metrics),
    )


async def _serve(app: Any, http: Any) -> None:
    config = uvicorn.Config(app, access_log=False, log_level="warning", http=http, lifespan="on")
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        # Whoever connects waits in the backlog until the server takes connections.
        print(listener.getsockname()[1], flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    main()
