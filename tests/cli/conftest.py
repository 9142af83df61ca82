"""The command line as a person or a script runs it: processes of its own, a home of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from tests import warm
from tests.factories import make_policy, write_export

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Atlas:
    """A home, and the environment that its commands run in.

    `cold` is for tests about the start itself: each command then loads the program anew, as it does for a person.
    """

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    cold: bool = False

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "PG"))}
        ours = {"ATLAS_HOME": str(self.home), "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
        # Nobody answers there: what a worker tries by itself does not leave this machine.
        return kept | ours | {"ATLAS_GRAPH_AUTHORITY": "https://127.0.0.1:9"} | self.variables

    def run(self, *words: object, exit_code: int | None = 0) -> subprocess.CompletedProcess[str]:
        run = warm.run_cold if self.cold else warm.run
        ended = run([str(word) for word in words], self.environment, seconds=PATIENCE)
        assert exit_code in {None, ended.returncode}, f"{words}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        assert "Traceback" not in ended.stderr
        return ended

    def json(self, *words: object, exit_code: int = 0) -> Any:
        return orjson.loads(self.run(*words, "--json", exit_code=exit_code).stdout)

    def refused(self, *words: object) -> dict[str, str]:
        """The error of a command that ends with 1 and says nothing on stdout."""
        ended = self.run(*words, "--json", exit_code=1)
        assert not ended.stdout
        error: dict[str, str] = orjson.loads(ended.stderr.splitlines()[-1])["error"]
        return error

    @property
    def log(self) -> Path:
        """Where the processes that stay write what they log."""
        return self.home.with_name(f"{self.home.name}.log")

    def start(self, *words: object) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "atlas.cli", *map(str, words)],
                env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    def with_(self, **variables: object) -> "Atlas":
        return replace(self, variables=self.variables | {name: str(value) for name, value in variables.items()})


@dataclass(frozen=True, slots=True)
class Up:
    """A home that is up, and where it answers."""

    atlas: Atlas
    url: str
    process: subprocess.Popen[str]


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A home of the command line's own tests, with `atlas up` running in it, so that each command joins it."""
    atlas = Atlas(tmp_path_factory.mktemp("cli"))
    with served(atlas) as running:
        yield running


@contextmanager
def served(atlas: Atlas) -> Iterator[Up]:
    """`atlas up` for the length of the block, on a free port."""
    process = atlas.start("up", "--port", "0", "--json")
    assert process.stdout is not None
    try:
        told = ""
        while not told.endswith("}\n"):
            line = process.stdout.readline()
            assert line, f"atlas up did not start: {atlas.log.read_text()}"
            told += line
        yield Up(atlas, orjson.loads(told)["url"], process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A process and all that it started."""
    head = psutil.Process(process.pid)
    return [head, *head.children(recursive=True)]


def left_in(home: Path) -> list[str]:
    """The processes that work in a home: PostgreSQL and Valkey have their folder there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(home.resolve())) or str(home) in " ".join(process.cmdline()):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def export(folder: Path, **changes: int) -> Path:
    """Three policies; `p1=2` sets the one choice of the first to 2."""
    values = {f"p{number}": 1 for number in (1, 2, 3)} | changes
    policies = [make_policy(int(name[1:]), value=value) for name, value in values.items()]
    return write_export(folder, *policies)
