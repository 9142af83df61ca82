"""Compiled reads on the driver: the policies and contexts of everywhere, with nothing between them and the rows."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from atlas.store.context import Context, binding

# What takes longer is given up here: whoever asked reads it in another way, which may take its time.
STATEMENT_SECONDS = 5
_WAIT_SECONDS = 2

# A row of the driver: its values by their position.
Record = Sequence[Any]


class TokenEndedError(Exception):
    """The token does not hold any more."""


class Reading:
    """An open transaction. Values are bound in the order of the statement."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, statement: str, values: Sequence[object]) -> Sequence[Record]:
        found: Sequence[Record] = await self._connection.fetch(statement, *values)
        return found


@dataclass(slots=True)
class Direct:
    """Connections of one role, made when first used. `driver` is what asyncpg is told of each."""

    url: str = field(repr=False)
    size: int
    driver: Mapping[str, Any] = field(repr=False)
    _pool: asyncpg.Pool | None = None
    _busy: int = 0
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def reading(self, context: Context, token_hash: bytes) -> AsyncIterator[Reading]:
        """A read-only transaction in this context, whose principal is whoever the token vouches for at this moment.

        All of that travels with BEGIN. Raises `TokenEndedError` where the token does not hold, and whatever the driver
        raises.
        """
        pool = self._pool or await self._open()
        begin = f"BEGIN READ ONLY; {binding(context)} SELECT atlas.enter('\\x{token_hash.hex()}'::bytea);"
        connection = await self._connection(pool)
        try:
            try:
                await connection.execute(begin)
            except asyncpg.InvalidAuthorizationSpecificationError as error:
                raise TokenEndedError from error
            yield Reading(connection)
            await connection.execute("COMMIT")
        finally:
            self._busy -= 1
            await pool.release(connection)

    async def _connection(self, pool: asyncpg.Pool) -> Any:
        """One that is free, at once; where all are busy, the next one, for which nobody waits long."""
        self._busy += 1
        try:
            if self._busy <= self.size:
                return await pool.acquire()
            async with asyncio.timeout(_WAIT_SECONDS):
                return await pool.acquire()
        except BaseException:
            self._busy -= 1
            raise

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                settings = self.driver["server_settings"] | {"statement_timeout": str(STATEMENT_SECONDS * 1000)}
                self._pool = await asyncpg.create_pool(
                    self.url,
                    min_size=0,
                    max_size=self.size,
                    reset=_ended,
                    **{**self.driver, "server_settings": settings},
                )
            return self._pool


async def _ended(connection: Any) -> None:
    """What a transaction set ends with it, so that one which was left open is all there is to reset."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
