"""Rate limits: buckets of tokens in Valkey, from which every API process takes."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from atlas.metrics import Metrics

log = structlog.get_logger("atlas.budget")

WINDOW_SECONDS = 60
_WAIT_SECONDS = 0.25
# So long after a failure nobody waits for Valkey again.
_REST_SECONDS = 1.0
_MOST_CONNECTIONS = 32

# Who asks often is given some requests ahead, so that not each of them goes to Valkey: of a bucket that holds many, and
# for a moment. Each was taken from the bucket before it is spent, so that no more is ever given than it holds.
_AHEAD_SECONDS = 0.25
_AHEAD_REQUESTS = 16
_AHEAD_PART = 100
_MOST_HELD = 10_000

# One call takes from all buckets or from none. A bucket is what it held, and when: it fills as time passes, by the
# clock of Valkey, which is one clock for all processes. A price below 0 gives back what was taken ahead.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local window = tonumber(ARGV[1])
local held, enough = {}, 1
for i, key in ipairs(KEYS) do
  local limit, price = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local was = redis.call('HMGET', key, 'held', 'at')
  local since = math.max(0, now - (tonumber(was[2]) or now))
  held[i] = math.min(limit, (tonumber(was[1]) or limit) + since * limit / window)
  if held[i] < price then enough = 0 end
end
local told = {enough}
for i, key in ipairs(KEYS) do
  local limit, price, wait, ahead = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), 0, 0
  if enough == 1 then
    ahead = math.min(tonumber(ARGV[3 * i + 1]), math.floor(held[i] - price))
    held[i] = math.min(limit, held[i] - price - ahead)
    redis.call('HSET', key, 'held', string.format('%.6f', held[i]), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', key, window + 1000)
  else
    wait = math.max(0, math.ceil((price - held[i]) * window / limit))
  end
  table.insert(told, math.floor(held[i]))
  table.insert(told, wait)
  table.insert(told, ahead)
end
return told
"""


class Scope(StrEnum):
    PRINCIPAL = "PRINCIPAL"
    TENANT = "TENANT"


class Unit(StrEnum):
    REQUESTS = "REQUESTS"
    POINTS = "POINTS"


