"""What goes wrong: requests, sockets and commands that are refused, each with a canary in what was sent."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.secrets.asking import Asker
from tests.secrets.canaries import Mint
from tests.secrets.house import House
from tests.secrets.search import Place
from tests.secrets.triaging import stream

# After so long a socket has said what it had to say.
_SILENCE_SECONDS = 1


# A request by what is wrong with it: made of a canary and of the id of a tenant.
_REOPEN = "mutation ($input: ReopenFindingInput!) { reopenFinding(input: $input) { errors { message } } }"
_DRIFT = "mutation ($input: GenerateDriftInput!) { generateDrift(input: $input) { errors { message } } }"
_SYNC = "mutation ($input: StartSyncInput!) { startSync(input: $input) { errors { message } } }"
_PAGE = "query ($n: Int, $o: TenantOrder) { tenants(first: $n, orderBy: $o) { totalCount } }"
_NAMED = "query ($name: String) { tenant(by: {name: $name}) { name } }"
_AFTER = "query ($id: ID!) { tenant(by: {id: $id}) { findings(first: 1, after: %s) { totalCount } } }"
_REFUSED: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    "a variable of the wrong type": lambda c, _: _asked(_PAGE, n=c),
    "a variable that is no enum": lambda c, _: _asked(_PAGE, n=1, o=c),
    "a variable with a NUL": lambda c, _: _asked(_NAMED, name=f"{c}\0"),
    "a variable with half a pair": lambda c, _: _asked(_NAMED, name=f"{c}\ud800"),
    "a variable that nobody takes": lambda c, _: _asked("{ __typename }", **{c: c}),
    "a name that is none": lambda c, _: _asked(_NAMED, name=c),
    "an id that is none": lambda c, _: _asked(f'{{ node(id: "{c}") {{ id }} }}'),
    "a cursor that is none": lambda c, tenant: _asked(_AFTER.replace("%s", f'"{c}"'), id=tenant),
    "a literal of the wrong type": lambda c, _: _asked(f'{{ tenants(first: "{c}") {{ totalCount }} }}'),
    "a literal that is not closed": lambda c, _: _asked(f'{{ node(id: "{c}'),
    "a literal where none belongs": lambda c, _: _asked(f'{{ viewer "{c}" }}'),
    "a comment": lambda c, _: _asked(f"{{ nothing }} # {c}"),
    "a field that is none": lambda c, _: _asked(f"{{ {c} }}"),
    "an operation that is none": lambda c, _: _asked("query a { __typename }") | {"operationName": c},
    "an extension": lambda c, _: _asked("{ nothing }") | {"extensions": {"persistedQuery": {"sha256Hash": c}}},
    "a reason that is too long": lambda c, _: _asked(_REOPEN, input={"id": "x", "reason": c * 400}),
    "a finding that is none": lambda c, _: _asked(_REOPEN, input={"id": c, "reason": "because"}),
    "a field of an input that is none": lambda c, _: _asked(_REOPEN, input={c: c}),
    "a scope that is none": lambda c, tenant: _asked(_DRIFT, input={"tenantId": tenant, "scopeKey": c}),
    "a type that is none": lambda c, tenant: _asked(_SYNC, input={"tenantId": tenant, "itemTypes": [c]}),
    "a query that is too long": lambda c, _: _asked("{ __typename } #" + c * 2_000),
}


# The same, with a secret that not even the answer to its sender may repeat.
_CONNECT = "mutation ($input: ConnectGraphInput!) { connectGraph(input: $input) { errors { message } } }"
_CONNECT_BY = "mutation { connectGraph(input: {tenantId: 1.5, secret: %s}) { errors { message } } }"
_KEPT: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    "a secret without its tenant": lambda c, _: _asked(_CONNECT, input={"secret": c}),
    "a secret of the wrong type": lambda c, tenant: _asked(_CONNECT, input={"tenantId": tenant, "secret": {"is": c}}),
    "a secret in another field": lambda c, tenant: _asked(_CONNECT, input={"tenantId": tenant, "clientId": c}),
    "a secret with a NUL": lambda c, tenant: _asked(_CONNECT, input=_connecting(tenant) | {"secret": f"{c}\0"}),
    "a secret that is too long": lambda c, tenant: _asked(_CONNECT, input=_connecting(tenant) | {"secret": c * 1_000}),
    "a secret for nobody": lambda c, _: _asked(_CONNECT, input=_connecting("nobody") | {"secret": c}),
    "a secret as a literal": lambda c, _: _asked(_CONNECT_BY.replace("%s", f'["{c}"]')),
    "a secret that does not parse": lambda c, _: _asked(_CONNECT_BY.replace("%s", f'"{c}" "{c}"')),
}


def _connecting(tenant: str) -> dict[str, str]:
    return {"tenantId": tenant, "entraTenantId": str(UUID(int=1)), "clientId": str(UUID(int=2))}


async def refused_queries(asker: Asker, mint: Mint, tenant_id: str) -> None:
    """The caller's own words, in each place of a GraphQL request. Only the answer to them may repeat them."""
    for name, make in _REFUSED.items():
        said = f"said in {name}"
        await asker.send(name, said=[said], content=json.dumps(make(mint.text(said), tenant_id)), headers=_JSON)
    for name, make in _KEPT.items():
        await asker.send(name, content=json.dumps(make(mint.text(name), tenant_id)), headers=_JSON)
    told = mint.text("said in a body that is no JSON")
    body = f'{{"query": "{told}'
    await asker.send("no JSON", said=["said in a body that is no JSON"], content=body, headers=_JSON)
    told = mint.text("said in a GET")
    params = {"query": f'{{ node(id: "{told}") {{ nothing }} }}', "variables": f'{{"x": "{told}"}}'}
    await asker.send("a GET", "GET", said=["said in a GET"], params=params)
    told = mint.text("said in a stream")
    query = f'subscription {{ driftRun(id: "{told}") {{ id }} }}'
    await stream(asker, "nothing", query, said=("said in a stream",))


