"""From what a subscription reads for itself to what is told to all: nothing is lost in between, and nothing double."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from atlas.schema.channel import Asked, Position, Told, heard
from atlas.schema.context import GraphQLContext
from atlas.schema.live import LiveSession
from atlas.schema.standing import Seat, membership_ended
from atlas.store.faults import patiently

Tell = Callable[[Told], Awaitable[None]]


async def relayed(
    asked: Asked, context: GraphQLContext, results: AsyncIterable[Any], tell: Tell | None = None
) -> AsyncGenerator[Any, None]:
    """The results of an operation, of which those of a subscription that has caught up are `Told`; what there is to
    `tell` them with takes them instead.

    All that is kept of a subscription between events is where it is; what it has not been sent yet is not kept for it,
    so that a slow reader costs what a fast one costs.
    """
    news: LiveSession = context.live
    try:
        while True:
            async for result in results:
                yield result
            if not news.caught_up or news.position is None:
                return
            at: Position = news.position
            woken = asyncio.Event()
            seat = Seat(news.session, woken.set, news.tenant_id)
            with news.live.standings.kept(seat):
                await patiently(lambda seat=seat: news.live.standings.judge([seat]))  # type: ignore[misc]
                if seat.error is not None or seat.role is None:
                    raise seat.error or membership_ended()
                hearing = heard(asked, seat, woken, news.live, at)
                if tell is not None:
                    # A task that is not deep: thousands of them are woken together.
                    at, over = await asyncio.create_task(_all(hearing, tell, at))
                else:
                    over = False
                    async for found in hearing:
                        if over := found is None:
                            break
                        at = found[0]
                        yield found[1]
                if over:
                    return
            # What it pays for was paid for when it began.
            context.meter = None
            context.forget()
            news.resume(at)
            results = await asked.results(context)
    finally:
        news.release()


async def _all(hearing: AsyncGenerator[Any, None], tell: Tell, at: Position) -> tuple[Position, bool]:
    """Tells all that is heard. How far that was, and whether there is no more."""
    async with aclosing(hearing):
        async for found in hearing:
            if found is None:
                return at, True
            at, told = found
            await tell(told)
    return at, False
