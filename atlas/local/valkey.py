"""The embedded Valkey: its command line, its start and its end."""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.local.account import Account
from atlas.local.binaries import ValkeyBinary
from atlas.local.folders import Layout, descriptors, disk_full, handed, log_file, size_of, tail
from atlas.local.processes import Identity, end, spawn
from atlas.local.values import VALKEY_SOCKET

# Messages survive a kill: the append-only file is the only persistence, and nothing is evicted.
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "always-show-logo": "no",
    "loglevel": "notice",
    "crash-log-enabled": "no",
}
_STOP = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


def start(layout: Layout, binary: ValkeyBinary, account: Account) -> subprocess.Popen[bytes]:
    """Starts the server and returns when it answers."""
    log = layout.logs / "valkey.log"
    before = size_of(log)
    with handed(account, layout.queue, layout.sockets) as given, log_file(log) as output:
        queue, sockets = (folder.name for folder in given)
        settings = _SETTINGS | {"dir": queue, "unixsocket": f"{sockets}/{VALKEY_SOCKET}"}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        process = spawn(
            [str(binary.path), *words], account, log=output, descriptors=descriptors(given), death_signal=signal.SIGTERM
        )
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if answers(layout.sockets / VALKEY_SOCKET):
            return process
        time.sleep(0.005)
    if process.poll() is None:
        process.kill()
        process.wait()
    if "No space left on device" in tail(log, before):
        raise disk_full(layout.home)
    raise OperatorError("VALKEY_NOT_STARTED", "Valkey did not start.", f"Its log is {log}.")


def answers(path: Path) -> bool:
    """Whether a server behind the socket answers and has read its data back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, contextlib.suppress(OSError):
        connection.settimeout(1)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def stop(process: Identity) -> bool:
    """Ends the server; its data is on disk."""
    return end(process, _STOP)
