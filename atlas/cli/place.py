"""Where a command works: the services of its home, joined or started, or those of a deployment, named by URLs."""

import importlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from atlas.domain.errors import OperatorError
from atlas.local import Services, default_home, services, status

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from atlas.sealing import SealingKey
    from atlas.settings import Settings
    from atlas.workers.runtime import WorkerSettings

UrlName = Literal["database", "worker_database", "sweeper_database", "owner_database", "superuser_database", "broker"]
URL_NAMES: tuple[UrlName, ...] = (
    "database", "worker_database", "sweeper_database", "owner_database", "superuser_database", "broker",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """`services` are those of the embedded home; None in a deployment, whose URLs stand in the settings."""

    home: Path
    settings: "Settings"
    services: Services | None

    @property
    def embedded(self) -> bool:
        return self.services is not None

    @property
    def joined(self) -> bool:
        """True where another process owns the services of this home."""
        return self.services is not None and self.services.joined

    def known_url(self, name: UrlName) -> str | None:
        if self.services is not None:
            found: str = getattr(self.services, f"{name}_url")
            return found
        return url_of(self.settings, name)

    def url(self, name: UrlName) -> str:
        """The address of a service; it may hold a password. Raises `OperatorError` where it is not set."""
        found = self.known_url(name)
        if found is None:
            raise OperatorError(
                "NOT_CONFIGURED",
                f"{variable(name)} is not set.",
                "Set it; or unset every ATLAS_*_URL variable to work in the embedded home.",
            )
        return found

    @property
    def key_file(self) -> Path | None:
        """The file of the deployment key, where it is in one: the named one, or that of the embedded home."""
        from atlas import keys

        if self.settings.secret_key_file is not None:
            return self.settings.secret_key_file
        return self.home / keys.NAME if self.embedded and self.settings.secret_key is None else None

    def deployment_key(self) -> bytes:
        """The secret that keys of tenants are derived from.

        Raises `OperatorError` where a deployment does not name it, and where what it names is no key or lies open.
        """
        from atlas import keys

        secret = self.settings.secret_key
        if self.key_file is not None and secret is not None:
            raise OperatorError(
                "TWO_KEYS",
                "ATLAS_SECRET_KEY and ATLAS_SECRET_KEY_FILE are both set, and may be two different keys.",
                "Unset the one that is not this deployment's; a file is the better place.",
            )
        if secret is not None:
            return keys.key_of(secret.get_secret_value(), "ATLAS_SECRET_KEY")
        if self.key_file is not None:
            return keys.deployment_key(self.key_file)
        raise OperatorError(
            "NO_KEY_FILE",
            "ATLAS_SECRET_KEY_FILE is not set, so nothing can be redacted.",
            "Name a file of 32 random bytes or more that only this user can read, or set ATLAS_SECRET_KEY.",
        )

    def previous_keys(self) -> tuple[bytes, ...]:
        """The keys from before the rotations of the key file: what was recorded under them is compared under them."""
        from atlas import keys

        return keys.previous_keys(self.key_file) if self.key_file is not None else ()

    def sealing_key(self) -> "SealingKey | None":
        """What credentials are sealed with: the public half of the key where that is at hand, else the named one."""
        from atlas.sealing import read_sealing_key, sealing_key

        if self.key_file is not None or self.settings.secret_key is not None:
            return sealing_key(self.deployment_key())
        named = self.settings.sealing_key
        return None if named is None else read_sealing_key(named)

    def refuse_unsafe_key(self) -> None:
        """Raises `OperatorError` where a key is named that may not be used. A process that needs none may have none."""
        if self.key_file is not None or self.settings.secret_key is not None:
            self.deployment_key()
            self.previous_keys()

    def http_url(self) -> str | None:
        """Where `atlas up` answers for this home, if another process is up."""
        return status(self.home).http_url if self.joined else None


def url_of(settings: "Settings", name: UrlName) -> str | None:
    secret = getattr(settings, f"{name}_url")
    return None if secret is None else str(secret.get_secret_value())


def variable(name: UrlName) -> str:
    return f"ATLAS_{name.upper()}_URL"


def home_folder(home: Path | None) -> Path:
    return home if home is not None else default_home()


@contextmanager
def opened(home: Path | None, *, prepared: bool = True, modules: Sequence[str] = ()) -> Iterator[Place]:
    """The place for the length of the block.

    Where no URL is set, the services of the home: joined when they run, else started, and stopped at the end. Unless
    `prepared` is false the home then has its roles, migrations and key. `modules` are loaded while services start.
    """
    from atlas.settings import Settings

    settings = Settings()
    if any(url_of(settings, name) is not None for name in URL_NAMES):
        yield Place(home_folder(home), settings, None)
        return
    with ExitStack() as stack:
        with _loading(modules):
            running = stack.enter_context(services(home_folder(home)))
        place = Place(running.home, settings, running)
        if prepared:
            from atlas.cli.preparing import prepare

            prepare(running, place.key_file)
            place.deployment_key()
        yield place


@contextmanager
def _loading(modules: Sequence[str]) -> Iterator[None]:
    """Imports the modules beside the body, which waits for other processes meanwhile, and ends with both."""

    def load() -> None:
        for name in modules:
            importlib.import_module(name)

    # What both sides import is complete before: two threads in one cycle of imports may see a half of it.
    from atlas.local import supervisor  # noqa: F401

    loading = threading.Thread(target=load, name="atlas-imports")
    loading.start()
    try:
        yield
    finally:
        loading.join()


def configure_logs(place: Place, *, quiet: bool = True) -> None:
    """Logs go to stderr; a command that ends by itself tells only what is out of order."""
    import logging

    from atlas.logs import configure

    configure(place.settings.log_format, level=logging.WARNING if quiet else logging.INFO)
    # What these say at every start tells an operator nothing; Atlas logs its own starts and ends.
    for name in ("alembic", "dramatiq", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


def worker_settings(place: Place) -> "WorkerSettings":
    """What a worker of this place needs. Raises `OperatorError` where a URL is missing."""
    from atlas.domain.holding import Threshold
    from atlas.graph_budget import open_buckets
    from atlas.graph_sync import GraphSource
    from atlas.workers.actors import Terms
    from atlas.workers.runtime import WorkerSettings

    settings = place.settings
    return WorkerSettings(
        worker_url=place.url("worker_database"),
        sweeper_url=place.url("sweeper_database"),
        broker_url=place.url("broker"),
        threads=settings.worker_threads,
        sweep_seconds=settings.sweep_seconds,
        resend_seconds=settings.resend_seconds,
        keep_days=settings.keep_days,
        scheduled_at_once=settings.scheduled_at_once,
        terms=Terms(lease_seconds=settings.lease_seconds, max_attempts=settings.max_attempts),
        source=GraphSource(
            # Read at each sync: a worker must not go on under a key that was rotated meanwhile.
            keys=lambda: (place.deployment_key(), *place.previous_keys()),
            graph=settings.graph_url,
            authority=settings.graph_authority,
            labels=settings.graph_labels,
            events=settings.graph_events,
            shared=open_buckets(place.url("broker")),
            threshold=Threshold(share=settings.hold_share, least=settings.hold_least),
        ),
    )


def worker_beside(place: Place) -> "AbstractContextManager[None]":
    """A worker in this process, where nobody else's works: in an embedded home that is not up."""
    if not place.embedded or place.http_url() is not None:
        return nullcontext()
    from atlas.workers.runtime import running

    return running(worker_settings(place))
