"""Recording, generating and triaging, twenty recorded runs at random, agree with a plain model at each step."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import Row, make_url, select

from atlas import access, drift, held, jobs, triage
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.store.bootstrap import bootstrap
from atlas.store.database import Database, open_database
from atlas.store.migrations import upgrade
from atlas.store.tables import drift_runs, item_intervals, sync_runs
from tests.factories import Tenant, make_policy, write_export
from tests.model import SHARED, TYPES, Content, Model, Move, State, Subject, Thing
from tests.pruning import contents_of, held_by_runs, pruned_until
from tests.test_drift import KEY, findings_of, generated, record

RUNS = 20
WALKS = (*range(4), 129)
LONG_WALKS = range(100, 160)
NUMBERS = (1, 2, 3, 4)
# Of these several objects have one, and are told apart by their names, which stay: how else could anybody tell them.
TWINS = (3, 4)
FOLDERS = dict(zip(TYPES, ("SettingsCatalog", "DeviceConfiguration"), strict=True))


@dataclass(frozen=True, slots=True)
class House:
    """A database and its doors."""

    owner: Database
    api: Database
    worker: Database


@dataclass(slots=True)
class Walk:
    """The model and the product side by side. What happens follows from `seed`; `arrival` orders the files alone."""

    house: House
    tenant: Tenant
    folder: Path
    seed: Random
    arrival: Random
    pins: bool
    prunes: bool
    model: Model = field(default_factory=Model)
    world: dict[tuple[Thing, str], Content] = field(default_factory=dict)
    held: int = 0
    run_ids: list[UUID] = field(default_factory=list)
    hashes: dict[tuple[Subject, Content], str] = field(default_factory=dict)

    async def step(self, number: int) -> None:
        self._mutate()
        await self._record(self.folder / f"{number:02d}")
        await self._check_inventory()
        if self.seed.random() < 0.7:
            await self._generate()
            if self.seed.random() < 0.3:
                await self._generate()
        for _ in range(self.seed.randrange(3)):
            await self._triage()
        if self.pins and self.seed.random() < 0.25:
            await self._pin()
        if self.prunes and self.seed.random() < 0.4:
            await self._prune()

    def _mutate(self) -> None:
        """A value, a name, an object added, removed, or added again; also one of two that have one number."""
        for _ in range(self.seed.randrange(1, 6)):
            thing = self.seed.choice(TYPES), self.seed.choice(NUMBERS)
            kind = self.seed.choice(("Object", "Twin")) if thing[1] in TWINS else "Object"
            own, first = f"{kind} {thing[1]}", 11 if kind == "Twin" else 1
            name, value = self.world.get((thing, kind), (own, first))
            what = self.seed.random()
            if what < 0.25:
                self.world.pop((thing, kind), None)
            elif what < 0.4 and thing[1] not in TWINS:
                self.world[thing, kind] = ("Renamed" if name != "Renamed" else own, value)
            else:
                self.world[thing, kind] = (name, first + self.seed.randrange(3))

    async def _record(self, export: Path) -> None:
        """A type fails by a file that is no JSON, among a part of its objects, or has no folder at all."""
        seen, read = list[tuple[Thing, Content]](), dict[str, str]()
        for item_type in TYPES:
            objects = [(thing, content) for (thing, _), content in self.world.items() if thing[0] == item_type]
            fate = self.seed.random()
            if fate < 0.15:
                read[item_type] = "FAILED"
                objects = [one for one in objects if self.seed.random() < 0.5]
            elif fate < 0.3 or not objects:
                continue
            else:
                read[item_type] = "COMPLETE"
            seen += objects
        if not read:
            read[TYPES[0]] = "FAILED"
        self._write(export, seen, read)
        outcome = self.model.record(seen, read)
        run_id = await record(self.house.api, self.house.worker, self.tenant, export)
        assert await self._status(run_id) in _ENDS[outcome]
        if outcome == "HELD":
            self.held += 1
            if self.seed.random() < 0.5:
                outcome = self.model.record(seen, read, confirmed=True)
                await self._confirm(run_id)
                assert await self._status(run_id) in _ENDS[outcome]
        if outcome == "RECORDED":
            self.run_ids.append(run_id)

    async def _status(self, run_id: UUID) -> str:
        async with self.house.api.transaction(self.tenant.as_(Role.READER)) as connection:
            return str(await connection.scalar(select(sync_runs.c.status).where(sync_runs.c.id == run_id)))

    async def _confirm(self, run_id: UUID) -> None:
        job = await held.confirm_run(self.house.api, self.tenant.as_(Role.MANAGER), run_id, reason="they are gone")
        lease = await jobs.claim(self.house.worker, job, lease_seconds=30)
        assert lease is not None
        await held.record_held(self.house.worker, lease)

    def _write(self, export: Path, seen: list[tuple[Thing, Content]], read: dict[str, str]) -> None:
        for item_type, status in read.items():
            objects = [_raw(thing, content) for thing, content in seen if thing[0] == item_type]
            self.arrival.shuffle(objects)
            write_export(export, *objects, kind=FOLDERS[item_type])
            if status == "FAILED":
                (export / FOLDERS[item_type] / f"{self.arrival.randrange(9):04d}x.json").write_text('{"id": "x", ')

    async def _generate(self) -> None:
        if self.model.generate():
            await generated(self.house.api, self.house.worker, self.tenant)
        else:
            with pytest.raises(RefusedError, match=r"must be older|needs two"):
                await drift.request_drift(self.house.api, self.tenant.as_(Role.OPERATOR), scope_key=KEY)

    async def _triage(self) -> None:
        open_ = sorted((move for move, one in self.model.findings.items() if one.status != "RESOLVED"), key=str)
        if not open_:
            return
        move = self.seed.choice(open_)
        finding_id = (await self._rows())[move]["id"]
        context = self.tenant.as_(Role.OPERATOR)
        if self.model.findings[move].status == "ACKNOWLEDGED" and self.seed.random() < 0.5:
            self.model.reopen(move)
            await triage.reopen(self.house.api, context, finding_id, reason="looked again")
        else:
            self.model.acknowledge(move)
            await triage.acknowledge(self.house.api, context, [finding_id], reason="agreed")

    async def _pin(self) -> None:
        context = self.tenant.as_(Role.MANAGER)
        if self.model.pinned is not None and self.seed.random() < 0.6:
            self.model.pinned = None
            await triage.unpin_baseline(self.house.api, context, scope_key=KEY, reason="no more")
        elif self.run_ids:
            seq = self.seed.randrange(len(self.run_ids)) + 1
            run_id = self.run_ids[seq - 1]
            if seq in self.model.pruned:
                with pytest.raises(RefusedError, match="was pruned"):
                    await triage.pin_baseline(self.house.api, context, scope_key=KEY, run_id=run_id, reason="golden")
                return
            self.model.pin(seq)
            await triage.pin_baseline(self.house.api, context, scope_key=KEY, run_id=run_id, reason="golden")

    async def _prune(self) -> None:
        """The model says what is pruned; the runs that are left hold what they held, and what was found stays."""
        if not self.run_ids:
            return
        until = self.seed.randrange(len(self.run_ids)) + 1
        self.model.prune(until)
        await pruned_until(self.house.owner, self.house.api, self.house.worker, self.tenant, self.run_ids[until - 1])
        held = await held_by_runs(self.house.owner, self.tenant)
        names = {seq: {s: name for s, (name, _) in self.model.runs[seq - 1].world.items()} for seq in self.model.kept}
        assert {seq: {_subject(row): row.display_name for row in rows} for seq, rows in held.items()} == names
        contents, named = await contents_of(self.house.owner, self.tenant)
        assert contents == named, "nothing is kept that nothing holds, and nothing is gone that something does"
        await self.check()

    async def check(self) -> None:
        rows_by_move = await self._rows()
        assert {move: _state(row) for move, row in rows_by_move.items()} == self.model.findings
        names = {row["id"]: move for move, row in rows_by_move.items()}
        for move, row in rows_by_move.items():
            may, newer = self.model.newer.get(move, frozenset()), row["superseded_by"]
            assert (newer is None and not may) or names[newer] in may, (move, may)
        async with self.house.api.transaction(self.tenant.as_(Role.READER)) as connection:
            rows = (await connection.execute(select(*(c for c in drift_runs.c if c.name != "lease_token")))).mappings()
            counts = {(row["baseline_seq"], row["current_seq"]): _counts(dict(row)) for row in rows}
        assert counts == self.model.counts

    async def _check_inventory(self) -> None:
        """The scope holds what the model's last run holds; an object's contents have a hash each, always the same."""
        async with self.house.api.transaction(self.tenant.as_(Role.READER)) as connection:
            still = await connection.execute(select(item_intervals).where(item_intervals.c.valid_to.is_(None)))
            held = {_subject(row): (row["display_name"], row["hash"]) for row in still.mappings()}
        world = self.model.runs[-1].world if self.model.runs else {}
        assert {subject: name for subject, (name, _) in held.items()} == {s: name for s, (name, _) in world.items()}
        for subject, content in world.items():
            assert self.hashes.setdefault((subject, content), held[subject][1]) == held[subject][1]
        assert len({(subject, one) for (subject, _), one in self.hashes.items()}) == len(self.hashes)

    async def _rows(self) -> dict[Move, dict[str, Any]]:
        """The product's findings by what the model calls them."""
        names = {(subject, one): content for (subject, content), one in self.hashes.items()}
        rows = await findings_of(self.house.api, self.tenant)

        def content(row: dict[str, Any], which: str) -> Content | None:
            return None if row[which] is None else names[_subject(row), row[which]]

        found: dict[Move, dict[str, Any]] = {}
        for row in rows:
            if row["kind"] == "DATA_QUALITY":
                found[(*_subject(row)[:2], SHARED, None, None)] = row
            else:
                found[(*_subject(row), content(row, "baseline_hash"), content(row, "current_hash"))] = row
        assert len(found) == len(rows)
        return found


