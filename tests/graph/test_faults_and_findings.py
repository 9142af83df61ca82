"""What goes wrong in the middle of a read, and the findings that it must lead to: those of no fault, or none at all."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from atlas.store.tables import scopes
from tests.graph.authority import Authority
from tests.graph.standin import (
    Fault,
    Tenant,
    drop,
    elsewhere,
    empty,
    hang,
    hang_up,
    loop,
    malformed,
    serving,
    shorten,
    status,
    then,
)
from tests.graph.standin import StandIn as Graph
from tests.graph.syncing import Reader, reader
from tests.test_drift import findings_of, generated

# Its list has no content, so that each object takes a detail in a batch.
TYPE, SCRIPTS = "deviceManagementScript", "deviceManagement/deviceManagementScripts"
SECOND_PAGE, ITEM = rf"{SCRIPTS}\?.*skiptoken=5", f"{SCRIPTS}/s07"

Faults = Callable[[Graph], list[Fault]]


def script(number: int, *, moment: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.deviceManagementScript",
        "id": f"s{number:02d}",
        "displayName": f"Script {number}",
        "lastModifiedDateTime": f"2026-01-0{moment}T00:00:00Z",
        "runAsAccount": "user",
        "assignments": [],
    } | changes


def before() -> list[dict[str, Any]]:
    return [script(number) for number in range(12)]


def changed() -> list[dict[str, Any]]:
    """The first is changed, the last is gone, and one came."""
    return [script(0, moment=2, runAsAccount="system"), *before()[1:11], script(12)]


FINDINGS = [("ADDED", "Script 12"), ("MODIFIED", "Script 0"), ("REMOVED", "Script 11")]


@pytest.fixture
def graph() -> Any:
    with serving(Tenant().add(SCRIPTS, *before()), page_by=5) as made:
        yield made


@pytest.fixture
async def reading(owner: Database, api: Database, worker: Database, graph: Graph, signing_in: Authority) -> Reader:
    return await reader(owner, api, worker, graph, signing_in)


async def read_again(reading: Reader, graph: Graph, faults: Faults) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A sync before the change and one after, with these faults; the second run, and the findings of the two."""
    graph.tenant.add("deviceManagement/assignmentFilters", {"id": "f1", "displayName": "Filter", "rule": "x"})
    types = [TYPE, "assignmentFilter"]
    assert (await reading.sync(types))["status"] == "SUCCEEDED"
    graph.tenant.collections[SCRIPTS] = changed()
    graph.faults = faults(graph)
    run = await reading.sync(types)
    assert all(fault.hits for fault in graph.faults), "the fault was met"
    await generated(reading.api, reading.worker, reading.tenant, scope_key=await key_of(reading, run["scope_id"]))
    found = await findings_of(reading.api, reading.tenant)
    return run, sorted((one["change_type"], one["display_name"]) for one in found)


async def key_of(reading: Reader, scope_id: UUID) -> str:
    async with reading.api.transaction(reading.tenant.as_(Role.READER)) as connection:
        return str(await connection.scalar(select(scopes.c.key).where(scopes.c.id == scope_id)))


def renamed(graph: Graph) -> list[Fault]:
    """The second object changes right after the page that tells of it."""

    def change() -> None:
        graph.tenant.collections[SCRIPTS][1] |= {
            "lastModifiedDateTime": "2026-02-02T00:00:00Z",
            "runAsAccount": "system",
        }

    return [Fault(rf"{SCRIPTS}\?", then(change), times=1)]


PASSES: dict[str, Faults] = {
    "pages of five": lambda _: [],
    "throttled with Retry-After": lambda _: [Fault(SECOND_PAGE, status(429, "1"), times=1)],
    "throttled without Retry-After": lambda _: [Fault(SECOND_PAGE, status(429), times=1)],
    "away for a moment": lambda _: [Fault(SECOND_PAGE, status(503), times=1)],
    "429 inside of a batch": lambda _: [Fault(ITEM, status(429, "0"), times=1)],
    "an item that a batch drops": lambda _: [Fault(ITEM, drop, times=1)],
    "a connection that is closed": lambda _: [Fault(SECOND_PAGE, hang_up, times=1)],
    "an answer that never comes": lambda _: [Fault(SECOND_PAGE, hang, times=1)],
}


@pytest.mark.parametrize("name", PASSES)
async def test_what_passes_leads_to_the_findings_of_no_fault(graph: Graph, reading: Reader, name: str) -> None:
    run, found = await read_again(reading, graph, PASSES[name])
    assert (run["status"], run["added"], run["changed"], run["removed"]) == ("SUCCEEDED", 1, 1, 1)
    assert (await reading.coverage(run["id"]))[TYPE] == ("COMPLETE", 12)
    assert found == FINDINGS


