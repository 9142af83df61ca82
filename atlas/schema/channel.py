"""A stream that is read, executed and encoded once, and told to all who asked the same with the same access."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import orjson
from graphql import GraphQLError
from strawberry.schema.base import BaseSchema
from strawberry.types import ExecutionResult

from atlas.auth import Session
from atlas.schema.context import GraphQLContext, Trusted
from atlas.schema.errors import AccessEndedError, CodedError, PassingError, guarded, presentable
from atlas.schema.sharing import reach_of
from atlas.schema.standing import Seat
from atlas.store.faults import patiently

if TYPE_CHECKING:
    from atlas.schema.live import Live

# How far a stream has told: (the number of an event,), or (status, progress) of a run.
Position = tuple[int, ...]

# What a channel keeps for those who are a little late. Whoever is later than that reads the events again.
KEPT_EVENTS, KEPT_CHARACTERS = 64, 256 * 1024
# So many are woken at a time, so that whoever asks something else is answered in between.
_WOKEN_AT_ONCE = 250
BEFORE_ALL = (-1, 0)
# A connection that is lost while a result is read is of the one who leads: it is read again, and not told to all.
_PAUSES = (0.1, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Told:
    """One result for many: JSON text, as it stands in the `payload` of a `next`."""

    payload: str
    # What Strawberry asks every result for, to log its errors; these were seen when it was encoded.
    errors: None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a subscription asks for, and how it is executed for somebody. `context` takes a session and a request id."""

    schema: BaseSchema
    context: Callable[[Session, str], GraphQLContext]
    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    document: Trusted | CodedError | None

    async def results(self, context: GraphQLContext) -> AsyncIterator[Any]:
        variables = None if self.variables is None else dict(self.variables)
        return cast(
            "AsyncIterator[Any]",
            await self.schema.stream(
                self.query, variable_values=variables, context_value=context, operation_name=self.operation_name
            ),
        )


@dataclass(frozen=True, slots=True)
class Topic:
    """Whoever has the same topic is told the same. `audience` is a role in the tenant, or a principal alone."""

    tenant_id: UUID
    audience: str | UUID
    query: str
    operation_name: str | None
    variables: bytes


def topic_of(asked: Asked, seat: Seat) -> Topic:
    if seat.tenant_id is None or seat.role is None:
        raise LookupError("a stream is of a tenant, and of one of its members")
    reach = reach_of(asked.schema._schema, asked.query)  # type: ignore[attr-defined]  # noqa: SLF001
    given = {name: value for name, value in (asked.variables or {}).items() if name in reach.variables}
    audience: str | UUID = seat.role if reach.shared else seat.session.principal.id
    variables = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    return Topic(seat.tenant_id, audience, asked.query, asked.operation_name, variables)


