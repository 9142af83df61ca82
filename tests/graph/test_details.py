"""What a list leaves out is called for, batch by batch, and an object is always of one moment."""

import asyncio

import pytest

from atlas.domain.vocabulary import CoverageStatus
from atlas.sources.graph.client import open_client
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.graph.details import still_there
from atlas.sources.graph.errors import GraphError
from atlas.sources.graph.reading import read_type
from tests.graph.asking import asking, read, read_from
from tests.graph.scripts import POLICIES, SCRIPTS, scripts
from tests.graph.standin import (
    Fault,
    StandIn,
    Tenant,
    cut_settings,
    drop,
    empty,
    malformed,
    serving,
    status,
    then,
)

INTENTS = "deviceManagement/intents"
COMPLETE, FAILED, TRUNCATED = CoverageStatus.COMPLETE, CoverageStatus.FAILED, CoverageStatus.TRUNCATED


async def test_settings_that_stay_cut_leave_the_type_truncated(graph: StandIn):
    graph.faults = [Fault(POLICIES, cut_settings(2))]
    unit, objects = await read_from(graph)
    assert (unit.status, unit.error_code, len(objects)) == (TRUNCATED, "SETTINGS_TRUNCATED", 60)
    assert "3 settings, and 2 were read" in unit.message


async def test_settings_that_the_list_cut_are_called_for(graph: StandIn):
    graph.faults = [Fault(rf"{POLICIES}\?", cut_settings(2))]
    unit, objects = await read_from(graph)
    assert (unit.status, {len(one.raw["settings"]) for one in objects}) == (COMPLETE, {3})


async def test_collections_below_an_object_that_is_read_by_itself_are_read_to_their_end():
    rows = [{"id": f"row-{number}"} for number in range(5)]
    script = {"id": "one", "displayName": "One", "lastModifiedDateTime": "2026-01-01T00:00:00Z", "assignments": rows}
    with serving(Tenant().add(SCRIPTS, script), rows_by=2) as graph:
        unit, [found] = await read_from(graph, "deviceManagementScript")
    assert unit.status == COMPLETE
    assert [row["id"] for row in found.raw["assignments"]] == [row["id"] for row in rows]


async def test_collections_below_what_is_called_for_are_read_to_their_end():
    """A compliance policy whose list kept its rule back: the rule is called for, and its actions come in pages."""
    path = "deviceManagement/deviceCompliancePolicies"
    actions = [{"id": f"action-{number}"} for number in range(5)]
    rule = {"id": "rule", "scheduledActionConfigurations": actions}
    with serving(Tenant().add(path, {"id": "one", "scheduledActionsForRule": [rule]}), rows_by=2, page_by=2) as graph:
        graph.faults = [Fault(rf"{path}\?", empty("scheduledActionsForRule"))]
        unit, [found] = await read_from(graph, "deviceCompliancePolicy")
    assert unit.status == COMPLETE
    [told] = found.raw["scheduledActionsForRule"]
    assert [one["id"] for one in told["scheduledActionConfigurations"]] == [one["id"] for one in actions]


async def test_throttled_items_of_a_batch_are_sent_again_and_only_these(scripted: StandIn):
    scripted.faults = [Fault(rf"{SCRIPTS}/script-00[3-5]", status(429, "1"), times=3)]
    async with asking(scripted) as client:
        unit, objects = await read(client, "deviceManagementScript")
        assert (client.counts.retries, client.counts.throttled) == (1, 3)
    assert (unit.status, len(objects)) == (COMPLETE, 45)
    assert all(one.raw["scriptContent"].startswith("body") for one in objects)
    times = [one.at for one in scripted.asked if "script-003" in one.path]
    assert len(times) == 2
    assert times[1] - times[0] >= 1
    assert len(scripted.asked) == 1 + 45 + 3


async def test_an_item_that_a_batch_drops_once_is_asked_again(scripted: StandIn):
    scripted.faults = [Fault("script-007", drop, times=1)]
    unit, objects = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, len(objects)) == (COMPLETE, 45)


async def test_an_item_that_a_batch_always_drops_is_a_failure_and_not_gone(scripted: StandIn):
    scripted.faults = [Fault("script-007", drop)]
    unit, _ = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, unit.error_code) == (FAILED, "BATCH_ITEM_MISSING")


@pytest.mark.parametrize("number", [404, 500, 429])
async def test_one_item_of_a_batch_that_fails_fails_the_type(scripted: StandIn, number: int):
    scripted.faults = [Fault("script-007", status(number))]
    unit, objects = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, objects) == (FAILED, [])


async def test_a_malformed_item_of_a_batch_fails_the_type(scripted: StandIn):
    scripted.faults = [Fault("script-007", malformed)]
    unit, _ = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, unit.error_code) == (FAILED, "MALFORMED")


async def test_an_object_that_changed_between_list_and_detail_is_as_the_detail_tells(scripted: StandIn):
    def change():
        script = scripted.tenant.collections[SCRIPTS][7]
        script |= {"lastModifiedDateTime": "2026-02-02T00:00:00Z", "displayName": "Renamed", "scriptContent": "new"}

    scripted.faults = [Fault(rf"{SCRIPTS}\?", then(change), times=1)]
    unit, objects = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, len(objects)) == (COMPLETE, 45)
    assert (objects[7].raw["displayName"], objects[7].raw["scriptContent"]) == ("Renamed", "new")