@dataclass(frozen=True, slots=True)
class Rates:
    """What is allowed a minute, which is also what may be asked at once after a rest; 0 sets no limit."""

    principal_requests: int = 6_000
    principal_points: int = 100_000
    tenant_requests: int = 30_000
    tenant_points: int = 500_000

    def of(self, scope: Scope, unit: Unit) -> int:
        limit: int = getattr(self, f"{scope}_{unit}".lower())
        return limit

    def limits(self, *scopes: Scope) -> bool:
        """Is anything of these limited?"""
        return any(self.of(scope, unit) for scope in scopes for unit in Unit)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the fullest or the emptiest bucket stands after a request: the one that the caller should know of.

    `wait_seconds` is None where the request was let pass, else how long until it would be; `full_seconds` is how long
    until nothing is missing.
    """

    scope: Scope
    unit: Unit
    limit: int
    remaining: int
    full_seconds: float
    wait_seconds: float | None = None

    @property
    def allowed(self) -> bool:
        return self.wait_seconds is None


@dataclass(slots=True)
class _Held:
    """What this process has of a bucket, taken and not spent; what the bucket held after that, and when."""

    key: str
    scope: Scope
    unit: Unit
    limit: int
    left: int = 0
    remaining: int = 0
    at: float = float("-inf")

    def holds(self, now: float) -> float:
        """What there is by now: here, there, and what came back since."""
        return min(self.remaining + self.left + (now - self.at) * self.limit / WINDOW_SECONDS, self.limit)

    def standing(self, now: float, wait_seconds: float | None = None) -> Standing:
        remaining = int(self.holds(now))
        full = (self.limit - remaining) * WINDOW_SECONDS / self.limit
        return Standing(self.scope, self.unit, self.limit, remaining, full, wait_seconds)


@dataclass(slots=True)
class Budget:
    """Where requests are paid for. Where Valkey cannot be asked, they pass: a limit protects the service, and must
    not be what ends it; who may read what is the database's to say, and does not depend on this.
    """

    client: "redis.asyncio.Redis"
    rates: Rates
    metrics: Metrics
    _take: Any = field(init=False)
    _held: dict[tuple[Scope, UUID], list[_Held]] = field(default_factory=dict)
    _rests_until: float = 0.0

    def __post_init__(self) -> None:
        self._take = self.client.register_script(_TAKE)

    async def charge(self, principal_id: UUID, tenant_ids: Iterable[UUID], points: int) -> Standing | None:
        """Takes one request and `points` from the principal's buckets and from those of each tenant.

        A request that costs more than a bucket ever holds takes the whole bucket. None where there is no limit, and
        where Valkey did not answer.
        """
        buckets = list(self._of(Scope.PRINCIPAL, principal_id))
        for tenant_id in tenant_ids:
            buckets += self._of(Scope.TENANT, tenant_id)
        if not buckets:
            return None
        prices = [min(1 if bucket.unit is Unit.REQUESTS else points, bucket.limit) for bucket in buckets]
        now = time.monotonic()
        often = all(now - bucket.at < _AHEAD_SECONDS for bucket in buckets)
        if often and all(bucket.left >= price for bucket, price in zip(buckets, prices, strict=True)):
            for bucket, price in zip(buckets, prices, strict=True):
                bucket.left -= price
            return _tightest(buckets, now)
        return await self._ask(buckets, prices, often=often)

    async def _ask(self, buckets: list[_Held], prices: list[int], *, often: bool) -> Standing | None:
        if time.monotonic() < self._rests_until:
            self.metrics.unlimited.inc()
            return None
        numbers, kept = [], [bucket.left for bucket in buckets]
        for bucket, price in zip(buckets, prices, strict=True):
            ahead = min(_AHEAD_REQUESTS * price, bucket.limit // _AHEAD_PART) if often else 0
            numbers += [bucket.limit, price - bucket.left, ahead]
            # Whoever asks meanwhile must not spend it too.
            bucket.left = 0
        try:
            told = await self._take(keys=[bucket.key for bucket in buckets], args=[WINDOW_SECONDS * 1000, *numbers])
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            self.metrics.unlimited.inc()
            log.warning("budget.away", error=type(error).__name__)
            return None
        allowed, now, waits = int(told[0]) == 1, time.monotonic(), []
        for number, bucket in enumerate(buckets):
            bucket.remaining, wait, ahead = (int(value) for value in told[3 * number + 1 : 3 * number + 4])
            bucket.left += ahead if allowed else kept[number]
            bucket.at = now
            waits.append(wait / 1000)
        if allowed:
            return _tightest(buckets, now)
        longest = max(range(len(buckets)), key=lambda number: waits[number])
        return buckets[longest].standing(now, waits[longest])

    async def close(self) -> None:
        await self.client.aclose()

    def _of(self, scope: Scope, subject: UUID) -> list[_Held]:
        found = self._held.get((scope, subject))
        if found is None:
            if len(self._held) >= _MOST_HELD:
                self._held.clear()
            found = self._held[scope, subject] = [
                _Held(f"atlas:budget:{scope}:{unit}:{subject}".lower(), scope, unit, self.rates.of(scope, unit))
                for unit in Unit
                if self.rates.of(scope, unit)
            ]
        return found


def open_budget(url: str, rates: Rates, metrics: Metrics) -> Budget:
    """A budget on Valkey or Redis; connects when first used."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=_WAIT_SECONDS,
        socket_timeout=_WAIT_SECONDS,
        socket_connect_timeout=_WAIT_SECONDS,
        # Once again at once: the connection may be one that Valkey closed when it was started anew.
        retry=Retry(NoBackoff(), 1),
    )
    return Budget(redis.asyncio.Redis.from_pool(pool), rates, metrics)


def _tightest(buckets: list[_Held], now: float) -> Standing:
    """How the bucket stands with the least left of what it holds."""
    return min(buckets, key=lambda bucket: bucket.holds(now) / bucket.limit).standing(now)


def whole_seconds(seconds: float) -> int:
    """As headers tell it: never sooner than true."""
    return math.ceil(seconds)
