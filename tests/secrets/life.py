"""The life of a house: two tenants are recorded, drift, are triaged and asked, and what can go wrong goes wrong."""

import asyncio
import subprocess
import traceback
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import text

from atlas import access
from atlas.domain.errors import OperatorError
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.record import record_folder
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.clients import client_of
from tests.factories import Tenant, make_tenant
from tests.secrets import exports, failing, places
from tests.secrets.asking import Asker, Known, walk
from tests.secrets.canaries import Mint
from tests.secrets.house import House, worker_process
from tests.secrets.search import Place
from tests.secrets.triaging import connect, mutate, mutation, subscribe

KEY = scope_key(Selection(SyncSource.FOLDER))


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """A tenant and the token of an owner of it."""

    tenant: Tenant
    token: str

    @property
    def id(self) -> str:
        return encode_id("Tenant", self.tenant.id, self.tenant.id)


@dataclass(frozen=True, slots=True)
class Doors:
    """The house's database as three of its roles."""

    owner: Database
    api: Database
    worker: Database


@dataclass(frozen=True, slots=True)
class Life:
    """Whatever was told in it, the queries that were asked, and the ids that the walk came to, by type."""

    whole: Inhabitant
    told: list[Place]
    queries: list[str]
    secrets: dict[str, str | bytes]
    nodes: dict[str, set[str]]


async def live(house: House, doors: Doors, address: Callable[[], str]) -> Life:
    whole, broken = [await _inhabitant(doors, name) for name in ("Whole", "Broken")]
    told = await _record(house, doors, whole, broken)
    url = address()
    async with _asker(url, whole.token) as asker, _asker(url, broken.token) as other:
        run_id, other_id = await _ask_for_drift(asker, whole), await _ask_for_drift(other, broken)
        connected = await connect(other, broken.id, house.mint.text("the secret of a connection that is tried"))
        told += places.of_broker(house.services, "while messages wait")
        async with _unreadable(doors.owner, broken, house.mint):
            with worker_process(house) as worker:
                assert await _ended(asker, run_id, worker) == "SUCCEEDED"
                assert await _ended(other, other_id, worker) == "FAILED"
                await _ask_what_is_unreadable(other, broken, house.mint)
                assert await _tried(other, connected, worker) == "SIGN_IN_UNREACHABLE"
        commands = asyncio.gather(*(asyncio.to_thread(run) for run in _commands(house, whole)))
        nodes = await _ask_everything(asker, whole, run_id, house.mint)
        await walk(other, Known(KEY, (await _run(other, other_id))["currentRun"]["id"]), broken.id)
        await failing.refused_queries(asker, house.mint, whole.id)
        await failing.refused_callers(asker, house.mint)
        await failing.refused_sockets(asker, house.mint, whole.token)
        await commands
    told += [*places.of_broker(house.services, "at the end"), *asker.answers, *other.answers]
    return Life(whole, told, asker.queries + other.queries, _secrets(house, whole) | _secrets(house, broken), nodes)


async def _inhabitant(doors: Doors, name: str) -> Inhabitant:
    tenant = await make_tenant(doors.owner, doors.api, name)
    made = await access.create_token(doors.api, tenant.owner, principal_name=f"Owner of {name}", role=Role.OWNER)
    return Inhabitant(tenant, made.token)


def _secrets(house: House, one: Inhabitant) -> dict[str, str | bytes]:
    """A token beyond the hint that lists show of it, and the tenant's key."""
    key = derive_tenant_key(house.deployment_key, one.tenant.id)
    return {f"token of {one.tenant.name}": one.token[12:], f"key of {one.tenant.name}": key.secret}


async def _record(house: House, doors: Doors, whole: Inhabitant, broken: Inhabitant) -> list[Place]:
    """Two whole exports of one tenant, and broken ones of the other, one of them by command. Returns the errors."""
    folder, mint = house.folder, house.mint
    first = exports.write_partial(folder / "partial 1", mint, value=1)
    words = ("sync", "folder", str(first), "--tenant", broken.tenant.name)
    command = asyncio.create_task(asyncio.to_thread(house.command, *words, ATLAS_TOKEN=broken.token))
    for export in ("before", "after"):
        await _record_folder(house, doors, whole, exports.write_whole(folder / export, mint, export))
    await command
    told = []
    for path in (
        exports.write_partial(folder / "partial 2", mint, value=2),
        exports.write_failing(folder / "failing", mint),
        exports.write_no_policy(folder / "no policy", mint),
    ):
        told += await _record_folder(house, doors, broken, path)
    return told


async def _record_folder(house: House, doors: Doors, one: Inhabitant, path: Path) -> list[Place]:
    try:
        await record_folder(
            doors.api, doors.worker, one.tenant.owner, path=path, label="Export", deployment_key=house.deployment_key
        )
    except OperatorError as error:
        texts = [error.message, error.mend, repr(error), *traceback.format_exception(error)]
        return [Place(f"error of recording {path.name}", [text.encode() for text in texts])]
    return []