def make_intent(number: int) -> dict:
    return {
        "id": f"intent-{number}",
        "displayName": f"Intent {number}",
        "lastModifiedDateTime": "2026-01-01T00:00:00Z",
        "settings": [{"id": "1", "definitionId": "deviceConfiguration--one", "valueJson": "1"}],
        "assignments": [],
    }


async def test_an_object_that_changed_between_list_and_calls_is_read_again():
    with serving(Tenant().add(INTENTS, *(make_intent(number) for number in range(3)))) as graph:

        def change():
            graph.tenant.collections[INTENTS][1] |= {
                "lastModifiedDateTime": "2026-02-02T00:00:00Z",
                "displayName": "Renamed",
                "settings": [{"id": "1", "definitionId": "deviceConfiguration--one", "valueJson": "2"}],
            }

        # It changes after its settings were asked for, and before its assignments are.
        graph.faults = [Fault("intent-1/settings", then(change), times=1)]
        unit, objects = await read_from(graph, "deviceManagementIntent")
        assert (len(graph.paths("intent-1/settings")), len(graph.paths("intent-0/settings"))) == (2, 1)
    assert (unit.status, objects[1].raw["displayName"]) == (COMPLETE, "Renamed")
    assert [row["valueJson"] for row in objects[1].raw["settings"]] == ["2"]


async def test_a_policy_that_changed_while_its_settings_were_called_for_is_of_one_moment(graph: StandIn):
    def change():
        policy = graph.tenant.collections[POLICIES][7]
        policy |= {"lastModifiedDateTime": "2026-02-02T00:00:00Z", "name": "Renamed"}
        policy |= {"settings": policy["settings"][:2], "settingCount": 2, "assignments": everybody}

    everybody = [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]

    graph.faults = [
        Fault(rf"{POLICIES}\?", empty("settings")),
        Fault(rf"{POLICIES}\?", then(change), times=1),
    ]
    unit, objects = await read_from(graph)
    assert (unit.status, objects[7].raw["name"], len(objects[7].raw["settings"])) == (COMPLETE, "Renamed", 2)
    assert objects[7].raw["assignments"] == everybody
    assert all(len(one.raw["settings"]) == 3 for one in objects if one is not objects[7])


async def test_an_object_that_changes_all_the_time_fails_the_type():
    moments = iter(range(10, 60))
    with serving(Tenant().add(INTENTS, make_intent(0))) as graph:

        def change():
            graph.tenant.collections[INTENTS][0]["lastModifiedDateTime"] = f"2026-02-02T00:00:{next(moments)}Z"

        graph.faults = [Fault("intents", then(change))]
        unit, objects = await read_from(graph, "deviceManagementIntent")
    assert (unit.status, unit.error_code, objects) == (FAILED, "CHANGED_WHILE_READ", [])


async def test_an_object_that_was_deleted_between_list_and_detail_is_not_called_gone_by_half(scripted: StandIn):
    scripted.faults = [Fault(rf"{SCRIPTS}\?", then(lambda: scripted.tenant.collections[SCRIPTS].pop(7)), times=1)]
    unit, objects = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, objects) == (FAILED, [])
    unit, objects = await read_from(scripted, "deviceManagementScript")
    assert (unit.status, len(objects)) == (COMPLETE, 44)


async def test_a_long_page_of_what_takes_calls_is_handed_over_in_parts():
    sizes = []

    async def note(objects):
        sizes.append(len(objects))

    with serving(scripts(120), page_by=1_000) as graph:
        async with asking(graph) as client:
            unit = await read_type(client, CONTRACTS["deviceManagementScript"], emit=note)
    assert (unit.status, unit.observed, sizes) == (COMPLETE, 120, [50, 50, 20])


async def test_without_a_token_nothing_more_is_sent(scripted: StandIn):
    class NoTokenError(Exception):
        pass

    tokens = iter([scripted.token])

    async def token() -> str:
        try:
            return next(tokens)
        except StopIteration:
            raise NoTokenError from None

    async with open_client(scripted.url, token) as client:
        with pytest.raises(NoTokenError):
            await read(client, "deviceManagementScript")
        trips = scripted.round_trips
        await asyncio.sleep(0.1)
        assert scripted.round_trips == trips == 1


async def test_what_emit_raises_is_its_callers(scripted: StandIn):
    async def fail(objects):
        raise OSError("the database is away")

    async with asking(scripted) as client:
        with pytest.raises(OSError, match="away"):
            await read_type(client, CONTRACTS["deviceManagementScript"], emit=fail)


async def test_what_a_list_lost_is_still_there_by_its_id(scripted: StandIn):
    contract = CONTRACTS["deviceManagementScript"]
    async with asking(scripted) as client:
        there = await still_there(client, contract, ["script-003", "script-999", "script-044", "a/b c"])
        assert there == {"script-003", "script-044"}
        assert await still_there(client, contract, []) == frozenset()
        scripted.faults = [Fault("script-003", status(500))]
        with pytest.raises(GraphError):
            await still_there(client, contract, ["script-003"])
        scripted.faults = [Fault("script-003", drop)]
        with pytest.raises(GraphError):
            await still_there(client, contract, ["script-003"])


async def test_an_object_is_looked_for_in_every_collection_of_its_type():
    ios, android = "deviceAppManagement/iosManagedAppProtections", "deviceAppManagement/androidManagedAppProtections"
    with serving(Tenant().add(ios, {"id": "T_1"}).add(android, {"id": "T_2"})) as graph:
        async with asking(graph) as client:
            there = await still_there(client, CONTRACTS["managedAppProtection"], ["T_1", "T_2", "T_3"])
    assert there == {"T_1", "T_2"}
