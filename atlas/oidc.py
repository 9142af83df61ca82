"""Bearer tokens of an OpenID Connect issuer: what one must be to be believed, and whom it then stands for."""

import base64
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from atlas import access
from atlas.access import Principal
from atlas.domain.errors import OperatorError
from atlas.jwks import ALGORITHMS, IssuerKeys, KeysUnavailableError, PublicKey, fetchable
from atlas.store.database import Database

LONGEST_TOKEN = 16 * 1024
LEEWAY_SECONDS = 60

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# Each of these says where else a key may be found, or that the token is to be read in another way.
_REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "cty", "zip", "enc"})
_YEAR_10000 = 253_402_300_800
_LONGEST_SUBJECT = 255
_LONGEST_NAME = 200
_NAMES = ("name", "preferred_username")
_MOST_REMEMBERED = 4096

K = TypeVar("K")
V = TypeVar("V")


class Reason(StrEnum):
    """Why a token was refused: the one thing about it that is logged, and nothing that the caller is told."""

    NO_ISSUER = "no_issuer"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    HEADER = "header"
    TYPE = "type"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    KEYS_UNAVAILABLE = "keys_unavailable"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    TIMES = "times"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SUBJECT = "subject"


class TokenRefusedError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Whom a token stands for. A subject is unique within its issuer; the name is for people, and never logged."""

    subject: str
    display_name: str
    expires_at: datetime


@dataclass(eq=False, slots=True)
class Recent(Generic[K, V]):
    """The values that were used last, `most` of them."""

    most: int = _MOST_REMEMBERED
    _values: OrderedDict[K, V] = field(default_factory=OrderedDict, repr=False)

    def get(self, key: K) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self.most:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature held, for as long as its issuer publishes the key that it held by."""

    kid: str
    algorithm: str
    key: PublicKey
    principal: Principal
    until: float


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """The one issuer whose tokens are believed, and what this process learned from it. It keeps hashes of tokens."""

    issuer: str
    audience: str
    keys: IssuerKeys
    principals: Recent[str, Principal] = field(default_factory=Recent)
    verified: Recent[bytes, Verified] = field(default_factory=Recent)


def trusted_issuer(issuer: str | None, audience: str | None) -> TrustedIssuer | None:
    """The issuer of the settings; None where none is set. Raises `OperatorError` where it could not be trusted."""
    if issuer is None and audience is None:
        return None
    if issuer is None or audience is None:
        missing = "ATLAS_OIDC_ISSUER" if issuer is None else "ATLAS_OIDC_AUDIENCE"
        raise OperatorError(
            "OIDC_INCOMPLETE",
            f"{missing} is not set.",
            "Set the issuer and the audience, so that no token made for another application is taken; or neither.",
        )
    # A host of this machine may go without TLS: nobody is between.
    if not fetchable(issuer, loopback=True) or set(issuer) & set("?{}"):
        raise OperatorError(
            "OIDC_ISSUER_UNUSABLE",
            "ATLAS_OIDC_ISSUER is no https URL of one issuer.",
            "Set it to the `issuer` of its discovery document, for Entra ID"
            " https://login.microsoftonline.com/<tenant id>/v2.0.",
        )
    return TrustedIssuer(issuer, audience, IssuerKeys(issuer))


async def sign_in(trusted: TrustedIssuer | None, db: Database, token: str) -> Principal:
    """The principal of a token that holds; made at their first sign-in, without memberships.

    `expires_at` is the token's. Raises `TokenRefusedError`.
    """
    if trusted is None:
        raise TokenRefusedError(Reason.NO_ISSUER)
    if len(token) > LONGEST_TOKEN:
        raise TokenRefusedError(Reason.TOO_LONG)
    digest = hashlib.sha256(token.encode()).digest()
    seen = trusted.verified.get(digest)
    if seen is not None and time.time() < seen.until and await _key(trusted, seen.kid, seen.algorithm) == seen.key:
        return seen.principal
    kid, algorithm, key, identity = await verify(trusted, token)
    principal = replace(await _principal(trusted, db, identity), expires_at=identity.expires_at)
    until = identity.expires_at.timestamp() + LEEWAY_SECONDS
    trusted.verified.put(digest, Verified(kid, algorithm, key, principal, until))
    return principal


