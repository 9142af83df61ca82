"""Subscribers that cost little: a WebSocket each, read as it comes, with the time of every message."""

import asyncio
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any

_UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_SMALL_BUFFER = 4096


@dataclass(eq=False, slots=True)
class Subscriber(asyncio.Protocol):
    """`heard` are the messages and when each came, by `time.perf_counter`; `first` is done once there is one.

    One that does not answer `pings` is as good as gone.
    """

    token: str
    payload: dict[str, Any]
    answers: bool = True
    pings: int = 0
    heard: list[tuple[float, bytes]] = field(default_factory=list)
    closed: int | None = None
    transport: asyncio.Transport = field(init=False)
    first: asyncio.Future[None] = field(init=False)
    _buffer: bytes = b""
    _open: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.first = asyncio.get_running_loop().create_future()
        self.transport.write(_UPGRADE)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.closed is None:
            self.closed = 1006
        if not self.first.done():
            self.first.set_exception(ConnectionError(f"closed with {self.closed}: {exc}"))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        data = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                raise ConnectionError(head.decode())
            self._open = True
            self._send(type="connection_init", payload={"token": self.token})
        self._buffer = self._frames(data, now)

    def _frames(self, data: bytes, now: float) -> bytes:
        """Takes the whole frames; what is left is the beginning of one."""
        at = 0
        while len(data) - at >= 2:
            kind, length, start = data[at], data[at + 1], at + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : start], "big")
            if len(data) < start + length:
                break
            at = start + length
            self._frame(kind, data[start:at], now)
        return data[at:]

    def _frame(self, kind: int, content: bytes, now: float) -> None:
        if kind == _TEXT and content == b'{"type":"connection_ack"}':
            self._send(type="subscribe", id="1", payload=self.payload)
        elif kind == _TEXT:
            self.heard.append((now, content))
            if not self.first.done():
                self.first.set_result(None)
        elif kind == _PING:
            self.pings += 1
            if self.answers:
                self.transport.write(_masked(_PONG, content))
        elif kind == _CLOSE:
            self.closed = int.from_bytes(content[:2], "big")
            self.transport.close()

    def _send(self, **message: object) -> None:
        self.transport.write(_masked(_TEXT, json.dumps(message).encode()))


def _masked(kind: int, content: bytes) -> bytes:
    """A client's frame. The mask of zeros leaves the content as it is."""
    length = len(content)
    head = bytes([kind, 0x80 | length]) if length < 126 else bytes([kind, 0xFE]) + length.to_bytes(2, "big")
    return head + bytes(4) + content


async def subscribe(port: int, token: str, query: str, variables: dict[str, Any], *, slow: bool = False) -> Subscriber:
    """A subscriber that has heard something. A slow one takes little more before it reads on, and has stopped."""
    plain = socket.socket()
    if slow:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, ("127.0.0.1", port))
    made = Subscriber(token, {"query": query, "variables": variables})
    await loop.create_connection(lambda: made, sock=plain)
    async with asyncio.timeout(120):
        await made.first
    if slow:
        made.transport.pause_reading()
    return made