@dataclass(eq=False, slots=True)
class Channel:
    """One of its seats leads: everything is read as its principal, under the policies of the database. Before a result
    is told, all seats are judged anew, so that it reaches nobody who could not have read it themselves.

    With `history` every event is told, in order; else the latest state alone. `head` is how far it has told.
    """

    live: "Live"
    topic: Topic
    asked: Asked
    head: Position
    history: bool
    over: bool = False
    last: Told | None = None
    _seats: dict[Seat, asyncio.Event] = field(default_factory=dict)
    _told: dict[Position, Told] = field(default_factory=dict)
    _size: int = 0
    _leader: Seat | None = None
    _task: asyncio.Task[None] | None = None
    _failed: int = 0

    def join(self, seat: Seat, news: asyncio.Event) -> None:
        self._seats[seat] = news
        self.attend()

    def attend(self) -> None:
        """Whoever waits here is read for: all may have been of another role for a while, and nobody led."""
        if self._task is None or self._task.done():
            self._begin()

    def leave(self, seat: Seat) -> None:
        self._seats.pop(seat, None)
        if not self._seats:
            self._finish(None)
        elif seat is self._leader:
            self._begin()

    def after(self, position: Position) -> tuple[Position, Told] | None:
        """What is to be told next to whoever has heard that far; None where there is nothing yet.

        Raises LookupError where it is no longer kept.
        """
        if position >= self.head:
            return None
        if not self.history:
            return self.head, self._told[self.head]
        following = (position[0] + 1,)
        return following, self._told[following]

    def _begin(self) -> None:
        if self._task is not None:
            self._task.cancel()
            # Whoever was to be woken by it is woken now.
            self._wake()
        # The one who happened to come first is not whom its log lines are about.
        self._task = asyncio.create_task(self._run(), context=Context())

    def _finish(self, last: Told | None) -> None:
        self.over, self.last = True, last
        if self.live.channels.get(self.topic) is self:
            del self.live.channels[self.topic]
        self._wake()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _wake(self) -> None:
        for news in self._seats.values():
            news.set()

    async def _run(self) -> None:
        request_id = uuid4().hex
        try:
            while not self.over:
                # Who must end leaves by itself, and the last to leave ends the channel.
                self._leader = next((seat for seat in self._seats if self._may_lead(seat)), None)
                if self._leader is None:
                    return
                await self._lead(self._leader, request_id)
        except Exception as error:  # noqa: BLE001
            masked = presentable(GraphQLError("", original_error=error), request_id)
            self._finish(told_of(ExecutionResult(data=None, errors=[masked])))

    async def _lead(self, leader: Seat, request_id: str) -> None:
        """Tells what the leader is told, until it is told no more or may no longer be."""
        context = self.asked.context(leader.session, request_id)
        context.document, context.meter = self.asked.document, None
        news = context.live
        news.lead(self.head if self.history else None)
        last: Told | None = None
        async with aclosing(guarded(await self.asked.results(context), request_id)) as results:
            async for result in results:
                if (ended := access_ended(result)) is not None:
                    leader.end(ended)
                    return
                if self._failed < len(_PAUSES) and any(isinstance(one, PassingError) for one in result.errors or ()):
                    await asyncio.sleep(_PAUSES[self._failed])
                    self._failed += 1
                    return
                told = told_of(result)
                if news.position is None or news.position <= self.head:
                    # It says why there is no more; or it is a state that was told before.
                    last = told if result.errors else None
                elif not await self._tell(leader, news.position, told):
                    return
                else:
                    last = None
        self._finish(last)

    async def _tell(self, leader: Seat, position: Position, told: Told) -> bool:
        """False where the leader may no longer lead, so that somebody else must read it again."""
        judged: set[Seat] = set()
        while new := self._seats.keys() - judged:
            await patiently(lambda new=new: self.live.standings.judge(new))  # type: ignore[misc]
            judged |= new
        if not self._may_lead(leader):
            return False
        self._keep(position, told)
        for number, seat in enumerate(list(self._seats), 1):
            if (news := self._seats.get(seat)) is not None:
                news.set()
            if number % _WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)
        return True

    def _keep(self, position: Position, told: Told) -> None:
        if not self.history:
            self._told.clear()
            self._size = 0
        self.head, self._failed = position, 0
        self._told[position] = told
        self._size += len(told.payload)
        while len(self._told) > 1 and (len(self._told) > KEPT_EVENTS or self._size > KEPT_CHARACTERS):
            self._size -= len(self._told.pop(next(iter(self._told))).payload)

    def passed(self, position: Position) -> None:
        """What the only one here has heard is kept for nobody."""
        if self.history and len(self._seats) == 1:
            while self._told and (oldest := next(iter(self._told))) <= position:
                self._size -= len(self._told.pop(oldest).payload)

    def _may_lead(self, seat: Seat) -> bool:
        return seat.error is None and seat in self._seats and self.admits(seat)

    def admits(self, seat: Seat) -> bool:
        audience = self.topic.audience
        return audience == (seat.role if isinstance(audience, str) else seat.session.principal.id)


async def heard(asked: Asked, seat: Seat, news: asyncio.Event, live: "Live", at: Position) -> AsyncGenerator[Any, None]:
    """Yields (position, Told) of what follows `at`, and at last None where there is no more to be told at all.

    It ends without None where the seat has to read for itself again: it is too late, or is now of another role.
    Raises what ended its access.
    """
    channel = live.channel(asked, seat, at)
    channel.join(seat, news)
    try:
        # What was told before it came, it may hear only if it still may now.
        if channel.head > at:
            await patiently(lambda: live.standings.judge([seat]))
        while True:
            news.clear()
            if seat.error is not None:
                raise seat.error
            if not channel.admits(seat):
                return
            try:
                found = channel.after(at)
            except LookupError:
                return
            if found is not None:
                at = found[0]
                channel.passed(at)
                yield found
            elif channel.over:
                if channel.last is not None:
                    yield at, channel.last
                yield None
                return
            else:
                channel.attend()
                await news.wait()
    finally:
        channel.leave(seat)


def access_ended(result: Any) -> AccessEndedError | None:
    return next((error for error in result.errors or () if isinstance(error, AccessEndedError)), None)


def told_of(result: Any) -> Told:
    told: dict[str, Any] = {"data": result.data}
    if result.errors:
        told["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        told["extensions"] = result.extensions
    return Told(orjson.dumps(told).decode())