# How a run may stand after what the model says of it.
_ENDS = {"RECORDED": {"SUCCEEDED", "PARTIAL"}, "HELD": {"NEEDS_CONFIRMATION"}, "FAILED": {"FAILED"}}


def _raw(thing: Thing, content: Content) -> dict[str, Any]:
    item_type, number = thing
    name, value = content
    if item_type == "configurationPolicy":
        return make_policy(number, value=value, name=name)
    return {
        "@odata.type": "#microsoft.graph.windows10GeneralConfiguration",
        "id": f"00000000-0000-4000-9000-{number:012d}",
        "displayName": name,
        "passwordMinimumLength": value,
        "passwordRequired": True,
    }


def _subject(row: Any) -> Subject:
    row = row._mapping if isinstance(row, Row) else row
    source, _, mark = row["external_id"].partition("~")
    number = int(source.rpartition("-")[2])
    return row["item_type"], number, _BY_MARK[mark] if mark else ""


def _mark(name: str) -> str:
    return hashlib.sha256(json.dumps([name]).encode()).hexdigest()[:8]


# What stands behind the id in the source, by the name that it was made of.
_BY_MARK = {_mark(name): name for number in TWINS for name in (f"Object {number}", f"Twin {number}")}


def _state(row: dict[str, Any]) -> State:
    return State(
        row["status"], row["resolution"], row["is_current"], row["occurrences"], row["acknowledged_by"] is not None
    )


