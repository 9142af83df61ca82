"""Waiting for what a worker does: asked again and again, at growing pauses."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from atlas.domain.errors import OperatorError

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


async def until(read: Callable[[], Awaitable[T | None]], seconds: float, late: OperatorError) -> T:
    """What `read` gives once it gives anything. Raises `late` after the seconds."""
    pause, deadline = _FIRST_PAUSE, time.monotonic() + seconds
    while (found := await read()) is None:
        if time.monotonic() > deadline:
            raise late
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return found
