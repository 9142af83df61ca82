"""What leaves in any window of time stays below half of what Graph allows, whatever is asked for at once."""

import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.graph_budget import open_buckets
from atlas.local import Services
from atlas.sources.graph.budget import HALF, Bucket, Budget, Rate
from atlas.sources.graph.contracts import CONTRACTS, Family
from atlas.sources.graph.details import still_there
from tests.graph.asking import HURRIED, UNBOUNDED, asking, read
from tests.graph.standin import Fault, MadeUp, Tenant, serving, status


class Clock:
    """A clock that sleeping puts forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def most_in(times: list[float], seconds: float) -> int:
    return max(sum(1 for at in times if begin <= at < begin + seconds) for begin in times)


async def taken(rate: Rate, asked: list[tuple[float, int]], answered_after: float = 0.0) -> list[float]:
    """When each request left, of (idle seconds before, number of requests)."""
    clock, times = Clock(), []
    bucket = Bucket(rate, clock, clock.sleep)
    for idle, number in asked:
        clock.now += idle
        async with bucket.leave(number):
            times += [clock.now] * number
            clock.now += answered_after
    return times


def test_half_of_the_published_limits_is_never_passed():
    async def check(asked: list[tuple[float, int]]) -> None:
        times = await taken(HALF[Family.INTUNE], asked)
        assert most_in(times, 20) <= 500

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 20)), min_size=1, max_size=60))
    def run(asked: list[tuple[float, int]]) -> None:
        asyncio.run(check(asked))

    run()


async def test_conditional_access_gets_one_request_a_second():
    times = await taken(HALF[Family.CONDITIONAL_ACCESS], [(0, 1)] * 20 + [(5, 1)] * 3)
    assert most_in(times, 1.0) == 1
    times = await taken(HALF[Family.CONDITIONAL_ACCESS], [(0, 1)] * 20, answered_after=0.7)
    assert [after - before for before, after in pairwise(times)] == pytest.approx([1.7] * 19)


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    times = await taken(HALF[Family.INTUNE], [(0, 20)] * 10)
    assert (times.count(0.0), times[-1]) == (100, 5.0)


async def test_more_than_a_burst_waits_longer():
    times = await taken(Rate(10.0, 5), [(0, 20)])
    assert times[0] == 1.5


async def test_a_pause_holds_the_whole_family():
    clock = Clock()
    budget = Budget(HALF, clock, clock.sleep)
    await budget.of(Family.INTUNE).pause(7.0)
    assert await budget.of(Family.INTUNE).take() == 7.0
    assert await budget.of(Family.DIRECTORY).take() == 0.0


async def test_the_stand_in_counts_no_more_than_the_budget_of_all_types_read_at_once():
    rates = {**UNBOUNDED, Family.INTUNE: Rate(40.0, 20), Family.CONDITIONAL_ACCESS: Rate(5.0, alone=True)}
    scripts = [{"id": f"script-{n}", "lastModifiedDateTime": "2026-01-01T00:00:00Z"} for n in range(45)]
    tenant = Tenant({"deviceManagement/configurationPolicies": MadeUp(200, 2)})
    tenant.add("deviceManagement/deviceManagementScripts", *scripts)
    with serving(tenant, page_by=25) as graph:
        async with asking(graph, budget=Budget(rates)) as client:
            units = await asyncio.gather(*(read(client, item_type) for item_type in CONTRACTS))
            assert {unit.status for unit, _ in units} == {"COMPLETE"}
            assert client.counts.requests == {
                "intune": sum(one.family == "intune" for one in graph.asked),
                "conditionalAccess": 2,
            }
            assert client.counts.waits > 0
            assert client.counts.seconds_waited > 0
        # In a second that begins anywhere: the burst, and what the rate gives back; a little more where the machine
        # delays one request more than the next.
        assert 20 <= graph.most_in(1.0) <= 70
        assert graph.most_in(0.2, "conditionalAccess") == 1


async def test_what_one_request_is_told_to_wait_all_of_its_family_wait():
    tenant = Tenant({"deviceManagement/configurationPolicies": MadeUp(1, 1)})
    with serving(tenant) as graph:
        graph.faults = [Fault("configurationPolicies", status(429, "1"), times=1)]
        async with asking(graph, limits=HURRIED) as client:
            await asyncio.gather(read(client), _later(client))
        first = min(one.at for one in graph.asked if "configurationPolicies" in one.path)
        assert min(one.at for one in graph.asked if "intents" in one.path) >= first + 1


async def _later(client) -> None:
    while not client.counts.throttled:  # noqa: ASYNC110 - the counter of the client is what is waited for
        await asyncio.sleep(0.01)
    await read(client, "deviceManagementIntent")


async def test_two_workers_together_take_no_more_than_one_may(cluster: Services):
    """Each has a bucket and a client of Valkey of its own, as two processes have."""
    rates = {**UNBOUNDED, Family.INTUNE: Rate(20.0, 10), Family.CONDITIONAL_ACCESS: Rate(4.0, alone=True)}
    both = [open_buckets(cluster.broker_url) for _ in range(2)]
    name = str(uuid4())
    scripts = [{"id": f"script-{n}", "lastModifiedDateTime": "2026-01-01T00:00:00Z"} for n in range(10)]
    tenant = Tenant().add("deviceManagement/deviceManagementScripts", *scripts)
    with serving(tenant) as graph:

        async def work(shared) -> None:
            async with asking(graph, budget=Budget(rates, shared=shared, name=name)) as client:
                await asyncio.gather(read(client, "deviceManagementScript"), read(client, "conditionalAccessPolicy"))

        await asyncio.gather(*(work(shared) for shared in both))
    for shared in both:
        await shared.close()
    assert len([one for one in graph.asked if one.family == "intune"]) == 42
    # The burst, and what a second gives back: two workers by themselves would take all of it in that time.
    assert graph.most_in(1.0) <= 33
    asked = sorted(one.at for one in graph.asked if one.family == "conditionalAccess")
    assert len(asked) == 2
    assert min(after - before for before, after in pairwise(asked)) >= 0.2


async def test_what_is_asked_for_in_a_batch_leaves_as_the_budget_lets_it(cluster: Services):
    """Objects that a list lost are asked for by their ids, one beside the other."""
    shared, path = open_buckets(cluster.broker_url), "identity/conditionalAccess/policies"
    budget = Budget({Family.CONDITIONAL_ACCESS: Rate(4.0, alone=True)}, shared=shared, name=str(uuid4()))
    with serving(Tenant().add(path, {"id": "one"}, {"id": "two"})) as graph:
        async with asking(graph, budget=budget) as client, asyncio.timeout(30):
            kept = await still_there(client, CONTRACTS["conditionalAccessPolicy"], ["one", "gone", "two"])
    await shared.close()
    assert kept == {"one", "two"}
    asked = sorted(one.at for one in graph.asked if one.family == "conditionalAccess")
    assert len(asked) == 3
    assert min(after - before for before, after in pairwise(asked)) >= 0.2


async def test_what_one_worker_is_told_to_wait_the_other_waits(cluster: Services):
    both = [open_buckets(cluster.broker_url) for _ in range(2)]
    name = str(uuid4())
    one, other = (Budget({Family.INTUNE: Rate(20.0, 10)}, shared=shared, name=name) for shared in both)
    await one.of(Family.INTUNE).pause(0.5)
    assert 0.3 < await other.of(Family.INTUNE).take() < 1.5
    for shared in both:
        await shared.close()


async def test_without_valkey_each_keeps_to_its_own_bucket():
    away = open_buckets("unix:///nowhere/valkey.sock")
    clock = Clock()
    budget = Budget({Family.INTUNE: Rate(10.0, 5)}, clock, clock.sleep, away, "tenant")
    assert [await budget.of(Family.INTUNE).take(5) for _ in range(3)] == [0.0, 0.5, 0.5]
    await away.close()
