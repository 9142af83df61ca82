"""How many requests may leave for one tenant, by what Graph throttles together: half of the published limits."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from atlas.sources.graph.contracts import Family

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, `per_second` after that: in any `s` seconds at most `burst + per_second * s`.

    `alone`: one at a time, and the next no sooner than a whole period after the answer. Then no delay of the network
    can bring two of them nearer to each other than that.
    """

    per_second: float
    burst: int = 1
    alone: bool = False


# Intune: 1,000 requests in 20 seconds of an application and tenant; of its half, 100 may leave at once.
# Conditional access: 1 a second of a tenant, for all applications together.
# Directory: far more are allowed [not published as one number]; labels need few.
HALF: Mapping[Family, Rate] = {
    Family.INTUNE: Rate(20.0, 100),
    Family.CONDITIONAL_ACCESS: Rate(1.0, alone=True),
    Family.DIRECTORY: Rate(20.0, 100),
}


class Shared(Protocol):
    """Buckets that several processes take from, by name."""

    async def take(self, name: str, rate: Rate, number: int) -> float: ...

    async def answered(self, name: str, rate: Rate) -> None: ...

    async def pause(self, name: str, seconds: float) -> None: ...


@dataclass(eq=False, slots=True)
class Bucket:
    """A token bucket: whoever comes first is served first. `clock` counts seconds and never goes back.

    Where it is `shared` under a name, what leaves is taken from both: the own one holds where the other is away.
    """

    rate: Rate
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    shared: Shared | None = None
    name: str = ""
    _tokens: float = field(init=False)
    _at: float = field(init=False)
    _paused_until: float = -float("inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._tokens = float(self.rate.burst)
        self._at = self.clock()

    @asynccontextmanager
    async def leave(self, number: int = 1) -> AsyncIterator[float]:
        """The body sends `number` requests and has their answer. Gives for how many seconds they had to wait."""
        if not self.rate.alone:
            yield await self.take(number)
            return
        async with self._alone:
            try:
                yield await self.take(number)
            finally:
                self._tokens, self._at = 0.0, self.clock()
                if self.shared is not None:
                    await self.shared.answered(self.name, self.rate)

    async def take(self, number: int = 1) -> float:
        """Waits until `number` requests may leave, and returns for how many seconds. More than a burst wait longer."""
        waited = 0.0
        async with self._turn:
            for wanted in _parts(number, self.rate.burst):
                while (wait := await self._wait_for(wanted)) > 0:
                    await self.sleep(wait)
                    waited += wait
                self._tokens -= wanted
        return waited

    async def pause(self, seconds: float) -> None:
        """Nothing leaves for so long: Graph said so."""
        self._paused_until = max(self._paused_until, self.clock() + seconds)
        if self.shared is not None and seconds > 0:
            await self.shared.pause(self.name, seconds)

    async def _wait_for(self, wanted: int) -> float:
        wait = self._wait(wanted)
        if wait > 0 or self.shared is None:
            return wait
        return await self.shared.take(self.name, self.rate, wanted)

    def _wait(self, wanted: int) -> float:
        now = self.clock()
        self._tokens = min(float(self.rate.burst), self._tokens + (now - self._at) * self.rate.per_second)
        self._at = now
        # A sleep may end a rounding error early: so little is not waited for again.
        missing = wanted - self._tokens if wanted - self._tokens > 1e-9 else 0.0
        return max(self._paused_until - now, missing / self.rate.per_second)


def _parts(number: int, burst: int) -> list[int]:
    return [min(burst, number - begun) for begun in range(0, number, burst)]


@dataclass(eq=False, slots=True)
class Budget:
    """The buckets of one tenant. All clients of a tenant in one process share one; all processes, where it is `shared`
    under the tenant's name.
    """

    rates: Mapping[Family, Rate] = field(default_factory=lambda: HALF)
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    shared: Shared | None = None
    name: str = ""
    _buckets: dict[Family, Bucket] = field(default_factory=dict)

    def of(self, family: Family) -> Bucket:
        if family not in self._buckets:
            self._buckets[family] = Bucket(
                self.rates[family], self.clock, self.sleep, self.shared, f"{self.name}:{family}"
            )
        return self._buckets[family]
