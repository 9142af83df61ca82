"""The last thing before the network: only what reads leaves, only to Graph, and only there the token is added."""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
import orjson

from atlas.sources.graph.errors import RefusedRequestError

Token = Callable[[], Awaitable[str]]
LONGEST_BATCH: Final = 20

_VERSIONS = ("/beta/", "/v1.0/")
_BATCH = re.compile(r"/(?:beta|v1\.0)/\$batch")
_RELATIVE = re.compile(r"/(?!/)[!-~]*")
_PORTS = {"https": 443, "http": 80}


class GuardedTransport(httpx.AsyncBaseTransport):
    """Lets GET pass, and POST of a `$batch` that holds nothing but GET; everything else raises RefusedRequestError.

    Scheme, host and port must be those of `base_url`. The token is asked for after that, so that it can go nowhere
    else, whatever a link in an answer says.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, base_url: str, token: Token) -> None:
        self._inner = inner
        self._origin = origin_of(base_url)
        self._token = token

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _check(request, self._origin)
        request.headers["Authorization"] = f"Bearer {await self._token()}"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _check(request: httpx.Request, origin: tuple[str, str, int]) -> None:
    url = request.url
    if (url.scheme, url.host.lower(), url.port or _PORTS.get(url.scheme)) != origin or url.userinfo:
        raise RefusedRequestError("A request to another host than Microsoft Graph was refused.")
    if any(name.lower().startswith("x-http-method") or name.lower() == "authorization" for name in request.headers):
        raise RefusedRequestError("A request with a header that changes what it is was refused.")
    if not request.url.path.startswith(_VERSIONS):
        raise RefusedRequestError("A request to another path than a version of Microsoft Graph was refused.")
    if request.method == "GET":
        return
    if request.method != "POST" or not _BATCH.fullmatch(request.url.path) or not _reads_only(request):
        raise RefusedRequestError("A request that does more than read was refused.")


def _reads_only(request: httpx.Request) -> bool:
    """Is the body a `$batch` of 1 to 20 requests of which each is a GET of a relative address, without a body?"""
    try:
        body = orjson.loads(request.content)
    except (httpx.RequestNotRead, orjson.JSONDecodeError):
        return False
    items = body.get("requests") if isinstance(body, dict) and body.keys() == {"requests"} else None
    return isinstance(items, list) and 0 < len(items) <= LONGEST_BATCH and all(map(_reads, items))


def _reads(item: object) -> bool:
    return (
        isinstance(item, dict)
        and item.keys() <= {"id", "method", "url", "headers"}
        and item.get("method") == "GET"
        and isinstance(item.get("headers", {}), dict)
        and item.get("headers", {}).keys() <= {"Accept"}
        and isinstance(item.get("url"), str)
        and _RELATIVE.fullmatch(item["url"]) is not None
    )


def origin_of(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an address. Raises RefusedRequestError where it is none, or holds a user name."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise RefusedRequestError("An address that is no HTTP address was refused.") from None
    if not parts.hostname or "@" in parts.netloc:
        raise RefusedRequestError("An address without a host, or with a user name, was refused.")
    return parts.scheme, parts.hostname.lower(), port
