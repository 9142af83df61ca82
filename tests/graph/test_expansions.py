"""An expansion that is empty is the truth or a fault: the object is called for by itself, and so are its rows."""

import pytest

from atlas.domain.vocabulary import CoverageStatus
from tests.graph.asking import read_from
from tests.graph.scripts import POLICIES, SCRIPTS
from tests.graph.standin import Fault, MadeUp, StandIn, Tenant, empty, serving, status

COMPLETE, FAILED = CoverageStatus.COMPLETE, CoverageStatus.FAILED


async def test_an_expansion_that_came_back_empty_is_called_for(graph: StandIn):
    graph.faults = [Fault(rf"{POLICIES}\?", empty("settings", "assignments"))]
    unit, objects = await read_from(graph)
    assert unit.status == COMPLETE
    assert all(len(one.raw["settings"]) == 3 and len(one.raw["assignments"]) == 1 for one in objects)
    assert graph.paths("/assignments")


EVERYBODY = [{"id": "a", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]


@pytest.mark.parametrize("which", [None, {"one-1"}, {"one-0", "one-2"}])
async def test_assignments_that_an_object_lacks_are_doubted_whatever_the_others_of_its_page_have(which):
    path = "deviceManagement/deviceConfigurations"
    objects = [{"id": f"one-{number}", "displayName": "One", "assignments": EVERYBODY} for number in range(3)]
    with serving(Tenant().add(path, *objects)) as graph:
        graph.faults = [Fault(rf"{path}\?", empty("assignments", of=which))]
        unit, found = await read_from(graph, "deviceConfiguration")
    assert unit.status == COMPLETE
    assert [one.raw["assignments"] for one in found] == [EVERYBODY] * 3
    assert len(graph.paths("/assignments")) == len(which or objects), "the others are not asked again"


async def test_what_has_no_assignments_by_the_call_either_has_none():
    path = "deviceManagement/deviceConfigurations"
    objects = [{"id": f"one-{number}", "assignments": EVERYBODY if number else []} for number in range(3)]
    with serving(Tenant().add(path, *objects)) as graph:
        unit, found = await read_from(graph, "deviceConfiguration")
    assert (unit.status, [len(one.raw["assignments"]) for one in found]) == (COMPLETE, [0, 1, 1])
    assert len(graph.asked) == 2


async def test_a_doubt_that_cannot_be_settled_fails_the_type():
    path = "deviceManagement/deviceConfigurations"
    with serving(Tenant().add(path, {"id": "one", "assignments": EVERYBODY}, {"id": "two"})) as graph:
        graph.faults = [Fault("two/assignments", status(500))]
        unit, _ = await read_from(graph, "deviceConfiguration")
    assert unit.status == FAILED


async def test_a_policy_that_does_not_say_whether_it_is_assigned_is_doubted_and_one_that_is_not_is_not():
    policies = list(MadeUp(3, 1))
    del policies[0]["isAssigned"]
    policies[2] |= {"isAssigned": False, "assignments": []}
    with serving(Tenant({POLICIES: policies})) as graph:
        graph.faults = [Fault(rf"{POLICIES}\?", empty("assignments"))]
        unit, found = await read_from(graph)
    assert (unit.status, [len(one.raw["assignments"]) for one in found]) == (COMPLETE, [1, 1, 0])
    assert len(graph.paths("/assignments")) == 2


async def test_a_detail_that_came_without_what_its_list_had_is_doubted(scripted: StandIn):
    """Some families answer an expansion of one object with nothing, and that of the list with all."""
    scripted.faults = [Fault(rf"{SCRIPTS}/script-\d+\?", empty("assignments"))]
    unit, found = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, {len(one.raw["assignments"]) for one in found}) == (COMPLETE, {1})
    assert all(one.raw["scriptContent"].startswith("body") for one in found)


@pytest.mark.parametrize("which", [None, {"one-1"}])
async def test_a_rule_whose_actions_did_not_come_is_read_by_itself(which):
    path = "deviceManagement/deviceCompliancePolicies"
    actions = [{"id": f"action-{number}", "gracePeriodHours": number} for number in range(3)]
    rules = [{"id": f"rule-{number}", "scheduledActionConfigurations": actions} for number in range(2)]
    objects = [
        {"id": f"one-{number}", "scheduledActionsForRule": rules, "assignments": EVERYBODY} for number in range(3)
    ]
    with serving(Tenant().add(path, *objects), page_by=2) as graph:
        graph.faults = [Fault(rf"{path}\?", empty("scheduledActionConfigurations", of=which))]
        unit, found = await read_from(graph, "deviceCompliancePolicy")
    assert unit.status == COMPLETE
    assert [one.raw["scheduledActionsForRule"] for one in found] == [rules] * 3
    assert bool(graph.paths("one-0/")) is (which is None)


@pytest.mark.parametrize(("fault", "ended"), [(None, COMPLETE), (204, COMPLETE), (404, FAILED), (500, FAILED)])
async def test_a_definition_that_did_not_come_with_its_value_is_asked_for(fault: int | None, ended: CoverageStatus):
    path = "deviceManagement/groupPolicyConfigurations"
    values = [{"id": f"v{number}", "enabled": True, "definition": {"id": f"d{number}"}} for number in range(3)]
    with serving(Tenant().add(path, {"id": "one", "definitionValues": values, "assignments": EVERYBODY})) as graph:
        graph.faults = [Fault(r"definitionValues\?", empty("definition", of={"v1"}))]
        if fault is not None:
            graph.faults.append(Fault("v1/definition", status(fault)))
        unit, found = await read_from(graph, "groupPolicyConfiguration")
        assert [path for path in graph.paths("/definition") if path.endswith("/definition")] == [
            f"{path}/one/definitionValues/v1/definition"
        ]
    assert unit.status == ended
    if ended == COMPLETE:
        told = [value["definition"] for value in found[0].raw["definitionValues"]]
        assert told == [{"id": "d0"}, {"id": "d1"} if fault is None else None, {"id": "d2"}]


@pytest.mark.parametrize(
    ("item_type", "path", "name"),
    [
        ("managedAppProtection", "deviceAppManagement/iosManagedAppProtections", "apps"),
        (
            "notificationMessageTemplate",
            "deviceManagement/notificationMessageTemplates",
            "localizedNotificationMessages",
        ),
    ],
)
async def test_other_collections_that_an_object_lacks_are_doubted_too(item_type: str, path: str, name: str):
    rows = [{"id": f"row-{number}"} for number in range(3)]
    with serving(Tenant().add(path, {"id": "one", name: rows}, {"id": "two", name: rows})) as graph:
        graph.faults = [Fault(rf"{path}\?", empty(name, of={"two"}))]
        unit, found = await read_from(graph, item_type)
    assert unit.status == COMPLETE
    assert [[row["id"] for row in one.raw[name]] for one in found] == [["row-0", "row-1", "row-2"]] * 2
