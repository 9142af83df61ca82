"""Over TLS the client speaks HTTP/2, several requests to a connection, and no library logs the token."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived

from atlas.logs import configure
from atlas.sources.graph.client import open_client
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.graph.probe import probe
from tests.graph.asking import HURRIED, read
from tests.graph.authority import certificates
from tests.http.test_logs import put_back  # noqa: F401 - a fixture that puts logging back

TOKEN = "canary-token-of-http2"


@dataclass
class Server:
    url: str = ""
    connections: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)
    breaks: str = ""
    times: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.requests.append(dict(event.headers))
                    if len(self.requests) <= self.times:
                        self.break_off(connection, event.stream_id)
                        continue
                    connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                    connection.send_data(event.stream_id, b'{"value": []}', end_stream=True)
            writer.write(connection.data_to_send())
            await writer.drain()
        writer.close()

    def break_off(self, connection: H2Connection, stream: int) -> None:
        """A server that is too busy, one that resets in the middle of an answer, one that goes away."""
        if self.breaks == "refused":
            connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
        elif self.breaks == "reset":
            connection.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
            connection.send_data(stream, b'{"value": [')
            connection.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        else:
            connection.close_connection(ErrorCodes.NO_ERROR, last_stream_id=0)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Server, Path]]:
    authority, chain, key = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["h2"])
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield server, authority


async def test_over_tls_it_is_http_2_and_its_libraries_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    configure("json", level=logging.DEBUG)

    async def token() -> str:
        return TOKEN

    contracts = [contract for contract in CONTRACTS.values() if contract.family == "intune"]
    async with serving(tmp_path) as (server, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        async with open_client(server.url, token) as client:
            told = await probe(client, contracts)
    assert {one.status for one in told} == {"COMPLETE"}
    assert server.connections == 1
    assert len(server.requests) == len(told)
    assert {(one[":method"], one[":scheme"], one["authorization"]) for one in server.requests} == {
        ("GET", "https", f"Bearer {TOKEN}")
    }
    captured = capfd.readouterr()
    assert TOKEN not in captured.out + captured.err


@pytest.mark.parametrize("breaks", ["refused", "reset", "goes away"])
async def test_a_stream_that_breaks_is_asked_for_again_and_is_a_failure_where_it_breaks_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
):
    async def token() -> str:
        return TOKEN

    async with serving(tmp_path) as (server, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        server.breaks, server.times = breaks, HURRIED.attempts - 1
        async with open_client(server.url, token, limits=HURRIED) as client:
            (once,) = await probe(client, [CONTRACTS["roleScopeTag"]])
            assert client.counts.retries == len(server.requests) - 1 == HURRIED.attempts - 1
            server.times = 1_000
            unit, objects = await read(client, "roleScopeTag")
    assert (once.status, once.objects) == ("COMPLETE", 0)
    assert (unit.status, unit.error_code, objects) == ("FAILED", "CONNECTION_LOST", [])


async def test_a_certificate_that_nobody_vouches_for_gets_no_token(tmp_path: Path):
    async def token() -> str:
        return TOKEN

    async with serving(tmp_path) as (server, _), open_client(server.url, token, limits=HURRIED) as client:
        (told,) = await probe(client, [CONTRACTS["roleScopeTag"]])
    assert (told.status, told.http_status) == ("FAILED", None)
    assert server.requests == []
