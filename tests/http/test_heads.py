"""What may be sent before anybody is known: a head of some size, within some time."""

import asyncio

import pytest

from atlas import heads
from tests.http.conftest import Caller, Server

BEGIN = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"


async def answer(server: Server, *parts: bytes) -> bytes:
    """All that comes back up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(15):
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await reader.read()
    except ConnectionError:  # It is closed while there was more to come.
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("line", [b"a: " + b"x" * 5000 + b"\r\n", b"x" * 5000])
async def test_a_head_without_end_is_not_kept(server: Server, line: bytes) -> None:
    told = await answer(server, BEGIN, *[line] * 2_000)
    assert told == b"" or told.startswith(b"HTTP/1.1 400 ")


async def test_a_head_that_is_large_is_read_and_so_is_the_one_after_it(server: Server) -> None:
    large = BEGIN + b"".join(b"a: %s\r\n" % (b"x" * 1000) for _ in range(100))
    half = len(large) // 2
    told = await answer(server, large[:half], large[half:], b"\r\n", large, b"connection: close\r\n\r\n")
    assert told.count(b"HTTP/1.1 200 ") == 2


async def test_whoever_sends_no_head_or_only_a_part_is_not_waited_for(
    server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.3)
    whole = BEGIN + b"\r\n"
    assert await answer(server) == await answer(server, BEGIN) == b""
    assert (await answer(server, whole + BEGIN)).startswith(b"HTTP/1.1 200 "), "nor the second time"


async def test_a_head_that_was_there_in_time_is_not_too_late(
    server: Server, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.3)
    body = b'{"query": "{ __typename }"}'
    head = f"POST /graphql HTTP/1.1\r\nauthorization: Bearer {caller.token}\r\ncontent-type: application/json\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    async with asyncio.timeout(15):
        writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(0.5)
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()
