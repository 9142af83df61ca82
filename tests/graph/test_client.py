"""What bounds the client: sizes, pages, places; and what its counters tell."""

import asyncio
from dataclasses import replace

import pytest

from atlas.sources.graph.answers import seconds
from atlas.sources.graph.client import ACCEPT, Get, _proxy
from atlas.sources.graph.errors import GraphError
from tests.graph.asking import HURRIED, asking, read
from tests.graph.standin import Fault, MadeUp, StandIn, Tenant, serving, status
from tests.graph.standin.odata import plain

POLICIES = "deviceManagement/configurationPolicies"


@pytest.fixture(scope="module")
def graph():
    with serving(Tenant({POLICIES: MadeUp(100, 20)}), page_by=25) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(graph: StandIn):
    graph.faults, graph.asked = [], []


async def test_an_answer_that_is_too_large_is_not_read(graph: StandIn):
    async with asking(graph, limits=replace(HURRIED, answer_bytes=10_000)) as client:
        unit, objects = await read(client)
    assert (unit.status, unit.error_code, objects) == ("FAILED", "ANSWER_TOO_LARGE", [])
    assert "10,000 bytes" in unit.message


async def test_an_error_that_is_too_large_is_not_read(graph: StandIn):
    graph.faults = [Fault(POLICIES, status(403, message="x" * 200_000))]
    async with asking(graph, limits=replace(HURRIED, answer_bytes=100_000)) as client:
        unit, _ = await read(client)
    assert unit.error_code == "ANSWER_TOO_LARGE"


async def test_more_pages_than_any_tenant_has_are_a_failure(graph: StandIn):
    async with asking(graph, limits=replace(HURRIED, pages=2)) as client:
        unit, objects = await read(client)
    assert (unit.status, unit.error_code, len(objects)) == ("FAILED", "PAGES_WITHOUT_END", 75)


async def test_batches_hold_twenty_and_answers_come_in_the_order_of_the_requests(graph: StandIn):
    wanted = [Get(f"{POLICIES}/{number:08d}-0000-4000-8000-000000000000?$select=id,name") for number in range(45)]
    async with asking(graph) as client:
        before = graph.round_trips
        answers = await client.batch(wanted)
        assert graph.round_trips - before == 3
        assert (client.counts.round_trips, client.counts.requests["intune"]) == (3, 45)
    assert [answer["name"] for answer in answers] == [f"Made up {number:05d}" for number in range(45)]


async def test_one_item_of_a_batch_may_fail_and_the_others_are_there(graph: StandIn):
    async with asking(graph) as client:
        found, missing = await client.batch([Get(f"{POLICIES}?$top=1"), Get(f"{POLICIES}/99999999-none")])
    assert len(found["value"]) == 1
    assert isinstance(missing, GraphError)
    assert (missing.code, missing.status) == ("NOT_FOUND", 404)


async def test_no_more_requests_are_under_way_than_is_allowed(graph: StandIn):
    open_now, most = 0, 0

    async with asking(graph, limits=replace(HURRIED, concurrency=2)) as client:
        inner = client.http._transport.handle_async_request

        async def counted(request):
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            try:
                return await inner(request)
            finally:
                open_now -= 1

        client.http._transport.handle_async_request = counted
        await client.batch([Get(f"{POLICIES}?$top=1") for _ in range(120)])
    assert most == 2


@pytest.mark.parametrize("retry_after", ["0", None])
async def test_those_that_are_sent_again_do_not_leave_together(graph: StandIn, retry_after: str | None):
    """Many that failed in the same moment would be too many again: each waits a little longer, by chance."""
    jitter, wanted = 0.6, [f"{POLICIES}/{number:08d}-0000-4000-8000-000000000000" for number in range(30)]
    limits = replace(HURRIED, jitter=jitter, concurrency=len(wanted))
    graph.faults = [Fault(path, status(503, retry_after), times=1) for path in wanted]
    async with asking(graph, limits=limits) as client:
        await asyncio.gather(*(client.get(Get(path)) for path in wanted))
    waits = []
    for path in wanted:
        first, second = (one.at for one in graph.asked if one.path == path)
        waits.append(second - first)
    assert max(waits) - min(waits) > jitter / 4
    assert len({round(wait, 2) for wait in waits}) > 5


async def test_the_full_metadata_is_asked_for_in_lists_and_in_batches(graph: StandIn):
    assert "odata.metadata=full" in ACCEPT
    async with asking(graph) as client:
        (listed,) = (await client.get(Get(f"{POLICIES}?$top=1")))["value"]
        (one,) = await client.batch([Get(f"{POLICIES}/{listed['id']}")])
    for raw in (listed, one):
        assert raw["@odata.type"] == "#microsoft.graph.deviceManagementConfigurationPolicy"
        assert "@odata.type" not in plain(raw)


async def test_microsofts_id_of_a_request_is_told_and_nothing_else_of_an_error(graph: StandIn):
    def refuse(answer):
        status(403, code="SecretCode", message="secret message")(answer)
        answer.headers = {"request-id": "3f6d1b1e-0000-4000-8000-000000000001"}

    graph.faults = [Fault(POLICIES, refuse)]
    async with asking(graph) as client:
        with pytest.raises(GraphError) as caught:
            await client.get(Get(POLICIES))
    assert "3f6d1b1e-0000-4000-8000-000000000001" in caught.value.message
    assert "ecret" not in caught.value.message


@pytest.mark.parametrize(
    ("told", "expected"),
    [(None, None), ("7", 7.0), ("0", 0.0), ("-3", 0.0), ("1.5", 1.5), ("nan", None), ("inf", None), ("soon", None)],
)
def test_retry_after_is_a_number_or_nothing(told: str | None, expected: float | None):
    assert seconds(told) == expected


@pytest.mark.parametrize("told", ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 -0000"])
def test_a_date_that_has_passed_is_no_wait(told: str):
    assert seconds(told) == 0.0


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("https://graph.microsoft.com", "", "http://proxy.example:8080"),
        ("https://graph.microsoft.com", ".microsoft.com", None),
        ("http://127.0.0.1:8080", "", None),
    ],
)
def test_the_proxy_of_the_environment_is_taken(monkeypatch, url: str, no_proxy: str, expected: str | None):
    for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:8080")
    monkeypatch.setenv("http_proxy", "http://another.example:8080")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert _proxy(url) == expected
