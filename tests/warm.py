"""Commands of `atlas` in processes of their own that need not load the program each time.

A process that has loaded everything forks one for each command: with the command's own environment, folder, arguments
and outputs, and everything else as a fresh start has it. Loading is most of what a short command costs, and the tests
run hundreds; those that are about the start itself start for real.

`python -W error -m tests.warm` serves on the socket that is its standard input, until its other end closes.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1 << 20


_starting = threading.Lock()


@cache
def _warm() -> socket.socket:
    """Starts the process that has everything loaded; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "PG"))}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.warm"],
        stdin=theirs, env=environment, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(timeout=30)

    atexit.register(end)
    return ours


def run(
    words: Sequence[str], environment: Mapping[str, str], *, seconds: float, stderr: int | None = None
) -> subprocess.CompletedProcess[str]:
    """`atlas WORDS` to its end, as `subprocess.run(..., capture_output=True, text=True)` tells of it.

    With `stderr`, an open file's number, that is where errors are written, and the answer holds none.
    """
    told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pipes = [os.pipe(), os.pipe()]
    given = {"words": list(words), "environment": dict(environment), "folder": os.getcwd()}  # noqa: PTH109
    handed = [theirs.fileno(), pipes[0][1], pipes[1][1] if stderr is None else stderr]
    with _starting:
        requests = _warm()
    socket.send_fds(requests, [json.dumps(given).encode()], handed)
    theirs.close()
    said: list[bytes] = [b"", b""]

    def read(number: int) -> None:
        with os.fdopen(pipes[number][0], "rb") as pipe:
            said[number] = pipe.read()

    readers = [threading.Thread(target=read, args=(number,), daemon=True) for number in (0, 1)]
    for (_, write), reader in zip(pipes, readers, strict=True):
        os.close(write)
        reader.start()
    with told, told.makefile() as lines:
        told.settimeout(seconds)
        pid = int(lines.readline())
        try:
            code = int(lines.readline())
        except TimeoutError as error:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(words), seconds) from error
    for reader in readers:
        reader.join(seconds)
    return subprocess.CompletedProcess(list(words), code, said[0].decode(), said[1].decode())


def run_cold(
    words: Sequence[str], environment: Mapping[str, str], *, seconds: float
) -> subprocess.CompletedProcess[str]:
    """The same as `run`, in a Python that has loaded nothing yet."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "atlas.cli", *words],
        env=environment, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def _load() -> None:
    """Loads the whole program, but for what is run by its path."""
    import atlas

    for module in pkgutil.walk_packages(atlas.__path__, "atlas."):
        if not module.name.endswith((".__main__", ".local.child")):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def _serve(requests: socket.socket) -> None:
    """Takes commands until nobody is there to send one. Returns in the process of a command, ready to run it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, handed, _, _ = socket.recv_fds(requests, LONGEST, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            _watch(handed[0], given=json.loads(message), outputs=handed[1:])
            return
        for one in handed:
            os.close(one)


def _watch(told: int, *, given: dict[str, object], outputs: Sequence[int]) -> None:
    """Forks once more: the one returns as the command, the other stays and tells its end as a parent would see it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(told)
        _become(given, outputs)
        return
    for one in outputs:
        os.close(one)
    os.write(told, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(given: dict[str, object], outputs: Sequence[int]) -> None:
    """Puts on what a start gives to a process."""
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
        os.close(output)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(given["environment"])  # type: ignore[call-overload]
    os.chdir(str(given["folder"]))
    sys.argv = ["atlas", *given["words"]]  # type: ignore[misc]
    time.tzset()


if __name__ == "__main__":
    here = socket.socket(fileno=0)
    _load()
    _serve(here)
    from atlas.cli import main

    main()