def _commands(house: House, one: Inhabitant) -> list[Callable[[], object]]:
    """What the command line shows of it all, and what it refuses."""
    shown = partial(house.command, "findings", "--tenant", one.tenant.name, "--json", ATLAS_TOKEN=one.token)
    return [shown, *failing.refused_commands(house, one.token)]


@asynccontextmanager
async def _asker(url: str, token: str) -> AsyncIterator[Asker]:
    async with client_of(url, headers={"authorization": f"Bearer {token}"}, timeout=20) as client:
        yield Asker(client)


async def _ask_for_drift(asker: Asker, one: Inhabitant) -> str:
    given = {"tenantId": one.id, "scopeKey": KEY}
    asked = await mutation(asker, Known(KEY, ""), "generateDrift", given)
    assert asked["created"], asked
    found: str = asked["driftRun"]["id"]
    return found


async def _ended(asker: Asker, run_id: str, worker: subprocess.Popen[bytes]) -> str:
    query = "query ($id: ID!) { node(id: $id) { __typename ... on DriftRun { status error { code message } } } }"
    async with asyncio.timeout(90):
        while worker.poll() is None:
            run = (await asker.ask("how a run goes", query, id=run_id))["node"]
            if run["status"] in {"SUCCEEDED", "FAILED"}:
                return str(run["status"])
            await asyncio.sleep(0.1)
    raise AssertionError("the worker ended")


async def _tried(asker: Asker, connected: str, worker: subprocess.Popen[bytes]) -> str:
    """The code with which the trial of a connection failed."""
    query = "query ($id: ID!) { node(id: $id) { __typename ... on GraphApplication { status error { code } } } }"
    async with asyncio.timeout(90):
        while worker.poll() is None:
            application = (await asker.ask("how a trial goes", query, id=connected))["node"]
            if application["status"] == "FAILED":
                return str(application["error"]["code"])
            await asyncio.sleep(0.1)
    raise AssertionError("the worker ended")


@asynccontextmanager
async def _unreadable(owner: Database, one: Inhabitant, mint: Mint) -> AsyncIterator[None]:
    """While this lasts, the tenant's contents are not what Atlas writes: whoever reads them meets a fault.

    Python's own text of it quotes the value.
    """
    async with owner.transaction() as connection:
        kept = (await connection.execute(_CONTENTS, {"t": one.tenant.id})).all()
    broken = [f"f64:{mint.text(f'a float that is none {number}')}" for number in range(len(kept))]
    bodies = [zlib.compress(orjson.dumps({"port": value})) for value in broken]
    await _replace(owner, one, [(row.hash, body) for row, body in zip(kept, bodies, strict=True)])
    try:
        yield
    finally:
        await _replace(owner, one, [(row.hash, row.body) for row in kept])


_CONTENTS = text("select hash, body from atlas.contents where tenant_id = :t")
_REPLACE = text("update atlas.contents set body = :body where tenant_id = :t and hash = :hash")


async def _replace(owner: Database, one: Inhabitant, bodies: list[tuple[str, bytes]]) -> None:
    async with owner.transaction() as connection:
        for key, body in bodies:
            await connection.execute(_REPLACE, {"t": one.tenant.id, "hash": key, "body": body})


async def _ask_what_is_unreadable(asker: Asker, one: Inhabitant, mint: Mint) -> None:
    """A fault of the server, met by a query with a literal and a variable of the caller's."""
    query = """query ($id: ID!, $name: String!) { tenant(by: {id: $id}) { inventoryItems(first: 5,
        filter: {displayName: {in: [$name, "Policy 1", "LITERAL"]}}) {
        nodes { versions(first: 5) { nodes { changes { path } } } } } } }"""
    query = query.replace("LITERAL", mint.text("a literal of a fault"))
    body = {"query": query, "variables": {"id": one.id, "name": mint.text("a variable of a fault")}}
    answer = await asker.send("a fault", json=body)
    assert b'"INTERNAL"' in answer, answer


async def _ask_everything(asker: Asker, one: Inhabitant, run_id: str, mint: Mint) -> dict[str, set[str]]:
    """Triages, listens, and then asks of every object of the tenant every field that it has."""
    run = await _run(asker, run_id)
    known = Known(KEY, run["baselineRun"]["id"])
    findings = [finding["id"] for finding in run["findings"]["nodes"]]
    member_id = encode_id("Principal", None, one.tenant.members[Role.READER])
    await mutate(asker, known, one.id, findings, member_id)
    gone = await connect(asker, one.id, mint.text("the secret of a connection that goes"))
    await mutation(asker, known, "removeGraphConnection", {"id": gone})
    await subscribe(asker, known, one.id, run_id)
    return await walk(asker, Known(KEY, run["currentRun"]["id"]), one.id)


async def _run(asker: Asker, run_id: str) -> dict[str, Any]:
    query = """query ($id: ID!) { node(id: $id) { __typename ... on DriftRun { currentRun { id } baselineRun { id }
        findings(first: 5) { nodes { id } } } } }"""
    found: dict[str, Any] = (await asker.ask("the run", query, id=run_id))["node"]
    return found