def _counts(row: dict[str, Any]) -> dict[str, object]:
    assert row["status"] == "SUCCEEDED"
    names = ("added", "removed", "modified", "new", "reopened", "resolved", "unchanged")
    counts = {name if name in row else f"findings_{name}": None for name in names}
    told: dict[str, object] = {name: row[name] for name in counts}
    return told | {"not_evaluated": {one["item_type"]: one["reason"] for one in row["not_evaluated"]}}


async def _tenant(house: House, tenant_id: UUID, name: str) -> Tenant:
    members = {role: (await access.ensure_local_principal(house.api, f"{role}-{name}")).id for role in Role}
    await access.create_tenant(house.owner, name, tenant_id=tenant_id, owner_principal_id=members[Role.OWNER])
    tenant = Tenant(tenant_id, name, members)
    for role in (Role.READER, Role.OPERATOR, Role.MANAGER):
        await access.set_membership(house.api, tenant.owner, members[role], role)
    return tenant


async def _walk(house: House, tenant_id: UUID, folder: Path, seed: int, *, arrival: int, checked: bool = True) -> Walk:
    tenant = await _tenant(house, tenant_id, f"walk-{tenant_id.hex}")
    walk = Walk(house, tenant, folder, Random(seed), Random(arrival), pins=seed % 2 == 1, prunes=seed % 4 > 1)
    number = 0
    while len(walk.run_ids) < RUNS:
        await walk.step(number)
        number += 1
        if checked or len(walk.run_ids) == RUNS:
            await walk.check()
    return walk


