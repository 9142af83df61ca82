"""The budgets of Microsoft Graph that all workers of a deployment share: token buckets in Valkey.

Where Valkey does not answer, each process keeps to its own bucket, which is never fuller than the shared one.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from atlas.sources.graph.budget import Rate

log = structlog.get_logger(__name__)

_WAIT_SECONDS = 0.5
# So long after a failure nobody waits for Valkey again.
_REST_SECONDS = 1.0
_MOST_CONNECTIONS = 16
# So long the one that is asked alone is waited for, where its worker was lost; a request takes no longer.
_HELD_SECONDS = 200.0
# It may be given back sooner than that, so it is looked for again after so long.
_LOOK_SECONDS = 0.25

# By the clock of Valkey, which is one clock for all workers. Takes `number`, or tells for how many seconds to wait.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local rate, burst, number, held = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local was = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'paused')
local tokens = math.min(burst, (tonumber(was[1]) or burst) + math.max(0, now - (tonumber(was[2]) or now)) * rate)
local wait = math.max((tonumber(was[3]) or 0) - now, (number - tokens) / rate)
if wait > 0.000001 then return string.format('%.6f', wait) end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - number), 'at', string.format('%.6f', now))
if held > 0 then redis.call('HSET', KEYS[1], 'paused', string.format('%.6f', now + held), 'holder', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], math.ceil((burst / rate + held + 1) * 1000))
return '0'
"""
# Nothing leaves for so many seconds.
_PAUSE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local holder = ARGV[2]
if holder ~= '' and redis.call('HGET', KEYS[1], 'holder') ~= holder then return 0 end
local paused = now + tonumber(ARGV[1])
if holder == '' then paused = math.max(paused, tonumber(redis.call('HGET', KEYS[1], 'paused')) or 0) end
redis.call('HSET', KEYS[1], 'paused', string.format('%.6f', paused))
redis.call('HDEL', KEYS[1], 'holder')
local left = redis.call('PTTL', KEYS[1])
redis.call('PEXPIRE', KEYS[1], math.max(left, math.ceil((paused - now + 1) * 1000)))
return 1
"""


@dataclass(eq=False, slots=True)
class ValkeyBuckets:
    """Buckets by name. Every method gives up quickly where Valkey does not answer."""

    client: "redis.asyncio.Redis"
    _id: str = field(default_factory=lambda: uuid4().hex)
    _take: Any = field(init=False)
    _pause: Any = field(init=False)
    _rests_until: float = -math.inf

    def __post_init__(self) -> None:
        self._take = self.client.register_script(_TAKE)
        self._pause = self.client.register_script(_PAUSE)

    async def take(self, name: str, rate: Rate, number: int) -> float:
        """0 where so many requests may leave now, or nobody can be asked; else for how many seconds to wait."""
        held = _HELD_SECONDS if rate.alone else 0
        arguments = [rate.per_second, rate.burst, number, held, self._id]
        told = await self._ask(self._take, name, arguments)
        wait = 0.0 if told is None else float(told)
        return min(wait, _LOOK_SECONDS) if rate.alone else wait

    async def answered(self, name: str, rate: Rate) -> None:
        """What was asked alone has its answer: the next may be asked a whole period from now."""
        await self._ask(self._pause, name, [1 / rate.per_second, self._id])

    async def pause(self, name: str, seconds: float) -> None:
        """Nothing leaves of any worker for so long: Graph said so."""
        await self._ask(self._pause, name, [seconds, ""])

    async def close(self) -> None:
        await self.client.aclose()

    async def _ask(self, script: Any, name: str, arguments: list[Any]) -> Any:
        if time.monotonic() < self._rests_until:
            return None
        try:
            return await script(keys=[f"atlas:graph:{name}"], args=arguments)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            log.warning("shared budget is away, each worker keeps to its own", error=type(error).__name__)
            return None


def open_buckets(url: str) -> ValkeyBuckets:
    """The buckets on Valkey or Redis; connects when first used."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=_WAIT_SECONDS,
        socket_timeout=_WAIT_SECONDS,
        socket_connect_timeout=_WAIT_SECONDS,
        # Once again at once: the connection may be one that Valkey closed when it was started anew.
        retry=Retry(NoBackoff(), 1),
    )
    return ValkeyBuckets(redis.asyncio.Redis.from_pool(pool))
