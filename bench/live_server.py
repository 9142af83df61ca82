"""The API for the benchmark of streams, in a process and on a core of its own: `python -m bench.live_server SETTING`.

It serves as `atlas serve` does, without a cap of subscriptions. Prints its port once it takes connections.
"""

import asyncio
import json
import logging
import os
import socket
import sys
from typing import Any

import structlog
import uvloop

from atlas.app import create_app, serve, settle_memory
from atlas.schema.root import schema
from atlas.store.database import open_database

# What a kernel keeps for a connection over a real network; between processes of one machine it would be megabytes.
_SEND_BUFFER = 64 * 1024


def main() -> None:
    setting = json.loads(sys.argv[1])
    if setting["core"] is not None:
        os.sched_setaffinity(0, {setting["core"]})
    logging.getLogger("strawberry").setLevel(logging.CRITICAL + 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    uvloop.run(_serve(setting["database_url"]))


async def _serve(url: str) -> None:
    async def nothing(_jobs: Any = ()) -> None:
        """Nothing is queued here, and no broker asked."""

    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    listener.bind(("127.0.0.1", 0))
    db = open_database(url)
    app = create_app(db=db, schema=schema, dispatch=nothing, broker_ping=nothing, subscriptions=0)
    settle_memory()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(15, stop.set)
    await serve(app, sockets=[listener], started=lambda port: print(port, flush=True), stop=stop)
    await db.close()


if __name__ == "__main__":
    main()
