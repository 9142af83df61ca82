"""The sync run: what it records is what a folder of the same release gives, and no fault of Graph removes anything."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from atlas import graph_sync, held, jobs, sync
from atlas.cli.graph_runs import under_way
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import CoverageStatus, Role
from atlas.local import Services
from atlas.record import record_folder
from atlas.sources.graph.contracts import DEFAULT_TYPES
from atlas.sources.model import UnitReading
from atlas.staging import judged
from atlas.store.bodies import unpack_evidence
from atlas.store.database import Database
from atlas.store.tables import run_duplicates, scopes
from tests.factories import DEPLOYMENT_KEY, make_policy, make_tenant
from tests.graph.authority import Authority
from tests.graph.standin import RELEASES, Fault, Tenant, released, serving, status
from tests.graph.standin import StandIn as Graph
from tests.graph.standin.faults import (
    cut_settings,
    drop,
    elsewhere,
    empty,
    hang,
    hang_up,
    loop,
    malformed,
)
from tests.graph.syncing import Reader, reader
from tests.locks import until_the_api_waits
from tests.schema.asking import Asker
from tests.test_drift import findings_of, generated
from tests.test_sync import run_of

CATALOG = "deviceManagement/configurationPolicies"
REAL = pytest.mark.skipif(not RELEASES.is_dir(), reason="the real releases are not at hand")


def policies(*numbers: int, **changes: Any) -> list[dict[str, Any]]:
    return [make_policy(number, settingCount=1, isAssigned=False, **changes) for number in numbers]


@pytest.fixture
def graph() -> Any:
    with serving(Tenant().add(CATALOG, *policies(*range(12)))) as made:
        yield made


@pytest.fixture
async def reading(owner: Database, api: Database, worker: Database, graph: Graph, signing_in: Authority) -> Reader:
    return await reader(owner, api, worker, graph, signing_in)


@REAL
@pytest.mark.parametrize("version", ["3.4", "3.6"])
async def test_what_graph_gives_is_recorded_as_what_the_folder_gives(
    owner: Database, api: Database, worker: Database, signing_in: Authority, version: str
) -> None:
    """Object by object, hash by hash, in two scopes of one tenant; in v3.6 two objects share an id."""
    with serving(released(version), page_by=25) as graph:
        made = await reader(owner, api, worker, graph, signing_in)
        run = await made.sync()
    assert (run["status"], run["seq"], run["error_message"]) == ("SUCCEEDED", 1, None)
    folder = await run_of(api, made.tenant, await by_folder(made, version))
    assert run["observed"] == folder["observed"]
    told = await made.contents(folder["scope_id"])
    assert await made.contents(run["scope_id"]) == told
    assert await duplicates(made, run["id"]) == await duplicates(made, folder["id"])
    files = list((RELEASES / f"windows-v{version}").rglob("*.json"))
    assert len(told) == run["added"] == len(files)
    assert await made.staged() == 0
    assert set(await made.coverage(run["id"])) == set(DEFAULT_TYPES)


@REAL
async def test_two_releases_over_graph_give_the_findings_that_the_folders_give(
    owner: Database, api: Database, worker: Database, signing_in: Authority
) -> None:
    """To the last change, in two scopes of one tenant, whose key redacts both alike; read in pages of 25."""
    with serving(released("3.4"), page_by=25) as graph:
        made = await reader(owner, api, worker, graph, signing_in)
        await made.sync()
        graph.tenant = released("3.5")
        run = await made.sync()
    for version in ("3.4", "3.5"):
        await by_folder(made, version)
    drift = await generated(api, worker, made.tenant, scope_key=await key_of(made, run["scope_id"]))
    other = await generated(api, worker, made.tenant)
    counts = ("added", "removed", "modified", "property_changes", "findings_new")
    assert [drift[name] for name in counts] == [other[name] for name in counts]
    assert drift["modified"] == 5

    def comparable(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        names = (
            "kind", "item_type", "external_id", "change_type", "severity", "severity_reasons", "display_name", "status",
            "baseline_hash", "current_hash", "change_count",
        )  # fmt: skip
        return sorted((*(str(one[name]) for name in names), str(unpack_evidence(one["evidence"]))) for one in found)

    found = await findings_of(api, made.tenant)
    over_graph = [one for one in found if one["scope_id"] == run["scope_id"]]
    assert len(over_graph) == 8
    assert comparable(over_graph) == comparable([one for one in found if one["scope_id"] != run["scope_id"]])


FAULTS: dict[str, tuple[Callable[[str], Any], str]] = {
    "forbidden": (lambda _: status(403), "FORBIDDEN"),
    "not there": (lambda _: status(404), "UNLICENSED"),
    "throttled for ever": (lambda _: status(429, "0"), "FAILED"),
    "away": (lambda _: status(503), "FAILED"),
    "settings cut": (lambda _: cut_settings(0), "TRUNCATED"),
    "malformed": (lambda _: malformed, "FAILED"),
    "never an answer": (lambda _: hang, "FAILED"),
    "closed half way": (lambda _: hang_up, "FAILED"),
    "a circle of pages": (lambda _: loop, "FAILED"),
    "a link elsewhere": (elsewhere, "FAILED"),
}


# The type that the fault befalls, and one beside it.
READ = ("configurationPolicy", "assignmentFilter")


@pytest.mark.parametrize("name", list(FAULTS))
async def test_a_fault_of_graph_is_coverage_and_never_a_removal(
    api: Database, worker: Database, graph: Graph, reading: Reader, name: str
) -> None:
    graph.tenant.add("deviceManagement/assignmentFilters", {"id": "f1", "displayName": "Filter", "rule": "x"})
    await reading.sync(READ)
    graph.tenant.collections[CATALOG] = policies(0, value=2) + policies(*range(1, 12))
    changed = await reading.sync(READ)
    key = await key_of(reading, changed["scope_id"])
    await generated(api, worker, reading.tenant, scope_key=key)
    before = await findings_of(api, reading.tenant)
    assert [(one["change_type"], one["status"]) for one in before] == [("MODIFIED", "NEW")]
    effect, covered = FAULTS[name]
    with serving(Tenant()) as another:
        graph.tenant.collections[CATALOG] = policies(*range(12))
        graph.faults.append(Fault(CATALOG, effect(another.url)))
        run = await reading.sync(READ)
        assert another.asked == [], "no token leaves for another host"
    assert (run["status"], run["removed"], run["changed"]) == ("PARTIAL", 0, 0)
    assert (await reading.coverage(run["id"]))["configurationPolicy"][0] == covered
    assert (await reading.coverage(run["id"]))["assignmentFilter"] == ("COMPLETE", 1)
    drift = await generated(api, worker, reading.tenant, scope_key=key)
    assert [one["item_type"] for one in drift["not_evaluated"]] == ["configurationPolicy"]
    after = await findings_of(api, reading.tenant)
    assert [(one["id"], one["status"]) for one in after] == [(one["id"], "NEW") for one in before]
    assert await reading.staged() == 0


async def test_what_graph_leaves_out_and_gives_when_asked_again_is_complete(graph: Graph, reading: Reader) -> None:
    """Throttled for a while, an item of a batch dropped, an expansion that came back empty."""
    await reading.sync()
    for raw in graph.tenant.collections[CATALOG]:
        raw["isAssigned"] = True
        raw["assignments"] = [{"id": "a", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]
    graph.faults += [
        Fault(CATALOG, status(429, "0"), times=1),
        Fault(rf"{CATALOG}\?", empty("assignments", "settings")),
        Fault("/assignments", drop, times=1),
        Fault("/settings", status(429, "0"), times=1),
    ]
    run = await reading.sync()
    assert (run["status"], run["changed"], run["removed"]) == ("SUCCEEDED", 12, 0)


def slip(answer: Any) -> None:
    """An object moved to a page that was read already, of a list that nobody counts."""
    answer.body.pop("@odata.count", None)
    del answer.body["value"][3]


async def test_what_a_list_loses_between_its_pages_is_asked_for_by_its_id(graph: Graph, reading: Reader) -> None:
    await reading.sync()
    graph.faults = [Fault(rf"{CATALOG}\?", slip)]
    run = await reading.sync()
    assert (run["status"], run["removed"]) == ("PARTIAL", 0)
    assert (await reading.coverage(run["id"]))["configurationPolicy"] == ("FAILED", 11)
    assert "left out 1 of the objects" in run["error_message"]
    graph.faults = []
    graph.tenant.collections[CATALOG] = policies(*range(10))
    run = await reading.sync()
    assert (run["status"], run["removed"]) == ("SUCCEEDED", 2)
    assert len(graph.paths("?$select=id")) == 1 + 2


async def test_what_a_counted_list_loses_between_its_pages_is_missed_by_its_count(
    graph: Graph, reading: Reader
) -> None:
    await reading.sync()

    def lose(answer: Any) -> None:
        del answer.body["value"][3]

    graph.faults = [Fault(rf"{CATALOG}\?", lose)]
    run = await reading.sync()
    assert (run["status"], run["removed"]) == ("PARTIAL", 0)
    assert (await reading.coverage(run["id"]))["configurationPolicy"] == ("TRUNCATED", 11)
    assert "tells of 12 objects and listed 11" in run["error_message"]


async def test_what_cannot_be_asked_for_is_not_called_removed(graph: Graph, reading: Reader) -> None:
    await reading.sync()
    graph.tenant.collections[CATALOG] = policies(*range(10))
    graph.faults = [Fault(rf"{CATALOG}/", status(500))]
    run = await reading.sync()
    assert (run["status"], run["removed"]) == ("PARTIAL", 0)


async def test_a_run_without_a_single_complete_type_fails_and_records_nothing(graph: Graph, reading: Reader) -> None:
    graph.faults.append(Fault(".", status(403)))
    run = await reading.sync()
    assert (run["status"], run["seq"], run["error_code"]) == ("FAILED", None, "NOTHING_COMPLETE")
    assert "403" in run["error_message"]
    assert await reading.staged() == 0


async def test_a_run_that_lacks_half_of_a_type_is_held_and_recorded_once_confirmed(
    api: Database, graph: Graph, reading: Reader
) -> None:
    await reading.sync()
    graph.tenant.collections[CATALOG] = policies(0, 1, 2)
    run = await reading.sync()
    assert (run["status"], run["seq"]) == ("NEEDS_CONFIRMATION", None)
    assert await reading.staged() == 3
    asked, read_at = len(graph.asked), run["read_at"]
    job = await held.confirm_run(api, reading.tenant.as_(Role.MANAGER), run["id"], reason="cleaned up")
    run = await reading.work(job)
    assert run["started_at"] < read_at == run["read_at"] < run["confirmed_at"]
    assert (run["status"], run["seq"], run["removed"], run["unchanged"]) == ("SUCCEEDED", 2, 9, 3)
    assert len(graph.asked) == asked, "what was confirmed is what was read"
    assert await reading.staged() == 0


async def test_a_lost_worker_is_followed_by_one_that_goes_on_at_the_next_type(
    owner: Database, worker: Database, graph: Graph, reading: Reader
) -> None:
    graph.page_by = 5
    job = await reading.start(["assignmentFilter", "configurationPolicy", "roleScopeTag"])
    # The lease ends in the middle of the second type, as if the worker had been killed there.
    graph.faults.append(Fault(rf"{CATALOG}\?.*skiptoken=5", hang))
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    killed = asyncio.create_task(graph_sync.run_sync(worker, lease, reading.source))
    while graph.faults[0].hits == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    assert await reading.staged() == 5
    ask = Asker(reading.api, reading.tenant, Role.READER)
    asked_for = "{ syncRuns(first: 1) { nodes { progress { done total } coverage { itemType } reading { %s } } } }"
    [told] = (await ask.in_tenant(asked_for % "itemType objects"))["syncRuns"]["nodes"]
    assert told == {
        "progress": {"done": 1, "total": 3},
        "coverage": [{"itemType": "assignmentFilter"}],
        "reading": [{"itemType": "configurationPolicy", "objects": 5}],
    }
    assert under_way(told["coverage"], told["reading"]) == "Reading configurationPolicy: 5"
    assert await reading.coverage(job.run_id) == {"assignmentFilter": ("COMPLETE", 0)}
    async with owner.transaction() as connection:
        held = text("select count(*) from atlas.item_intervals where tenant_id = :id")
        assert await connection.scalar(held, {"id": reading.tenant.id}) == 0, "half a run is no inventory"
        await connection.execute(
            text("update atlas.sync_runs set status = 'QUEUED', lease_token = null, lease_until = null where id = :id"),
            {"id": job.run_id},
        )
    graph.faults.clear()
    asked = len(graph.paths("assignmentFilters"))
    run = await reading.work(job)
    assert (run["status"], run["seq"], run["added"]) == ("SUCCEEDED", 1, 12)
    assert len(graph.paths("assignmentFilters")) == asked, "a type that was read is not read again"
    [told] = (await ask.in_tenant(asked_for % "objects"))["syncRuns"]["nodes"]
    assert (told["reading"], under_way(told["coverage"], [])) == ([], None)
    assert await reading.staged() == 0


async def test_one_run_a_scope_is_under_way_and_a_cancelled_one_stops_and_records_nothing(
    api: Database, worker: Database, graph: Graph, reading: Reader
) -> None:
    manager = reading.tenant.as_(Role.MANAGER)
    job = await reading.start()
    again = await sync.start_sync(api, manager)
    assert (again.run_id, again.created, again.jobs) == (job.run_id, False, ())
    named = await sync.start_sync(api, manager, item_types=["roleScopeTag"], idempotency_key="k")
    assert named.created
    assert (
        await sync.start_sync(api, manager, item_types=["roleScopeTag"], idempotency_key="k")
    ).run_id == named.run_id

    async def cancelling(*_: Any) -> None:
        await sync.cancel_sync(api, manager, job.run_id, reason="wrong day")

    graph.page_by = 5
    graph.faults.append(Fault(rf"{CATALOG}\?.*skiptoken=5", hang, times=1))
    working = asyncio.create_task(reading.work(job))
    while not graph.paths("skiptoken=5"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await cancelling()
    run = await working
    assert (run["status"], run["error_code"], run["seq"]) == ("FAILED", "CANCELLED", None)
    ask = Asker(api, reading.tenant, Role.READER)
    told = (await ask.in_tenant("{ syncRuns(first: 2) { nodes { status reading { objects } } } }"))["syncRuns"]["nodes"]
    assert {"status": "FAILED", "reading": []} in told, "what a run had read that has ended is not about to be recorded"
    with pytest.raises(RefusedError, match="until it ends") as refused:
        await cancelling()
    assert refused.value.code == "CONFLICT"
    assert (await sync.start_sync(api, manager)).created


async def test_who_cancels_a_run_that_ends_in_that_moment_is_told_how_it_stands(
    owner: Database, api: Database, cluster: Services, reading: Reader
) -> None:
    job = await reading.start()
    ending = text("update atlas.sync_runs set status = 'FAILED', finished_at = now() where id = :id")
    async with owner.transaction() as connection:
        await connection.execute(ending, {"id": job.run_id})
        cancelling = asyncio.create_task(sync.cancel_sync(api, reading.tenant.as_(Role.MANAGER), job.run_id))
        await until_the_api_waits(cluster)
    with pytest.raises(RefusedError, match="The sync run is FAILED"):
        await cancelling


async def test_who_may_not_sync_starts_and_cancels_nothing(owner: Database, api: Database, reading: Reader) -> None:
    job = await reading.start()
    stranger = await make_tenant(owner, api)
    for context, code in ((reading.tenant.as_(Role.OPERATOR), "FORBIDDEN"), (stranger.owner, "NOT_FOUND")):
        with pytest.raises(RefusedError) as refused:
            await sync.cancel_sync(api, context, job.run_id)
        assert refused.value.code == code
    assert (await run_of(api, reading.tenant, job.run_id))["status"] == "QUEUED"


async def test_a_refused_sign_in_ends_the_run_with_the_reason_and_one_that_is_away_rests(
    reading: Reader, signing_in: Authority
) -> None:
    job = await reading.start()
    signing_in.refusal = (503, "down")
    try:
        run = await reading.work(job)
        assert (run["status"], run["error_code"]) == ("QUEUED", None)
        signing_in.refusal = (401, "AADSTS7000222: expired")
        run = await reading.work(job)
    finally:
        signing_in.refusal = None
    assert (run["status"], run["error_code"]) == ("FAILED", "SIGN_IN_REFUSED")
    assert "expired (AADSTS7000222)" in run["error_message"]


async def test_a_rotated_key_is_no_drift_over_graph_either(
    api: Database, worker: Database, graph: Graph, reading: Reader
) -> None:
    new = b"n" * 32
    first = await reading.sync()
    key = await key_of(reading, first["scope_id"])
    graph.tenant.collections[CATALOG][0] = policies(0, description="another")[0]
    # The connection is sealed under the key from before, which is still known.
    rotated = reading.with_keys(new, DEPLOYMENT_KEY)
    run = await reading.work(await reading.start(), rotated)
    assert (run["status"], run["changed"], run["unchanged"]) == ("SUCCEEDED", 1, 11)
    forms = {one[0].partition(":")[0] for one in (await reading.contents(run["scope_id"])).values()}
    assert len(forms) == 1
    assert forms != {one[0].partition(":")[0] for one in (await by_hash(reading, first["scope_id"], 1))}
    drift = await generated(api, worker, reading.tenant, scope_key=key)
    assert (drift["added"], drift["removed"], drift["modified"], drift["not_evaluated"]) == (0, 0, 1, [])
    run = await reading.work(await reading.start(), rotated)
    assert (run["added"], run["changed"], run["removed"], run["unchanged"]) == (0, 0, 0, 12)


def test_an_object_that_cannot_be_told_leaves_its_type_incomplete() -> None:
    unit = UnitReading("namedLocation", CoverageStatus.COMPLETE, 3, None, "v1.0", None, None)
    assert judged(unit, []) is unit
    told = judged(unit, ["v1.0/one: The object is nested too deep."])
    assert (told.status, told.error_code, told.message) == (
        "FAILED", "NOT_CANONICAL", "v1.0/one: The object is nested too deep.",
    )  # fmt: skip
    cut = replace(unit, status=CoverageStatus.TRUNCATED)
    assert judged(cut, ["v1.0/one"]) is cut


async def by_folder(made: Reader, version: str, tenant: Any = None) -> UUID:
    return await record_folder(
        made.api, made.worker, (tenant or made.tenant).as_(Role.MANAGER),
        path=RELEASES / f"windows-v{version}", deployment_key=DEPLOYMENT_KEY, label="release",
    )  # fmt: skip


async def key_of(made: Reader, scope_id: UUID) -> str:
    async with made.api.transaction(made.tenant.as_(Role.READER)) as connection:
        return str(await connection.scalar(select(scopes.c.key).where(scopes.c.id == scope_id)))


async def duplicates(made: Reader, run_id: UUID) -> list[tuple[Any, ...]]:
    d = run_duplicates.c
    query = select(d.item_type, d.external_id, d.display_name, d.detail).where(d.run_id == run_id)
    async with made.api.transaction(made.tenant.as_(Role.READER)) as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def by_hash(made: Reader, scope_id: UUID, seq: int) -> list[tuple[str]]:
    async with made.api.transaction(made.tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(
            text("select hash from atlas.item_intervals where scope_id = :scope and valid_to = :seq + 1"),
            {"scope": scope_id, "seq": seq},
        )
        return [(row.hash,) for row in rows]
