"""Runs a command, and fails where a process that it started, however indirectly, is still there at its end."""  # noqa: INP001

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 10


def main(command: list[str]) -> int:
    if sys.platform != "linux":
        return subprocess.call(command)  # noqa: S603
    # Whatever loses its parent becomes a child of this process instead of the machine's first.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(command)  # noqa: S603
    code = reap_until(child.pid)
    until = time.monotonic() + PATIENCE_SECONDS
    while left := living_children():
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    for pid, name in left:
        sys.stderr.write(f"left behind: {pid} {name}\n")
        os.kill(pid, signal.SIGKILL)
    return code or int(bool(left))


def reap_until(pid: int) -> int:
    """Waits for this child, and takes the exit codes of those whom nobody else waits for."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def living_children() -> list[tuple[int, str]]:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return []
    own = os.getpid()
    pids = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
    return [(int(pid), Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()) for pid in pids]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
