"""What the embedded services look like from outside: their addresses, and their state for a person."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE = "atlas"
SUPERUSER = "postgres"
ROLES = ("atlas_owner", "atlas_api", "atlas_worker", "atlas_sweeper")
VALKEY_SOCKET = "valkey.sock"
POSTGRES_SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses of running services: one SQLAlchemy URL a role, and the broker's for redis-py's `from_url`.

    The database `atlas` and the roles may not exist yet: the bootstrap makes them, over
    `superuser_database_url`, which names the database `postgres`.
    """

    database_url: str
    worker_database_url: str
    sweeper_database_url: str
    owner_database_url: str
    superuser_database_url: str
    broker_url: str
    home: Path
    joined: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What `atlas doctor` tells of a home. Versions and sources are null where no binary was found."""

    home: Path
    running: bool
    owner_pid: int | None
    services: Services | None
    http_url: str | None
    postgres_version: str | None
    postgres_source: str | None
    valkey_version: str | None
    valkey_source: str | None
    problem: str | None


def services_at(home: Path, sockets: Path, *, joined: bool) -> Services:
    """The addresses of the services whose sockets lie in `sockets`."""

    def url(role: str, database: str = DATABASE) -> str:
        return f"postgresql+asyncpg://{role}@/{database}?host={quote(str(sockets))}&port=5432"

    return Services(
        database_url=url("atlas_api"),
        worker_database_url=url("atlas_worker"),
        sweeper_database_url=url("atlas_sweeper"),
        owner_database_url=url("atlas_owner"),
        superuser_database_url=url(SUPERUSER, "postgres"),
        broker_url=f"unix://{quote(str(sockets / VALKEY_SOCKET))}?db=0",
        home=home,
        joined=joined,
    )
