"""Each way that Graph can go wrong, and the coverage that it leads to: nothing that is there ever counts as gone."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from atlas.domain.vocabulary import CoverageStatus
from tests.graph.asking import HURRIED, IMPATIENT, asking, read, read_from
from tests.graph.standin import (
    Fault,
    MadeUp,
    StandIn,
    Tenant,
    elsewhere,
    hang,
    hang_up,
    loop,
    malformed,
    serving,
    shorten,
    status,
)

POLICIES = "deviceManagement/configurationPolicies"
SECOND_PAGE = rf"{POLICIES}\?.*skiptoken=25"
COMPLETE, FAILED, TRUNCATED = CoverageStatus.COMPLETE, CoverageStatus.FAILED, CoverageStatus.TRUNCATED


def policies(number: int = 60, settings: int = 3) -> Tenant:
    return Tenant({POLICIES: list(MadeUp(number, settings))})


def protections() -> Tenant:
    """One item type in two collections."""
    made = Tenant()
    for name in ("ios", "android"):
        raw = {"@odata.type": f"#microsoft.graph.{name}ManagedAppProtection", "id": name, "displayName": name}
        made.add(f"deviceAppManagement/{name}ManagedAppProtections", raw)
    return made


@pytest.fixture
def graph():
    with serving(policies(), page_by=25) as running:
        yield running


async def test_pages_of_25_are_read_to_the_end(graph: StandIn):
    unit, objects = await read_from(graph)
    assert (unit.status, unit.observed, len({one.external_id for one in objects})) == (COMPLETE, 60, 60)
    assert len(graph.asked) == 3


async def test_throttling_with_retry_after_is_waited_for(graph: StandIn):
    graph.faults = [Fault(SECOND_PAGE, status(429, "1"), times=1)]
    unit, _ = await read_from(graph)
    assert unit.status == COMPLETE
    first, second = (one.at for one in graph.asked if "skiptoken=25" in one.path)
    assert 1 <= second - first < 10


async def test_retry_after_may_be_a_date(graph: StandIn):
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    graph.faults = [Fault(SECOND_PAGE, status(503, at), times=1)]
    unit, _ = await read_from(graph)
    assert unit.status == COMPLETE
    first, second = (one.at for one in graph.asked if "skiptoken=25" in one.path)
    assert 1 <= second - first < 10


async def test_a_longer_wait_than_is_allowed_fails_the_type(graph: StandIn):
    graph.faults = [Fault(SECOND_PAGE, status(429, "3600"))]
    unit, objects = await read_from(graph)
    assert (unit.status, unit.error_code, unit.observed, len(objects)) == (FAILED, "THROTTLED", 25, 25)


@pytest.mark.parametrize("number", [429, 502, 503, 504])
async def test_what_passes_without_retry_after_is_asked_again(graph: StandIn, number: int):
    graph.faults = [Fault(SECOND_PAGE, status(number), times=2)]
    async with asking(graph) as client:
        unit, _ = await read(client)
        assert (unit.status, client.counts.retries, client.counts.throttled) == (COMPLETE, 2, 2 * (number == 429))


@pytest.mark.parametrize("number", [429, 502, 503, 504])
async def test_what_does_not_pass_fails_the_type_after_so_many_attempts(graph: StandIn, number: int):
    graph.faults = [Fault(SECOND_PAGE, status(number))]
    unit, objects = await read_from(graph)
    assert (unit.status, len(objects)) == (FAILED, 25)
    assert len(graph.paths("skiptoken=25")) == HURRIED.attempts


@pytest.mark.parametrize("number", [400, 401, 409, 500, 301])
async def test_a_status_that_will_not_pass_is_asked_once(graph: StandIn, number: int):
    graph.faults = [Fault(SECOND_PAGE, status(number))]
    unit, objects = await read_from(graph)
    assert (unit.status, len(objects), len(graph.paths("skiptoken=25"))) == (FAILED, 25, 1)
    assert str(number) in unit.message


async def test_a_forbidden_family_is_forbidden_and_names_the_permission(graph: StandIn):
    graph.faults = [Fault(POLICIES, status(403, code="Forbidden"))]
    unit, objects = await read_from(graph)
    assert (unit.status, unit.error_code, objects) == (CoverageStatus.FORBIDDEN, "FORBIDDEN", [])
    assert "DeviceManagementConfiguration.Read.All" in unit.message


async def test_a_family_that_is_not_there_is_unlicensed(graph: StandIn):
    graph.faults = [Fault(POLICIES, status(404))]
    unit, objects = await read_from(graph)
    assert (unit.status, unit.error_code, objects) == (CoverageStatus.UNLICENSED, "NOT_FOUND", [])


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (400, {"message": "Request not applicable to target tenant."}),
        (403, {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant"}),
        (403, {"message": "Your tenant is not licensed for this feature."}),
    ],
)
async def test_what_graph_says_of_licences_is_unlicensed_under_any_status(graph: StandIn, number: int, error: dict):
    graph.faults = [Fault(POLICIES, status(number, **error))]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code) == (CoverageStatus.UNLICENSED, "UNLICENSED")


async def test_one_of_two_collections_forbidden_leaves_the_type_forbidden():
    tenant = Tenant().add(
        "deviceAppManagement/iosManagedAppProtections",
        {"@odata.type": "#microsoft.graph.iosManagedAppProtection", "id": "T_1", "displayName": "iOS"},
    )
    with serving(tenant) as graph:
        graph.faults = [Fault("androidManagedAppProtections", status(403))]
        unit, objects = await read_from(graph, "managedAppProtection")
    assert (unit.status, len(objects)) == (CoverageStatus.FORBIDDEN, 1)


async def test_a_404_after_the_first_page_is_a_failure(graph: StandIn):
    graph.faults = [Fault(SECOND_PAGE, status(404))]
    unit, _ = await read_from(graph)
    assert unit.status == FAILED


@pytest.mark.parametrize("effect", [malformed, hang, hang_up])
async def test_a_page_that_breaks_in_the_middle_fails_the_type(graph: StandIn, effect):
    graph.faults = [Fault(SECOND_PAGE, effect)]
    unit, objects = await read_from(graph, limits=IMPATIENT)
    assert (unit.status, unit.observed, len(objects)) == (FAILED, 25, 25)
    assert unit.error_code == {malformed: "MALFORMED", hang: "TIMED_OUT", hang_up: "CONNECTION_LOST"}[effect]


@pytest.mark.parametrize("effect", [hang, hang_up])
async def test_a_connection_that_breaks_once_is_made_again(graph: StandIn, effect):
    graph.faults = [Fault(SECOND_PAGE, effect, times=1)]
    unit, objects = await read_from(graph, limits=IMPATIENT)
    assert (unit.status, len(objects)) == (COMPLETE, 60)


async def test_malformed_json_is_not_asked_for_again(graph: StandIn):
    graph.faults = [Fault(POLICIES, malformed)]
    unit, _ = await read_from(graph)
    assert (unit.status, len(graph.asked)) == (FAILED, 1)


@pytest.mark.parametrize("body", [{}, {"value": {}}, {"value": ["text"]}, {"value": [], "@odata.nextLink": 7}, []])
async def test_json_that_is_no_list_of_objects_is_a_failure_and_no_empty_list(graph: StandIn, body):
    def replace(answer):
        answer.body = body

    graph.faults = [Fault(POLICIES, replace)]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code) == (FAILED, "MALFORMED")


async def test_an_object_without_an_id_is_a_failure():
    with serving(Tenant().add(POLICIES, {"name": "nobody", "id": "", "settingCount": 0})) as graph:
        unit, objects = await read_from(graph)
    assert (unit.status, objects) == (FAILED, [])


@pytest.mark.parametrize("skip", [0, 1])
async def test_next_links_that_lead_in_a_circle_are_seen(graph: StandIn, skip: int):
    graph.faults = [Fault(rf"{POLICIES}\?", loop, skip=skip)]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code) == (FAILED, "PAGES_WITHOUT_END")
    assert len(graph.asked) <= 3


async def test_a_next_link_to_another_host_is_refused_and_that_host_hears_nothing(graph: StandIn):
    with serving(policies()) as stranger:
        graph.faults = [Fault(POLICIES, elsewhere(stranger.url))]
        unit, objects = await read_from(graph)
        assert (stranger.round_trips, stranger.asked) == (0, [])
    assert (unit.status, unit.error_code, len(objects)) == (FAILED, "STRANGE_LINK", 25)


async def test_a_next_link_of_an_expanded_collection_to_another_host_is_refused(graph: StandIn):
    with serving(policies()) as stranger:

        def lead_away(answer):
            answer.body["value"][0]["settings@odata.nextLink"] = f"{stranger.url}/beta/settings"

        graph.faults = [Fault(POLICIES, lead_away)]
        unit, _ = await read_from(graph)
        assert stranger.round_trips == 0
    assert (unit.status, unit.error_code) == (FAILED, "STRANGE_LINK")


async def test_a_list_that_tells_of_more_than_it_holds_is_truncated(graph: StandIn):
    def count(answer):
        answer.body["@odata.count"] = 61

    graph.faults = [Fault(POLICIES, count)]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code, unit.expected, unit.observed) == (TRUNCATED, "LIST_TRUNCATED", 61, 60)


@pytest.mark.parametrize(
    ("told", "covered"), [(-1, (COMPLETE, None, None)), (3_000_000_000, (FAILED, "MALFORMED", None))]
)
async def test_a_count_that_cannot_be_is_not_told_on(graph: StandIn, told: int, covered: tuple):
    def count(answer):
        answer.body["@odata.count"] = told

    graph.faults = [Fault(POLICIES, count)]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code, unit.expected) == covered


@pytest.mark.parametrize(("path", "kept"), [(POLICIES, 20), (POLICIES, 0), (SECOND_PAGE, 10)])
async def test_a_list_that_ends_before_its_count_is_truncated(graph: StandIn, path: str, kept: int):
    graph.faults = [Fault(path, shorten(kept))]
    unit, objects = await read_from(graph)
    read = kept if path == POLICIES else 25 + kept
    assert (unit.status, unit.error_code, unit.expected, unit.observed) == (TRUNCATED, "LIST_TRUNCATED", 60, read)
    assert len(objects) == read


async def test_a_list_that_is_whole_tells_how_many_were_expected(graph: StandIn):
    unit, _ = await read_from(graph)
    assert (unit.status, unit.expected, unit.observed) == (COMPLETE, 60, 60)
    assert all("$count=true" in path for path in graph.paths(POLICIES))


@pytest.mark.parametrize("number", [400, 500, 501])
async def test_a_collection_that_is_not_counted_is_read_without_its_count(graph: StandIn, number: int):
    graph.faults = [Fault(r"\$count=true", status(number))]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.expected, unit.observed, len(graph.asked)) == (COMPLETE, None, 60, 4)


@pytest.mark.parametrize("number", [400, 500])
async def test_a_list_that_is_refused_without_its_count_too_fails(graph: StandIn, number: int):
    graph.faults = [Fault(POLICIES, status(number))]
    unit, _ = await read_from(graph)
    assert (unit.status, unit.observed, len(graph.asked)) == (FAILED, 0, 2)


async def test_a_type_is_asked_for_its_count_no_more_once_a_collection_of_it_refused():
    with serving(protections()) as graph:
        graph.faults = [Fault(r"\$count=true", status(500))]
        unit, objects = await read_from(graph, "managedAppProtection")
    assert (unit.status, unit.expected, len(objects)) == (COMPLETE, None, 2)
    assert [("ios" in path, "$count=true" in path) for path in graph.paths("Protections?")] == [
        (True, True), (True, False), (False, False),
    ]  # fmt: skip


@pytest.mark.parametrize(("most", "covered"), [(1, (COMPLETE, None)), (3, (TRUNCATED, 4))])
async def test_the_count_of_one_of_two_collections_is_not_told_as_that_of_the_type(most: int, covered: tuple):
    def count(answer):
        answer.body["@odata.count"] = most

    with serving(protections()) as graph:
        graph.faults = [Fault(r"ios.*\$count=true", count), Fault(r"android.*\$count=true", status(501))]
        unit, objects = await read_from(graph, "managedAppProtection")
    assert ((unit.status, unit.expected), len(objects)) == (covered, 2)


async def test_a_wrong_token_fails_every_type(graph: StandIn):
    unit, objects = await read_from(graph, token="another")
    assert (unit.status, unit.error_code, objects) == (FAILED, "UNAUTHENTICATED", [])


async def test_nobody_at_the_address_fails_the_type():
    with serving() as graph:
        pass
    unit, _ = await read_from(graph)
    assert (unit.status, unit.error_code) == (FAILED, "CONNECTION_LOST")
