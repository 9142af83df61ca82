"""Which account of the operating system runs the services, and what that account can reach."""

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from atlas.domain.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Account:
    """Runs the services. `switched` when root hands them to `nobody`, since PostgreSQL refuses root.

    `clients` are the names of the accounts that may connect.
    """

    uid: int
    gid: int
    switched: bool
    clients: tuple[str, ...]


def service_account() -> Account:
    """The caller's own account, or `nobody` for root."""
    uid = os.geteuid()
    if uid != 0:
        names = dict.fromkeys((_name(uid), _name(0)))
        return Account(uid, os.getegid(), switched=False, clients=tuple(names))
    if sys.platform != "linux":
        raise OperatorError(
            "PLATFORM_UNSUPPORTED",
            "As root the embedded services run on Linux only.",
            "Run atlas as an ordinary user.",
        )
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise OperatorError(
            "NO_SERVICE_ACCOUNT",
            "PostgreSQL refuses to run as root, and this system has no account `nobody` to run it.",
            "Add the account `nobody`, or run atlas as an ordinary user.",
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, switched=True, clients=(_name(0), nobody.pw_name))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise OperatorError(
            "NO_USER_NAME",
            f"The user id {uid} has no name on this system, and PostgreSQL needs one to know who connects.",
            "Add the user to /etc/passwd, or run atlas as a user that has a name.",
        ) from None


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account may read and enter `path` and enter all folders above it, by their modes."""
    real = path.resolve()
    return _has(real, account, stat.S_IROTH | stat.S_IXOTH if real.is_dir() else stat.S_IROTH) and all(
        _has(folder, account, stat.S_IXOTH) for folder in real.parents
    )


def _has(path: Path, account: Account, bits: int) -> bool:
    found = path.stat()
    shift = 6 if found.st_uid == account.uid else 3 if found.st_gid == account.gid else 0
    return (found.st_mode >> shift) & bits == bits
