"""The API as a process whose network is closed: every connection but to a local socket is refused, and told."""

import asyncio
import importlib
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

SERVER = Path(__file__).parents[1] / "http" / "serve_once.py"


def refuse(event: str, given: tuple[Any, ...]) -> None:
    asks = event == "socket.getaddrinfo" and given[0] not in {None, "127.0.0.1", "::1", "localhost"}
    leaves = event == "socket.connect" and given[0].family != getattr(socket, "AF_UNIX", None)
    if asks or leaves:
        sys.stderr.write(f"REFUSED {event}\n")
        raise PermissionError("the network is closed")


async def try_to_leave(port: int) -> None:
    await asyncio.open_connection("127.0.0.1", port)


sys.addaudithook(refuse)
listening = socket.create_server(("127.0.0.1", 0))
try:
    asyncio.run(try_to_leave(listening.getsockname()[1]))
except PermissionError:
    sys.stderr.write("CLOSED\n")
listening.close()
runpy.run_path(str(SERVER))
# What `atlas api` is made of beside the application that was served.
for name in ("server", "serving", "place"):
    importlib.import_module(f"atlas.cli.{name}")
known = [name for name in sys.modules if name.startswith(("atlas.sources", "atlas.graph", "azure", "msal"))]
sys.stderr.write(f"MODULES {sorted(known)}\n")
