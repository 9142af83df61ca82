"""GraphQL over HTTP, as the specification has it: media types, statuses, methods, and clear refusals."""

import json

import httpx
import pytest
from graphql import get_introspection_query

from tests.http.conftest import Server

JSON = "application/json"
NEW = "application/graphql-response+json"
QUERY = "{ viewer { principal { displayName } } }"
MUTATION = 'mutation { reopenFinding(input: { id: "x", reason: "y" }) { __typename } }'


async def post(client: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/graphql", content=content, headers={"content-type": JSON} | headers)


def code(response: httpx.Response) -> str:
    (error, *_) = response.json()["errors"]
    assert error["message"]
    return error["extensions"]["code"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (NEW, NEW),
        (f"{NEW}; charset=utf-8, {JSON}; charset=utf-8", NEW),
        (f"{NEW};q=0.5, {JSON}", JSON),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_was_asked_for(
    client: httpx.AsyncClient, accept: str | None, media_type: str
) -> None:
    request = client.build_request("POST", "/graphql", json={"query": QUERY})
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await client.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json()["data"]["viewer"]["principal"]["displayName"].startswith("caller-")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", f"{JSON};q=0", f"{JSON}; charset=utf-16"])
async def test_no_other_media_type_is_offered(client: httpx.AsyncClient, accept: str) -> None:
    response = await post(client, {"query": QUERY}, accept=accept)
    assert (response.status_code, code(response)) == (406, "BAD_USER_INPUT")


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (NEW, 400)])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": "{ viewer {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query ($n: Int!) { tenants(first: $n) { totalCount } }"}, "BAD_USER_INPUT"),
        (
            {"query": "query ($n: Int!) { tenants(first: $n) { totalCount } }", "variables": {"n": "one"}},
            "BAD_USER_INPUT",
        ),
        ({"query": "query A { __typename } query B { __typename }"}, "BAD_USER_INPUT"),
        ({"query": "{ " + "a: __typename " * 700 + "}"}, "QUERY_TOO_COSTLY"),
    ],
)
async def test_what_was_never_executed_has_no_data_and_is_400_in_the_newer_media_type(
    client: httpx.AsyncClient, accept: str, status: int, body: dict[str, object], expected: str
) -> None:
    response = await post(client, body, accept=accept)
    assert (response.status_code, code(response)) == (status, expected)
    assert "data" not in response.json()


async def test_an_operation_that_is_not_in_the_document_is_400(client: httpx.AsyncClient) -> None:
    for accept in (JSON, NEW):
        response = await post(client, {"query": QUERY, "operationName": "Other"}, accept=accept)
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")
        assert "Other" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"1", b'"text"', b"{", b"not json", b"[]", b'[{"query": "{ __typename }"}]', b"\xff\xfe{}",
        b'{"query": "\xff"}', b'{"query": "\\ud800"}', b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"{}", b'{"query": null}', b'{"query": ""}', b'{"query": 1}', b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": []}', b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "operationName": 1}', b'{"query": "{ __typename }", "operationName": {}}',
        b'{"query": "{ __typename }", "extensions": 7}', b'{"query": "' + b"#" * 40_000 + b'{ __typename }"}',
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request_is_400_and_says_why(client: httpx.AsyncClient, body: bytes) -> None:
    response = await post(client, body)
    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


async def test_numbers_that_no_machine_holds_are_refused_and_not_a_fault(client: httpx.AsyncClient) -> None:
    query = "query ($n: Int) { tenants(first: $n) { totalCount } }"
    for number in ("9" * 30, "9" * 5_000, "1e400", "-1e999"):
        body = json.dumps({"query": query, "variables": {"n": "N"}}).replace('"N"', number).encode()
        response = await post(client, body, accept=NEW)
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT"), number
    body = {"query": f"{{ tenants(first: {'9' * 5_000}) {{ totalCount }} }}"}
    response = await post(client, body, accept=NEW)
    assert (response.status_code, code(response)) == (400, "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "multipart/form-data; boundary=x", f"{JSON}; charset=utf-16",
     "application/x-www-form-urlencoded", "text/application/json"],
)  # fmt: skip
async def test_another_content_type_is_415(client: httpx.AsyncClient, content_type: str) -> None:
    response = await post(client, {"query": QUERY}, **{"content-type": content_type})
    assert (response.status_code, code(response)) == (415, "BAD_USER_INPUT")


async def test_a_compressed_body_is_415(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": QUERY}, **{"content-encoding": "gzip"})
    assert response.status_code == 415


async def test_a_query_is_answered_by_get(client: httpx.AsyncClient) -> None:
    query = "query A($n: Int) { tenants(first: $n) { totalCount } } query B { __typename }"
    parameters = {"query": query, "variables": '{"n": 1}', "operationName": "A", "extensions": "{}"}
    response = await client.get("/graphql", params=parameters)
    assert response.status_code == 200
    assert response.json()["data"].keys() == {"tenants"}


@pytest.mark.parametrize(
    "parameters",
    [{}, {"query": ""}, {"query": QUERY, "variables": "{"}, {"query": QUERY, "variables": "[]"},
     {"query": QUERY, "extensions": "1"}],
)  # fmt: skip
async def test_a_get_that_is_no_request_is_400(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    for accept in ("*/*", "text/html, */*", "text/event-stream"):
        response = await client.get("/graphql", params=parameters, headers={"accept": accept})
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


async def test_a_mutation_by_get_is_405_and_says_what_is_allowed(client: httpx.AsyncClient) -> None:
    for accept in (JSON, NEW):
        response = await client.get("/graphql", params={"query": MUTATION}, headers={"accept": accept})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    stream = await client.get("/graphql", params={"query": MUTATION}, headers={"accept": "text/event-stream"})
    assert "mutations are not allowed" in stream.text
    assert '"data"' not in stream.text


async def test_other_methods_are_405(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        response = await client.request(method, "/graphql")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST"), method


async def test_a_subscription_without_a_stream_is_told_how(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": 'subscription { activity(tenantId: "x") { __typename } }'})
    assert response.status_code == 406
    assert "text/event-stream" in response.json()["errors"][0]["message"]


async def test_an_error_of_one_field_is_200_with_data(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": '{ node(id: "nothing") { __typename } __typename }'}, accept=NEW)
    assert response.status_code == 200
    assert response.json()["data"] == {"node": None, "__typename": "Query"}


async def test_introspection_is_answered(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": get_introspection_query(descriptions=True)})
    assert response.status_code == 200
    assert response.json()["data"]["__schema"]["queryType"]["name"] == "Query"


async def test_the_cost_is_told(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": QUERY})
    assert response.json()["extensions"]["cost"]["budget"] == 5_000


async def test_a_query_runs_over_an_event_stream_too(server: Server, client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": QUERY}, accept="text/event-stream")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [line for line in response.text.splitlines() if line.startswith("event")] == [
        "event: next",
        "event: complete",
    ]


async def test_text_that_no_database_holds_is_the_callers_error(client: httpx.AsyncClient) -> None:
    query = "query ($name: String!) { tenant(by: { name: $name }) { id } }"
    for name in ("\x00", "a\x00b", "\uffff", "x" * 100_000):
        response = await post(client, {"query": query, "variables": {"name": name}})
        assert response.status_code == 200
        if "\x00" in name:
            assert code(response) == "BAD_USER_INPUT"
        else:
            assert response.json()["data"] == {"tenant": None}
