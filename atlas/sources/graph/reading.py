"""Reads one item type of a tenant, page by page, and tells how far it was read. It keeps no more than a page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from atlas.domain.vocabulary import CoverageStatus
from atlas.sources.graph.answers import Body, Collection, collection_of
from atlas.sources.graph.client import Get, GraphClient
from atlas.sources.graph.contracts import Contract
from atlas.sources.graph.details import Completed, complete
from atlas.sources.graph.errors import GraphError
from atlas.sources.model import SourceObject, UnitReading

TOGETHER: Final = 50
"""How many objects are completed and handed over together: a page of scripts without their bodies may be long."""

# How Graph refuses an option of a query that a collection does not take: some of Intune's break over it.
_REFUSED_OPTION: Final = frozenset({400, 500, 501})

Emit = Callable[[Sequence[SourceObject]], Awaitable[None]]


@dataclass(slots=True)
class _Seen:
    """What was read of a type so far. `begun` is false as long as not even its first page was.

    `counted` is how many of its collections were read to their end and told how many objects they have. Where one of
    them refused to, none is asked again: `takes_count`.
    """

    observed: int = 0
    counted: int = 0
    takes_count: bool = True
    expected: int = 0
    truncated: str | None = None
    begun: bool = False


async def read_type(client: GraphClient, contract: Contract, *, emit: Emit) -> UnitReading:
    """Hands all objects of the type to `emit`, a page or a part of it at a time; returns how far the type was read.

    Only a COMPLETE type may have its missing objects called removed: after any other ending, what was handed over is a
    part of the type. Raises what `emit` raises, and nothing of Graph's.
    """
    seen = _Seen()
    try:
        for path in contract.paths:
            await _read_path(client, contract, path, seen, emit)
    except GraphError as error:
        status, code, message = status_of(error, contract, begun=seen.begun)
        return _unit(contract, seen, status, code, message)
    if seen.truncated is not None:
        return _unit(contract, seen, CoverageStatus.TRUNCATED, "SETTINGS_TRUNCATED", seen.truncated)
    if seen.expected > seen.observed:
        message = f"Graph tells of {seen.expected} objects and listed {seen.observed}. Sync again."
        return _unit(contract, seen, CoverageStatus.TRUNCATED, "LIST_TRUNCATED", message)
    return _unit(contract, seen, CoverageStatus.COMPLETE, None, None)


async def _read_path(client: GraphClient, contract: Contract, path: str, seen: _Seen, emit: Emit) -> None:
    before, count = seen.observed, None
    async for page in _pages(client, contract, path, seen):
        seen.begun = True
        count = page.count if count is None else count
        for begin in range(0, len(page.values), TOGETHER):
            completed = await complete(client, contract, path, page.values[begin : begin + TOGETHER])
            if seen.truncated is None:
                seen.truncated = next((_cut(path, one) for one in completed if one.truncated), None)
            seen.observed += len(completed)
            await emit([_source_object(contract, path, one.body) for one in completed])
    # Some collections count the page and not the whole, so only more than came says something.
    seen.counted += count is not None
    seen.expected += max(count or 0, seen.observed - before)


async def _pages(client: GraphClient, contract: Contract, path: str, seen: _Seen) -> AsyncIterator[Collection]:
    asked = contract if seen.takes_count else replace(contract, counted=False)
    first, seen.takes_count = await first_page(client, asked, path)
    yield first
    async for page in client.pages_after(first.next_link, contract.family):
        yield page


async def first_page(client: GraphClient, contract: Contract, path: str) -> tuple[Collection, bool]:
    """The first page of a collection, asked for with its count, and whether that could be asked for.

    A collection that does not count is asked once more without. Raises GraphError.
    """
    if contract.counted:
        try:
            return collection_of(await client.get(list_of(contract, path))), True
        except GraphError as error:
            if error.code == "UNLICENSED" or error.status not in _REFUSED_OPTION:
                raise
    return collection_of(await client.get(list_of(replace(contract, counted=False), path))), False


def list_of(contract: Contract, path: str) -> Get:
    """The request for the first page of a collection."""
    query = {
        "$expand": contract.expand,
        "$select": contract.select,
        "$top": str(contract.page_size or ""),
        "$count": "true" if contract.counted else "",
    }
    told = "&".join(f"{name}={value}" for name, value in query.items() if value)
    return Get(f"{path}?{told}" if told else path, contract.version, contract.family)


def status_of(error: GraphError, contract: Contract, *, begun: bool = False) -> tuple[CoverageStatus, str, str]:
    """What an error says of a type: status, code and message. `begun`: a page of the type could be read already."""
    if error.code == "UNLICENSED":
        message = f"{error.message} It takes {contract.licence}."
        return CoverageStatus.UNLICENSED, error.code, message
    if error.status == 403:
        message = f"{error.message} Grant the application {contract.permission}, with the consent of an administrator."
        return contract.forbidden, error.code, message
    if error.status == 404 and not begun:
        message = f"{error.message} The tenant may have no licence for it: it takes {contract.licence}."
        return contract.missing, error.code, message
    return CoverageStatus.FAILED, error.code, error.message


def _source_object(contract: Contract, path: str, body: Body) -> SourceObject:
    external_id = body[contract.identity]
    return SourceObject(contract.item_type, external_id, body, f"{contract.version}/{path}/{external_id}")


def _cut(path: str, one: Completed) -> str:
    return f"{path}/{one.identity}: {one.truncated} Sync again."


def _unit(
    contract: Contract, seen: _Seen, status: CoverageStatus, code: str | None, message: str | None
) -> UnitReading:
    # Where not every collection told how many it has, the sum is of a part: worth telling where even that was not met.
    told = seen.counted == len(contract.paths) or code == "LIST_TRUNCATED"
    expected = seen.expected if told else None
    return UnitReading(contract.item_type, status, seen.observed, expected, contract.version, code, message)
