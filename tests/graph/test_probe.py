"""A probe reads one page of every collection, one request each, and tells what it found."""

from atlas.sources.graph.contracts import CONTRACTS, DEFAULT_TYPES
from atlas.sources.graph.probe import BESIDE, probe
from tests.graph.asking import asking
from tests.graph.standin import Fault, MadeUp, Tenant, hang_up, serving, status
from tests.graph.standin.odata import plain


async def test_a_probe_tells_of_every_collection_in_one_request_each():
    tenant = Tenant({"deviceManagement/configurationPolicies": MadeUp(30, 1)})
    contracts = [CONTRACTS[item_type] for item_type in DEFAULT_TYPES]
    with serving(tenant, page_by=25) as graph:
        graph.faults = [
            Fault("/intents", status(403)),
            Fault("windowsDriver", status(404)),
            Fault("roleScopeTags", hang_up),
        ]
        async with asking(graph) as client:
            told = {one.path: one for one in await probe(client, contracts)}
        assert [path.partition("?")[0] for path in dict.fromkeys(graph.paths())] == list(told)
    assert len(told) == len(contracts) + 1
    policies = told["deviceManagement/configurationPolicies"]
    assert (policies.status, policies.http_status, policies.objects, policies.has_next) == ("COMPLETE", 200, 25, True)
    assert policies.expected == 30
    assert policies.milliseconds > 0
    intents = told["deviceManagement/intents"]
    assert (intents.status, intents.http_status, intents.objects) == ("FORBIDDEN", 403, 0)
    assert "DeviceManagementConfiguration.Read.All" in str(intents.message)
    assert told["deviceManagement/windowsDriverUpdateProfiles"].status == "UNLICENSED"
    broken = told["deviceManagement/roleScopeTags"]
    assert (broken.status, broken.http_status) == ("FAILED", None)


async def test_a_probe_tells_what_was_asked_for_and_is_not_there():
    contract = CONTRACTS["configurationPolicy"]
    with serving(Tenant({"deviceManagement/configurationPolicies": MadeUp(3, 1)})) as graph:
        async with asking(graph) as client:
            assert (await probe(client, [contract]))[0].message is None

            def lack(answer):
                answer.body = plain(answer.body)
                for row in answer.body["value"]:
                    del row["settings"]

            graph.faults = [Fault("configurationPolicies", lack)]
            (told,) = await probe(client, [contract])
    assert told.status == "COMPLETE"
    assert told.message == "No object of the page has @odata.type, settings, which was asked for."


async def test_a_probe_tells_what_is_missing_for_names_and_for_who_made_a_change():
    audited = {"id": "1", "activityDateTime": "2026-01-01T00:00:00Z"}
    with serving(Tenant({"deviceManagement/auditEvents": [audited]})) as graph:
        graph.faults = [Fault("groups", status(403))]
        async with asking(graph) as client:
            groups, events = await probe(client, BESIDE)
        assert {groups.expected, events.expected} == {None}
        assert graph.paths() == ["groups?$select=id,displayName&$top=1", "deviceManagement/auditEvents?$top=1"]
    assert (groups.item_type, groups.status, groups.http_status) == ("group", "FORBIDDEN", 403)
    assert "Group.Read.All" in str(groups.message)
    assert (events.item_type, events.status, events.objects) == ("auditEvent", "COMPLETE", 1)
