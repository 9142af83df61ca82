"""Starts the services of a home, keeps them running and ends them: the work of the owner's keeper thread."""

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from atlas.domain.errors import OperatorError
from atlas.local import postgres, valkey
from atlas.local.account import Account
from atlas.local.binaries import (
    Binaries,
    ValkeyBinary,
    find_postgres,
    find_valkey,
    reachable_postgres,
    reachable_valkey,
)
from atlas.local.folders import Layout, explained, make_owned
from atlas.local.processes import Identity, identity, lives
from atlas.local.state import READY, STARTING, STOPPING, State, read_state, remove_state, write_state


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is needed to start the services of one home, and to start one of them again."""

    layout: Layout
    account: Account
    postgres: Binaries
    valkey: ValkeyBinary


def plan_for(layout: Layout, account: Account) -> Plan:
    """Finds the programs, and makes them reachable for the account."""
    return Plan(
        layout,
        account,
        reachable_postgres(find_postgres(), account),
        reachable_valkey(find_valkey(), account),
    )


def keep(plan: Plan, ending: threading.Event, started: queue.SimpleQueue[BaseException | None]) -> None:
    """Runs in a thread of its own from start to end, because the services die with the thread that forked them.

    Puts None, or what went wrong, into `started`. A service that ends by itself is started again.
    """
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with explained(plan.layout.home):
            _start_all(plan, running)
    except BaseException as error:  # noqa: BLE001  # It is raised again by the thread that waits for it.
        _end_all(plan, running)
        started.put(error)
        return
    started.put(None)
    pause = 0.2
    while not ending.wait(pause):
        try:
            pause = 0.2 if _revive(plan, running) else pause
        except (OperatorError, OSError):
            pause = min(pause * 2, 30)
    _end_all(plan, running)


def end_leftovers(layout: Layout, state: State | None) -> bool:
    """Ends services that outlived their owner; only for the holder of the home's lock. True when there were any."""
    orphan = postgres.leftover(layout)
    ended = orphan is not None
    if orphan is not None:
        postgres.stop(orphan)
    if state is not None and lives(state.valkey) and state.valkey is not None:
        ended = valkey.stop(state.valkey) or ended
    return ended


def _start_all(plan: Plan, running: dict[str, subprocess.Popen[bytes]]) -> None:
    layout = plan.layout
    end_leftovers(layout, read_state(layout.state))
    owner = identity(os.getpid()) or Identity(os.getpid(), "")
    write_state(layout.state, State(STARTING, owner, layout.sockets))
    make_owned(layout.queue, plan.account)
    make_owned(layout.sockets, plan.account)
    postgres.prepare(layout, plan.postgres, plan.account)
    _revive(plan, running)


def _revive(plan: Plan, running: dict[str, subprocess.Popen[bytes]]) -> bool:
    """Starts each service that does not run, and writes the state down; true when anything was started."""
    starters: dict[str, Callable[[], subprocess.Popen[bytes]]] = {
        "valkey": lambda: valkey.start(plan.layout, plan.valkey, plan.account),
        "postgres": lambda: postgres.start(plan.layout, plan.postgres, plan.account),
    }
    missing = [name for name in starters if name not in running or running[name].poll() is not None]
    for name in missing:
        running[name] = starters[name]()
        state = read_state(plan.layout.state)
        if state is not None:
            write_state(plan.layout.state, _with_process(state, name, running))
    return bool(missing)


def _with_process(state: State, name: str, running: dict[str, subprocess.Popen[bytes]]) -> State:
    known = identity(running[name].pid)
    state = replace(state, postgres=known) if name == "postgres" else replace(state, valkey=known)
    ready = lives(state.postgres) and lives(state.valkey)
    return replace(state, phase=READY if ready and state.phase != STOPPING else state.phase)


def _end_all(plan: Plan, running: dict[str, subprocess.Popen[bytes]]) -> None:
    stops = {"postgres": postgres.stop, "valkey": valkey.stop}
    for name, process in running.items():
        known = identity(process.pid) if process.poll() is None else None
        if known is not None:
            stops[name](known)
        process.wait()
    # The home may be gone by now; what is left in it is then nobody's trouble.
    with contextlib.suppress(OSError):
        remove_state(plan.layout.state)
    if plan.layout.run not in plan.layout.sockets.parents:
        with contextlib.suppress(OSError):
            plan.layout.sockets.rmdir()