async def _bytes(walk: Walk) -> list[tuple[object, ...]]:
    """All of a finding that follows from what was recorded and decided; not when that was, nor the ids of runs."""
    names = (
        "id", "fingerprint", "kind", "change_type", "severity", "severity_reasons", "item_type", "external_id",
        "display_name", "platform", "evidence", "change_count", "baseline_hash", "current_hash", "superseded_by",
        "recreation_of", "recreation_similarity", "recreation_identical", "status", "resolution", "is_current",
        "occurrences", "acknowledged_reason", "version",
    )  # fmt: skip
    rows = await findings_of(walk.house.api, walk.tenant)
    return [tuple(row[name] for name in names) for row in rows]


@pytest.fixture
def house(owner: Database, api: Database, worker: Database) -> House:
    return House(owner, api, worker)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def elsewhere(cluster: Services) -> AsyncIterator[House]:
    """Another database, so that a tenant of the same id, and so of the same key, can live twice."""
    await bootstrap(cluster.superuser_database_url, database="elsewhere")
    urls = [
        make_url(url).set(database="elsewhere").render_as_string(hide_password=False)
        for url in (cluster.owner_database_url, cluster.database_url, cluster.worker_database_url)
    ]
    await upgrade(urls[0])
    doors = [open_database(url) for url in urls]
    yield House(*doors)
    for door in doors:
        await door.close()


@pytest.mark.parametrize("seed", WALKS)
async def test_a_walk_agrees_with_the_model_at_each_step_and_is_the_same_to_the_byte_in_another_order_of_arrival(
    house: House, elsewhere: House, tmp_path: Path, seed: int
) -> None:
    tenant_id = uuid4()
    walk = await _walk(house, tenant_id, tmp_path / "one", seed, arrival=1)
    again = await _walk(elsewhere, tenant_id, tmp_path / "again", seed, arrival=2, checked=False)
    told = await _bytes(walk)
    assert len(told) > 10, "a walk in which next to nothing happens tests nothing"
    assert any(move[2] == SHARED for move in walk.model.findings), "nor does one in which no id is shared"
    assert any(walk.model.newer.values()), "nor one in which nothing moves on"
    assert told == await _bytes(again)


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG_WALKS)
async def test_many_walks_agree_with_the_model(house: House, tmp_path: Path, seed: int) -> None:
    await _walk(house, uuid4(), tmp_path, seed, arrival=seed)
