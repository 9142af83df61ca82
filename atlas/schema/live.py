"""News as they happen: one listening connection a process, and streams that wake up and read again."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog

from atlas.auth import Session
from atlas.metrics import Metrics
from atlas.schema.context import GraphQLContext
from atlas.schema.errors import AccessEndedError, Code, CodedError, not_found
from atlas.store.database import Database
from atlas.store.events import Event, events_after, listen, position, readable
from atlas.store.faults import PASSING, fault_of

log = structlog.get_logger("atlas.live")

# A notification may be lost, and a membership end without one: nobody waits longer than this.
POLL_SECONDS = 5.0
BATCH = 100

STREAMS_A_PRINCIPAL = 100

# The rank from which a run has ended: status first, then progress.
ENDED = (9, 0)

_FIRST_DELAY, _LONGEST_DELAY = 0.05, 5.0
_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4)

R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Live:
    """Who waits for which tenant or principal. A waiter is a flag and no queue, so a slow one costs nothing.

    A flag set twice is set once: whoever wakes up reads what the tables hold by then. At most `most` streams of one
    principal run at a time; 0 sets no limit.
    """

    db: Database
    metrics: Metrics
    most: int = STREAMS_A_PRINCIPAL
    closing: bool = False
    _waiting: dict[UUID, set[asyncio.Event]] = field(default_factory=dict)
    _streams: Counter[UUID] = field(default_factory=Counter)

    async def run(self) -> None:
        """Listens for ever; where the connection is lost, again, after a growing pause."""
        delay = _FIRST_DELAY

        def connected() -> None:
            nonlocal delay
            delay = _FIRST_DELAY
            self.metrics.listening.set(1)
            self.wake_all()

        while True:
            try:
                await listen(self.db, connected=connected, heard=self.heard)
            except Exception as error:  # noqa: BLE001
                log.warning("live.lost", error=type(error).__name__)
            finally:
                self.metrics.listening.set(0)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311
            delay = min(delay * 2, _LONGEST_DELAY)

    def heard(self, payload: str) -> None:
        """A tenant has news, or a principal's access may have changed.

        Anybody may notify, so what is no id is passed over.
        """
        with suppress(ValueError):
            for flag in self._waiting.get(UUID(payload), ()):
                flag.set()

    def wake_all(self) -> None:
        for flags in self._waiting.values():
            for flag in flags:
                flag.set()

    def close(self) -> None:
        """Ends every stream: each is told that the server is shutting down."""
        self.closing = True
        self.wake_all()

    @contextmanager
    def flag(self, *ids: UUID) -> Iterator[asyncio.Event]:
        """Set whenever there may be news of one of these tenants or principals."""
        flag = asyncio.Event()
        for one in ids:
            self._waiting.setdefault(one, set()).add(flag)
        try:
            yield flag
        finally:
            for one in ids:
                self._waiting[one].discard(flag)
                if not self._waiting[one]:
                    del self._waiting[one]

    @contextmanager
    def stream(self, principal_id: UUID, tenant_id: UUID) -> Iterator[asyncio.Event]:
        """The flag of one stream, counted for its principal. RATE_LIMITED where it would be one too many.

        Counted for each process by itself: what a stream costs is this process's memory, and a count that outlives
        a process that was killed would shut its principal out.
        """
        if self.most and self._streams[principal_id] >= self.most:
            raise CodedError(
                Code.RATE_LIMITED,
                f"You have {self.most} subscriptions open already, which is the most. End one of them first.",
            )
        self._streams[principal_id] += 1
        self.metrics.subscriptions.inc()
        try:
            with self.flag(principal_id, tenant_id) as flag:
                yield flag
        finally:
            self.metrics.subscriptions.dec()
            self._streams[principal_id] -= 1
            if not self._streams[principal_id]:
                del self._streams[principal_id]


@dataclass(frozen=True, slots=True)
class LiveSession:
    """What a request's context carries as `live`: the process's news, and the session that reads them."""

    live: Live
    session: Session

    def stream(self, tenant_id: UUID) -> AbstractContextManager[asyncio.Event]:
        return self.live.stream(self.session.principal.id, tenant_id)

    async def wait(self, flag: asyncio.Event) -> None:
        """Until there may be news, `POLL_SECONDS` at most. Raises where the stream must end."""
        left = self.session.seconds_left
        if not self.live.closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(flag.wait(), POLL_SECONDS if left is None else min(POLL_SECONDS, left))
        flag.clear()
        await self.check()

    async def check(self) -> None:
        """Raises where the stream must end."""
        if self.live.closing:
            raise CodedError(Code.SHUTTING_DOWN, "The server is shutting down. Subscribe again.")
        if self.session.expired:
            raise AccessEndedError("The token has expired. Subscribe again with a new one.", close_code=4403)
        if not await still_holds(self.session):
            raise AccessEndedError("The token was revoked. Subscribe with another one.", close_code=4401)


async def follow(
    context: GraphQLContext,
    tenant_id: UUID,
    noun: str,
    load: Callable[[], Awaitable[R | None]],
    rank: Callable[[R], tuple[int, int]],
) -> AsyncGenerator[R, None]:
    """The object as it stands, then each state that is further than the one before, up to `ENDED`."""
    news: LiveSession = context.live
    with news.stream(tenant_id) as flag:
        seen: tuple[int, int] | None = None
        while True:
            found = await _patiently(context, load)
            if found is None and seen is None:
                raise not_found(noun)
            if found is None:
                raise await _gone(context, tenant_id, noun)
            now = rank(found)
            # A worker that lost its lease sends a run back to the queue: a follower waits until it is further.
            if seen is None or now > seen:
                seen = now
                yield found
            if seen >= ENDED:
                return
            await news.wait(flag)


async def feed(context: GraphQLContext, tenant_id: UUID, after: int | None) -> AsyncGenerator[Event, None]:
    """The tenant's events after that number, or from now on, in order and without a gap.

    No connection is held between batches, and none while the receiver is slow.
    """
    news: LiveSession = context.live
    with news.stream(tenant_id) as flag:
        seq = await _start(context, tenant_id, after)
        while True:
            batch = await _patiently(context, partial(_batch, context, tenant_id, seq))
            # Pruning may have passed a reader that was slow: what is missing is told, never skipped.
            if batch and batch[0].seq != seq + 1:
                raise cursor_expired()
            for event in batch:
                seq = event.seq
                context.forget()
                yield event
            if len(batch) < BATCH:
                await news.wait(flag)
            else:
                await news.check()


def cursor_expired() -> CodedError:
    return CodedError(
        Code.CURSOR_EXPIRED,
        "Events after this cursor have been pruned. Load anew, and subscribe after Tenant.activityCursor.",
    )


async def _start(context: GraphQLContext, tenant_id: UUID, after: int | None) -> int:
    async with context.read(tenant_id) as connection:
        if not await readable(connection, tenant_id):
            raise not_found("tenant")
        stands = await position(connection, tenant_id)
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
            raise _membership_ended()
        return await events_after(connection, tenant_id, seq, most=BATCH)


async def _patiently(context: GraphQLContext, read: Callable[[], Awaitable[R]]) -> R:
    """Reads anew what may have changed. A database that restarts costs a stream a pause, and not its life."""
    for delay in _PAUSES:
        context.forget()
        try:
            return await read()
        except Exception as error:
            if fault_of(error) not in PASSING:
                raise
        await asyncio.sleep(delay)
    context.forget()
    return await read()


async def still_holds(session: Session) -> bool:
    """Does the token still vouch for its principal? True also while the database cannot tell."""
    try:
        return await session.holds()
    except Exception as error:
        # It is asked again at the next wake-up, a few seconds from now; what is read meanwhile is under RLS.
        if fault_of(error) in PASSING:
            return True
        raise


async def _gone(context: GraphQLContext, tenant_id: UUID, noun: str) -> CodedError:
    async with context.read(tenant_id) as connection:
        allowed = await readable(connection, tenant_id)
    return not_found(noun) if allowed else _membership_ended()


def _membership_ended() -> AccessEndedError:
    return AccessEndedError("Your membership of this tenant has ended.", close_code=4401)
