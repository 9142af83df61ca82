"""What the tests of OIDC tokens share: an application that trusts an issuer of theirs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import text
from structlog.testing import capture_logs

from atlas.jwks import IssuerKeys, Lifetimes
from atlas.oidc import TrustedIssuer
from atlas.store.database import Database
from tests.http.conftest import Server, serving
from tests.http.issuer import AUDIENCE, Issuer, SigningKey, running_issuer

VIEWER = """{ viewer { principal { id kind displayName } memberships(first: 5) { nodes { role } } }
    tenants(first: 5) { nodes { name } } }"""
REFUSED = {
    "message": "The token is unknown, has expired or was revoked. Use another one.",
    "extensions": {"code": "UNAUTHENTICATED"},
}


@dataclass(eq=False, slots=True)
class Clock:
    """Goes on when it is told to."""

    seconds: float = 1000

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class House:
    """An issuer, an application that trusts it, and the clock that its keys age by."""

    issuer: Issuer
    server: Server
    trusted: TrustedIssuer
    client: httpx.AsyncClient
    clock: Clock

    async def ask(self, token: str, query: str = VIEWER) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return await self.client.post(f"{self.server.url}/graphql", json={"query": query}, headers=headers)

    async def viewer(self, token: str) -> dict[str, Any]:
        response = await self.ask(token)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()["data"]
        return answer

    async def reason(self, token: str) -> str:
        """Why it is refused, by the one line of log; the caller is told the same of every token."""
        with capture_logs() as logs:
            response = await self.ask(token)
        assert (response.status_code, response.json()) == (401, {"errors": [REFUSED]}), response.text
        (line,) = [entry for entry in logs if entry["event"] == "auth.refused"]
        assert set(line) == {"event", "log_level", "reason"}
        assert token not in str(logs)
        return str(line["reason"])


@asynccontextmanager
async def signing_in(api: Database, *keys: SigningKey, lifetimes: Lifetimes = Lifetimes()) -> AsyncIterator[House]:  # noqa: B008
    async with running_issuer(*keys) as issuer:
        clock = Clock()
        trusted = TrustedIssuer(issuer.url, AUDIENCE, IssuerKeys(issuer.url, lifetimes, clock))
        async with serving(api, issuer=trusted) as server, httpx.AsyncClient(timeout=15) as client:
            yield House(issuer, server, trusted, client, clock)


async def principals(owner: Database, subject: str) -> int:
    async with owner.engine.connect() as connection:
        found = await connection.execute(
            text("select count(*) from atlas.principals where subject = :subject"), {"subject": subject}
        )
        return int(found.scalar_one())
