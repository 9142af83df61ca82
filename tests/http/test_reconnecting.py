"""A hundred reconnects, over two API processes and both transports, while a run moves on: no event lost, none twice."""

import asyncio

from atlas.schema.ids import encode_activity_cursor
from atlas.store.database import Database
from tests.http.conftest import Caller, Server, serving
from tests.http.test_streams import ACTIVITY, begin, events, receive, send, socket, stream
from tests.schema.runs import RUNNING, make_sync_run

CYCLES = 100


async def test_a_hundred_reconnects_lose_and_double_nothing(
    server: Server, owner: Database, api: Database, caller: Caller
) -> None:
    run = await make_sync_run(owner, caller.tenant)
    await run.becomes(RUNNING, done=0)
    takes = [1 + cycle % 3 for cycle in range(CYCLES)]
    seen = [encode_activity_cursor(2)]

    async def goes_on() -> None:
        for done in range(1, sum(takes) + 1):
            await run.becomes(RUNNING, done=done)

    async with serving(api) as other, asyncio.timeout(90):
        writer = asyncio.create_task(goes_on())
        for cycle, take in enumerate(takes):
            at = (server, other)[cycle % 2]
            read = over_socket if cycle % 4 < 2 else over_stream
            seen += await read(at, caller, seen[-1], take)
        await writer
    assert seen == [encode_activity_cursor(2 + number) for number in range(sum(takes) + 1)]


async def over_socket(server: Server, caller: Caller, after: str, take: int) -> list[str]:
    """The next cursors. The connection breaks off without a goodbye, with what the server has sent meanwhile."""
    async with socket(server) as made:
        await begin(made, caller)
        variables = {"tenant": caller.tenant_id, "after": after}
        await send(made, id="1", type="subscribe", payload={"query": ACTIVITY, "variables": variables})
        told = [await receive(made) for _ in range(take)]
        made.transport.abort()
    return [message["payload"]["data"]["activity"]["cursor"] for message in told]


async def over_stream(server: Server, caller: Caller, after: str, take: int) -> list[str]:
    cursors: list[str] = []
    async with stream(server, caller, ACTIVITY, tenant=caller.tenant_id, after=after) as response:
        lines: list[str] = []
        async for line in response.aiter_lines():
            lines.append(line)
            if line.startswith("data:"):
                _, told = events(lines[-2:])[0]
                cursors.append(told["data"]["activity"]["cursor"])
                if len(cursors) == take:
                    return cursors
    return cursors
