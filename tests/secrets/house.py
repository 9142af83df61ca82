"""A deployment of its own: services, `atlas api`, `atlas worker` and commands, each output kept to be searched."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from atlas.local import Services
from tests import warm
from tests.secrets.canaries import Mint
from tests.secrets.search import Place


@dataclass(frozen=True, slots=True)
class House:
    """`outputs` are those of the commands that ended; what still runs writes into `logs`."""

    services: Services
    folder: Path
    mint: Mint
    outputs: list[Place] = field(default_factory=list)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def deployment_key(self) -> bytes:
        return (self.mint.made["deployment key"].value + self.mint.made["deployment key#2"].value).encode()

    def environment(self, **more: str) -> dict[str, str]:
        """Addresses with passwords, as a deployment has them; the embedded server asks for none and ignores them."""
        password = self.mint.text("a database's password")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
        urls = {
            f"ATLAS_{name}_DATABASE_URL".replace("API_", ""): make_url(url).set(password=password)
            for name, url in (
                ("API", self.services.database_url),
                ("WORKER", self.services.worker_database_url),
                ("SWEEPER", self.services.sweeper_database_url),
                ("OWNER", self.services.owner_database_url),
            )
        }
        return (
            kept
            | {name: url.render_as_string(hide_password=False) for name, url in urls.items()}
            | {
                "ATLAS_BROKER_URL": self.services.broker_url,
                "ATLAS_SECRET_KEY_FILE": str(self.folder / "secret.key"),
                "ATLAS_LOG_FORMAT": "json",
                "ATLAS_MAX_ATTEMPTS": "1",
                "ATLAS_SWEEP_SECONDS": "0.5",
                # Nobody answers there, so that the trial of a connection fails without leaving this machine.
                "ATLAS_GRAPH_AUTHORITY": "https://127.0.0.1:9",
                "PYTHONPATH": str(Path(__file__).parents[2]),
            }
            | more
        )

    def command(self, *words: str, said: frozenset[str] = frozenset(), **environment: str) -> str:
        """Runs `atlas` to its end and returns its standard output; both outputs are kept."""
        done = warm.run(words, self.environment(**environment), seconds=90)
        told = [done.stdout.encode(), done.stderr.encode()]
        self.outputs.append(Place(f"output of atlas {words[0]} {len(self.outputs)}", told, said))
        return done.stdout


def make_house(services: Services, folder: Path, mint: Mint) -> House:
    """A house with its key file; the deployment key is a canary too."""
    house = House(services, folder, mint)
    mint.text("deployment key")
    mint.text("deployment key#2")
    key = folder / "secret.key"
    key.touch(mode=0o600)
    key.write_bytes(house.deployment_key + b"\n")
    house.logs.mkdir()
    return house


@contextmanager
def api_process(house: House) -> Iterator[Callable[[], str]]:
    """`atlas api` on a free port; its address, once it is up."""
    with _process(house, "api", "api", "--host", "127.0.0.1", "--port", "0", "--json") as process:
        yield cache(lambda: json.loads(_first_value(process))["url"])


@contextmanager
def worker_process(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """`atlas worker`, which works as soon as it can."""
    with _process(house, "worker", "worker") as process:
        yield process


@contextmanager
def _process(house: House, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Ends the process as its supervisor would, so that its last words are in the log."""
    command = [sys.executable, "-m", "atlas.cli", *words]
    with (house.logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=house.environment(), stdout=subprocess.PIPE, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                rest, _ = process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                rest, _ = process.communicate()
            (house.logs / f"{name}.out").write_bytes(rest)


def _first_value(process: subprocess.Popen[bytes]) -> bytes:
    """The JSON value that the process prints first."""
    assert process.stdout is not None
    told, deadline = b"", time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if select.select([process.stdout], [], [], 0.1)[0]:
            told += os.read(process.stdout.fileno(), 4096)
            if told.rstrip().endswith(b"}"):
                return told
    raise AssertionError(f"atlas api did not start: {told!r}")
