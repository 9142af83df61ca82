"""The worker as a child process: it may be killed and is started again, and it never outlives this process."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from atlas import local
from atlas.cli.place import Place, UrlName, variable

log = structlog.get_logger("atlas.up")

# The file that ties a child's life to its parent's; it is run by path.
_TIE = Path(local.__file__).with_name("child.py")
_URLS: tuple[UrlName, ...] = ("worker_database", "sweeper_database", "broker")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LIVED_WELL = 60.0
_GRACE = 15.0


async def keep_worker(place: Place, stop: asyncio.Event) -> None:
    """Runs `atlas worker` until `stop` is set; started again, after a growing pause, whenever it ends.

    Must run in the main thread: on Linux the child gets SIGTERM when the thread that started it ends.
    """
    environment = _environment(place)
    pause = _FIRST_PAUSE
    while not stop.is_set():
        began = time.monotonic()
        process = await _start(environment)
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await _end(process)
        if stop.is_set():
            return
        pause = _FIRST_PAUSE if time.monotonic() - began > _LIVED_WELL else pause
        log.warning("the worker has ended, it is started again", code=await ended, seconds=pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _start(environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Starts the worker in a session of its own, so that a Ctrl-C reaches it only through this process."""
    tie = [sys.executable, "-I", "-S", str(_TIE), "-1", "-1", str(os.getpid()), str(int(signal.SIGTERM))]
    return await asyncio.create_subprocess_exec(
        *tie, sys.executable, "-m", "atlas.cli", "worker",
        stdin=asyncio.subprocess.DEVNULL, stdout=2, env=environment, start_new_session=True,
    )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    """Asks the worker to end, which gives back what it works on, and insists where it does not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _environment(place: Place) -> dict[str, str]:
    """The environment of this process, with the addresses of the worker's services and without who acts.

    With addresses the worker knows of no home, so the home's key is named to it too.
    """
    kept = {name: value for name, value in os.environ.items() if name != "ATLAS_TOKEN"}
    key = {} if place.key_file is None else {"ATLAS_SECRET_KEY_FILE": str(place.key_file.resolve())}
    return kept | key | {variable(name): place.url(name) for name in _URLS}
