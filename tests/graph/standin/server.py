"""The stand-in's HTTP: who asked what and when, pages, batches, and the faults that it was told."""

import asyncio
import copy
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.graph.standin import odata
from tests.graph.standin.faults import Answer, Fault, status
from tests.graph.standin.tenant import Raw, Tenant

LARGEST_PAGE = 1_000


@dataclass(frozen=True)
class Asked:
    """One request; an item of a batch is one too. `at` is of `time.monotonic`."""

    at: float
    method: str
    path: str
    family: str
    in_batch: bool


@dataclass
class StandIn:
    """`page_by` cuts lists, `rows_by` expanded collections. `refused` holds whatever was no reading."""

    tenant: Tenant
    url: str = ""
    token: str = "the token of the stand-in"
    page_by: int = 100
    rows_by: int | None = None
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    round_trips: int = 0
    refused: list[str] = field(default_factory=list)

    def most_in(self, seconds: float, family: str = "intune") -> int:
        """The largest number of requests of a family in any so many seconds."""
        times = sorted(one.at for one in self.asked if one.family == family)
        begin, most = 0, 0
        for end, at in enumerate(times):
            while at - times[begin] >= seconds:
                begin += 1
            most = max(most, end - begin + 1)
        return most

    def paths(self, part: str = "") -> list[str]:
        """The paths, with their queries, that were asked for and have `part` in them."""
        return [one.path for one in self.asked if part in one.path]


def answer(graph: StandIn, version: str, path: str, *, full: bool, in_batch: bool = False) -> Answer:
    """The answer to one GET; `path` is below the version, with its query."""
    graph.asked.append(Asked(time.monotonic(), "GET", path, _family(path), in_batch))
    made = _right(graph, version, path)
    for fault in graph.faults:
        if fault.meets(path):
            fault.effect(made)
    if not full and made.body is not None:
        made.body = odata.plain(made.body)
    return made


def _family(path: str) -> str:
    if path.startswith("identity/conditionalAccess"):
        return "conditionalAccess"
    return "intune" if path.startswith(("deviceManagement", "deviceAppManagement")) else "directory"


