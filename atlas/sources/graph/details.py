"""Completes the objects of a page with what their list left out, and reads again what changed meanwhile."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from atlas.sources.graph.answers import Body, collection_of, malformed
from atlas.sources.graph.client import Get, GraphClient
from atlas.sources.graph.contracts import Call, Contract, Promise
from atlas.sources.graph.errors import GraphError

ROUNDS: Final = 5
"""How often an object is read that keeps changing, before its type is given up for this run."""

# Graph has nothing there.
_NO_CONTENT = 204
_NESTED = re.compile(r"\([^)]*\)")
_NAME = re.compile(r"(?<!\$)\b\w+")


@dataclass(slots=True)
class Completed:
    """An object while it is completed. `truncated` says what it promised and was not read, where there is such."""

    identity: str
    body: Body
    stamp: Any
    read_whole: bool
    truncated: str | None = None
    called: frozenset[str] = frozenset()
    parts: dict[str, list[Body]] = field(default_factory=dict)
    moved: bool = False
    done: bool = False


async def complete(client: GraphClient, contract: Contract, path: str, listed: Sequence[Body]) -> list[Completed]:
    """The objects of one page, each with all that its contract names. Raises GraphError where that cannot be had."""
    expanded = _named(contract.expand)
    bodies = [await _to_the_end(client, contract, body, expanded) for body in listed]
    objects = [
        Completed(_identity(contract, body), body, body.get(contract.moved), contract.detailed) for body in bodies
    ]
    for _ in range(ROUNDS):
        waiting = [one for one in objects if not one.done]
        if not waiting:
            return objects
        await _round(client, contract, path, waiting)
    if all(one.done for one in objects):
        return objects
    message = "An object of it changed each time that it was read. Sync again later."
    raise GraphError("CHANGED_WHILE_READ", message)


async def still_there(client: GraphClient, contract: Contract, identities: Sequence[str]) -> frozenset[str]:
    """Those of the objects that Graph still has, asked one by one: a list that moves under its pages may lose one.

    Raises GraphError where that cannot be told of one of them.
    """
    asked = [(identity, path) for identity in identities for path in contract.paths]
    select = f"$select={contract.identity}"
    answers = await client.batch([_get(contract, f"{path}/{_quoted(one)}", select) for one, path in asked])
    for answer in answers:
        if isinstance(answer, GraphError) and answer.code != "NOT_FOUND":
            raise answer
    return frozenset(one for (one, _), answer in zip(asked, answers, strict=True) if not isinstance(answer, GraphError))


def expanded_at_root(contract: Contract) -> tuple[str, ...]:
    """The collections of an object that its list is asked to expand."""
    return tuple(_NAME.findall(_NESTED.sub("", contract.expand)))


async def _round(client: GraphClient, contract: Contract, path: str, objects: Sequence[Completed]) -> None:
    """One reading of each object's parts; those that are not whole, or not of one moment, stay undone.

    The object itself is asked last: while it tells of no change since it was listed, nothing called for in between has
    changed either.
    """
    calls: list[tuple[Completed, Call, Get]] = []
    for one in objects:
        # What its list told of an object that changed since is not asked whether it keeps a promise.
        promises = contract.promises if one.moved else _broken(contract, one)
        wanted = {call.name: call for call in (*contract.calls, *(promise.call for promise in promises))}
        one.called = frozenset(wanted)
        for call in wanted.values():
            request = _get(contract, f"{path}/{_quoted(one.identity)}/{call.name}", call.query)
            calls.append((one, call, request))
    answers = await _answers(client, [request for _, _, request in calls])
    for (one, call, request), body in zip(calls, answers, strict=True):
        one.parts[call.name] = await _rows(client, contract, request, call, body)
    asked = [one for one in objects if one.read_whole or (one.parts and one.stamp is not None)]
    expanded = _named(contract.expand)
    heads = [
        await _to_the_end(client, contract, head, expanded)
        for head in await _answers(client, [_head(contract, path, one) for one in asked])
    ]
    by_object = {id(one): head for one, head in zip(asked, heads, strict=True)}
    for one in objects:
        _take(contract, one, by_object.get(id(one)))


def _head(contract: Contract, path: str, one: Completed) -> Get:
    query = contract.detail if one.read_whole else f"$select={contract.identity},{contract.moved}"
    return _get(contract, f"{path}/{_quoted(one.identity)}", query)


def _take(contract: Contract, one: Completed, head: Body | None) -> None:
    parts, one.parts = one.parts, {}
    if head is not None:
        if one.read_whole:
            one.body = {**one.body, **head}
        if (stamp := head.get(contract.moved)) != one.stamp:
            # What was called for belongs to another moment than the object.
            one.stamp, one.read_whole, one.moved = stamp, not one.read_whole, True
            return
        one.read_whole = False
    one.body = {**one.body, **parts}
    broken = _broken(contract, one)
    one.done = all(promise.call.name in one.called for promise in broken)
    if one.done:
        one.truncated = next((told for promise in broken if (told := _told(one, promise))), None)


def _broken(contract: Contract, one: Completed) -> list[Promise]:
    """The promises that the object does not keep as it is."""
    return [promise for promise in contract.promises if not _is_kept(promise, one.body)]


def _is_kept(promise: Promise, body: Body) -> bool:
    says, found, below = body.get(promise.says), body.get(promise.call.name), promise.call.each
    rows = found if isinstance(found, list) else []
    if below is not None and not all(row.get(below.name) for row in rows):
        return False
    if isinstance(says, bool):
        return bool(rows) or not says
    return len(rows) == says if isinstance(says, int) else bool(rows)


def _told(one: Completed, promise: Promise) -> str | None:
    says, held = one.body.get(promise.says), len(one.body.get(promise.call.name) or ())
    # That something is assigned is told late; how many there are is told with the object.
    if not isinstance(says, int) or isinstance(says, bool):
        return None
    return f"It tells of {says} {promise.call.name}, and {held} were read."


async def _rows(client: GraphClient, contract: Contract, request: Get, call: Call, body: Body) -> list[Body]:
    """All rows of a collection whose first page was answered, each with what is below it."""
    page = collection_of(body)
    rows = list(page.values)
    async for more in client.pages_after(page.next_link, contract.family):
        rows += more.values
    base = request.path.partition("?")[0]
    for name in _expanded(call.query):
        rows = await _with_the_one(client, contract, base, name, rows)
    if call.each is None:
        return rows
    below = call.each
    requests = [_get(contract, f"{base}/{_quoted(_identity(contract, row))}/{below.name}", below.query) for row in rows]
    answers = await _answers(client, requests)
    return [
        {**row, below.name: await _rows(client, contract, asked, below, answer)}
        for row, asked, answer in zip(rows, requests, answers, strict=True)
    ]


async def _with_the_one(
    client: GraphClient, contract: Contract, base: str, name: str, rows: Sequence[Body]
) -> list[Body]:
    """The rows, each with the object that was expanded under this name: asked for by itself where it did not come."""
    without = [row for row in rows if not row.get(name)]
    requests = [_get(contract, f"{base}/{_quoted(_identity(contract, row))}/{name}", "") for row in without]
    answers = await client.batch(requests)
    found: dict[int, Body] = {}
    for row, answer in zip(without, answers, strict=True):
        if not isinstance(answer, GraphError):
            found[id(row)] = {name: answer}
        elif answer.status != _NO_CONTENT:
            raise answer
    return [{**row, **found.get(id(row), {})} for row in rows]


async def _answers(client: GraphClient, requests: Sequence[Get]) -> list[Body]:
    """The answers to all requests. Raises the error of the first that has none: each item is judged on its own."""
    answers = await client.batch(requests)
    found = [answer for answer in answers if not isinstance(answer, GraphError)]
    for answer in answers:
        if isinstance(answer, GraphError):
            raise answer
    return found


async def _to_the_end(client: GraphClient, contract: Contract, body: Body, expanded: Iterable[str]) -> Body:
    """The object with the rest of every expanded collection that Graph cut into pages."""
    whole = dict(body)
    for name in expanded:
        if not isinstance(body.get(name), list):
            continue
        page = collection_of(body, name)
        rows = list(page.values)
        async for more in client.pages_after(page.next_link, contract.family):
            rows += more.values
        whole[name] = [await _to_the_end(client, contract, row, expanded) for row in rows]
    return whole


def _expanded(query: str) -> list[str]:
    """The names that a query expands."""
    told = next((part for part in query.split("&") if part.startswith("$expand=")), "")
    return _NAME.findall(told.removeprefix("$expand="))


def _named(query: str) -> frozenset[str]:
    """The names in a query, at any depth: those of what it expands among them."""
    return frozenset(_NAME.findall(query))


def _get(contract: Contract, path: str, query: str) -> Get:
    return Get(f"{path}?{query}" if query else path, contract.version, contract.family)


def _identity(contract: Contract, body: Body) -> str:
    identity = body.get(contract.identity)
    if not isinstance(identity, str) or not 0 < len(identity) <= 256 or not identity.isprintable():
        raise malformed("An object in it has no id.")
    return identity


def _quoted(identity: str) -> str:
    return quote(identity, safe="")
