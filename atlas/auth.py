"""From a bearer token to a principal, over HTTP and over WebSocket."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from atlas import access
from atlas.access import Principal
from atlas.oidc import TokenRefusedError, TrustedIssuer, sign_in
from atlas.store.database import Database

log = structlog.get_logger("atlas.auth")

# A token in a URL ends up in logs, histories and referrers, so it is refused there, whatever it is worth.
URL_PARAMETERS = frozenset({"token", "access_token", "authorization"})


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A principal and the token that vouched for it, kept so that a long-lived stream can ask again."""

    db: Database
    token: str
    principal: Principal
    issuer: TrustedIssuer | None = None

    @property
    def seconds_left(self) -> float | None:
        """Until the token expires; None where it does not."""
        if self.principal.expires_at is None:
            return None
        return (self.principal.expires_at - datetime.now(UTC)).total_seconds()

    @property
    def expired(self) -> bool:
        return self.seconds_left is not None and self.seconds_left <= 0

    async def holds(self) -> bool:
        """False once the token has expired or was revoked."""
        return not self.expired and await identify(self.db, self.token, self.issuer) is not None


async def open_session(db: Database, token: str | None, issuer: TrustedIssuer | None = None) -> Session | None:
    """None where there is no token, or it vouches for nobody."""
    if token is None:
        return None
    principal = await identify(db, token, issuer)
    return None if principal is None else Session(db, token, principal, issuer)


async def identify(db: Database, token: str, issuer: TrustedIssuer | None = None) -> Principal | None:
    """Whom the token vouches for. Its first letters tell whose it is: no token is tried as both kinds."""
    if token.startswith(access.PREFIX):
        return await access.authenticate(db, token)
    try:
        return await sign_in(issuer, db, token)
    except TokenRefusedError as refused:
        log.info("auth.refused", reason=refused.reason.value)
        return None


def bearer(header: str | None) -> str | None:
    """The token of an `Authorization: Bearer ...` header, or None."""
    scheme, _, token = (header or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        return None
    return token


def token_of_payload(payload: Mapping[str, object]) -> str | None:
    """The token of a `connection_init` payload: `{"authorization": "Bearer ..."}` or `{"token": "..."}`."""
    for key, value in payload.items():
        if isinstance(value, str) and key.lower() == "authorization":
            return bearer(value)
    token = payload.get("token")
    return bearer(f"Bearer {token}") if isinstance(token, str) else None
