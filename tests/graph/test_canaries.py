"""Neither the token nor anything that Graph said is in a log, in an error, or in what a run keeps of a type."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from atlas.logs import configure
from atlas.sources.graph.client import Get, GraphClient
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.graph.errors import GraphError
from atlas.sources.graph.probe import probe
from tests.graph.asking import HURRIED, asking, read
from tests.graph.standin import (
    Fault,
    Tenant,
    cut_settings,
    drop,
    elsewhere,
    empty,
    hang,
    hang_up,
    loop,
    malformed,
    serving,
    status,
)
from tests.graph.standin.faults import Answer, Effect

TOKEN = "canary-token-5c1f"
BODY = "canary-body-77aa"
LINK = "canary-link-e03b"
POLICIES, SCRIPTS = "deviceManagement/configurationPolicies", "deviceManagement/deviceManagementScripts"


def strange(answer: Answer) -> None:
    answer.body = [BODY]


def not_text(answer: Answer) -> None:
    answer.raw = BODY.encode() + b"\xff\xfe\xfd"


def twice(answer: Answer) -> None:
    answer.raw = f'{{"value": [], "{BODY}": 1, "{BODY}": 2}}'.encode()


def tell_in_headers(answer: Answer) -> None:
    status(503, BODY, message=BODY)(answer)
    answer.headers |= {"request-id": BODY, "WWW-Authenticate": BODY, "Location": f"https://{BODY}.example"}


EFFECTS: dict[str, Effect] = {
    **{
        str(number): status(number, code=BODY, message=BODY, innerError={"message": BODY}) for number in range(400, 412)
    },
    **{str(number): status(number, "0", code=BODY, message=BODY) for number in (301, 429, 500, 502, 503, 504)},
    "licence": status(403, message=f"not licensed {BODY}"),
    "link": elsewhere(f"http://{LINK}.example"),
    "cut": cut_settings(0),
    "headers": tell_in_headers,
    **{effect.__name__: effect for effect in (strange, not_text, twice, malformed, hang_up, drop, loop, hang)},
    "empty": empty("settings", "assignments"),
}


def tenant() -> Tenant:
    setting = {"settingInstance": {"settingDefinitionId": BODY, "simpleSettingValue": {"value": BODY}}}
    policies = [
        {"id": f"{n}", "name": BODY, "settingCount": 1, "isAssigned": True, "settings": [setting]} for n in range(3)
    ]
    scripts = [{"id": f"{n}", "displayName": BODY, "scriptContent": BODY} for n in range(3)]
    return Tenant().add(POLICIES, *policies).add(SCRIPTS, *scripts)


@pytest.fixture
def logged_as_in_service() -> Iterator[None]:
    """Everything is logged that can be, in the way of a deployment."""
    root = logging.getLogger()
    before = root.handlers, root.level
    configure("json", level=logging.DEBUG)
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()
    for name in ("uvicorn.access", "strawberry.execution"):
        silenced = logging.getLogger(name)
        silenced.handlers, silenced.propagate = [], True
    for name in ("uvicorn.error", "strawberry.ws", "httpx", "httpcore", "hpack"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def chain(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error!s} {error!r} {error.args!r} {getattr(error, 'message', '')}"
        yield from chain(error.__cause__)
        error = error.__context__


async def told(client: GraphClient) -> list[str]:
    """All that comes out of asking: the coverage, the probe, the errors and what led to them."""
    texts = [repr(client.counts)]
    for item_type in ("configurationPolicy", "deviceManagementScript"):
        unit, _ = await read(client, item_type)
        texts.append(repr(unit))
    texts += map(repr, await probe(client, [CONTRACTS["configurationPolicy"]]))
    for request in (Get(POLICIES), Get(f"{SCRIPTS}/0")):
        try:
            await client.get(request)
        except GraphError as error:
            texts += chain(error)
    texts += [
        text for one in await client.batch([Get(f"{SCRIPTS}/0")]) if isinstance(one, GraphError) for text in chain(one)
    ]
    return texts


@pytest.mark.parametrize("effect", EFFECTS)
async def test_no_log_and_no_error_holds_the_token_or_a_body(
    effect: str, capfd: pytest.CaptureFixture[str], logged_as_in_service: None
):
    limits = replace(HURRIED, attempts=2, read=0.1 if effect == "hang" else 60.0)
    with serving(tenant(), token=TOKEN) as graph:
        graph.faults = [Fault(".", EFFECTS[effect])]
        async with asking(graph, limits=limits) as client:
            texts = await told(client)
        assert graph.asked
    captured = capfd.readouterr()
    for place in (*texts, captured.out, captured.err):
        for canary in (TOKEN, BODY, LINK):
            assert canary not in place, place
    if effect in {"429", "503"}:
        assert "stamina.retry_scheduled" in captured.err, "the log was not looked at"


async def test_a_token_that_graph_refuses_is_not_told(capfd: pytest.CaptureFixture[str], logged_as_in_service: None):
    with serving(tenant()) as graph:
        async with asking(graph, token=TOKEN) as client:
            texts = await told(client)
    captured = capfd.readouterr()
    assert not [place for place in (*texts, captured.out, captured.err) if TOKEN in place]
    assert sys.exc_info() == (None, None, None)


def test_the_canaries_would_be_found():
    try:
        try:
            raise ValueError(BODY)
        except ValueError:
            raise GraphError("X", "nothing") from None
    except GraphError as error:
        assert any(BODY in text for text in chain(error))
