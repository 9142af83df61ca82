"""The deployment key, from a file or a text: the secret that every key of a tenant is derived from."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from atlas.domain.errors import OperatorError

NAME = "secret.key"
SHORTEST = 32
_LONGEST = 4_096


def deployment_key(path: Path) -> bytes:
    """The key in the file, byte for byte but for line ends at its end: hexadecimal, base64 and raw bytes all do.

    Raises `OperatorError` where the file is absent, readable by others, or shorter than 32 bytes.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise OperatorError(
            "KEY_FILE_UNREADABLE",
            f"The key file {path} cannot be read: {error.strerror or type(error).__name__}.",
            "Check ATLAS_SECRET_KEY_FILE, and that this user may read the file.",
        ) from error
    if not stat.S_ISREG(mode) or len(content) > _LONGEST:
        raise OperatorError(
            "KEY_FILE_UNREADABLE", f"{path} is no key file.", "Name a file of 32 random bytes or more (at most 4,096)."
        )
    if mode & 0o077:
        raise OperatorError(
            "KEY_FILE_OPEN",
            f"The key file {path} can be read by others (mode {stat.S_IMODE(mode):04o}).",
            f"Close it: chmod 600 {path}",
        )
    return _long_enough(content.rstrip(b"\r\n"), str(path))


def key_of(text: str, name: str) -> bytes:
    """The key that the environment variable of this name holds: the bytes that a file with the same text holds."""
    return _long_enough(text.encode().rstrip(b"\r\n"), name)


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < SHORTEST:
        raise OperatorError(
            "KEY_TOO_SHORT",
            f"The key in {where} has {len(key)} bytes; it needs {SHORTEST} or more.",
            "Make one with `openssl rand -hex 32`. Digests under another key are not comparable, so keep it.",
        )
    return key


def ensure_key(path: Path) -> None:
    """Makes the file with a fresh key (0600) where there is none. Of several processes at once, one makes it."""
    if path.exists():
        return
    descriptor, fresh = tempfile.mkstemp(prefix=f"{NAME}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the name is taken, which a rename does not.
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        Path(fresh).unlink()


def previous_keys(path: Path) -> tuple[bytes, ...]:
    """The keys from before the rotations of this file, newest first; none where it was never rotated.

    They lie beside it (`<file>.previous`, 0600), one a line in hexadecimal. Raises as `deployment_key`.
    """
    beside = _beside(path)
    if not beside.exists():
        return ()
    lines = deployment_key(beside).split()
    try:
        return tuple(_long_enough(bytes.fromhex(line.decode("ascii")), str(beside)) for line in lines)
    except ValueError as error:
        raise OperatorError(
            "KEY_FILE_UNREADABLE", f"{beside} holds a line that is no key.", "Restore it from where keys are kept."
        ) from error


def rotate(path: Path) -> int:
    """Puts a fresh key into the file and keeps the old one beside it. Returns how many earlier keys are kept now.

    The old key is on disk before the new one takes its place, so that a crash loses neither.
    """
    old = deployment_key(path)
    kept = [old, *previous_keys(path)]
    _replace(_beside(path), "".join(f"{key.hex()}\n" for key in kept))
    _replace(path, secrets.token_hex(32) + "\n")
    return len(kept)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _replace(path: Path, content: str) -> None:
    descriptor, fresh = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(fresh).replace(path)
