"""The public keys of an OpenID Connect issuer: found by its discovery document, kept, and asked for again."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

log = structlog.get_logger("atlas.oidc")

DISCOVERY = "/.well-known/openid-configuration"

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SECONDS_FOR_BOTH = 5.0
_LARGEST_DOCUMENT = 256 * 1024
_MOST_KEYS = 100
_RSA_BITS = range(2048, 8192 + 1)
_LONGEST_NUMBER = 2048

# What a key may verify follows from what it is, and never from what a token says.
_ALGORITHMS: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
}
ALGORITHMS = frozenset(name for names in _ALGORITHMS.values() for name in names)

_TYPES: Mapping[str, tuple[type[RSAKey | ECKey | OKPKey], tuple[str, ...]]] = {
    "RSA": (RSAKey, ("n", "e")),
    "EC": (ECKey, ("crv", "x", "y")),
    "OKP": (OKPKey, ("crv", "x")),
}


class KeysUnavailableError(Exception):
    """The issuer's keys cannot be had. `reason` is a word for the log, and holds nothing of an answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of the issuer. Two are equal where their numbers are."""

    numbers: tuple[tuple[str, str], ...]
    key: RSAKey | ECKey | OKPKey = field(compare=False, repr=False)


KeyTable = Mapping[tuple[str, str], PublicKey]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """In seconds. An issuer that is down gives out no new tokens, so keeping its keys for longer serves nobody."""

    fresh: float = 3600
    kept: float = 6 * 3600
    between_fetches: float = 10


@dataclass(eq=False, slots=True)
class IssuerKeys:
    """The keys of one issuer, for the tokens of one process. `clock` counts seconds and never goes back."""

    issuer: str
    lifetimes: Lifetimes = Lifetimes()
    clock: Callable[[], float] = time.monotonic
    _table: KeyTable = field(default_factory=dict)
    _fetched: float = -float("inf")
    _tried: float = -float("inf")
    _fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> PublicKey | None:
        """The key of that id, if it may verify that algorithm; None where the issuer publishes none.

        Asks the issuer where the keys have aged, or this one is new; callers share one fetch, and there is a pause
        between two. Raises `KeysUnavailableError` where the issuer has not answered for too long.
        """
        found = self._table.get((kid, algorithm))
        if found is None or self._age > self.lifetimes.fresh:
            await self._renew(wait=found is None or self._age > self.lifetimes.kept)
            found = self._table.get((kid, algorithm))
        if self._age > self.lifetimes.kept:
            raise KeysUnavailableError("unanswered")
        return found

    @property
    def _age(self) -> float:
        return self.clock() - self._fetched

    async def _renew(self, *, wait: bool) -> None:
        """Starts a fetch, unless the last is recent; joins one that is under way only where told to `wait`."""
        if self._fetching is None or self._fetching.done():
            if self.clock() - self._tried < self.lifetimes.between_fetches:
                return
            self._tried = self.clock()
            self._fetching = asyncio.create_task(self._fetch())
        elif not wait:
            return
        # A caller that goes away must not take the fetch of the others with it.
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            self._table = await fetch_keys(self.issuer)
        except KeysUnavailableError as error:
            log.warning("oidc.keys_unavailable", reason=error.reason)
        except Exception as error:  # noqa: BLE001
            log.warning("oidc.keys_unavailable", reason="failed", error=type(error).__name__)
        else:
            self._fetched = self.clock()
            log.info("oidc.keys", count=len({kid for kid, _ in self._table}))


async def fetch_keys(issuer: str) -> KeyTable:
    """What the issuer publishes now, by key id and algorithm. Raises `KeysUnavailableError`."""
    try:
        # Time-outs of httpx are for each read, and an issuer could drip.
        async with asyncio.timeout(_SECONDS_FOR_BOTH), httpx.AsyncClient(follow_redirects=False) as client:
            discovered = await _document(client, issuer.rstrip("/") + DISCOVERY)
            if discovered.get("issuer") != issuer:
                raise KeysUnavailableError("other_issuer")
            url = discovered.get("jwks_uri")
            if not isinstance(url, str) or not fetchable(url, loopback=on_loopback(issuer)):
                raise KeysUnavailableError("jwks_uri")
            jwks = (await _document(client, url)).get("keys")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
        raise KeysUnavailableError("unreachable") from error
    if not isinstance(jwks, list):
        raise KeysUnavailableError("malformed")
    return read_keys(jwks[:_MOST_KEYS])


def read_keys(jwks: list[Any]) -> KeyTable:
    """The keys that can verify a token. What is of another kind, for another use, or no key at all, is passed over."""
    table: dict[tuple[str, str], PublicKey] = {}
    for jwk in jwks:
        algorithms = _algorithms(jwk)
        key = _read_key(jwk) if algorithms else None
        if key is not None:
            for algorithm in algorithms:
                table.setdefault((jwk["kid"], algorithm), key)
    return table


def fetchable(url: str, *, loopback: bool) -> bool:
    """True of an https URL, and of an http URL of this machine where `loopback` says so. No user, no fragment."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or " " in url or parts.fragment or "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback and host in _LOOPBACK)


def on_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def _algorithms(jwk: Any) -> tuple[str, ...]:
    """What the key may verify: nothing, where its issuer made it for something else."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not isinstance(jwk.get("kty"), str):
        return ()
    use, curve, only = (jwk.get(name) for name in ("use", "crv", "alg"))
    operations = jwk.get("key_ops")
    if not all(value is None or isinstance(value, str) for value in (use, curve, only)) or use not in {None, "sig"}:
        return ()
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return ()
    return tuple(name for name in _ALGORITHMS.get((jwk["kty"], curve), ()) if only in {None, name})


def _read_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    """Only the public numbers are read: a private part or an address that stands beside them is of no use here."""
    made, names = _TYPES[jwk["kty"]]
    numbers = {name: str(value) for name in names if isinstance(value := jwk.get(name), str)}
    if len(numbers) < len(names) or any(len(number) > _LONGEST_NUMBER for number in numbers.values()):
        return None
    try:
        key = made.import_key({"kty": str(jwk["kty"]), **numbers})
    except (JoseError, ValueError, TypeError, Warning):
        return None
    if isinstance(key, RSAKey) and key.raw_value.key_size not in _RSA_BITS:
        return None
    return PublicKey(tuple(numbers.items()), key)


async def _document(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != httpx.codes.OK:
            raise KeysUnavailableError("status")
        body = bytearray()
        # Raw, since a compressed answer could unfold into far more than was counted.
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _LARGEST_DOCUMENT:
                raise KeysUnavailableError("too_large")
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise KeysUnavailableError("malformed") from error
    if not isinstance(document, dict):
        raise KeysUnavailableError("malformed")
    return document
