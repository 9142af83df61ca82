"""`python -m bench graphql`: requests a second beside other servers, of the same rows under the same policies."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services, services
from atlas.schema.ids import encode_id
from atlas.store import documents
from atlas.store.bootstrap import bootstrap
from atlas.store.database import Context, Database, open_database
from atlas.store.migrations import upgrade
from bench import peers
from bench.load import Figures, ask, load, request
from tests.factories import make_tenant
from tests.schema.rows import at, make_findings, make_scope

DOCUMENT = """query Open($id: ID!) {
  tenant(by: {id: $id}) {
    findings(first: 50) {
      nodes {
        id kind fingerprint changeType severity severityReasons status isCurrent changeCount firstSeenAt lastSeenAt
        version scope { key label } currentRun { sequence status finishedAt }
      }
    }
  }
}"""
NAME = "bench-open"
# Nothing of a real tenant happens at a whole second.
FINE = (
    "update atlas.findings set first_seen_at = first_seen_at + :some, last_seen_at = last_seen_at + :some",
    "update atlas.sync_runs set finished_at = finished_at + :some",
)
FLOOR = "floor"
ATLAS = ("atlas, trusted document", "atlas, any document", "atlas, standard executor")
HOUSE = (FLOOR, "floor, signing in", *ATLAS)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where everybody reads: the same tenant, by the same principal."""

    running: Services
    tenant: str
    tenant_id: str
    principal: str
    token: str


