"""What a request costs, and to whom it is charged: its principal, and the tenants of theirs that it names."""

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from atlas.budget import Budget, Scope, Standing, whole_seconds
from atlas.schema.errors import Code, CodedError
from atlas.schema.ids import decode_id

_KNOWN_SECONDS = 30
_MOST_KNOWN = 10_000
_MOST_VALUES = 1_000
_ID = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{60,160}(?![A-Za-z0-9_-])")

Read = Callable[[], Awaitable[frozenset[UUID]]]


class RateLimitedError(CodedError):
    """Refused before execution. `extensions` tell how long to wait, in seconds."""

    def __init__(self, standing: Standing) -> None:
        who = "You have" if standing.scope is Scope.PRINCIPAL else "The members of this tenant have"
        wait = whole_seconds(standing.wait_seconds or 0)
        super().__init__(
            Code.RATE_LIMITED,
            f"{who} used up the {standing.limit} {standing.unit.lower()} of a minute. Try again in {wait} seconds,"
            " or ask for less at a time.",
        )
        self.standing = standing
        self.extensions = {**(self.extensions or {}), **told(standing), "retryAfter": wait}


@dataclass(slots=True)
class Memberships:
    """Of which tenants a principal is a member, as of half a minute ago at most: for budgets only, never for access."""

    _known: dict[UUID, tuple[float, frozenset[UUID]]] = field(default_factory=dict)

    async def of(self, principal_id: UUID, read: Read) -> frozenset[UUID]:
        until, tenants = self._known.get(principal_id, (0.0, frozenset()))
        if time.monotonic() >= until:
            tenants = await read()
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[principal_id] = (time.monotonic() + _KNOWN_SECONDS, tenants)
        return tenants


@dataclass(slots=True)
class Meter:
    """One request's. `standing` is how the budget stands after it; None where there is no limit. With `paid`, what is
    charged next was charged before.
    """

    budget: Budget
    memberships: Memberships
    principal_id: UUID
    read: Read
    standing: Standing | None = None
    paid: bool = False

    async def charge(self, points: int, document: str, variables: Mapping[str, Any] | None) -> None:
        """Raises `RateLimitedError` where the budget does not hold so much."""
        if self.paid:
            self.paid = False
            return
        tenants: frozenset[UUID] = frozenset()
        if self.budget.rates.limits(Scope.TENANT):
            tenants = await self.memberships.of(self.principal_id, self.read)
        if len(tenants) > 1:
            tenants &= named(document, variables or {})
        self.standing = await self.budget.charge(self.principal_id, sorted(tenants), max(points, 1))
        if self.standing is not None and not self.standing.allowed:
            raise RateLimitedError(self.standing)


def named(document: str, variables: Mapping[str, Any]) -> frozenset[UUID]:
    """The tenants in the global ids of a document and its variables. Anybody can write one: it proves nothing."""
    texts = [*_ID.findall(document)[:_MOST_VALUES], *_texts(variables)]
    decoded = (decode_id(text) for text in texts)
    return frozenset(one.tenant_id for one in decoded if one is not None and one.tenant_id is not None)


def told(standing: Standing) -> dict[str, Any]:
    """`extensions.rateLimit` of an answer."""
    return {
        "scope": str(standing.scope),
        "unit": str(standing.unit),
        "limit": standing.limit,
        "remaining": standing.remaining,
        "resetAt": (datetime.now(UTC) + timedelta(seconds=standing.full_seconds)).isoformat(timespec="seconds"),
    }


def headers(standing: Standing | None) -> dict[str, str]:
    """The same as headers; `RateLimit-Reset` and `Retry-After` are in seconds from now."""
    if standing is None:
        return {}
    said = {
        "RateLimit-Limit": standing.limit,
        "RateLimit-Remaining": standing.remaining,
        "RateLimit-Reset": whole_seconds(standing.full_seconds),
    }
    if standing.wait_seconds is not None:
        said["Retry-After"] = max(whole_seconds(standing.wait_seconds), 1)
    return {name: str(value) for name, value in said.items()}


def _texts(variables: object) -> Iterator[str]:
    """The texts in variables, of which the first are looked at; deep ones are no ids of ours."""
    waiting, seen = [variables], 0
    while waiting and seen < _MOST_VALUES:
        value = waiting.pop()
        seen += 1
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting += list(value.values())[:_MOST_VALUES]
        elif isinstance(value, list):
            waiting += value[:_MOST_VALUES]
