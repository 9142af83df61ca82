"""Labels with a sync: what is asked for is what the run names and nobody knows, and no failure of it fails a run."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from atlas import graph_beside, graph_labels, graph_sync, jobs
from atlas.sources.graph.client import Limits
from atlas.sources.graph.labels import LABELS
from atlas.store.database import Database
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import Fault, StandIn, Tenant, hang, serving, status, then
from tests.graph.standin.faults import drop
from tests.graph.syncing import Reader, reader
from tests.graph.test_sync_run import policies

SALES, GONE = (f"{number:08d}-1111-4111-8111-111111111111" for number in (1, 2))
FILTER = "00000001-2222-4222-8222-222222222222"
DEFINITIONS = "deviceManagement/configurationSettings"
COMPLIANCE = "deviceManagement/complianceSettings"


def assigned(number: int, group: str, **changes: Any) -> dict[str, Any]:
    target = {
        "@odata.type": "#microsoft.graph.groupAssignmentTarget",
        "groupId": group,
        "deviceAndAppManagementAssignmentFilterId": FILTER,
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    (made,) = policies(number, **changes)
    return made | {"isAssigned": True, "assignments": [{"id": f"a{number}", "target": target}]}


@pytest.fixture
def graph() -> Any:
    policy, gone = assigned(1, SALES), assigned(2, GONE)
    definition, other = (one["settings"][0]["settingInstance"]["settingDefinitionId"] for one in (policy, gone))
    options = [{"itemId": f"{definition}_{one}", "displayName": f"Option {one} of it"} for one in range(3)]
    tenant = Tenant().add(CATALOG, policy, gone)
    tenant.add("groups", {"id": SALES, "displayName": "Sales", "mail": "sales@contoso.example"})
    tenant.add(DEFINITIONS, {"id": definition, "displayName": "The setting", "options": options})
    tenant.add(DEFINITIONS, {"id": other, "displayName": "The other one"})
    tenant.add("deviceManagement/assignmentFilters", {"id": FILTER, "displayName": "Corporate", "rule": "x"})
    with serving(tenant) as made:
        yield made


@pytest.fixture
async def reading(owner: Database, api: Database, worker: Database, graph: StandIn, signing_in: Authority) -> Reader:
    return await reader(owner, api, worker, graph, signing_in)


async def known(owner: Database, made: Reader) -> dict[tuple[str, str], str | None]:
    query = "select kind, id, label from atlas.labels where tenant_id = :tenant and kind <> 'OPTION'"
    async with owner.transaction() as connection:
        rows = await connection.execute(text(query), {"tenant": made.tenant.id})
        return {(row.kind, row.id): row.label for row in rows}


async def age(owner: Database, made: Reader, by: timedelta) -> None:
    query = "update atlas.labels set read_at = now() - cast(:by as interval) where tenant_id = :tenant"
    async with owner.transaction(made.tenant.owner) as connection:
        await connection.execute(text(query), {"tenant": made.tenant.id, "by": by})


def definition_of(graph: StandIn, number: int = 0) -> str:
    return str(graph.tenant.collections[DEFINITIONS][number]["id"])


async def test_a_sync_keeps_what_its_objects_name_and_asks_for_nothing_twice(
    owner: Database, graph: StandIn, reading: Reader
) -> None:
    run = await reading.sync()
    assert (run["status"], run["notes"]) == ("SUCCEEDED", [])
    expected = {
        ("GROUP", SALES): "Sales",
        ("GROUP", GONE): None,
        ("FILTER", FILTER): "Corporate",
        ("SETTING", definition_of(graph)): "The setting",
        ("SETTING", definition_of(graph, 1)): "The other one",
    }
    found = await known(owner, reading)
    assert {one: label for one, label in found.items() if one[0] != "SCOPE_TAG"} == expected
    async with owner.transaction() as connection:
        count = "select count(*) from atlas.labels where tenant_id = :tenant and kind = 'OPTION'"
        assert await connection.scalar(text(count), {"tenant": reading.tenant.id}) == 3
    assert all("$select=id,displayName" in path for path in graph.paths("groups/"))
    assert graph.paths(f"assignmentFilters/{FILTER}") == [], "its name came with the inventory"
    before = len(graph.paths("groups/") + graph.paths("Settings/"))
    await reading.sync()
    assert len(graph.paths("groups/") + graph.paths("Settings/")) == before


async def test_a_name_that_is_old_is_asked_for_again(owner: Database, graph: StandIn, reading: Reader) -> None:
    await reading.sync()
    graph.tenant.collections["groups"] = [{"id": GONE, "displayName": "Back"}, {"id": SALES, "displayName": "Selling"}]
    await age(owner, reading, graph_labels.KEPT - timedelta(hours=1))
    await reading.sync()
    assert (await known(owner, reading))["GROUP", SALES] == "Sales"
    await age(owner, reading, graph_labels.KEPT + timedelta(hours=1))
    await reading.sync()
    found = await known(owner, reading)
    assert (found["GROUP", SALES], found["GROUP", GONE]) == ("Selling", "Back")


@pytest.mark.parametrize(("fault", "forbidden"), [(status(403), True), (status(500), False), (drop, False)])
async def test_labels_that_cannot_be_read_fail_no_run_and_are_noted(
    owner: Database, graph: StandIn, reading: Reader, fault: Any, forbidden: bool
) -> None:
    graph.faults.append(Fault("^groups/", fault))
    run = await reading.sync()
    assert (run["status"], run["added"], run["error_code"]) == ("SUCCEEDED", 3, None)
    (noted,) = run["notes"]
    assert noted.startswith("The names of groups were not read. ")
    assert ("Group.Read.All" in noted) is forbidden
    found = await known(owner, reading)
    assert not [one for one in found if one[0] == "GROUP"]
    assert found["SETTING", definition_of(graph)] == "The setting", "one kind does not hold up the other"


@pytest.mark.parametrize("refusal", [(401, "AADSTS7000222: expired"), (503, "away")])
async def test_a_sign_in_that_ends_after_the_types_were_read_fails_no_run_and_is_noted(
    owner: Database, graph: StandIn, reading: Reader, signing_in: Authority, refusal: tuple[int, str]
) -> None:
    """The token is so short that each request takes another, and the last type is the last that gets one."""

    def refuse() -> None:
        signing_in.refusal = refusal

    graph.faults.append(Fault(rf"{CATALOG}\?", then(refuse)))
    seconds, signing_in.seconds = signing_in.seconds, 120
    try:
        run = await reading.sync(["configurationPolicy"])
    finally:
        signing_in.refusal, signing_in.seconds = None, seconds
    assert (run["status"], run["added"], run["error_code"]) == ("SUCCEEDED", 2, None)
    assert [note.partition(" were not read. ")[0] for note in run["notes"]] == [
        *(f"The {one.called}" for one in LABELS.values()),
        "The source's own events",
    ]
    assert all(("expired" in note) is (refusal[0] == 401) for note in run["notes"])
    assert await known(owner, reading) == {}


async def test_names_and_authors_that_do_not_come_are_waited_for_so_long_and_no_longer(
    owner: Database, graph: StandIn, reading: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graph may throttle for hours, and a run that is read waits to be recorded."""
    monkeypatch.setattr(graph_beside, "LONGEST_SECONDS", 1.0)
    patient = replace(reading.source, limits=Limits())
    graph.faults += [Fault("^groups/", status(429, "60")), Fault("auditEvents", hang)]
    run = await reading.work(await reading.start(["configurationPolicy"]), patient)
    assert (run["status"], run["added"]) == ("SUCCEEDED", 2)
    late = "were not read. It took longer than 1 seconds. The next sync goes on."
    assert run["notes"] == [f"The names of groups {late}", f"The source's own events {late}"]
    assert (await known(owner, reading))["SETTING", definition_of(graph)] == "The setting"


