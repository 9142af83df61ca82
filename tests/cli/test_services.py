"""Which command starts the services of a home, which joins them, and that none leaves a process behind."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import orjson
import psutil

from tests.cli.conftest import Atlas, Up, export, family, left_in, served


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def worker_of(up: Up) -> psutil.Process | None:
    for child in psutil.Process(up.process.pid).children():
        # A killed one may be gone, or a zombie, by the time it is looked at.
        with suppress(psutil.NoSuchProcess):
            if child.cmdline()[-1:] == ["worker"]:
                return child
    return None


def test_a_home_that_is_up_answers_and_is_joined(up: Up) -> None:
    ready = httpx.get(f"{up.url}/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert httpx.get(f"{up.url}/").status_code == 200
    state = up.atlas.home / "run" / "state.json"
    before = state.read_text()
    assert isinstance(up.atlas.json("tenant", "list"), list)
    assert state.read_text() == before
    assert orjson.loads(before)["owner"]["pid"] == up.process.pid


def test_a_home_is_up_once(up: Up) -> None:
    error = up.atlas.refused("up", "--port", "0")
    assert error["code"] == "ALREADY_UP"
    assert up.url in error["message"]


def test_a_taken_port_is_an_error_that_names_it(up: Up, tmp_path: Path) -> None:
    port = up.url.rpartition(":")[2]
    error = Atlas(tmp_path / "home").refused("up", "--port", port)
    assert error["code"] == "PORT_TAKEN"
    assert port in error["message"]
    assert left_in(tmp_path / "home") == []


def test_a_killed_worker_is_started_again(up: Up) -> None:
    wait_for(lambda: worker_of(up))
    killed = worker_of(up)
    assert killed is not None
    killed.kill()
    wait_for(lambda: (now := worker_of(up)) and now.pid != killed.pid)
    assert httpx.get(f"{up.url}/readyz").status_code == 200


def test_a_command_alone_starts_what_it_needs_and_leaves_nothing(tmp_path: Path) -> None:
    atlas = Atlas(tmp_path / "home")
    atlas.run("tenant", "create", "alone")
    for name, value in (("one", 1), ("two", 2)):
        atlas.run("sync", "folder", export(tmp_path / name, p1=value), "--tenant", "alone")
    assert atlas.json("drift", "--tenant", "alone")["counts"]["modified"] == 1
    assert left_in(atlas.home) == []
    assert not (atlas.home / "run" / "state.json").exists()
    key = atlas.home / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    assert atlas.refused("tenant", "list")["code"] == "KEY_FILE_OPEN"


def test_many_commands_at_once_prepare_a_home_once(tmp_path: Path) -> None:
    atlas = Atlas(tmp_path / "home")
    started = [atlas.start("tenant", "create", f"tenant-{number}", "--json") for number in range(4)]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0, 0], atlas.log.read_text()
    for process in started:
        process.communicate()
    assert len(atlas.json("tenant", "list")) == 4
    assert left_in(atlas.home) == []


def test_up_ends_with_everything_it_started(tmp_path: Path) -> None:
    atlas = Atlas(tmp_path / "home")
    for end in (signal.SIGINT, signal.SIGTERM, None):
        with served(atlas) as up:
            wait_for(lambda up=up: worker_of(up))
            started = family(up.process)
            if end is None:
                assert atlas.json("down")["stopped"] is True
            else:
                os.kill(up.process.pid, end)
            assert up.process.wait(timeout=30) == 0
        _gone, alive = psutil.wait_procs(started, timeout=15)
        assert alive == []
        assert left_in(atlas.home) == []


def test_a_killed_up_leaves_no_process(tmp_path: Path) -> None:
    atlas = Atlas(tmp_path / "home")
    with served(atlas) as up:
        wait_for(lambda: worker_of(up))
        started = family(up.process)
        up.process.kill()
        _gone, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []
    assert left_in(atlas.home) == []
    assert atlas.json("tenant", "list") == []
