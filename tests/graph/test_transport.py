"""Nothing but reading leaves, and the token goes nowhere else: at the last place before the network."""

import httpx
import orjson
import pytest

from atlas.sources.graph.client import open_client
from atlas.sources.graph.errors import RefusedRequestError
from tests.graph.asking import asking
from tests.graph.standin import Fault, StandIn, Tenant, serving

READING = {"id": "1", "method": "GET", "url": "/deviceManagement/intents"}


@pytest.fixture(scope="module")
def graph():
    with serving(Tenant()) as running:
        yield running


@pytest.fixture
def before(graph: StandIn):
    told = graph.round_trips
    yield
    assert (graph.round_trips, graph.refused) == (told, []), "something left"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "MERGE"])
@pytest.mark.parametrize("path", ["beta/deviceManagement/intents", "v1.0/$batch/more", "beta/x?$batch"])
async def test_no_other_method_can_leave(graph: StandIn, before: None, method: str, path: str):
    async with asking(graph) as client:
        url = f"{graph.url}/{path}"
        request = httpx.Request(method, url, content=orjson.dumps({"requests": [READING]}))
        with pytest.raises(RefusedRequestError):
            await client.http.send(request)


@pytest.mark.parametrize(
    "body",
    [
        {"requests": [{**READING, "method": "DELETE"}]},
        {"requests": [READING, {**READING, "id": "2", "method": "POST", "body": {}}]},
        {"requests": [{**READING, "method": "get"}]},
        {"requests": [{**READING, "body": {}}]},
        {"requests": [{**READING, "url": "https://elsewhere.example/"}]},
        {"requests": [{**READING, "url": "//elsewhere.example/"}]},
        {"requests": [{**READING, "url": "deviceManagement/intents"}]},
        {"requests": [{"id": "1", "url": "/deviceManagement/intents"}]},
        {"requests": [{**READING, "headers": {"X-HTTP-Method-Override": "DELETE"}}]},
        {"requests": [{**READING, "headers": "DELETE"}]},
        {"requests": [READING] * 21},
        {"requests": []},
        {"requests": READING},
        {"requests": [READING], "more": 1},
        [READING],
        "GET",
    ],
)
async def test_a_batch_that_is_more_than_reading_cannot_leave(graph: StandIn, before: None, body: object):
    async with asking(graph) as client:
        with pytest.raises(RefusedRequestError):
            await client.http.post(f"{graph.url}/beta/$batch", content=orjson.dumps(body))


async def test_a_batch_that_is_no_json_or_a_stream_cannot_leave(graph: StandIn, before: None):
    async def stream():
        yield orjson.dumps({"requests": [READING]})

    async with asking(graph) as client:
        for content in (b"not json", stream()):
            with pytest.raises(RefusedRequestError):
                await client.http.post(f"{graph.url}/beta/$batch", content=content)


async def test_a_batch_of_reading_leaves(graph: StandIn):
    async with asking(graph) as client:
        answer = await client.http.post(f"{graph.url}/beta/$batch", content=orjson.dumps({"requests": [READING]}))
    assert answer.json()["responses"][0]["status"] == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{other}/beta/deviceManagement/intents",
        "https://127.0.0.1:{port}/beta/deviceManagement/intents",
        "http://localhost:{port}/beta/deviceManagement/intents",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/beta/x",
        "http://user:secret@127.0.0.1:{port}/beta/deviceManagement/intents",
        "http://127.0.0.1:{port}/deviceManagement/intents",
        "http://127.0.0.1:{port}/beta/../deviceManagement/intents",
        "http://127.0.0.1:{port}/oauth2/token",
    ],
)
async def test_no_request_to_another_place_leaves_and_no_token_is_asked_for(graph: StandIn, before: None, url: str):
    tokens = []

    async def token() -> str:
        tokens.append(1)
        return graph.token

    port = int(graph.url.rpartition(":")[2])
    with serving() as other:
        named = url.format(port=port, other=other.url.rpartition(":")[2])
        async with open_client(graph.url, token) as client:
            with pytest.raises(RefusedRequestError):
                await client.http.get(named)
        assert other.round_trips == 0
    assert tokens == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "Authorization"])
async def test_no_header_can_make_something_else_of_a_request(graph: StandIn, before: None, name: str):
    async with asking(graph) as client:
        with pytest.raises(RefusedRequestError):
            await client.http.get(f"{graph.url}/beta/deviceManagement/intents", headers={name: "DELETE"})


async def test_a_redirect_is_not_followed(graph: StandIn):
    def redirect(answer):
        answer.status, answer.headers = 307, {"Location": f"{graph.url}/beta/deviceManagement/roleScopeTags"}

    graph.faults = [Fault("intents", redirect)]
    async with asking(graph) as client:
        assert (await client.http.get(f"{graph.url}/beta/deviceManagement/intents")).status_code == 307
    graph.faults = []


@pytest.mark.parametrize("url", ["http://graph.microsoft.com", "ftp://graph.microsoft.com", "graph.microsoft.com"])
async def test_graph_is_asked_over_https_alone(url: str):
    async def token() -> str:
        raise AssertionError("no token is needed for what is refused")

    with pytest.raises(RefusedRequestError):
        async with open_client(url, token):
            pass