async def verify(trusted: TrustedIssuer, token: str) -> tuple[str, str, PublicKey, Identity]:
    """The id, algorithm and key that the signature held by, and whom the token stands for.

    Claims are read first, so that a token of somebody else makes nobody ask the issuer for its key; what they say
    leaves this function only once the signature holds. Raises `TokenRefusedError`.
    """
    try:
        signed = jws.extract_compact(token.encode(), registry=_REGISTRY)
        segment = signed.segments["header"]
        # The library reads a header as lenient as any JSON; what it read is looked at again, strictly.
        kid, algorithm = check_header(strict_json(base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))))
        claims = strict_json(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefusedError(Reason.MALFORMED) from error
    identity = check_claims(claims, issuer=trusted.issuer, audience=trusted.audience, now=time.time())
    key = await _key(trusted, kid, algorithm)
    if key is None:
        raise TokenRefusedError(Reason.UNKNOWN_KEY)
    try:
        holds = jws.validate_compact(signed, key.key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        holds = False
    if not holds:
        raise TokenRefusedError(Reason.SIGNATURE)
    return kid, algorithm, key, identity


def check_header(header: Mapping[str, Any]) -> tuple[str, str]:
    """The key id and the algorithm that a header names. Headers that are not known here say nothing (RFC 7515, 4)."""
    if _REFUSED_HEADERS & header.keys():
        raise TokenRefusedError(Reason.HEADER)
    kid, algorithm, kind = header.get("kid"), header.get("alg"), header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenRefusedError(Reason.TYPE)
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefusedError(Reason.ALGORITHM)
    if not isinstance(kid, str) or not kid:
        raise TokenRefusedError(Reason.HEADER)
    return kid, algorithm


def check_claims(claims: Mapping[str, Any], *, issuer: str, audience: str, now: float) -> Identity:
    """Whom the claims stand for, where they are of this issuer, for this audience, at this time (Unix seconds)."""
    if claims.get("iss") != issuer:
        raise TokenRefusedError(Reason.ISSUER)
    audiences = claims.get("aud")
    if audiences != audience and not (isinstance(audiences, list) and audience in audiences):
        raise TokenRefusedError(Reason.AUDIENCE)
    expires, starts = _time(claims, "exp"), [_time(claims, name) for name in ("nbf", "iat") if name in claims]
    if now >= expires + LEEWAY_SECONDS:
        raise TokenRefusedError(Reason.EXPIRED)
    if any(now < start - LEEWAY_SECONDS for start in starts):
        raise TokenRefusedError(Reason.NOT_YET_VALID)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT or not _printable_ascii(subject):
        raise TokenRefusedError(Reason.SUBJECT)
    return Identity(subject, _display_name(claims) or subject, datetime.fromtimestamp(expires, UTC))


def strict_json(text: bytes) -> dict[str, Any]:
    """An object in UTF-8 in which no name stands twice: two readers could take different ones. Raises ValueError."""
    value = json.loads(text.decode(), object_pairs_hook=_distinct, parse_constant=_no_constant)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


class _Registry(JWSRegistry):
    """The algorithms allowed here, for headers of the length that issuers write."""

    max_header_length = 2048
    max_signature_length = 2048

    def get_alg(self, name: str) -> Any:
        """The library's own warns at each `EdDSA`, a name that issuers use and RFC 9864 replaces."""
        if name not in ALGORITHMS:
            raise TokenRefusedError(Reason.ALGORITHM)
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


async def _key(trusted: TrustedIssuer, kid: str, algorithm: str) -> PublicKey | None:
    try:
        return await trusted.keys.find(kid, algorithm)
    except KeysUnavailableError as error:
        raise TokenRefusedError(Reason.KEYS_UNAVAILABLE) from error


async def _principal(trusted: TrustedIssuer, db: Database, identity: Identity) -> Principal:
    known = trusted.principals.get(identity.subject)
    if known is None:
        known = await access.ensure_person(
            db, issuer=trusted.issuer, subject=identity.subject, display_name=identity.display_name
        )
        trusted.principals.put(identity.subject, known)
    return known


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _YEAR_10000:
        raise TokenRefusedError(Reason.TIMES)
    return value


def _display_name(claims: Mapping[str, Any]) -> str:
    """What people call them, in one line; empty where the token does not say."""
    for name in _NAMES:
        value = claims.get(name)
        if isinstance(value, str):
            shown = "".join(letter for letter in value if letter.isprintable()).strip()[:_LONGEST_NAME]
            if shown:
                return shown
    return ""


def _printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _no_constant(_name: str) -> Any:
    raise ValueError("no number")
