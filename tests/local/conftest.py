"""A home of a test's own, and processes that hold its services."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.local.homes import HOLD, ROOT, Holder, group_of, runs_in


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that does not exist yet; at the end nothing may run in it."""
    folder = tmp_path / "home"
    yield folder
    left = runs_in(folder)
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    """Starts holders, and ends those that the test left."""
    holders: list[Holder] = []

    def start(home: Path, *, python: str = sys.executable, path: Path = ROOT, user: str | None = None) -> Holder:
        process = subprocess.Popen(
            [python, "-c", HOLD, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env=os.environ | {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
            user=user,
            group=None if user is None else group_of(user),
            extra_groups=None if user is None else [],
        )
        holders.append(Holder(process))
        return holders[-1]

    yield start
    for holder in holders:
        with contextlib.suppress(BrokenPipeError):
            holder.process.stdin.close()
        try:
            holder.process.wait(60)
        finally:
            holder.process.kill()
            holder.process.stdout.close()
            holder.process.stderr.close()
