"""Who starts the services of a home, who joins them, and how they end: `run`, `stop_home` and `status_of`."""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.local.account import service_account
from atlas.local.binaries import find_postgres, find_valkey
from atlas.local.folders import Layout, explained, layout_of, make_home
from atlas.local.keeper import Plan, end_leftovers, keep, plan_for
from atlas.local.locks import lock_within, opened, try_lock, unlock
from atlas.local.processes import lives
from atlas.local.state import READY, STOPPING, State, read_state, remove_state, write_state
from atlas.local.values import Services, Status, services_at

_WAIT_FOR_USERS = 10.0
_WAIT_FOR_OWNER = 60.0


@contextlib.contextmanager
def run(home: Path) -> Iterator[Services]:
    """Starts or joins the services of `home`. Exactly one of several processes at once becomes their owner."""
    layout = layout_of(home, service_account())
    make_home(layout)
    with contextlib.ExitStack() as stack:
        with explained(layout.home):
            owner_lock = stack.enter_context(opened(layout.run / "owner.lock"))
            users_lock = stack.enter_context(opened(layout.run / "users.lock"))
        state = _own_or_join(layout, owner_lock, users_lock)
        if state is not None:
            yield services_at(layout.home, state.sockets, joined=True)
            return
        stack.enter_context(_ending_on_sigterm())
        stack.enter_context(_kept(plan_for(layout, service_account()), users_lock))
        yield services_at(layout.home, layout.sockets, joined=False)


def announce_http(home: Path, http_url: str) -> None:
    layout = layout_of(home, service_account())
    state = read_state(layout.state)
    if state is not None and state.owner.pid == os.getpid():
        write_state(layout.state, replace(state, http_url=http_url))


def stop_home(home: Path) -> bool:
    layout = layout_of(home, service_account())
    with explained(layout.home):
        if not layout.run.is_dir():
            return False
    with explained(layout.home), opened(layout.run / "owner.lock") as owner_lock:
        asked = _ask_owner_to_end(layout, owner_lock)
        ended = end_leftovers(layout, read_state(layout.state))
        remove_state(layout.state)
    return asked or ended


def status_of(home: Path) -> Status:
    problems: list[OperatorError] = []
    state, layout = None, None
    binaries, broker = None, None
    try:
        layout = layout_of(home, service_account())
        state = read_state(layout.state)
    except OperatorError as error:
        problems.append(error)
    try:
        binaries = find_postgres()
    except OperatorError as error:
        problems.append(error)
    try:
        broker = find_valkey()
    except OperatorError as error:
        problems.append(error)
    running = state is not None and lives(state.postgres) and lives(state.valkey)
    owned = state is not None and lives(state.owner)
    return Status(
        home=layout.home if layout else home,
        running=running,
        owner_pid=state.owner.pid if state and owned else None,
        services=services_at(layout.home, state.sockets, joined=True) if layout and state and running else None,
        http_url=state.http_url if state and owned else None,
        postgres_version=binaries.version if binaries else None,
        postgres_source=binaries.source if binaries else None,
        valkey_version=broker.version if broker else None,
        valkey_source=broker.source if broker else None,
        problem=str(problems[0]) if problems else None,
    )


def _own_or_join(layout: Layout, owner_lock: int, users_lock: int) -> State | None:
    """None when this process now owns the home; else the state of the services that it has joined."""
    deadline = time.monotonic() + _WAIT_FOR_OWNER
    while time.monotonic() < deadline:
        if try_lock(owner_lock):
            return None
        # The shared lock comes before the look at the state: an owner that ends says so in the state first,
        # and then waits for the shared locks.
        if try_lock(users_lock, shared=True):
            state = read_state(layout.state)
            if state is not None and state.phase == READY and lives(state.owner):
                return state
            unlock(users_lock)
        time.sleep(0.02)
    state = read_state(layout.state)
    raise OperatorError(
        "SERVICES_BUSY",
        f"Process {state.owner.pid if state else '(unknown)'} holds the services of {layout.home}, but they are"
        " not ready.",
        "Run `atlas down` for this home, or end that process, and try again.",
    )


@contextlib.contextmanager
def _kept(plan: Plan, users_lock: int) -> Iterator[None]:
    """The services, running for as long as the block and until those that joined have left."""
    ending = threading.Event()
    started: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    keeper = threading.Thread(target=keep, args=(plan, ending, started), name="atlas-services", daemon=True)
    keeper.start()
    try:
        error = started.get()
        if error is not None:
            raise error
        try:
            yield
        finally:
            _let_users_leave(plan.layout, users_lock)
    finally:
        ending.set()
        keeper.join()


def _let_users_leave(layout: Layout, users_lock: int) -> None:
    state = read_state(layout.state)
    # The home may have been removed meanwhile; then there is nobody to tell.
    with contextlib.suppress(OSError):
        if state is not None:
            write_state(layout.state, replace(state, phase=STOPPING))
        lock_within(users_lock, _WAIT_FOR_USERS)


def _ask_owner_to_end(layout: Layout, owner_lock: int) -> bool:
    """Sends SIGTERM to the owner, waits, and takes its lock; false when there was no owner."""
    deadline = time.monotonic() + _WAIT_FOR_OWNER
    asked = False
    while not try_lock(owner_lock):
        state = read_state(layout.state)
        if state is not None and lives(state.owner) and not asked:
            os.kill(state.owner.pid, signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            raise OperatorError(
                "OWNER_DOES_NOT_END",
                f"Process {state.owner.pid if state else '(unknown)'} owns the services of {layout.home} and"
                " does not end.",
                "End it with `kill -9`; the services then end by themselves.",
            )
        time.sleep(0.02)
    return asked


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Lets SIGTERM, which `atlas down` sends, unwind the program instead of ending it at once."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
