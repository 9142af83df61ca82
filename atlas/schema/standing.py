"""Who still may: the tokens and memberships behind all that is open in a process, looked at together."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from atlas import access
from atlas.auth import Session
from atlas.schema.errors import AccessEndedError
from atlas.store.database import Database
from atlas.store.faults import PASSING, fault_of

log = structlog.get_logger("atlas.live")

# What a socket is closed with. Clients take the first as final, and connect again after the second.
REFUSED, EXPIRED = 4401, 4403
# A notification may be lost, and an issuer sends none: nobody keeps what is open longer than this.
LOOK_SECONDS = 5.0
# The database tells by a clock of its own that a token has expired: what ends so shortly before, has ended so.
_CLOCKS_APART_SECONDS = 2.0
# Nobody who comes in with one of these tokens waits long for its row, and nothing else for all of them.
_MOST_AT_ONCE = 500


@dataclass(eq=False, slots=True)
class Seat:
    """What is kept open by a token: a socket, or a stream of a tenant, in which its principal has a `role`.

    `tell` is called when `error` says why it must end, and when the role has become another.
    """

    session: Session
    tell: Callable[[], None]
    tenant_id: UUID | None = None
    error: AccessEndedError | None = None
    # Kept ready, since all of them are asked for together before each event.
    standing: access.Standing = field(init=False)

    def __post_init__(self) -> None:
        self.standing = access.Standing(
            self.session.principal.id, access.digest(self.session.token), self.tenant_id, role=None
        )

    @property
    def role(self) -> str | None:
        return self.standing.role

    def end(self, error: AccessEndedError) -> None:
        """The first reason counts."""
        if self.error is None:
            self.error = error
            self.tell()


@dataclass(eq=False, slots=True)
class Standings:
    """All seats of a process, by their principals. They are judged together, in one statement."""

    db: Database
    _seats: dict[UUID, set[Seat]] = field(default_factory=dict)
    _suspected: set[UUID] = field(default_factory=set)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def kept(self, seat: Seat) -> Iterator[None]:
        """While it is open, it ends with its token."""
        principal_id, left = seat.session.principal.id, seat.session.seconds_left
        self._seats.setdefault(principal_id, set()).add(seat)
        timer = None if left is None else asyncio.get_running_loop().call_later(max(left, 0) + 0.01, _expire, seat)
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            self._seats[principal_id].discard(seat)
            if not self._seats[principal_id]:
                del self._seats[principal_id]

    def suspect(self, principal_id: UUID) -> None:
        """What may have ended is looked at now. Anybody may say so of anybody: it is looked at, and no more."""
        if principal_id in self._seats:
            self._suspected.add(principal_id)
            self._woken.set()

    def suspect_all(self) -> None:
        self._suspected.update(self._seats)
        self._woken.set()

    async def run(self) -> None:
        """Looks for ever: at once at those who are suspected, and at all now and then."""
        due = time.monotonic() + LOOK_SECONDS
        while True:
            with suppress(TimeoutError):
                # `wait_for` of Python 3.11 loses a cancellation that comes together with what it waits for.
                async with asyncio.timeout(max(due - time.monotonic(), 0)):
                    await self._woken.wait()
            self._woken.clear()
            all_of_them = time.monotonic() >= due
            suspected = set(self._seats) if all_of_them else self._suspected & set(self._seats)
            self._suspected = set()
            if all_of_them:
                due = time.monotonic() + LOOK_SECONDS
            try:
                await self._look([seat for one in suspected for seat in self._seats[one]], used=all_of_them)
            except Exception as error:  # noqa: BLE001
                # Nothing that is shared is told before it could be judged, so nobody hears more than they may.
                log.warning("live.unjudged", error=type(error).__name__)
                await asyncio.sleep(0.5)
                self._suspected |= suspected
                self._woken.set()

    async def judge(self, seats: Collection[Seat], *, used: bool = False) -> None:
        """Ends those whose token or membership has ended, and notes the roles, as of a moment after it was called.

        Raises where the database cannot tell.
        """
        for seat in seats:
            if seat.session.expired:
                _expire(seat)
        # Streams of one token are one question, and mostly there are many.
        asked: dict[object, list[Seat]] = {}
        for seat in seats:
            if seat.error is None:
                one = seat.standing
                asked.setdefault((one.digest or one.principal_id, one.tenant_id, one.role), []).append(seat)
        alike = list(asked.values())
        standings = [those[0].standing for those in alike]
        for place, now in await access.changed_standings(self.db, standings, used=used) if alike else ():
            for seat in alike[place]:
                _apply(seat, standings[place], now)

    async def _look(self, seats: list[Seat], *, used: bool) -> None:
        for start in range(0, len(seats), _MOST_AT_ONCE):
            await self.judge(seats[start : start + _MOST_AT_ONCE], used=used)
        for seat in seats:
            # Whether an issuer's token holds is no question for the database, and mostly answered from memory.
            if seat.standing.digest is None and seat.error is None and not await still_holds(seat.session):
                seat.end(token_ended(seat.session))


async def still_holds(session: Session) -> bool:
    """Does the token still vouch for its principal? True also while the database cannot tell."""
    try:
        return await session.holds()
    except Exception as error:
        # It is asked again a few seconds from now; what is read meanwhile is under RLS.
        if fault_of(error) in PASSING:
            return True
        raise


def token_ended(session: Session) -> AccessEndedError:
    """Of a token that does not hold any more."""
    if session.seconds_left is not None and session.seconds_left <= _CLOCKS_APART_SECONDS:
        return AccessEndedError("The token has expired. Subscribe again with a new one.", close_code=EXPIRED)
    return AccessEndedError("The token was revoked. Subscribe with another one.", close_code=REFUSED)


def membership_ended() -> AccessEndedError:
    return AccessEndedError("Your membership of this tenant has ended.", close_code=REFUSED)


def _apply(seat: Seat, was: access.Standing, now: access.Standing | None) -> None:
    if now is None:
        seat.end(token_ended(seat.session))
    elif now.role is None:
        seat.end(membership_ended())
    elif seat.standing == was:  # Somebody else may have looked in between.
        seat.standing = now
        seat.tell()


def _expire(seat: Seat) -> None:
    seat.end(token_ended(seat.session))
