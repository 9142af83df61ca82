"""What subscriptions read: a run as it moves on, and the events of a tenant in order, from where each begins."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

from atlas.schema.channel import Position
from atlas.schema.context import GraphQLContext
from atlas.schema.errors import Code, CodedError, not_found
from atlas.schema.live import LiveSession
from atlas.schema.standing import membership_ended
from atlas.store.events import Event, events_after, position, readable
from atlas.store.faults import patiently

BATCH = 100

# The rank from which a run has ended: status first, then progress.
ENDED = (9, 0)

R = TypeVar("R")


async def follow(
    context: GraphQLContext,
    tenant_id: UUID,
    noun: str,
    load: Callable[[], Awaitable[R | None]],
    rank: Callable[[R], Position],
) -> AsyncGenerator[R, None]:
    """The object as it stands, then each state that is further than the one before, up to `ENDED`."""
    news: LiveSession = context.live
    with news.stream(tenant_id) as flag:
        seen = news.after
        while True:
            found = await _anew(context, load)
            if found is None and seen is None and not news.leading:
                raise not_found(noun)
            if found is None:
                raise await _gone(context, tenant_id, noun)
            now = rank(found)
            # A worker that lost its lease sends a run back to the queue: a follower waits until it is further.
            if seen is None or now > seen:
                news.position = seen = now
                yield found
            if seen >= ENDED or news.catches_up():
                return
            await news.wait(flag)


async def feed(context: GraphQLContext, tenant_id: UUID, after: int | None) -> AsyncGenerator[Event, None]:
    """The tenant's events after that number, or from now on, in order and without a gap.

    No connection is held between batches, and none while the receiver is slow.
    """
    news: LiveSession = context.live
    with news.stream(tenant_id) as flag:
        begin = partial(_start, context, tenant_id, after if news.after is None else news.after[0])
        seq = await _anew(context, begin)
        news.position = (seq,)
        while True:
            batch = await _anew(context, partial(_batch, context, tenant_id, seq))
            # Pruning may have passed a reader that was slow: what is missing is told, never skipped.
            if batch and batch[0].seq != seq + 1:
                raise cursor_expired()
            for event in batch:
                seq = event.seq
                news.position = (seq,)
                context.forget()
                yield event
            if len(batch) >= BATCH:
                await news.check()
            elif news.catches_up():
                return
            else:
                await news.wait(flag)


def cursor_expired() -> CodedError:
    return CodedError(
        Code.CURSOR_EXPIRED,
        "Events after this cursor have been pruned. Load anew, and subscribe after Tenant.activityCursor.",
    )


async def _start(context: GraphQLContext, tenant_id: UUID, after: int | None) -> int:
    async with context.read(tenant_id) as connection:
        stands = await position(connection, tenant_id)
    if stands is None:
        # Whoever goes on where it was could read the tenant before.
        raise not_found("tenant") if context.live.after is None else membership_ended()
    if after is None:
        return stands.newest
    if after > stands.newest:
        raise CodedError(Code.BAD_CURSOR, "This cursor is ahead of the tenant's activity. Start without one.")
    oldest = stands.newest + 1 if stands.oldest is None else stands.oldest
    if after < oldest - 1:
        raise cursor_expired()
    return after


async def _batch(context: GraphQLContext, tenant_id: UUID, seq: int) -> list[Event]:
    async with context.read(tenant_id) as connection:
        if not await readable(connection, tenant_id):
            raise membership_ended()
        return await events_after(connection, tenant_id, seq, most=BATCH)


async def _anew(context: GraphQLContext, read: Callable[[], Awaitable[R]]) -> R:
    """Reads anew what may have changed. A database that restarts costs a stream a pause, and not its life; nor that of
    all others, where it is the one that reads for them.
    """

    async def forgetting() -> R:
        context.forget()
        return await read()

    return await patiently(forgetting)


async def object_of(
    context: GraphQLContext,
    tenant_id: UUID,
    event: Event,
    kind: str,
    load: Callable[[GraphQLContext, UUID, UUID], Awaitable[R | None]],
) -> R | None:
    """What changed; None where the event is of another kind, and where it has been pruned since."""
    if event.kind != kind:
        return None
    found = await _anew(context, partial(load, context, tenant_id, event.object_id))
    if found is None and not await _anew(context, partial(_readable, context, tenant_id)):
        raise membership_ended()
    return found


async def _gone(context: GraphQLContext, tenant_id: UUID, noun: str) -> CodedError:
    allowed = await _anew(context, partial(_readable, context, tenant_id))
    return not_found(noun) if allowed else membership_ended()


async def _readable(context: GraphQLContext, tenant_id: UUID) -> bool:
    async with context.read(tenant_id) as connection:
        return await readable(connection, tenant_id)
