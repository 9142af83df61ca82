"""The first use of a home: its roles, migrations and key, made once and by one process."""

import asyncio
import hashlib
from pathlib import Path

from atlas import keys
from atlas.domain.errors import OperatorError
from atlas.local import Services
from atlas.local.locks import lock_within, opened

_PATIENCE = 120.0


def prepare(running: Services, key_file: Path | None) -> None:
    """Brings the home to this release, and makes its key. Returns at once where that was done before.

    Asking the database costs as much as what most commands do, so a mark in the home tells which release made which
    database ready.
    """
    if key_file is not None and key_file.parent == running.home:
        keys.ensure_key(key_file)
    mark, wanted = running.home / "run" / "prepared", _wanted(running.home)
    if _read(mark) == wanted:
        return
    with opened(running.home / "run" / "prepare.lock") as lock:
        if not lock_within(lock, _PATIENCE):
            raise OperatorError("HOME_BUSY", "Another process is preparing this home.", "Try again in a minute.")
        if _read(mark) == wanted:
            return
        asyncio.run(_bootstrap_and_upgrade(running))
        mark.write_text(wanted, encoding="ascii")


async def _bootstrap_and_upgrade(running: Services) -> None:
    from atlas.store.bootstrap import bootstrap
    from atlas.store.migrations import upgrade

    await bootstrap(running.superuser_database_url)
    await upgrade(running.owner_database_url)


def _wanted(home: Path) -> str:
    """What this release would make of this database: the text of the scripts, and which cluster they ran in."""
    digest = hashlib.sha256()
    for script in _scripts():
        digest.update(script.name.encode() + b"\0" + script.read_bytes())
    cluster = (home / "postgres" / "PG_VERSION").stat()
    return f"{digest.hexdigest()} {cluster.st_ino} {cluster.st_mtime_ns}"


def _scripts() -> list[Path]:
    """The migrations, in the installed package or beside it in a checkout, and what makes the roles."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_migrations"
    folder = installed if installed.is_dir() else package.parent / "migrations"
    return [*sorted((folder / "versions").glob("*.py")), package / "store" / "bootstrap.py"]


def _read(mark: Path) -> str | None:
    try:
        return mark.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
