"""Processes that hold the services of a home, and a look at what runs in it."""

import asyncio
import contextlib
import json
import pwd
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

ROOT = Path(__file__).parents[2]
HOLD = """
import dataclasses, json, sys
from pathlib import Path
from atlas.local import services
with services(Path(sys.argv[1])) as found:
    print(json.dumps(dataclasses.asdict(found), default=str), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Another process that holds the services of a home until `leave` or a signal."""

    process: subprocess.Popen[str]

    def services(self) -> dict[str, object]:
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def leave(self) -> int:
        self.process.stdin.close()
        return self.process.wait(60)


def group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def runs_in(home: Path) -> list[psutil.Process]:
    """The processes that work in a folder of the home, as PostgreSQL, its children and Valkey do."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not become true in time."
        time.sleep(0.02)


def sql(sockets: Path, *statements: str, user: str = "postgres") -> list[tuple[object, ...]]:
    """Runs statements as a role over the socket; the rows of the last."""

    async def run() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(host=str(sockets), port=5432, user=user, database="postgres", ssl=False)
        try:
            rows = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return [tuple(row) for row in rows]
        finally:
            await connection.close()

    return asyncio.run(run())