async def test_a_worker_that_takes_a_run_over_asks_for_the_names_of_what_was_read_before(
    owner: Database, worker: Database, graph: StandIn, reading: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_sync, "READ_TOGETHER", 1)
    job = await reading.start(["configurationPolicy", "roleScopeTag"])
    lost = Fault("roleScopeTags", hang)
    graph.faults.append(lost)
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    killed = asyncio.create_task(graph_sync.run_sync(worker, lease, reading.source))
    while not lost.hits:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    await jobs.give_back(worker, lease, delay_seconds=0)
    graph.faults.clear()
    assert (await reading.work(job))["status"] == "SUCCEEDED"
    assert len(graph.paths(f"{CATALOG}?")) == 1, "the policies are not read again"
    found = await known(owner, reading)
    assert {label for (kind, _), label in found.items() if kind == "GROUP"} == {"Sales", None}
    assert found["SETTING", definition_of(graph, 1)] == "The other one"


async def test_a_run_of_one_type_asks_for_the_names_of_what_it_does_not_read(
    owner: Database, graph: StandIn, reading: Reader
) -> None:
    await reading.sync(["configurationPolicy"])
    assert graph.paths(f"assignmentFilters/{FILTER}") != []
    assert (await known(owner, reading))["FILTER", FILTER] == "Corporate"


async def test_no_more_is_asked_for_than_a_run_may(
    owner: Database, graph: StandIn, reading: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_labels, "MOST_ASKED_FOR", 1)
    await reading.sync(["configurationPolicy"])
    assert len(graph.paths("groups/")) == 1
    await reading.sync(["configurationPolicy"])
    assert {one for one in await known(owner, reading) if one[0] == "GROUP"} == {("GROUP", SALES), ("GROUP", GONE)}


async def test_a_definition_is_looked_for_where_compliance_has_its_own(
    owner: Database, graph: StandIn, reading: Reader
) -> None:
    graph.tenant.collections[COMPLIANCE] = graph.tenant.collections.pop(DEFINITIONS)
    await reading.sync(["configurationPolicy"])
    definition = str(graph.tenant.collections[COMPLIANCE][0]["id"])
    assert (await known(owner, reading))["SETTING", definition] == "The setting"
