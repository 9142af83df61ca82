"""Becomes a service: drops root, ties its life to its parent's and executes; run by path, without the package.

Arguments: uid and gid to become (or -1), the parent's pid, the signal to get when the parent dies, the command.
The signal is set after the change of account, because that change clears it.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    uid, gid, parent, death_signal = (int(word) for word in arguments[:4])
    command = arguments[4:]
    os.umask(0o077)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:
            # The parent died before the signal was set, so it would never come.
            sys.exit("The parent has ended.")
    os.execv(command[0], command)  # noqa: S606  # No shell is wanted here.


if __name__ == "__main__":
    main(sys.argv[1:])
