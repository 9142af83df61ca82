"""The state file of a home: who owns its services, which processes they are, where they answer."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from atlas.local.processes import Identity

STARTING, READY, STOPPING = "starting", "ready", "stopping"


@dataclass(frozen=True, slots=True)
class State:
    """`phase` is one of starting, ready, stopping. Services that do not run are None."""

    phase: str
    owner: Identity
    sockets: Path
    postgres: Identity | None = None
    valkey: Identity | None = None
    http_url: str | None = None


def read_state(path: Path) -> State | None:
    """The state, or None when there is none or it cannot be read."""
    try:
        raw = json.loads(path.read_bytes())
        return State(
            phase=raw["phase"],
            owner=Identity(**raw["owner"]),
            sockets=Path(raw["sockets"]),
            postgres=_identity(raw["postgres"]),
            valkey=_identity(raw["valkey"]),
            http_url=raw["http_url"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(path: Path, state: State) -> None:
    """Replaces the state as a whole, so that a reader never sees half of it."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file, default=str)
    fresh.replace(path)


def remove_state(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _identity(raw: dict[str, Any] | None) -> Identity | None:
    return Identity(**raw) if raw else None