def _right(graph: StandIn, version: str, path: str) -> Answer:
    parts = urlsplit(path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    where = unquote(parts.path).strip("/")
    made = Answer(f"{graph.url}/{version}/{path}")
    rows = _rows(graph.tenant, where)
    if rows is not None:
        made.body = _page(graph, made.url, where, rows, query)
        return made
    found = _object(graph.tenant, where)
    if found is None:
        status(404, code="ResourceNotFound")(made)
    else:
        made.body = copy.deepcopy(odata.shown(where.rpartition("/")[0], found, query, single=True))
        if graph.rows_by is not None:
            _cut_rows(graph, made.url.partition("?")[0].rpartition("/")[0], made.body)
    return made


_COLLECTIONS = r"(deviceManagement|deviceAppManagement|identity/conditionalAccess)/\w+|groups"


def _rows(tenant: Tenant, where: str) -> Sequence[Raw] | None:
    """The rows of a collection: one of the tenant, or one below an object."""
    if where in tenant.collections:
        return tenant.collections[where]
    above, _, name = where.rpartition("/")
    if name in odata.NAVIGATION and (found := _object(tenant, above)) is not None:
        below = found.get(name)
        return None if isinstance(below, dict) else below or []
    # Every collection that a tenant may have is there, if only empty.
    return [] if re.fullmatch(_COLLECTIONS, where) else None


def _object(tenant: Tenant, where: str) -> Raw | None:
    above, _, identity = where.rpartition("/")
    if above in tenant.collections:
        return tenant.find(above, identity)
    if identity in odata.NAVIGATION and (found := _object(tenant, above)) is not None:
        below: Raw | None = found.get(identity)
        return below
    rows = _rows(tenant, above) if above.count("/") > 2 else None
    return next((row for row in rows or () if row["id"] == identity), None)


def _page(graph: StandIn, url: str, where: str, rows: Sequence[Raw], query: Mapping[str, str]) -> Raw:
    rows = odata.matching(rows, query)
    size = min(int(query.get("$top", graph.page_by)), graph.page_by, LARGEST_PAGE)
    begin = int(query.get("$skiptoken", 0))
    body: Raw = {
        "@odata.context": f"https://graph.microsoft.com/beta/$metadata#{where}",
        "value": [
            copy.deepcopy(odata.shown(where, raw, query, single=where not in graph.tenant.collections))
            for raw in rows[begin : begin + size]
        ],
    }
    if query.get("$count") == "true":
        body["@odata.count"] = len(rows)
    if begin + size < len(rows):
        again = "&".join(f"{name}={quote(value)}" for name, value in query.items() if name != "$skiptoken")
        body["@odata.nextLink"] = f"{url.partition('?')[0]}?{again}{'&' if again else ''}$skiptoken={begin + size}"
    if graph.rows_by is not None:
        for raw in body["value"]:
            _cut_rows(graph, url.partition("?")[0], raw)
    return body


def _cut_rows(graph: StandIn, url: str, raw: Raw) -> None:
    for name in odata.NAVIGATION & raw.keys():
        if isinstance(raw[name], list) and graph.rows_by is not None and len(raw[name]) > graph.rows_by:
            raw[name] = raw[name][: graph.rows_by]
            raw[f"{name}@odata.nextLink"] = f"{url}/{quote(raw['id'])}/{name}?$skiptoken={graph.rows_by}"


class _Sent(Response):
    """An answer on its way, which may never come to its end."""

    def __init__(self, made: Answer) -> None:
        content = made.raw if made.raw is not None else orjson.dumps(made.body)
        super().__init__(content, made.status, made.headers, "application/json")
        self.made = made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.made.hangs:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if self.made.hangs_up:
            # The server closes the connection of an answer that promised more.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100000")]})
            await send({"type": "http.response.body", "body": b'{"value": [', "more_body": True})
            return
        await super().__call__(scope, receive, send)


def _batch(graph: StandIn, version: str, requests: Sequence[Raw]) -> Answer:
    responses = []
    for item in reversed(requests):
        full = "odata.metadata=full" in (item.get("headers") or {}).get("Accept", "")
        made = answer(graph, version, item["url"].removeprefix("/"), full=full, in_batch=True)
        if made.dropped:
            continue
        body = made.body if made.raw is None else made.raw.decode()
        responses.append({"id": item["id"], "status": made.status, "headers": made.headers, "body": body})
    return Answer(f"{graph.url}/{version}/$batch", body={"responses": responses})


def application(graph: StandIn) -> Starlette:
    async def endpoint(request: Request) -> Response:
        graph.round_trips += 1
        version, _, path = request.scope["raw_path"].decode().removeprefix("/").partition("/")
        query = request.scope["query_string"].decode()
        path = f"{path}?{query}" if query else path
        if request.headers.get("Authorization") != f"Bearer {graph.token}":
            return _Sent(_error(401, "InvalidAuthenticationToken"))
        if request.method == "POST" and unquote(path) == "$batch":
            requests = orjson.loads(await request.body())["requests"]
            if len(requests) > 20 or any(item["method"] != "GET" for item in requests):
                graph.refused.append(f"{request.method} {path}")
                return _Sent(_error(400, "BadRequest"))
            return _Sent(await asyncio.to_thread(_batch, graph, version, requests))
        if request.method != "GET":
            graph.refused.append(f"{request.method} {path}")
            return _Sent(_error(405, "MethodNotAllowed"))
        full = "odata.metadata=full" in request.headers.get("Accept", "")
        return _Sent(await asyncio.to_thread(answer, graph, version, path, full=full))

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", endpoint, methods=methods)])


def _error(number: int, code: str) -> Answer:
    made = Answer("")
    status(number, code=code)(made)
    return made


@contextmanager
def serving(tenant: Tenant | None = None, **options: Any) -> Iterator[StandIn]:
    """A stand-in on a port of its own, in a thread of its own, until the block ends."""
    graph = StandIn(tenant or Tenant(), **options)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(application(graph), port=0, log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    graph.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield graph
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
