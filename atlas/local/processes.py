"""Processes of the services: starting them without root's rights, knowing them again, ending them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas.local.account import Account

_CHILD = Path(__file__).with_name("child.py")
# Everything else stays behind: PG* would redirect PostgreSQL, and ATLAS_* may hold secrets.
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that a reused pid cannot be mistaken for: `started` is what the system says of its start."""

    pid: int
    started: str


def spawn(
    command: Sequence[str], account: Account, *, log: int, descriptors: Iterable[int], death_signal: signal.Signals
) -> subprocess.Popen[bytes]:
    """Starts a service in a session of its own, under the account, writing to the open file `log`.

    It gets `death_signal` when the calling *thread* ends (Linux), so the caller's thread must live as long.
    """
    become = (account.uid, account.gid) if account.switched else (-1, -1)
    words = [*map(str, (*become, os.getpid(), int(death_signal))), *command]
    return subprocess.Popen(  # noqa: S603  # The command is built by this package.
        [sys.executable, "-I", "-S", str(_CHILD), *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ} | {"LC_ALL": "C"},
        pass_fds=tuple(descriptors),
        start_new_session=True,
    )


def identity(pid: int) -> Identity | None:
    """The living process of that pid, or None; a zombie does not live."""
    if sys.platform == "linux":
        try:
            # The command's name stands in parentheses and may hold spaces, so read from its end.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else Identity(pid, fields[19])
    told = subprocess.run(  # noqa: S603  # The pid is a number.
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = told.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else Identity(pid, started.strip())


def lives(process: Identity | None) -> bool:
    return process is not None and identity(process.pid) == process


def end(process: Identity, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Sends each signal in turn and waits its seconds for the process to be gone; false when it is still there."""
    for number, seconds in steps:
        if not lives(process):
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        if wait_until_gone(process, seconds):
            return True
    return False


def wait_until_gone(process: Identity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while lives(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
