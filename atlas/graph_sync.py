"""A sync from Microsoft Graph: a job that reads type by type, goes on where a lost worker left off, and records."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from atlas import held, jobs
from atlas.connections import told
from atlas.domain.canonical import decode_body, form_of
from atlas.domain.errors import OperatorError, TemporaryError
from atlas.domain.holding import Threshold
from atlas.domain.keys import derive_tenant_key
from atlas.domain.naming import Named, names_in
from atlas.domain.vocabulary import CoverageStatus, SyncSource
from atlas.graph_budget import ValkeyBuckets
from atlas.graph_connection import Opened, lacks_of, open_connection
from atlas.graph_events import read_run_events
from atlas.graph_labels import MOST_NAMED, read_run_labels
from atlas.jobs import Lease
from atlas.run_end import end_reading
from atlas.sources.graph.answers import moment_of
from atlas.sources.graph.budget import Budget
from atlas.sources.graph.client import GraphClient, Limits, open_client
from atlas.sources.graph.contracts import CONTRACTS, DEFAULT_TYPES, Contract
from atlas.sources.graph.details import still_there
from atlas.sources.graph.errors import GraphError
from atlas.sources.graph.reading import read_type, status_of
from atlas.sources.graph.sign_in import Token, endpoints, signed_in
from atlas.sources.model import SourceObject, UnitReading
from atlas.staging import Forms, forms_of, judged, record_staged, stage
from atlas.store import aliases, connections, recording, staging
from atlas.store.database import Database

MOST_ASKED_FOR: Final = 1_000
"""Of a type that lost more objects than this, so many are asked for by their ids; the rest goes by them."""

CLOCKS_APART: Final = timedelta(minutes=5)
"""The clock of Graph and this one may differ by so much."""

READ_TOGETHER: Final = 200
"""So many contents that another worker staged are looked through at a time."""


@dataclass(frozen=True, slots=True)
class GraphSource:
    """What a worker needs to read tenants. `keys` gives the deployment keys, the present one first, or raises
    `OperatorError`; `graph` and `authority` stand in for the addresses of every cloud; `shared` are the buckets of
    all workers. Without `labels` no names are asked for, and without `events` nobody who made a change.
    """

    keys: Callable[[], Sequence[bytes]]
    graph: str | None = None
    authority: str | None = None
    threshold: Threshold = Threshold()
    limits: Limits = Limits()
    labels: bool = True
    events: bool = True
    budgets: dict[UUID, Budget] = field(default_factory=dict, repr=False)
    shared: ValkeyBuckets | None = field(default=None, repr=False)

    def budget_of(self, entra_tenant_id: UUID) -> Budget:
        """One for all clients of a directory in this process, and what it takes is counted with all others."""
        return self.budgets.setdefault(entra_tenant_id, Budget(shared=self.shared, name=str(entra_tenant_id)))

    async def close(self) -> None:
        if self.shared is not None:
            await self.shared.close()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One sync under way: which types are read, which were, how what they hold is compared, and what it names."""

    scope_id: UUID
    wanted: tuple[Contract, ...]
    done: frozenset[str]
    recorded: dict[str, str]
    forms: Forms
    named: set[Named] = field(default_factory=set)


async def run_sync(worker: Database, lease: Lease, source: GraphSource) -> None:
    """What a worker does of a sync: reads Graph and records it, or records a held run that was confirmed.

    Raises `OperatorError` where nothing can be read at all, `TemporaryError` where it may be later, and
    `LeaseLostError` where somebody else has the run, or cancelled it.
    """
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    async with jobs.effect(worker, lease) as connection:
        run = await staging.run_of(connection, tenant_id, run_id)
    if run["confirmed_at"] is not None or run["source"] != SyncSource.GRAPH:
        await held.record_held(worker, lease)
        return
    deployment = source.keys()
    forms = forms_of([derive_tenant_key(key, tenant_id) for key in deployment])
    async with jobs.effect(worker, lease) as connection:
        opened = await open_connection(connection, tenant_id, deployment)
        units = await staging.units(connection, tenant_id, run_id)
        recorded = await aliases.forms(connection, tenant_id, run["scope_id"])
    reading = _Reading(
        run["scope_id"],
        contracts_of(run["selection"].get("itemTypes")),
        frozenset(unit["item_type"] for unit in units),
        recorded,
        forms,
    )
    await _read(worker, lease, reading, opened, source)
    await record_staged(worker, lease, form_of(*forms.present), source.threshold)


def contracts_of(item_types: Sequence[str] | None) -> tuple[Contract, ...]:
    """How the types named, or all by default, are read. Raises `OperatorError` for one that Graph is not asked for."""
    names = DEFAULT_TYPES if item_types is None else item_types
    unknown = [name for name in names if name not in CONTRACTS]
    if unknown:
        raise OperatorError("UNKNOWN_ITEM_TYPE", f"Graph is not asked for {', '.join(unknown)}.", "Leave it out.")
    return tuple(CONTRACTS[name] for name in names)


