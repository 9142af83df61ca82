"""`python -m bench live`: how soon an event reaches all subscribers of a process, and what a subscriber costs."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop
from sqlalchemy import text

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services, services
from atlas.schema.ids import encode_activity_cursor, encode_id
from atlas.store.bootstrap import bootstrap
from atlas.store.database import Database, open_database
from atlas.store.migrations import upgrade
from bench.graphql import first_line, two_cores
from bench.live_clients import Subscriber, subscribe
from tests.factories import Tenant, make_tenant
from tests.schema.runs import RUNNING, SyncRun, make_sync_run

ACTIVITY = """subscription Live($tenant: ID!, $after: String) {
  activity(tenantId: $tenant, after: $after) {
    cursor at syncRun { id sequence status startedAt finishedAt progress { done total } scope { key label } }
  }
}"""
# What slow readers ask for: more than what lies between them and the server holds.
MUCH = """subscription Much($tenant: ID!, $after: String) {
  activity(tenantId: $tenant, after: $after) { cursor syncRun { notes } }
}"""
NOTES = "update atlas.sync_runs set notes = :notes where tenant_id = :tenant and id = :id"
CONNECTIONS = "select count(*) from pg_stat_activity where usename = 'atlas_api'"
BEGIN = encode_activity_cursor(0)
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Ground:
    owner: Database
    tenant: Tenant
    run: SyncRun
    tokens: Sequence[str]

    @property
    def variables(self) -> dict[str, object]:
        return {"tenant": encode_id("Tenant", self.tenant.id, self.tenant.id), "after": BEGIN}


@dataclass(frozen=True, slots=True)
class Process:
    port: int
    popen: subprocess.Popen[str]

    @property
    def memory(self) -> int:
        """Bytes that are resident."""
        return int(psutil.Process(self.popen.pid).memory_info().rss)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--subscribers", type=int, default=5_000)
    parser.add_argument("--principals", type=int, default=5_000, help="whom they are of, each with a token")
    parser.add_argument("--slow", type=int, default=200, help="readers that stop reading, beside them")
    parser.add_argument("--events", type=int, default=40, help="with the slow readers, and as many without them")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between events")
    parser.add_argument("--cycles", type=int, default=100, help="reconnects over two processes")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def run(given: argparse.Namespace) -> None:
    cores = two_cores()
    if cores is not None:
        os.sched_setaffinity(0, {cores[0]})
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder, services(Path(folder) / "home") as running:
        figures = uvloop.run(
            measured(
                running,
                None if cores is None else cores[1],
                subscribers=given.subscribers,
                principals=given.principals,
                slow=given.slow,
                events=given.events,
                pause=given.pause,
                cycles=given.cycles,
            )
        )
    if given.json:
        print(json.dumps(figures))
        return
    for what, figure in figures.items():
        print(f"{what:<64}{figure:>12,.1f}")


async def measured(
    running: Services,
    core: int | None,
    *,
    subscribers: int,
    principals: int,
    slow: int,
    events: int,
    pause: float,
    cycles: int,
) -> dict[str, float]:
    """The figures. Raises RuntimeError where an event was lost or came twice."""
    await bootstrap(running.superuser_database_url)
    await upgrade(running.owner_database_url)
    async with prepared(running, principals) as ground, AsyncExitStack() as stack:
        others = await connections(ground)
        server = await stack.enter_async_context(served(running, core))
        started = time.perf_counter()
        await (await subscribe(server.port, ground.tokens[0], ACTIVITY, ground.variables)).first
        before = server.memory
        all_of_them = await many(server, ground, ACTIVITY, subscribers)
        connected = time.perf_counter() - started
        await asyncio.sleep(2 * pause)
        per_subscriber = (server.memory - before) / subscribers
        alone = await tell(ground, all_of_them, events, pause)
        held = await connections(ground) - others
        slow_ones = await many(server, ground, MUCH, slow, slow=True)
        before_slow = server.memory
        beside, most = await tell(ground, all_of_them, events, pause), server.memory
        for one in slow_ones:
            one.transport.resume_reading()
        await caught_up(server, ground, slow_ones, len(all_of_them[0].heard))
        for one in (*all_of_them, *slow_ones):
            one.transport.abort()
        reconnected = await reconnect(running, server, ground, cycles, len(all_of_them[0].heard))
    return {
        f"{subscribers} subscribers of {principals} principals connected, s": connected,
        "memory of a subscriber, kB": per_subscriber / 1_000,
        "connections of the API to the database meanwhile": held,
        "an event reaches a subscriber, p50 ms": percentile(alone, 0.5),
        "p99 ms": percentile(alone, 0.99),
        "the last of all, ms": percentile(alone, 1),
        f"beside {slow} slow readers, p50 ms": percentile(beside, 0.5),
        f"beside {slow} slow readers, p99 ms": percentile(beside, 0.99),
        f"beside {slow} slow readers, the last of all, ms": percentile(beside, 1),
        "memory of a slow reader over that of its connection, kB": max(most - before_slow, 0) / slow / 1_000,
        f"events over {cycles} reconnects, none lost and none double": reconnected,
    }


@asynccontextmanager
async def prepared(running: Services, principals: int) -> AsyncIterator[Ground]:
    owner, api = open_database(running.owner_database_url), open_database(running.database_url)
    try:
        tenant = await make_tenant(owner, api)
        free = asyncio.Semaphore(_AT_ONCE)

        async def token(number: int) -> str:
            async with free:
                made = await access.create_token(api, tenant.owner, principal_name=f"s{number}", role=Role.READER)
            return made.token

        tokens = await asyncio.gather(*(token(number) for number in range(principals)))
        run_ = await make_sync_run(owner, tenant)
        await run_.becomes(NOTES, notes=["It is long. " * 100] * 20)
        yield Ground(owner, tenant, run_, tokens)
    finally:
        await owner.close()
        await api.close()


@asynccontextmanager
async def served(running: Services, core: int | None) -> AsyncIterator[Process]:
    setting = {"database_url": running.database_url, "core": core}
    started = _start(setting)
    try:
        yield Process(int(await asyncio.to_thread(first_line, started)), started)
    finally:
        started.terminate()
        await asyncio.to_thread(started.communicate, timeout=30)


def _start(setting: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.live_server", json.dumps(setting)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def many(server: Process, ground: Ground, query: str, count: int, *, slow: bool = False) -> list[Subscriber]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Subscriber:
        async with free:
            token = ground.tokens[number % len(ground.tokens)]
            return await subscribe(server.port, token, query, ground.variables, slow=slow)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def tell(ground: Ground, subscribers: Sequence[Subscriber], events: int, pause: float) -> list[float]:
    """Makes events, and returns in milliseconds how long each was on its way to each subscriber, from before it was
    written.
    """
    already = len(subscribers[0].heard)
    begun = []
    for done in range(events):
        begun.append(time.perf_counter())
        await ground.run.becomes(RUNNING, done=done)
        await asyncio.sleep(pause)
    await complete(subscribers, already + events)
    return sorted(
        (one.heard[already + number][0] - began) * 1_000 for number, began in enumerate(begun) for one in subscribers
    )


async def complete(subscribers: Sequence[Subscriber], events: int) -> None:
    """Waits for the last, then looks whether everybody has heard every event once and in order."""
    async with asyncio.timeout(60):
        while any(len(one.heard) < events for one in subscribers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    wanted = [encode_activity_cursor(seq) for seq in range(1, events + 1)]
    for one in subscribers:
        if cursors(one) != wanted:
            raise RuntimeError(f"a subscriber heard {len(one.heard)} messages, and not the {events} events in order")


async def caught_up(server: Process, ground: Ground, slow: Sequence[Subscriber], events: int) -> None:
    """Slow readers read on. Whoever was away for too long was taken for dead, and comes again after its cursor."""
    for number, one in enumerate(slow):
        async with asyncio.timeout(120):
            while len(one.heard) < events and one.closed is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        if one.closed is not None and len(one.heard) < events:
            variables = {**ground.variables, "after": cursors(one)[-1]}
            again = await subscribe(server.port, ground.tokens[number % len(ground.tokens)], MUCH, variables)
            while len(one.heard) + len(again.heard) < events:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            one.heard += again.heard
            again.transport.abort()
    await complete(slow, events)


def cursors(one: Subscriber) -> list[str]:
    return [json.loads(content)["payload"]["data"]["activity"]["cursor"] for _, content in one.heard]


async def connections(ground: Ground) -> float:
    async with ground.owner.transaction() as connection:
        return float(await connection.scalar(text(CONNECTIONS)) or 0)


async def reconnect(running: Services, first: Process, ground: Ground, cycles: int, seq: int) -> float:
    """Breaks off after a few events, and goes on at the other process. How many events were heard in all."""
    seen = [encode_activity_cursor(seq)]
    takes = [1 + cycle % 3 for cycle in range(cycles)]

    async def goes_on() -> None:
        for done in range(sum(takes)):
            await ground.run.becomes(RUNNING, done=done)

    async with served(running, None) as second, asyncio.timeout(60 + cycles):
        writer = asyncio.create_task(goes_on())
        for cycle, take in enumerate(takes):
            variables = {**ground.variables, "after": seen[-1]}
            one = await subscribe((first, second)[cycle % 2].port, ground.tokens[0], ACTIVITY, variables)
            while len(one.heard) < take:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            one.transport.abort()
            seen += cursors(one)[:take]
        await writer
    if seen != [encode_activity_cursor(seq + number) for number in range(sum(takes) + 1)]:
        raise RuntimeError("a reconnect lost an event, or heard one twice")
    return float(sum(takes))


def percentile(ascending: Sequence[float], part: float) -> float:
    return ascending[min(int(len(ascending) * part), len(ascending) - 1)]
