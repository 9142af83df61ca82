"""The home folder: what lies where, who owns it, and how a service without root's rights reaches its part.

The home of root stays closed to everybody (0700), also when it lies below other closed folders: root opens a
folder and the service inherits the open descriptor, whose path `/proc/self/fd/N` asks nothing of the folders above.
"""

import contextlib
import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.local.account import Account, can_reach
from atlas.local.values import POSTGRES_SOCKET

# sun_path of the platform, less the final zero and the suffix of PostgreSQL's lock file.
_SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and files of one home. `sockets` lies outside the home when the home's path is too long."""

    home: Path
    data: Path
    queue: Path
    logs: Path
    rules: Path
    run: Path
    sockets: Path

    @property
    def state(self) -> Path:
        return self.run / "state.json"


@dataclass(frozen=True, slots=True)
class Handed:
    """A folder as the service names it, and the descriptor that the service must inherit for that, if any."""

    name: str
    descriptor: int | None


def layout_of(home: Path, account: Account) -> Layout:
    """Where everything of `home` lies; makes nothing."""
    home = home.expanduser().resolve()
    run = home / "run"
    return Layout(
        home, home / "postgres", home / "valkey", home / "log", home / "rules", run, _sockets(home, run, account)
    )


def make_home(layout: Layout) -> None:
    """Makes the home (0700) and the folders in it that only Atlas itself writes."""
    with explained(layout.home):
        layout.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = layout.home.stat().st_uid
        if owner != os.geteuid():
            raise OperatorError(
                "HOME_OF_ANOTHER",
                f"The folder {layout.home} belongs to the user id {owner}.",
                "Run atlas as that user, or name a folder of your own with ATLAS_HOME or --home.",
            )
        for folder in (layout.logs, layout.rules, layout.run):
            folder.mkdir(mode=0o700, exist_ok=True)


def make_owned(folder: Path, account: Account) -> None:
    """Makes a folder (0700) of the service's account, or checks one: not a link, nobody else's, closed to others."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if account.switched and found.st_uid == os.geteuid():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise OperatorError(
            "FOLDER_NOT_SAFE",
            f"{folder} is not a folder that only the user id {account.uid} may enter.",
            "Find out who made it and remove it, or name another folder with ATLAS_HOME or --home.",
        )


@contextlib.contextmanager
def handed(account: Account, *folders: Path) -> Iterator[tuple[Handed, ...]]:
    """The folders as a service of the account can name them, for as long as the block."""
    if not account.switched:
        yield tuple(Handed(str(folder), None) for folder in folders)
        return
    with contextlib.ExitStack() as stack:
        given = []
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            given.append(Handed(f"/proc/self/fd/{descriptor}", descriptor))
        yield tuple(given)


def descriptors(folders: tuple[Handed, ...]) -> list[int]:
    return [folder.descriptor for folder in folders if folder.descriptor is not None]


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[int]:
    """The log opened for appending; one that has grown beyond 8 MB becomes `.1` first."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > 8 * 1024 * 1024:
            path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def tail(path: Path, start: int = 0) -> str:
    """The end of a log, at most 8 kB, from the byte `start` on; empty when there is none."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start if start <= size else 0, size - 8192))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def explained(home: Path) -> Iterator[None]:
    """Turns what the operating system refuses about a home into an OperatorError with its mend."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(home) from error
        if error.errno == errno.ENAMETOOLONG:
            raise _too_long(home) from error
        raise OperatorError(
            "HOME_NOT_WRITABLE",
            f"The folder {home} cannot be used: {error.strerror or error}.",
            "Make it writable, or name another folder with ATLAS_HOME or --home.",
        ) from error


def disk_full(home: Path) -> OperatorError:
    return OperatorError(
        "DISK_FULL",
        f"There is no space left where {home} lies.",
        "Free some space (the embedded services need about 200 MB), or name another folder with ATLAS_HOME.",
    )


def _sockets(home: Path, run: Path, account: Account) -> Path:
    inside = run / "s"
    if _fits(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    name = f"atlas-{os.geteuid()}-{digest}"
    bases = ["/run", "/tmp"] if account.switched else [os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"]  # noqa: S108  # make_owned checks it.
    for base in bases:
        if base and Path(base).is_absolute() and os.access(base, os.W_OK | os.X_OK) and _fits(Path(base, name)):
            return Path(base, name)
    raise _too_long(home)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / POSTGRES_SOCKET)) <= _SOCKET_PATH_LIMIT


def _too_long(home: Path) -> OperatorError:
    return OperatorError(
        "HOME_PATH_TOO_LONG",
        f"The path {home} is too long for a socket, and no short temporary folder is writable.",
        "Name a folder with a shorter path with ATLAS_HOME or --home.",
    )


def shared_copies(account: Account) -> Iterator[Path]:
    """Folders where the account can execute what root copies there, best first."""
    for base in map(Path, ("/var/cache", "/var/lib", "/opt", "/tmp")):  # noqa: S108  # The copy's owner is checked.
        usable = base.is_dir() and can_reach(base, account) and os.access(base, os.W_OK)
        if usable and not os.statvfs(base).f_flag & os.ST_NOEXEC:
            yield base