async def test_what_changes_between_list_and_detail_is_told_as_the_detail_has_it(graph: Graph, reading: Reader) -> None:
    run, found = await read_again(reading, graph, renamed)
    assert (await reading.coverage(run["id"]))[TYPE] == ("COMPLETE", 12)
    assert found == sorted([*FINDINGS, ("MODIFIED", "Script 1")])
    graph.faults = []
    again = await reading.sync([TYPE, "assignmentFilter"])
    assert (again["status"], again["changed"], again["removed"]) == ("SUCCEEDED", 0, 0), "it was of one moment"


def renamed_to_the_end(graph: Graph) -> list[Fault]:
    """The first object goes to the end of the list, renamed, once the page that it was on is read; another comes."""

    def change() -> None:
        first, *others = graph.tenant.collections[SCRIPTS]
        moved = first | {"displayName": "Z", "lastModifiedDateTime": datetime.now(UTC).isoformat()}
        graph.tenant.collections[SCRIPTS] = [script(13), *others, moved]

    return [Fault(SECOND_PAGE, then(change), times=1)]


async def test_an_object_that_is_listed_as_it_was_and_as_it_is_is_not_taken_for_two(
    graph: Graph, reading: Reader
) -> None:
    run, found = await read_again(reading, graph, renamed_to_the_end)
    assert (run["status"], run["added"], run["changed"], run["removed"], found) == ("PARTIAL", 0, 0, 0, [])
    assert "s00 changed while the list was read" in run["error_message"]
    graph.faults = []
    run = await reading.sync([TYPE, "assignmentFilter"])
    assert (run["status"], run["added"], run["changed"], run["removed"]) == ("SUCCEEDED", 2, 1, 1)
    assert {one for _, one in await reading.contents(run["scope_id"])} == {
        "f1", "s12", "s13", *(f"s{number:02d}" for number in range(11))
    }  # fmt: skip


TAGS = "deviceManagement/roleScopeTags"


def tag(number: int, **changes: Any) -> dict[str, Any]:
    """It does not tell when it changed."""
    told = {"@odata.type": "#microsoft.graph.roleScopeTag", "id": f"t{number}", "displayName": f"Tag {number}"}
    return told | changes


async def test_an_object_without_a_moment_that_came_as_two_is_looked_for_once_more(
    graph: Graph, reading: Reader
) -> None:
    graph.tenant.add(TAGS, *map(tag, range(12)))
    await reading.sync(["roleScopeTag"])

    def change() -> None:
        _, *others = graph.tenant.collections[TAGS]
        graph.tenant.collections[TAGS] = [tag(12), *others, tag(0, displayName="Z")]

    graph.faults = [Fault(rf"{TAGS}\?.*skiptoken=5", then(change), times=1)]
    run = await reading.sync(["roleScopeTag"])
    assert (run["status"], run["added"], run["changed"], run["removed"]) == ("SUCCEEDED", 1, 1, 0)
    assert await reading.coverage(run["id"]) == {"roleScopeTag": ("COMPLETE", 13)}
    # What is two each time is two.
    graph.tenant.add(TAGS, tag(0, displayName="Other"))
    for added in (1, 0):
        run = await reading.sync(["roleScopeTag"])
        assert (run["status"], run["added"], run["changed"], run["removed"]) == ("SUCCEEDED", added, 0, 0)


RULES = "deviceManagement/deviceCompliancePolicies"
VALUES = "deviceManagement/groupPolicyConfigurations"
EMPTIED: dict[str, Faults] = {
    "an expansion that is empty in every object": lambda _: [
        Fault(rf"{RULES}\?", empty("assignments", "scheduledActionsForRule"))
    ],
    "an expansion that is empty in one object": lambda _: [
        Fault(rf"{RULES}\?", empty("assignments", "scheduledActionsForRule", of={"c1"}))
    ],
    "an expansion below a rule that is empty": lambda _: [Fault(rf"{RULES}\?", empty("scheduledActionConfigurations"))],
    "an expansion below a rule that is empty in one object": lambda _: [
        Fault(rf"{RULES}\?", empty("scheduledActionConfigurations", of={"c1"}))
    ],
    "an expansion of one object that is empty in a row": lambda _: [
        Fault("definitionValues", empty("definition", of={"v1"}))
    ],
}


