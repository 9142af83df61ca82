"""The client of Microsoft Graph: pages to their end, batches item by item, retries, budgets and bounds."""

import asyncio
import hashlib
import ipaddress
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import orjson
import stamina

from atlas.sources.graph.answers import Body, Collection, body_of, collection_of, error_of, malformed
from atlas.sources.graph.batches import answers_of, is_open, raise_if_open
from atlas.sources.graph.budget import Budget
from atlas.sources.graph.contracts import Family, Version
from atlas.sources.graph.errors import GraphError, RefusedRequestError
from atlas.sources.graph.transport import LONGEST_BATCH, GuardedTransport, Token, origin_of

# With its full metadata Graph names the type of every object, as the export tools have it: without, hashes differ.
ACCEPT: Final = "application/json;odata.metadata=full"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a client. Times are in seconds.

    `attempts` is how often a request is sent in all; between two, `Retry-After` is waited where Graph gives it and
    it is no more than `longest_wait`, else from `first_wait` on twice as long each time; plus up to `jitter`.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 120.0
    jitter: float = 1.0
    connect: float = 10.0
    read: float = 60.0
    whole: float = 180.0
    concurrency: int = 4
    answer_bytes: int = 64 * 1024 * 1024
    pages: int = 10_000


@dataclass(slots=True)
class Counts:
    """What a client did: requests by family (each item of a batch is one), and what it had to wait for.

    `retries` are requests sent again, a batch being one; `throttled` answers of status 429; `waits` and
    `seconds_waited` are what the budgets took.
    """

    requests: Counter[str] = field(default_factory=Counter)
    round_trips: int = 0
    retries: int = 0
    throttled: int = 0
    waits: int = 0
    seconds_waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Get:
    """A request. `path` is below the version, without a slash before it, with its query."""

    path: str
    version: Version = "beta"
    family: Family = Family.INTUNE


