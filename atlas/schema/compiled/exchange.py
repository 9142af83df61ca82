"""Who comes the short way, and what goes back."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from starlette.types import Receive, Scope, Send

from atlas.access import digest

_KNOWN_SECONDS = 30
_MOST_KNOWN = 10_000


@dataclass(slots=True)
class Known:
    """To whom tokens belonged that held a moment ago. It says whose budget is asked, and never what may be read."""

    _principals: dict[bytes, tuple[float, UUID]] = field(default_factory=dict)

    def note(self, token: str, principal_id: UUID) -> None:
        token_hash = digest(token)
        if token_hash is not None:
            if len(self._principals) >= _MOST_KNOWN:
                self._principals.clear()
            self._principals[token_hash] = (time.monotonic() + _KNOWN_SECONDS, principal_id)

    def of(self, token_hash: bytes) -> UUID | None:
        until, principal_id = self._principals.get(token_hash, (0.0, None))
        return principal_id if time.monotonic() < until else None

    def forget(self, token_hash: bytes) -> None:
        self._principals.pop(token_hash, None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the server sends it."""

    body: bytes
    headers: Sequence[tuple[bytes, bytes]]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(self.headers)})
        await send({"type": "http.response.body", "body": self.body})
