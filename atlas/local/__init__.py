"""The embedded default: PostgreSQL and Valkey from wheels, supervised, in the home folder of whoever runs Atlas.

`services(home)` starts them or joins those that run; `stop(home)` ends whoever owns them; `status(home)` tells.
Nothing listens on TCP and no password exists: the operating system says who connects.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_data_dir

from atlas.domain.errors import OperatorError
from atlas.local.values import Services, Status

__all__ = ["Services", "Status", "announce", "default_home", "services", "status", "stop"]


def default_home() -> Path:
    """`ATLAS_HOME`, or the user's data folder of this platform."""
    named = os.environ.get("ATLAS_HOME")
    return Path(named).expanduser() if named else Path(user_data_dir("atlas"))


@contextmanager
def services(home: Path) -> Iterator[Services]:
    """PostgreSQL and Valkey of `home` for the length of the block: joined when they run, else started and owned.

    The owner stops them at the end, after those that joined have left or ten seconds have passed. They never
    outlive a killed owner on Linux. Raises OperatorError where they cannot be had.
    """
    _refuse_windows()
    from atlas.local.supervisor import run

    with run(home) as running:
        yield running


def announce(home: Path, *, http_url: str) -> None:
    """Writes where the API answers into the home's state, for `status`; only its owner has an effect."""
    _refuse_windows()
    from atlas.local.supervisor import announce_http

    announce_http(home, http_url)


def stop(home: Path) -> bool:
    """Ends the owner of the home's services, and services without an owner; true when something was stopped."""
    _refuse_windows()
    from atlas.local.supervisor import stop_home

    return stop_home(home)


def status(home: Path) -> Status:
    """What runs in `home`, and which binaries would be used; starts and writes nothing."""
    _refuse_windows()
    from atlas.local.supervisor import status_of

    return status_of(home)


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise OperatorError(
            "PLATFORM_UNSUPPORTED",
            "The embedded PostgreSQL and Valkey do not run on Windows.",
            "Set ATLAS_DATABASE_URL, ATLAS_WORKER_DATABASE_URL, ATLAS_OWNER_DATABASE_URL and ATLAS_BROKER_URL"
            " to services of your own.",
        )