@dataclass(eq=False, slots=True)
class GraphClient:
    """Made by `open_client`. It only reads."""

    http: httpx.AsyncClient
    base_url: str
    budget: Budget
    limits: Limits
    counts: Counts = field(default_factory=Counts)
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.limits.concurrency)

    async def get(self, request: Get) -> Body:
        """The JSON object that answers. Raises GraphError."""
        return await self._read(self._url(request), request.family)

    async def pages(self, request: Get) -> AsyncIterator[Collection]:
        """The pages of a collection, to the end. Raises GraphError for a page that cannot be read."""
        first = collection_of(await self.get(request))
        yield first
        async for page in self.pages_after(first.next_link, request.family):
            yield page

    async def pages_after(self, link: str | None, family: Family) -> AsyncIterator[Collection]:
        """The pages that a link leads to. One to another host, or to where it has been, is never followed."""
        seen: set[bytes] = set()
        while link is not None:
            self._check_link(link, seen)
            page = collection_of(await self._read(link, family))
            yield page
            link = page.next_link

    async def batch(self, requests: Sequence[Get]) -> list[Body | GraphError]:
        """The answer to each request, in their order, twenty sent at a time: an error is that of the one item.

        All are of one version and family. Items that may succeed later are sent again, and nothing else is. What Graph
        counts is the item, so that fewer are sent at a time where fewer may leave at once.
        """
        size = min(LONGEST_BATCH, self.budget.of(requests[0].family).rate.burst) if requests else LONGEST_BATCH
        parts = [requests[begin : begin + size] for begin in range(0, len(requests), size)]
        under_way = [asyncio.ensure_future(self._batch(part)) for part in parts]
        try:
            return [answer for answers in await asyncio.gather(*under_way) for answer in answers]
        finally:
            # Only where one of them could not even be asked, as without a token: nothing may be sent after that.
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _batch(self, requests: Sequence[Get]) -> list[Body | GraphError]:
        answers: dict[int, Body | GraphError] = {}
        try:
            async for attempt in self._attempts():
                with attempt:
                    self.counts.retries += attempt.num > 1
                    again = [index for index in range(len(requests)) if is_open(answers.get(index))]
                    answers |= await self._send_batch({index: requests[index] for index in again})
                    raise_if_open(answers)
        except GraphError as error:
            for index in range(len(requests)):
                answers.setdefault(index, error)
        return [answers[index] for index in range(len(requests))]

    async def _send_batch(self, requests: Mapping[int, Get]) -> dict[int, Body | GraphError]:
        first = next(iter(requests.values()))
        items = [
            {"id": str(index), "method": "GET", "url": f"/{request.path}", "headers": {"Accept": ACCEPT}}
            for index, request in requests.items()
        ]
        data = await self._send(
            "POST",
            f"{self.base_url}/{first.version}/$batch",
            first.family,
            orjson.dumps({"requests": items}),
            len(items),
        )
        answers = answers_of(await body_of(data), requests)
        for answer in answers.values():
            await self._heed(answer, first.family)
        return answers

    async def _read(self, url: str, family: Family) -> Body:
        async for attempt in self._attempts():
            with attempt:
                self.counts.retries += attempt.num > 1
                return await body_of(await self._send("GET", url, family))
        raise AssertionError("an attempt either returns or raises")

    def _attempts(self) -> Any:
        def wait(error: Exception) -> bool | float:
            if not isinstance(error, GraphError) or not error.again:
                return False
            if error.retry_after is None:
                return True
            if error.retry_after > self.limits.longest_wait:
                return False
            return error.retry_after + random.uniform(0, self.limits.jitter)  # noqa: S311

        return stamina.retry_context(
            on=wait,
            attempts=self.limits.attempts,
            timeout=None,
            wait_initial=self.limits.first_wait,
            wait_max=self.limits.longest_wait,
            wait_jitter=self.limits.jitter,
        )

    async def _send(
        self, method: str, url: str, family: Family, content: bytes | None = None, number: int = 1
    ) -> bytes:
        """The body of an answer of status 200. Raises GraphError for every other way that it can end."""
        try:
            # The place comes first, so that what the budget has let go leaves at once.
            async with self._slots, self.budget.of(family).leave(number) as waited:
                self._count(family, number, waited)
                async with asyncio.timeout(self.limits.whole):
                    return await self._exchange(method, url, content)
        except (httpx.TimeoutException, TimeoutError):
            raise GraphError("TIMED_OUT", "Graph took too long to answer. Sync again later.", again=True) from None
        except httpx.TransportError:
            message = "The connection to Graph broke off or was not made. Check the network and sync again."
            raise GraphError("CONNECTION_LOST", message, again=True) from None
        except httpx.RequestError:
            raise malformed("Its encoding is broken.") from None
        except (RefusedRequestError, httpx.InvalidURL):
            raise _strange_link() from None
        except GraphError as error:
            await self._heed(error, family)
            raise

    def _count(self, family: Family, number: int, waited: float) -> None:
        self.counts.waits += waited > 0
        self.counts.seconds_waited += waited
        self.counts.requests[family] += number
        self.counts.round_trips += 1

    async def _exchange(self, method: str, url: str, content: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"} if content else {}
        async with self.http.stream(method, url, content=content, headers=headers) as response:
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > self.limits.answer_bytes:
                    message = f"An answer of Graph has more than {self.limits.answer_bytes:,} bytes, which is not read."
                    raise GraphError("ANSWER_TOO_LARGE", message, status=response.status_code)
        if response.status_code == 200:
            return bytes(data)
        raise error_of(response.status_code, response.headers, bytes(data))

    async def _heed(self, answer: Body | GraphError, family: Family) -> None:
        """What Graph says of its load holds for all requests of the family."""
        if isinstance(answer, GraphError) and answer.status == 429:
            self.counts.throttled += 1
            await self.budget.of(family).pause(min(answer.retry_after or 0.0, self.limits.longest_wait))

    def _url(self, request: Get) -> str:
        return f"{self.base_url}/{request.version}/{request.path}"

    def _check_link(self, link: str, seen: set[bytes]) -> None:
        digest = hashlib.blake2b(link.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in seen or len(seen) >= self.limits.pages:
            raise GraphError("PAGES_WITHOUT_END", "The pages of Graph lead in a circle, or have no end. Sync again.")
        seen.add(digest)
        try:
            same = origin_of(link) == origin_of(self.base_url)
        except RefusedRequestError:
            same = False
        if not same:
            raise _strange_link()


def _strange_link() -> GraphError:
    message = "A link to the next page leads to another place than Microsoft Graph. It was not followed."
    return GraphError("STRANGE_LINK", message)


@asynccontextmanager
async def open_client(
    base_url: str, token: Token, *, budget: Budget | None = None, limits: Limits | None = None
) -> AsyncIterator[GraphClient]:
    """A client of the Graph at `base_url` (`https://graph.microsoft.com`, or that of a national cloud).

    `token` is asked for the bearer token at each request; `budget` is that of the tenant, shared by all its clients.
    """
    limits = limits or Limits()
    base_url = base_url.rstrip("/")
    _require_https(base_url)
    bounds = httpx.Limits(max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency)
    inner = httpx.AsyncHTTPTransport(http2=True, limits=bounds, proxy=_proxy(base_url))
    timeout = httpx.Timeout(limits.read, connect=limits.connect, pool=None)
    async with httpx.AsyncClient(
        transport=GuardedTransport(inner, base_url, token),
        timeout=timeout,
        headers={"Accept": ACCEPT},
        follow_redirects=False,
    ) as http:
        yield GraphClient(http, base_url, budget or Budget(), limits)


def _require_https(base_url: str) -> None:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise RefusedRequestError("Microsoft Graph is asked over https.")


def _proxy(base_url: str) -> str | None:
    """The proxy that the environment names. What is asked over http is of this machine, and goes through none."""
    parts = urlsplit(base_url)
    return None if parts.scheme == "http" or proxy_bypass(parts.hostname or "") else getproxies().get("https")
