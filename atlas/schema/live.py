"""News as they happen: one listening connection a process, and streams that wake up and read again."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from atlas.auth import Session
from atlas.metrics import Metrics
from atlas.schema.channel import BEFORE_ALL, Asked, Channel, Position, Topic, topic_of
from atlas.schema.errors import Code, CodedError
from atlas.schema.standing import Seat, Standings, still_holds, token_ended
from atlas.store.database import Database
from atlas.store.events import listen

log = structlog.get_logger("atlas.live")

# A notification may be lost, and a membership end without one: nobody waits longer than this.
POLL_SECONDS = 5.0

STREAMS_A_PRINCIPAL = 100

_FIRST_DELAY, _LONGEST_DELAY = 0.05, 5.0


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
    standings: Standings = field(init=False)
    channels: dict[Topic, Channel] = field(default_factory=dict)
    _waiting: dict[UUID, set[asyncio.Event]] = field(default_factory=dict)
    _streams: Counter[UUID] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.standings = Standings(self.db)

    async def run(self) -> None:
        """Listens for ever, and looks for ever at who still may."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self.standings.run())

    async def _listen(self) -> None:
        """Where the connection is lost, again, after a growing pause."""
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
            about = UUID(payload)
            for flag in self._waiting.get(about, ()):
                flag.set()
            self.standings.suspect(about)

    def wake_all(self) -> None:
        self.standings.suspect_all()
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

    def channel(self, asked: Asked, seat: Seat, at: Position) -> Channel:
        """The one for all who ask the same with the same access; a new one begins at what its first has heard."""
        topic = topic_of(asked, seat)
        channel = self.channels.get(topic)
        if channel is None:
            history = len(at) == 1
            channel = self.channels[topic] = Channel(self, topic, asked, at if history else BEFORE_ALL, history)
        return channel

    def begin(self, principal_id: UUID) -> None:
        """Counts a stream for its principal. RATE_LIMITED where it would be one too many.

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

    def end(self, principal_id: UUID) -> None:
        self.metrics.subscriptions.dec()
        self._streams[principal_id] -= 1
        if not self._streams[principal_id]:
            del self._streams[principal_id]


@dataclass(slots=True)
class LiveSession:
    """What a request's context carries as `live`: the process's news, and the session that reads them.

    A stream reads for itself until it has `caught_up`; then, where it is `relayed`, it ends, and a channel goes on. One
    that leads a channel goes on by itself. `position` is how far it has told, `after` from where it must begin.
    """

    live: Live
    session: Session
    relayed: bool = False
    leading: bool = False
    tenant_id: UUID | None = None
    position: Position | None = None
    after: Position | None = None
    caught_up: bool = False
    _counted: bool = False

    def lead(self, after: Position | None) -> None:
        self.relayed, self.leading, self.after = False, True, after

    def resume(self, after: Position) -> None:
        self.after, self.caught_up = after, False

    @contextmanager
    def stream(self, tenant_id: UUID) -> Iterator[asyncio.Event]:
        """Counts the stream, up to `release`; yields a flag that is set where there may be news."""
        self.tenant_id = tenant_id
        if not self.leading and not self._counted:
            self.live.begin(self.session.principal.id)
            self._counted = True
        try:
            with self.live.flag(self.session.principal.id, tenant_id) as flag:
                yield flag
        finally:
            if not self.relayed:
                self.release()

    def release(self) -> None:
        if self._counted:
            self._counted = False
            self.live.end(self.session.principal.id)

    def catches_up(self) -> bool:
        """Has told all that there is: true where it must end here."""
        self.caught_up = self.relayed
        return self.relayed

    async def wait(self, flag: asyncio.Event) -> None:
        """Until there may be news, `POLL_SECONDS` at most. Raises where the stream must end."""
        left = self.session.seconds_left
        if not self.live.closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if left is None else min(POLL_SECONDS, left)):
                    await flag.wait()
        flag.clear()
        await self.check()

    async def check(self) -> None:
        """Raises where the stream must end."""
        if self.live.closing:
            raise CodedError(Code.SHUTTING_DOWN, "The server is shutting down. Subscribe again.")
        if self.session.expired or not await still_holds(self.session):
            raise token_ended(self.session)
