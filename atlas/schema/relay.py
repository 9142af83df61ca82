"""From what a subscription reads for itself to what is told to all: nothing is lost in between, and nothing double."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from atlas.schema.channel import Asked, heard
from atlas.schema.context import GraphQLContext
from atlas.schema.live import LiveSession
from atlas.schema.standing import Seat, membership_ended
from atlas.store.faults import patiently


async def relayed(asked: Asked, context: GraphQLContext, results: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    """The results of an operation, of which those of a subscription that has caught up are `Told`.

    All that is kept of a subscription between events is where it is; what it has not been sent yet is not kept for it,
    so that a slow reader costs what a fast one costs.
    """
    news: LiveSession = context.live
    try:
        while True:
            async for result in results:
                yield result
            at = news.position
            if not news.caught_up or at is None:
                return
            woken = asyncio.Event()
            seat = Seat(news.session, woken.set, news.tenant_id)
            with news.live.standings.kept(seat):
                await patiently(lambda seat=seat: news.live.standings.judge([seat]))  # type: ignore[misc]
                if seat.error is not None or seat.role is None:
                    raise seat.error or membership_ended()
                async for found in heard(asked, seat, woken, news.live, at):
                    if found is None:
                        return
                    at, told = found
                    yield told
            # What it pays for was paid for when it began.
            context.meter = None
            context.forget()
            news.resume(at)
            results = await asked.results(context)
    finally:
        news.release()