async def _read(worker: Database, lease: Lease, reading: _Reading, opened: Opened, source: GraphSource) -> None:
    where = endpoints(opened.cloud, graph=source.graph, authority=source.authority)
    async with signed_in(opened.sign_in, where) as token:
        # A sign-in that is refused ends the run before anything is read, with the reason as the run's.
        await _sign_in(worker, lease, opened, token)
        budget = source.budget_of(opened.sign_in.entra_tenant_id)
        async with open_client(where.graph, token, budget=budget, limits=source.limits) as client:
            for number, contract in enumerate(reading.wanted):
                await jobs.progress(worker, lease, number, len(reading.wanted))
                if contract.item_type not in reading.done:
                    await _read_type(worker, lease, client, contract, reading)
            await end_reading(worker, lease)
            if source.labels:
                await _name_what_was_staged(worker, lease, reading)
                await read_run_labels(worker, lease, client, reading.named, {one.item_type for one in reading.wanted})
            if source.events:
                await read_run_events(worker, lease, client)
    await jobs.progress(worker, lease, len(reading.wanted), len(reading.wanted))


async def _sign_in(worker: Database, lease: Lease, opened: Opened, token: Token) -> None:
    """The first use of the token; the connection tells from then on how it went. One that rests is no news."""
    tenant_id = lease.job.tenant_id
    try:
        missing = lacks_of(await token())
    except TemporaryError:
        raise
    except OperatorError as error:
        async with jobs.effect(worker, lease) as connection:
            await connections.refused(connection, tenant_id, opened.id, code=error.code, message=error.message)
        raise
    async with jobs.effect(worker, lease) as connection:
        await connections.tested(connection, tenant_id, opened.id, told(missing))


async def _read_type(
    worker: Database, lease: Lease, client: GraphClient, contract: Contract, reading: _Reading
) -> None:
    """Stages one type, from its beginning; its coverage is what says that it was read."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    unit, untold = await _stage_type(worker, lease, client, contract, reading)
    if untold:
        # Nothing says which of two under an id is older. The list as it is now does not have one as it was before.
        unit, _ = await _stage_type(worker, lease, client, contract, reading)
    if unit.status == CoverageStatus.COMPLETE:
        unit = await _confirmed(worker, lease, client, contract, reading.scope_id, unit)
    async with jobs.effect(worker, lease) as connection:
        await recording.insert_units(connection, tenant_id, reading.scope_id, run_id, None, [asdict(unit)])
    await worker.notify([tenant_id])


async def _stage_type(
    worker: Database, lease: Lease, client: GraphClient, contract: Contract, reading: _Reading
) -> tuple[UnitReading, bool]:
    """How far the type was read, and whether objects came under one id that do not tell when they changed."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    compared = reading.forms.recorded(reading.recorded.get(contract.item_type))
    problems, fresh, timeless, since = list[str](), set[str](), set[str](), datetime.now(UTC) - CLOCKS_APART
    async with jobs.effect(worker, lease) as connection:
        await staging.begin(connection, tenant_id, run_id, contract.item_type)

    async def emit(objects: Sequence[SourceObject]) -> None:
        page = await stage(worker, lease, reading.scope_id, objects, reading.forms, compared)
        problems.extend(page.problems)
        for one in objects:
            changed = moment_of(one.raw.get(contract.moved))
            if changed is None:
                timeless.add(one.external_id)
            elif changed > since:
                fresh.add(one.external_id)
        if len(reading.named) < MOST_NAMED:
            reading.named.update(page.named)

    unit = judged(await read_type(client, contract, emit=emit), problems)
    if unit.status != CoverageStatus.COMPLETE or not (fresh or timeless):
        return unit, False
    async with jobs.effect(worker, lease) as connection:
        shared = {one for _, one in await staging.shared(connection, tenant_id, run_id, unit.item_type)}
    return _listed_once(unit, fresh & shared), bool(timeless & shared)


def _listed_once(unit: UnitReading, twice: set[str]) -> UnitReading:
    """The unit, if none of the objects that changed since its reading began came as two.

    One that is renamed may go from a page that was read to one that is not, and stand in the list as it was and as it
    is. What shares an id for longer is two objects, and is kept apart.
    """
    if not twice:
        return unit
    message = f"{min(twice)} changed while the list was read, and is in it as it was and as it is. Sync again."
    return replace(unit, status=CoverageStatus.FAILED, error_code="CHANGED_WHILE_READ", message=message)


async def _confirmed(
    worker: Database, lease: Lease, client: GraphClient, contract: Contract, scope_id: UUID, unit: UnitReading
) -> UnitReading:
    """The unit, if what its list no longer has is gone by its id too. A list is not a snapshot: while objects come and
    go, one may slip from page to page and be on none.
    """
    async with jobs.effect(worker, lease) as connection:
        lost = await staging.missing(
            connection, lease.job.tenant_id, scope_id, lease.job.run_id, contract.item_type, most=MOST_ASKED_FOR
        )
    try:
        there = await still_there(client, contract, lost)
    except GraphError as error:
        status, code, message = status_of(error, contract, begun=True)
        return replace(unit, status=status, error_code=code, message=message)
    if not there:
        return unit
    message = f"The list left out {len(there)} of the objects that are there, {min(there)} among them. Sync again."
    return replace(unit, status=CoverageStatus.FAILED, error_code="LIST_INCOMPLETE", message=message)


async def _name_what_was_staged(worker: Database, lease: Lease, reading: _Reading) -> None:
    """Adds what the types name that another worker had read, before this one took the run over."""
    after: str | None = ""
    while reading.done and after is not None and len(reading.named) < MOST_NAMED:
        async with jobs.effect(worker, lease) as connection:
            found = await staging.bodies(
                connection, lease.job.tenant_id, lease.job.run_id, reading.done, after=after, most=READ_TOGETHER
            )
        for body in found.values():
            reading.named.update(names_in(decode_body(body)))
        after = max(found, default=None)
