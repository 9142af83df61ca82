"""Which files a folder holds, and how one of them is opened without ever leaving the folder."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.sources.decoding import UnreadableError
from atlas.sources.places import CLOSED_FOLDERS

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_ENTRIES = 200_000
MAX_FOLDER_DEPTH = 32

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_FOLDER_FLAGS = os.O_RDONLY | _FLAGS | getattr(os, "O_DIRECTORY", 0)
# O_NONBLOCK: a pipe that took the place of a file must not hold us up.
_FILE_FLAGS = os.O_RDONLY | _FLAGS | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_OPENS_BENEATH = os.open in os.supports_dir_fd

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that may hold policies; with `refused`, something that stands where one may be but is not opened."""

    parts: Parts
    is_folder: bool = False
    refused: UnreadableError | None = None

    @property
    def is_yaml(self) -> bool:
        return self.parts[-1].casefold().endswith((".yaml", ".yml"))


def list_files(root: Path) -> tuple[Listed, ...]:
    """Every JSON and YAML file beneath `root`, sorted by path. Raises OperatorError when there are too many entries."""
    return tuple(sorted(_walk(root), key=lambda listed: [os.fsencode(part) for part in listed.parts]))


def _walk(root: Path) -> Iterator[Listed]:
    seen = 0
    waiting: list[Parts] = [()]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root.joinpath(*folder)) as scanned:
                entries = list(scanned)
        except OSError as error:
            if not folder:
                raise _unreadable_root(root, error) from None
            yield Listed(folder, is_folder=True, refused=_unopened(error))
            continue
        seen += len(entries)
        if seen > MAX_ENTRIES:
            raise OperatorError(
                "TOO_MANY_FILES",
                f"The folder {printable(str(root))} holds more than {MAX_ENTRIES:,} files.",
                "Name the folder that the export tool wrote.",
            )
        for entry in entries:
            parts = (*folder, entry.name)
            if entry.is_symlink():
                yield from _symlink(root, parts)
            elif not entry.is_dir(follow_symlinks=False):
                yield from _file(parts, regular=entry.is_file(follow_symlinks=False))
            elif entry.name.casefold() in CLOSED_FOLDERS:
                continue
            elif len(parts) > MAX_FOLDER_DEPTH:
                yield Listed(parts, is_folder=True, refused=_too_deep())
            else:
                waiting.append(parts)


def _file(parts: Parts, *, regular: bool) -> Iterator[Listed]:
    if _may_hold_policies(parts[-1]):
        yield Listed(parts, refused=None if regular else _not_a_file())


def _may_hold_policies(name: str) -> bool:
    # A name with "._" in front is what macOS writes beside a file on foreign disks; it never holds the file.
    return name.casefold().endswith((".json", ".yaml", ".yml")) and not name.startswith("._")


def _symlink(root: Path, parts: Parts) -> Iterator[Listed]:
    """No link is followed: a target within the folder is read where it stands, and only there."""
    try:
        target = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):
        if _may_hold_policies(parts[-1]):
            yield Listed(parts, refused=_broken_link())
        return
    is_folder = target.is_dir()
    if not is_folder and not _may_hold_policies(parts[-1]):
        return
    if not target.is_relative_to(root):
        yield Listed(parts, is_folder=is_folder, refused=_link_outside())
        return
    beneath = target.relative_to(root).parts
    folders = beneath if is_folder else beneath[:-1]
    read_there = not any(folder.casefold() in CLOSED_FOLDERS for folder in folders)
    if not read_there or (not is_folder and not _may_hold_policies(target.name)):
        yield Listed(parts, is_folder=is_folder, refused=_link_unread())


def read_beneath(root: Path, parts: Parts) -> bytes:
    """The content of one file. Raises UnreadableError; follows no link in any part of the path below `root`."""
    try:
        descriptor = _open_beneath(root, parts)
    except OSError as error:
        raise _unopened(error) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _not_a_file()
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableError(
                "FILE_TOO_LARGE",
                f"It has {status.st_size:,} bytes; the limit is {MAX_FILE_BYTES:,}, and a policy has far less.",
            )
        try:
            data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise _unopened(error) from None
    if len(data) != status.st_size:
        raise UnreadableError("CHANGED_WHILE_READ", "It changed while it was read. Sync again when the export is done.")
    return data


def _open_beneath(root: Path, parts: Parts) -> int:
    if not _OPENS_BENEATH:
        return os.open(root.joinpath(*parts), _FILE_FLAGS)
    folder = os.open(root, _FOLDER_FLAGS)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FILE_FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def origin_of(parts: Sequence[str]) -> str:
    """A path for people: with slashes, and with an escape for every byte that a terminal or a log should not see."""
    return "/".join(printable(part) for part in parts)


def printable(name: str) -> str:
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _unopened(error: OSError) -> UnreadableError:
    if error.errno == errno.ELOOP:
        return UnreadableError("CHANGED_WHILE_READ", "It became a link while the folder was read. Sync again.")
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    return UnreadableError(
        "UNREADABLE", f"It could not be read ({reason}). Give the account of Atlas the right to read it."
    )


def _unreadable_root(root: Path, error: OSError) -> OperatorError:
    return OperatorError(
        "FOLDER_NOT_READABLE",
        f"The folder {printable(str(root))} could not be read ({error.strerror}).",
        "Give the account of Atlas the right to read it.",
    )


def _not_a_file() -> UnreadableError:
    return UnreadableError("NOT_A_FILE", "It is a pipe, a socket or a device. Put the exported file in its place.")


def _broken_link() -> UnreadableError:
    return UnreadableError("SYMLINK_BROKEN", "It is a link that leads nowhere. Put the exported file in its place.")


def _link_outside() -> UnreadableError:
    return UnreadableError(
        "SYMLINK_OUTSIDE", "It is a link out of the folder, which is not followed. Put what it names in its place."
    )


def _link_unread() -> UnreadableError:
    return UnreadableError(
        "SYMLINK_NOT_FOLLOWED", "It is a link to what Atlas does not read. Put the exported file in its place."
    )


def _too_deep() -> UnreadableError:
    return UnreadableError("TOO_DEEP", f"It lies more than {MAX_FOLDER_DEPTH} folders deep. Move it up.")