@dataclass(slots=True)
class Contender:
    """A server that runs. `cpu` is its processor time in milliseconds a request, of its best round."""

    name: str
    port: int
    sent: bytes
    process: psutil.Process
    rounds: list[Figures] = field(default_factory=list)
    cpu: float = float("inf")

    @property
    def best(self) -> Figures:
        return max(self.rounds, key=lambda one: one.rate)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, default=1_000, help="requests a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, in turn; the best of them counts")
    parser.add_argument("--clients", type=int, default=8, help="clients that ask at once")
    parser.add_argument("--only", action="append", help="only the contenders of this name; may be said again")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def run(given: argparse.Namespace) -> None:
    cores = two_cores()
    if cores is not None:
        os.sched_setaffinity(0, {cores[0]})
    names, missing = peers.chosen(given.only, HOUSE)
    if missing:
        print(missing, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder, services(Path(folder) / "home") as running:
        found = asyncio.run(
            measured(running, names, cores, requests=given.requests, rounds=given.rounds, clients=given.clients)
        )
    shown = figures(found)
    if given.json:
        print(json.dumps(shown))
        return
    print(f"{'':<44}{'requests/s':>11}{'of floor':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'of floor':>10}")
    for name, one in shown.items():
        print(
            f"{name:<44}{one['rate']:>11,.0f}{one['rate_of_floor']:>10.2f}{one['p50']:>9.2f}{one['p99']:>9.2f}"
            f"{one['cpu']:>9.2f}{one['cpu_of_floor']:>10.2f}"
        )


async def measured(
    running: Services,
    names: Sequence[str],
    cores: tuple[int, int] | None,
    *,
    requests: int,
    rounds: int,
    clients: int,
) -> list[Contender]:
    """All contenders, whose answers are the same, measured in turn so that what disturbs disturbs all."""
    ground = await prepare(running)
    async with served(ground, names, cores) as contenders:
        answers = {one.name: await answered(ground, one) for one in contenders}
        first = next(iter(answers.values()))
        if len(first["tenant"]["findings"]["nodes"]) != 50:
            raise RuntimeError("there is nothing to read")
        for name, answer in answers.items():
            if answer != first:
                raise RuntimeError(f"{name} answers otherwise")
        for number in range(rounds + 1):
            for one in contenders:
                before = _cpu(one.process)
                done = await load(one.port, one.sent, requests=requests, clients=clients)
                if number or not rounds:  # The first round is to warm up.
                    one.rounds.append(done)
                    one.cpu = min(one.cpu, (_cpu(one.process) - before) * 1_000 / requests)
        return contenders


async def answered(ground: Ground, one: Contender) -> dict[str, Any]:
    got = json.loads(await ask(one.port, one.sent))
    if got.get("errors"):
        raise RuntimeError(f"{one.name} answers with errors: {got['errors'][:1]}")
    return peers.answer(one.name, ground.tenant, got["data"])


def figures(found: Sequence[Contender]) -> Mapping[str, Mapping[str, float]]:
    """Times in milliseconds; ratios to the floor, of which more is better."""
    floor = next((one for one in found if one.name == FLOOR), found[0])
    return {
        one.name: {
            "rate": one.best.rate,
            "rate_of_floor": one.best.rate / floor.best.rate,
            "p50": one.best.percentile(0.5) * 1_000,
            "p99": one.best.percentile(0.99) * 1_000,
            "cpu": one.cpu,
            # A few requests take less than the clock of the system tells.
            "cpu_of_floor": floor.cpu / one.cpu if one.cpu else float("nan"),
        }
        for one in found
    }


async def prepare(running: Services) -> Ground:
    """A tenant with 200 findings of four scopes, of which a page is read."""
    await bootstrap(running.superuser_database_url)
    await upgrade(running.owner_database_url)
    owner, api = open_database(running.owner_database_url), open_database(running.database_url)
    try:
        tenant = await make_tenant(owner, api)
        for number in range(4):
            scope = await make_scope(owner, tenant, label=f"scope {number}")
            await make_findings(owner, scope, [{"last_seen_at": at(n)} for n in range(50)])
        token = await access.create_token(api, tenant.owner, principal_name="bench", role=Role.READER)
        async with owner.transaction() as connection:
            await documents.add(connection, {NAME: DOCUMENT})
        async with owner.transaction(Context(tenant_id=tenant.id)) as connection:
            for statement in FINE:
                await connection.execute(text(statement), {"some": timedelta(microseconds=123_456)})
        await settle(owner)
        tenant_id = encode_id("Tenant", tenant.id, tenant.id)
        return Ground(running, str(tenant.id), tenant_id, str(token.principal_id), token.token)
    finally:
        await owner.close()
        await api.close()


@asynccontextmanager
async def served(ground: Ground, names: Sequence[str], cores: tuple[int, int] | None) -> AsyncIterator[list[Contender]]:
    """Each contender in a process of its own, on the second core; whoever asks, and PostgreSQL, have the first."""
    started: list[subprocess.Popen[str]] = []
    try:
        contenders = []
        for name in names:
            core = None if cores is None else cores[1]
            urls = ground.running.database_url, ground.running.broker_url
            process = start(name, *urls, core=core, tenant=ground.tenant, principal=ground.principal)
            started.append(process)
            port = int(await asyncio.to_thread(first_line, process))
            sent = request(port, json.dumps(_body(ground, name)).encode(), ground.token)
            contenders.append(Contender(name, port, sent, psutil.Process(process.pid)))
        yield contenders
    finally:
        for process in started:
            process.terminate()
            process.communicate(timeout=10)


def start(
    name: str, database_url: str, broker_url: str, *, core: int | None = None, tenant: str = "", principal: str = ""
) -> subprocess.Popen[str]:
    """The process of a contender, which prints its port. All but Atlas need to be told of whom they read."""
    setting = {
        "name": name,
        "core": core,
        "database_url": database_url,
        "broker_url": broker_url,
        "tenant": tenant,
        "principal": principal,
    }
    module = "bench.peers" if name in peers.PEERS else "bench.serving"
    command = [sys.executable, "-m", module, json.dumps(setting)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline() if process.stdout else ""


def _body(ground: Ground, name: str) -> dict[str, Any]:
    if generated := peers.body(name, ground.tenant):
        return generated
    asked = {"documentId": NAME} if name == "atlas, trusted document" else {"query": DOCUMENT}
    return asked | {"variables": {"id": ground.tenant_id}}


async def settle(owner: Database) -> None:
    """Lets the planner know what was put in, and the indexes which rows all may see."""
    async with owner.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("vacuum analyze"))


def two_cores() -> tuple[int, int] | None:
    """Two cores, where the system has two and lets one choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    free = sorted(os.sched_getaffinity(0))
    return (free[0], free[1]) if len(free) > 1 else None


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