async def refused_callers(asker: Asker, mint: Mint) -> None:
    """Tokens and headers: what is in them comes back in no answer, and stands in no log."""
    query = json.dumps(_asked("{ viewer { principal { displayName } } }"))
    secret = mint.text
    basic = base64.b64encode(secret("another scheme").encode()).decode()
    for name, headers in (
        ("an unknown token", {"authorization": f"Bearer {secret('an unknown token')}"}),
        ("a token of Atlas's form", {"authorization": f"Bearer atlas_{secret('a token of a form')}{'0' * 23}"}),
        ("another scheme", {"authorization": f"Basic {basic}"}),
        ("a token that is too long", {"authorization": f"Bearer {secret('a long token') * 400}"}),
        ("a cookie", {"authorization": "", "cookie": f"session={secret('a cookie')}"}),
        ("a key", {"x-api-key": secret("a header")}),
        ("a user agent", {"user-agent": secret("a user agent")}),
        ("a referrer", {"referer": f"https://example.com/?{secret('a referrer')}"}),
        ("a proxy", {"x-forwarded-for": secret("a proxy")}),
        ("a content type", {"content-type": secret("a content type")}),
        ("an encoding", {"content-encoding": secret("an encoding")}),
        ("an accept", {"accept": f"text/{secret('an accept')}"}),
        ("a request id", {"x-request-id": f"{secret('a request id')} {'x' * 80}"}),
    ):
        await asker.send(name, content=query, headers=_JSON | headers)
    for parameter in ("token", "access_token", "authorization"):
        path = f"/graphql?{parameter}={secret(f'the parameter {parameter}')}&query={{__typename}}"
        await asker.send(f"the parameter {parameter}", "GET", path, headers={"authorization": ""})
    await asker.send("a parameter", "GET", f"/healthz?key={secret('a parameter')}")
    await asker.send("a path", "GET", f"/graphql/{secret('a path')}")
    await asker.send("a method", secret("a method").upper(), "/graphql")


async def refused_sockets(asker: Asker, mint: Mint, token: str) -> None:
    """WebSockets: a token that does not hold, and operations that fail."""
    told = mint.text("a token of a socket")
    await _socket(asker, "a refused token", [{"type": "connection_init", "payload": {"token": told}}])
    told = mint.text("said in a socket")
    greeting = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    query = "subscription ($id: ID!) { syncRun(id: $id) { id nothing } }"
    failing = _asked(query, id=told)
    literal = _asked(f'subscription {{ syncRun(id: "{told}") {{ id }} }}')
    wrong = _asked(_PAGE, n=told)
    messages = [
        greeting,
        *({"id": str(n), "type": "subscribe", "payload": p} for n, p in enumerate([failing, literal, wrong])),
    ]
    await _socket(asker, "refused operations", messages, said="said in a socket")
    told = mint.text("said in a socket that talks nonsense")
    await _socket(asker, "nonsense", [greeting, {"type": told}], said="said in a socket that talks nonsense")


async def _socket(asker: Asker, name: str, messages: list[dict[str, object]], said: str = "") -> None:
    url = str(asker.client.base_url.copy_with(scheme="ws", path="/graphql"))
    heard: list[bytes] = []
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        for message in messages:
            await socket.send(json.dumps(message))
        with suppress(ConnectionClosed, TimeoutError):
            while True:
                heard.append(str(await asyncio.wait_for(socket.recv(), _SILENCE_SECONDS)).encode())
        await socket.close()
        heard.append(str(socket.close_reason).encode())
    assert heard[0]
    asker.answers.append(Place(f"socket of {name}", heard, frozenset([said])))


def refused_commands(house: House, token: str) -> list[Callable[[], object]]:
    """Commands with a secret in an option or in the environment."""
    mint, words = house.mint, ("findings", "--tenant", "anything")
    gone = f"postgresql://atlas_api:{mint.text('a password of a server that is away')}@127.0.0.1:1/atlas"
    return [
        partial(house.command, *words, "--token", mint.text("an option")),
        partial(house.command, *words, "--json", ATLAS_TOKEN=token, ATLAS_DATABASE_URL=gone),
        partial(house.command, "worker", ATLAS_LEASE_SECONDS=mint.text("a setting that is no number")),
    ]


_JSON = {"content-type": "application/json"}


def _asked(query: str, **variables: Any) -> dict[str, Any]:
    return {"query": query, "variables": variables}
