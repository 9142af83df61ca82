"""The stand-in does what Microsoft documents of Graph, so far as Atlas uses it: the other tests rest on that."""

from collections.abc import Iterator

import httpx
import pytest

from tests.graph.standin import Asked, MadeUp, StandIn, Tenant, serving

POLICIES = "deviceManagement/configurationPolicies"
AUDIT = "deviceManagement/auditEvents"
GROUPS = [{"id": f"group-{number}", "displayName": f"Group {number}", "mail": "x"} for number in range(4)]
EVENTS = [
    {"id": f"e{number}", "activityDateTime": f"2026-01-0{number}T00:00:00Z", "activityOperationType": operation}
    for number, operation in ((3, "Patch"), (1, "Create"), (2, "Get"), (4, "Delete"))
]


@pytest.fixture(scope="module")
def graph() -> Iterator[StandIn]:
    tenant = Tenant({POLICIES: MadeUp(60, 3), "groups": GROUPS, AUDIT: EVENTS})
    with serving(tenant, page_by=25) as running:
        yield running


@pytest.fixture
def http(graph: StandIn) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {graph.token}"}
    with httpx.Client(base_url=f"{graph.url}/beta/", headers=headers) as client:
        yield client


def test_without_the_token_everything_is_401(graph: StandIn):
    for given in (None, "Bearer another", graph.token):
        headers = {} if given is None else {"Authorization": given}
        answer = httpx.get(f"{graph.url}/beta/{POLICIES}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_pages_follow_each_other_and_keep_the_query(http: httpx.Client):
    page, names = http.get(f"{POLICIES}?$select=id,name&$top=20").json(), []
    while True:
        names += [row["name"] for row in page["value"]]
        assert all(row.keys() <= {"id", "name", "@odata.type"} for row in page["value"])
        if "@odata.nextLink" not in page:
            break
        page = http.get(page["@odata.nextLink"]).json()
    assert names == [f"Made up {number:05d}" for number in range(60)]


def test_collections_below_an_object_are_there_only_when_they_are_asked_for(http: httpx.Client):
    plain, expanded = (http.get(f"{POLICIES}?$top=1{more}").json()["value"][0] for more in ("", "&$expand=settings"))
    assert "settings" not in plain
    assert "assignments" not in expanded
    own = http.get(f"{POLICIES}/{plain['id']}/settings?$top=2").json()
    assert own["value"] == expanded["settings"][:2]
    assert "@odata.nextLink" in own


def test_endpoint_security_and_intents_tell_no_assignments_by_expansion(graph: StandIn):
    policy = {**MadeUp(1, 1)[0], "templateReference": {"templateFamily": "endpointSecurityAntivirus"}}
    with serving(Tenant().add(POLICIES, policy).add("deviceManagement/intents", policy)) as other:
        headers = {"Authorization": f"Bearer {other.token}"}
        with httpx.Client(base_url=f"{other.url}/beta/", headers=headers) as http:
            assert http.get(f"{POLICIES}/{policy['id']}?$expand=assignments").json()["assignments"] == []
            assert len(http.get(f"{POLICIES}?$expand=assignments").json()["value"][0]["assignments"]) == 1
            assert http.get("deviceManagement/intents?$expand=assignments").json()["value"][0]["assignments"] == []
            assert len(http.get(f"{POLICIES}/{policy['id']}/assignments").json()["value"]) == 1


def test_audit_events_are_filtered_and_ordered(http: httpx.Client):
    query = "$filter=activityDateTime gt 2026-01-01T00:00:00Z and activityOperationType ne 'Get'"
    found = http.get(f"{AUDIT}?{query}&$orderby=activityDateTime").json()["value"]
    assert [row["id"] for row in found] == ["e3", "e4"]


def test_groups_are_found_by_their_ids(http: httpx.Client):
    found = http.get("groups?$filter=id in ('group-1','group-3','none')&$select=id,displayName").json()["value"]
    assert found == [{"id": f"group-{number}", "displayName": f"Group {number}"} for number in (1, 3)]
    assert http.get("groups/group-2?$select=displayName").json() == {"displayName": "Group 2"}


def test_a_batch_answers_item_by_item_in_any_order(graph: StandIn, http: httpx.Client):
    items = [{"id": str(n), "method": "GET", "url": f"/groups/group-{n}"} for n in (1, 2, 9)]
    answer = http.post("$batch", json={"requests": items})
    assert answer.status_code == 200
    assert {one["id"]: one["status"] for one in answer.json()["responses"]} == {"1": 200, "2": 200, "9": 404}


def test_whatever_writes_is_refused_and_remembered(graph: StandIn, http: httpx.Client):
    writing = {"requests": [{"id": "1", "method": "DELETE", "url": "/groups/group-1"}]}
    assert http.post("$batch", json=writing).status_code == 400
    assert http.delete("groups/group-1").status_code == 405
    assert http.post(f"{POLICIES}", json={}).status_code == 405
    assert len(graph.refused) == 3


def test_the_types_of_objects_are_told_with_the_full_metadata_alone(http: httpx.Client):
    full = {"Accept": "application/json;odata.metadata=full"}
    assert "@odata.type" not in http.get(f"{POLICIES}?$top=1").json()["value"][0]
    assert "@odata.type" in http.get(f"{POLICIES}?$top=1", headers=full).json()["value"][0]


def test_the_most_requests_in_a_window_are_counted():
    times = (0.0, 0.1, 0.9, 1.0, 1.05, 5.0)
    graph = StandIn(Tenant(), asked=[Asked(at, "GET", "x", "intune", False) for at in times])
    assert [graph.most_in(seconds) for seconds in (1.0, 0.04, 10.0)] == [4, 1, 6]
    assert graph.most_in(1.0, "directory") == 0
