"""The benchmark of streams, in short: an event reaches everybody once and in order, or the run fails."""

import time

import pytest

from atlas.local import Services
from atlas.schema.ids import encode_activity_cursor
from bench import live
from bench.live_clients import Subscriber


async def test_every_event_reaches_hundreds_once_beside_slow_readers_and_over_reconnects(cluster: Services) -> None:
    """`measured` refuses to go on where an event was lost, or came twice."""
    found = await live.measured(cluster, None, subscribers=200, principals=20, slow=10, events=8, pause=0.2, cycles=12)
    assert all(figure >= 0 for figure in found.values())
    # The listener has left the pool, whose connections are given back between events.
    assert found["connections of the API to the database meanwhile"] <= 21
    assert found["events over 12 reconnects, none lost and none double"] == 24


@pytest.mark.parametrize("heard", [[1, 2, 2], [1, 3], [2, 1, 3], [1, 2, 3, 4]])
async def test_an_event_that_is_lost_or_double_or_early_fails_the_benchmark(heard: list[int]) -> None:
    good, bad = Subscriber("", {}), Subscriber("", {})
    good.heard = [message(seq) for seq in (1, 2, 3)]
    await live.complete([good], 3)
    bad.heard = [message(seq) for seq in heard]
    with pytest.raises(RuntimeError, match="not the"):
        await live.complete([good, bad], min(len(heard), 3))


def message(seq: int) -> tuple[float, bytes]:
    content = f'{{"payload":{{"data":{{"activity":{{"cursor":"{encode_activity_cursor(seq)}"}}}}}}}}'
    return time.perf_counter(), content.encode()
