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

# One call takes from all buckets or from none. A bucket is what it held, and when: it fills as time passes, by the
# clock of Valkey, which is one clock for all processes.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local window = tonumber(ARGV[1])
local held, enough = {}, 1
for i, key in ipairs(KEYS) do
  local limit, price = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local was = redis.call('HMGET', key, 'held', 'at')
  local since = math.max(0, now - (tonumber(was[2]) or now))
  held[i] = math.min(limit, (tonumber(was[1]) or limit) + since * limit / window)
  if held[i] < price then enough = 0 end
end
local told = {enough}
for i, key in ipairs(KEYS) do
  local limit, price, wait = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1]), 0
  if enough == 1 then
    held[i] = held[i] - price
    redis.call('HSET', key, 'held', string.format('%.6f', held[i]), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', key, window + 1000)
  else
    wait = math.max(0, math.ceil((price - held[i]) * window / limit))
  end
  table.insert(told, math.floor(held[i]))
  table.insert(told, wait)
  table.insert(told, math.ceil((limit - held[i]) * window / limit))
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


@dataclass(frozen=True, slots=True)
class _Bucket:
    key: str
    scope: Scope
    unit: Unit
    limit: int
    price: int


@dataclass(slots=True)
class Budget:
    """Where requests are paid for. Where Valkey cannot be asked, they pass: a limit protects the service, and must
    not be what ends it; who may read what is the database's to say, and does not depend on this.
    """

    client: "redis.asyncio.Redis"
    rates: Rates
    metrics: Metrics
    _take: Any = field(init=False)
    _rests_until: float = 0.0

    def __post_init__(self) -> None:
        self._take = self.client.register_script(_TAKE)

    async def charge(self, principal_id: UUID, tenant_ids: Iterable[UUID], points: int) -> Standing | None:
        """Takes one request and `points` from the principal's buckets and from those of each tenant.

        A request that costs more than a bucket ever holds takes the whole bucket. None where there is no limit, and
        where Valkey did not answer.
        """
        buckets = list(self._buckets(principal_id, tenant_ids, points))
        if not buckets:
            return None
        if time.monotonic() < self._rests_until:
            self.metrics.unlimited.inc()
            return None
        limits = [number for bucket in buckets for number in (bucket.limit, bucket.price)]
        try:
            told = await self._take(keys=[bucket.key for bucket in buckets], args=[WINDOW_SECONDS * 1000, *limits])
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            self.metrics.unlimited.inc()
            log.warning("budget.away", error=type(error).__name__)
            return None
        return _standing(buckets, [int(number) for number in told])

    async def close(self) -> None:
        await self.client.aclose()

    def _buckets(self, principal_id: UUID, tenant_ids: Iterable[UUID], points: int) -> Iterable[_Bucket]:
        subjects = [(Scope.PRINCIPAL, principal_id), *((Scope.TENANT, tenant_id) for tenant_id in tenant_ids)]
        for scope, subject in subjects:
            for unit, price in ((Unit.REQUESTS, 1), (Unit.POINTS, points)):
                limit = self.rates.of(scope, unit)
                if limit:
                    key = f"atlas:budget:{scope}:{unit}:{subject}".lower()
                    yield _Bucket(key, scope, unit, limit, min(price, limit))


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


def _standing(buckets: list[_Bucket], told: list[int]) -> Standing:
    """Of a refusal the bucket that is waited for longest; else the one with the least left of what it holds."""
    allowed, rest = told[0] == 1, told[1:]
    stand = [
        Standing(
            bucket.scope, bucket.unit, bucket.limit, rest[3 * i], rest[3 * i + 2] / 1000,
            None if allowed else rest[3 * i + 1] / 1000,
        )
        for i, bucket in enumerate(buckets)
    ]  # fmt: skip
    if allowed:
        return min(stand, key=lambda one: one.remaining / one.limit)
    return max(stand, key=lambda one: one.wait_seconds or 0.0)


def whole_seconds(seconds: float) -> int:
    """As headers tell it: never sooner than true."""
    return math.ceil(seconds)
