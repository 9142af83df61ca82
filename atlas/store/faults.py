"""What kind of trouble an exception of the database is, for those who know nothing of its driver."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_BAD_TEXT = frozenset({"22021", "22P05"})  # A NUL or an unpaired surrogate: no text of PostgreSQL.
_CANCELED = "57014"  # By its time-out, or by an operator.
_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4)
_PASSING = ("08", "53", "57", "40", "55P03")  # Connection, resources, operator intervention, serialisation, lock.

R = TypeVar("R")


class Fault(Enum):
    """`UNREACHABLE` mends itself or not, but trying again later is right; `TOO_SLOW` is a statement that was ended;
    `BAD_TEXT` is the caller's.
    """

    UNREACHABLE = auto()
    TOO_SLOW = auto()
    BAD_TEXT = auto()


# What may be gone at the next attempt.
PASSING = frozenset({Fault.UNREACHABLE, Fault.TOO_SLOW})


def fault_of(error: BaseException | None) -> Fault | None:
    """None where the exception is not of the database, or is a defect of ours."""
    if isinstance(error, PoolTimeoutError | ConnectionError | TimeoutError):
        return Fault.UNREACHABLE
    if not isinstance(error, SQLAlchemyError | asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
        return None
    state = sqlstate_of(error)
    if state in _BAD_TEXT:
        return Fault.BAD_TEXT
    if state == _CANCELED:
        return Fault.TOO_SLOW
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, OSError | asyncpg.InterfaceError) or state.startswith(_PASSING):
        return Fault.UNREACHABLE
    return None


def sqlstate_of(error: BaseException) -> str:
    """PostgreSQL's code in an exception, or an empty text. The adapter wraps the driver's, sometimes twice."""
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str):
            return state
        seen = getattr(seen, "orig", None) or seen.__cause__
    return ""


async def patiently(work: Callable[[], Awaitable[R]]) -> R:
    """Tries again what failed by a fault that passes, for some seconds: a database restarts in less."""
    for delay in _PAUSES:
        try:
            return await work()
        except Exception as error:
            if fault_of(error) not in PASSING:
                raise
        await asyncio.sleep(delay)
    return await work()