@pytest.mark.parametrize("name", EMPTIED)
async def test_an_expansion_that_came_back_empty_is_no_change(graph: Graph, reading: Reader, name: str) -> None:
    types = ["deviceCompliancePolicy", "groupPolicyConfiguration"]
    assigned = [{"id": "a", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]
    actions = [{"id": "x", "actionType": "block", "gracePeriodHours": 0}]
    rule = {"id": "r", "ruleName": "PasswordRequired", "scheduledActionConfigurations": actions}
    values = [{"id": f"v{one}", "enabled": True, "definition": {"id": f"d{one}"}} for one in range(3)]
    for number in range(3):
        moment = {"lastModifiedDateTime": "2026-01-01T00:00:00Z", "assignments": assigned}
        graph.tenant.add(RULES, {"id": f"c{number}", "scheduledActionsForRule": [rule], **moment})
        graph.tenant.add(VALUES, {"id": f"g{number}", "definitionValues": values, **moment})
    assert (await reading.sync(types))["added"] == 6
    graph.faults = EMPTIED[name](graph)
    run = await reading.sync(types)
    assert all(fault.hits for fault in graph.faults), "the fault was met"
    assert (run["status"], run["unchanged"], run["changed"], run["removed"]) == ("SUCCEEDED", 6, 0, 0)
    await generated(reading.api, reading.worker, reading.tenant, scope_key=await key_of(reading, run["scope_id"]))
    assert await findings_of(reading.api, reading.tenant) == []


def always_moving(graph: Graph) -> list[Fault]:
    moments = iter(range(10, 60))

    def change() -> None:
        graph.tenant.collections[SCRIPTS][7]["lastModifiedDateTime"] = f"2026-02-02T00:00:{next(moments)}Z"

    return [Fault(SCRIPTS, then(change))]


STAYS: dict[str, tuple[Faults, str]] = {
    "a page in the middle is cut": (lambda _: [Fault(SECOND_PAGE, malformed)], "FAILED"),
    "a page in the middle never comes": (lambda _: [Fault(SECOND_PAGE, hang)], "FAILED"),
    "the connection breaks in the middle": (lambda _: [Fault(SECOND_PAGE, hang_up)], "FAILED"),
    "a page in the middle is an error": (lambda _: [Fault(SECOND_PAGE, status(500))], "FAILED"),
    "a page in the middle is throttled for ever": (lambda _: [Fault(SECOND_PAGE, status(429, "0"))], "FAILED"),
    "a page in the middle is forbidden": (lambda _: [Fault(SECOND_PAGE, status(403))], "FORBIDDEN"),
    "a page in the middle is not there": (lambda _: [Fault(SECOND_PAGE, status(404))], "FAILED"),
    "pages in a circle": (lambda _: [Fault(SECOND_PAGE, loop)], "FAILED"),
    "a next link to another host": (lambda _: [Fault(SECOND_PAGE, elsewhere("https://127.0.0.1:9"))], "FAILED"),
    "a list that ends before its count": (lambda _: [Fault(rf"{SCRIPTS}\?", shorten(3))], "TRUNCATED"),
    "an item that a batch always drops": (lambda _: [Fault(ITEM, drop)], "FAILED"),
    "an item of a batch is throttled for ever": (lambda _: [Fault(ITEM, status(429, "0"))], "FAILED"),
    "an item of a batch is an error": (lambda _: [Fault(ITEM, status(500))], "FAILED"),
    "an item of a batch is forbidden": (lambda _: [Fault(ITEM, status(403))], "FORBIDDEN"),
    "an item of a batch is not there": (lambda _: [Fault(ITEM, status(404))], "FAILED"),
    "an item of a batch is malformed": (lambda _: [Fault(ITEM, malformed)], "FAILED"),
    "an object that changes all the time": (always_moving, "FAILED"),
}


@pytest.mark.parametrize("name", STAYS)
async def test_what_stays_in_the_middle_of_a_read_is_coverage_and_no_finding(
    graph: Graph, reading: Reader, name: str
) -> None:
    """Some objects were read by then: neither what they are now nor what was not read is told as a change."""
    faults, covered = STAYS[name]
    run, found = await read_again(reading, graph, faults)
    assert (run["status"], run["added"], run["changed"], run["removed"]) == ("PARTIAL", 0, 0, 0)
    assert (await reading.coverage(run["id"]))[TYPE][0] == covered
    assert (await reading.coverage(run["id"]))["assignmentFilter"] == ("COMPLETE", 1)
    assert found == []
    assert await reading.staged() == 0
    graph.faults = []
    run = await reading.sync([TYPE, "assignmentFilter"])
    assert (run["status"], run["added"], run["changed"], run["removed"]) == ("SUCCEEDED", 1, 1, 1), (
        "and nothing is lost"
    )
