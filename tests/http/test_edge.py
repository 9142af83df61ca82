"""What holds for every address: ids, headers, sizes, errors as JSON, health, metrics and the console."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from typing import Any

import httpx
import pytest
from graphql import get_operation_ast, parse, validate
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from atlas.app import create_app, serve_metrics
from atlas.cli.server import listening
from atlas.edge import LARGEST_BODY, Edge
from atlas.metrics import Metrics
from atlas.schema.cost import cost_of
from atlas.schema.limits import Limits, exceeded
from atlas.schema.root import schema
from atlas.schema.shape import measure
from atlas.store.database import Database, open_database
from tests.http.conftest import Caller, Server, serving


async def nothing(_jobs: Sequence[Any] = ()) -> None: ...


async def test_a_sane_request_id_is_kept_and_another_is_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get("/healthz", headers={"x-request-id": "abc-DEF_123.4"})
    assert kept.headers["x-request-id"] == "abc-DEF_123.4"
    for bad in ("short", "x" * 65, "with space in it", "quote'\"<script>"):
        response = await client.get("/healthz", headers={"x-request-id": bad})
        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


async def test_every_answer_has_the_headers_of_security_and_none_names_the_server(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/graphql?query={__typename}", "/", "/healthz", "/readyz", "/metrics", "/nowhere"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers
        assert "x-powered-by" not in headers
    assert (await client.get("/healthz")).headers["cache-control"] == "no-store"


async def test_a_body_that_says_it_is_too_large_is_413_at_once(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=b" " * (LARGEST_BODY + 1))
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_body_that_grows_too_large_is_413(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    response = await client.post("/graphql", content=endless(), headers=headers)
    assert response.status_code == 413
    assert (await client.get("/healthz")).status_code == 200


async def test_a_body_of_the_largest_size_is_read(client: httpx.AsyncClient) -> None:
    body = json.dumps({"query": "{ __typename }"}).encode()
    headers = {"content-type": "application/json"}
    response = await client.post("/graphql", content=body + b" " * (LARGEST_BODY - len(body)), headers=headers)
    assert response.status_code == 200


async def test_errors_of_the_router_are_json(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/graphql/", "/healthz/", "/export/findings.csv/"):
        missing = await client.get(path)
        assert (missing.status_code, missing.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")
    wrong = await client.post("/healthz")
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (405, "BAD_USER_INPUT")
    assert "GET" in wrong.headers["allow"]


async def test_an_exception_is_masked_and_logged_without_its_text() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a secret value")

    transport = httpx.ASGITransport(Edge(failing, Metrics()))
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            response = await client.get("/healthz?token=a-secret-value", headers={"x-request-id": "request-1"})
    assert response.status_code == 500
    assert "request-1" in response.json()["errors"][0]["message"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "a secret value" not in response.text + str(logs)
    assert "a-secret-value" not in str(logs)
    assert [entry["event"] for entry in logs] == ["http.fault", "http.request"]


async def test_a_cancellation_that_nobody_asked_for_is_a_fault_too() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        shared = asyncio.get_running_loop().create_future()
        shared.cancel()
        await shared

    transport = httpx.ASGITransport(Edge(failing, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/healthz")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_request_is_one_line_of_log_without_query_string_or_header(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await client.get("/graphql", params={"query": "{ __typename }"}, headers={"x-request-id": "request-2"})
    (line,) = [entry for entry in logs if entry["event"] == "http.request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/graphql", 200)
    assert line["milliseconds"] > 0
    assert "__typename" not in str(logs)
    assert "atlas_" not in str(logs)


async def test_ready_names_each_part(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "parts": {"database": "ok", "migrations": "ok", "broker": "ok"},
    }


async def test_ready_is_503_and_tells_no_secret_when_a_part_is_missing(api: Database) -> None:
    async def gone() -> None:
        raise ConnectionError("redis://:secret@broker:6379")

    lost = open_database("postgresql+asyncpg://someone:secret@127.0.0.1:1/atlas")
    for db, ping, parts in (
        (api, gone, {"database": "ok", "migrations": "ok", "broker": "unreachable"}),
        (lost, nothing, {"database": "unreachable", "migrations": "unknown", "broker": "ok"}),
    ):
        app = create_app(db=db, schema=schema, dispatch=nothing, broker_ping=ping)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            with capture_logs() as logs:
                response = await client.get("/readyz")
                asked = await client.post(
                    "/graphql",
                    json={"query": "{ __typename }"},
                    headers={"authorization": "Bearer " + "atlas_" + "0" * 49},
                )
            assert (response.status_code, response.json()["parts"]) == (503, parts)
            assert "secret" not in response.text + asked.text + str(logs)
            assert (await client.get("/healthz")).status_code == 200
    await lost.close()


async def test_a_database_that_is_gone_is_503_and_says_to_try_again() -> None:
    from atlas.access import new_token

    lost = open_database("postgresql+asyncpg://someone:secret@127.0.0.1:1/atlas")
    app = create_app(db=lost, schema=schema, dispatch=nothing, broker_ping=nothing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        response = await client.post(
            "/graphql",
            json={"query": "{ __typename }"},
            headers={"authorization": f"Bearer {new_token()}"},
        )
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    await lost.close()


async def test_metrics_count_by_route_and_hold_no_name(client: httpx.AsyncClient, caller: Caller) -> None:
    await client.get("/nowhere/at-all")
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert 'atlas_http_requests_total{method="GET",route="other",status="404"}' in response.text
    assert "atlas_listening 1.0" in response.text
    for name in ("at-all", str(caller.tenant.id), caller.tenant.name):
        assert name not in response.text


async def test_metrics_may_have_an_address_of_their_own(api: Database, caller: Caller) -> None:
    metrics, stop = Metrics(), asyncio.Event()
    with listening("127.0.0.1", 0) as scraped:
        apart = asyncio.create_task(serve_metrics(metrics, sockets=[scraped], stop=stop))
        address = f"http://127.0.0.1:{scraped.getsockname()[1]}"
        async with serving(api, metrics=metrics, metrics_apart=True) as server, httpx.AsyncClient() as client:
            assert (await client.get(f"{server.url}/metrics")).status_code == 404
            response = await client.get(f"{address}/metrics")
            assert 'route="/metrics",status="404"' in response.text.replace('method="GET",', "")
            assert "server" not in response.headers
            for path in ("/graphql", "/", "/readyz"):
                assert (await client.get(f"{address}{path}", headers=caller.headers)).status_code == 404
        stop.set()
        await asyncio.wait_for(apart, 10)


async def test_the_console_is_ours_alone(server: Server, client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "//" not in page.text, "nothing comes from another host"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=", page.text), "nothing inline"
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        part = await client.get(path)
        assert part.status_code == 200, path
        assert "innerHTML" not in part.text
        assert not re.search(r"https?://", part.text)


@pytest.mark.parametrize("path", ["/console/../app.py", "/console/%2e%2e/app.py", "/console/", "/console/other.js"])
async def test_the_console_serves_no_other_file(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_many_requests_at_once_are_all_answered(client: httpx.AsyncClient) -> None:
    query = {"query": "{ viewer { principal { displayName } } }"}
    answers = await asyncio.gather(*(client.post("/graphql", json=query) for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}


def console_queries() -> list[str]:
    source = files("atlas.console").joinpath("console.js").read_text()
    return re.findall(r"^const [A-Z_]+ = `([^`]+)`;$", source, re.MULTILINE)


async def test_the_queries_of_the_console_are_answered(client: httpx.AsyncClient, caller: Caller) -> None:
    viewer, tenant, _ = console_queries()
    for query in (viewer, tenant):
        body = {"query": query, "variables": {"id": caller.tenant_id}}
        response = await client.post("/graphql", json=body)
        assert "errors" not in response.json(), response.text
    assert response.json()["data"]["tenant"]["scopes"] == {"nodes": []}


def test_the_queries_of_the_console_are_valid_and_cheap() -> None:
    queries = console_queries()
    assert len(queries) == 3
    core = schema._schema
    for query in queries:
        document = parse(query)
        assert validate(core, document) == []
        assert exceeded(measure(document), Limits()) == []
        operation = get_operation_ast(document)
        assert operation is not None
        assert cost_of(core, document, operation, {}) < 500


@pytest.mark.parametrize("given", ["atlas_0123456789abcdef", "eyJhbGciOiJub25lIn0", "short", "with space in it"])
async def test_a_request_id_that_looks_like_a_token_is_not_taken_up(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/healthz", headers={"x-request-id": given})
    assert response.headers["x-request-id"] != given
