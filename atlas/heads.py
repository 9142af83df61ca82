"""The head of a request: how large it may be, and how soon it must be there. Nothing is known of its sender yet."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# The longest address that the parser takes, and as much for everything else.
LARGEST_HEAD = 128 * 1024
HEAD_SECONDS = 30.0


class Heads(HttpToolsProtocol):
    """uvicorn's protocol, which by itself keeps whatever a head holds, for as long as it takes to come.

    A connection that sends no head is closed too. A head is measured as it comes in, so that one which comes in few
    pieces may be larger by the last of them.
    """

    _read = 0
    _whole = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._whole or self.transport.is_closing():
            return
        self._read += len(data)
        if self._read > LARGEST_HEAD:
            self.send_400_response(f"The head of a request has {LARGEST_HEAD} bytes at most.")
        elif self._late is None:
            self._wait()

    def on_message_begin(self) -> None:
        self._read, self._whole = 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._whole = True
        self._wait_no_longer()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _wait_no_longer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
