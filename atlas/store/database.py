"""The one door to the database: a transaction that is bound to its context in the same message as BEGIN."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import RowMapping, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import UserErrorCode
from atlas.store.context import Context, binding
from atlas.store.direct import Direct

__all__ = [
    "CHANNEL",
    "INSUFFICIENT_PRIVILEGE",
    "BoundConnection",
    "Connection",
    "Context",
    "Database",
    "Row",
    "constraint",
    "forbidden",
    "open_database",
    "sqlstate",
]

CHANNEL = "atlas_events"

# What use cases hand on; they know nothing else of SQLAlchemy.
Connection = AsyncConnection
Row = RowMapping

INSUFFICIENT_PRIVILEGE = "42501"
_NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections of one role. Every statement runs inside `transaction`.

    `direct` is the way of compiled reads, with connections of its own.
    """

    engine: AsyncEngine
    direct: Direct

    @asynccontextmanager
    async def transaction(
        self, context: Context = _NO_CONTEXT, *, readonly: bool = False
    ) -> AsyncIterator[AsyncConnection]:
        """One short transaction in this context: commits at the end, rolls back on an error.

        The settings are transaction-local, so a pooled connection carries nothing over to its next user.
        Raises `RefusedError` FORBIDDEN where a policy or a grant of the database refuses a write.
        """
        async with self.engine.connect() as connection:
            if readonly:
                await connection.execution_options(postgresql_readonly=True)
            driver = (await connection.get_raw_connection()).driver_connection
            if not isinstance(driver, BoundConnection):
                raise TypeError("the pool must hand out BoundConnection, which binds the context")
            driver.context = context
            try:
                async with connection.begin():
                    yield connection
            except DBAPIError as error:
                if sqlstate(error) == INSUFFICIENT_PRIVILEGE:
                    raise forbidden() from error
                raise
            finally:
                driver.context = None

    async def notify(self, ids: Iterable[UUID]) -> None:
        """Tells every API process that these tenants have news, or that these principals' access may have changed.

        Sent after the commit, and ids only: whoever listens reads for itself what it may.
        """
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for one in set(ids):
                await connection.execute(text("select pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(one)})

    async def close(self) -> None:
        await self.direct.close()
        await self.engine.dispose()


class BoundConnection(asyncpg.Connection):
    """An asyncpg connection whose BEGIN carries the context, which saves a round trip a transaction.

    It relies on `asyncpg.transaction.Transaction.start` calling `execute("BEGIN...;")`; a test holds that.
    """

    context: Context | None = None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if not args and query.startswith("BEGIN"):
            query = query.rstrip(";") + ";" + binding(self.context or Context())
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


def open_database(url: str, *, size: int = 10, statement_seconds: float = 30) -> Database:
    """A pool for the role that the URL (`postgresql+asyncpg://role@host/atlas`) names; connects when first used."""
    address = make_url(url).set(drivername="postgresql+asyncpg")
    driver = {
        "timeout": 10,
        "server_settings": {
            "application_name": "atlas",
            "statement_timeout": str(int(statement_seconds * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            # A statement whose client is gone must not go on holding its locks.
            "client_connection_check_interval": "250",
            "search_path": "pg_catalog",
            "timezone": "UTC",
            "datestyle": "ISO",
        },
    }
    engine = create_async_engine(
        address,
        pool_size=size,
        max_overflow=size,
        pool_timeout=10,
        pool_pre_ping=False,
        # An error's text must not quote what was asked for.
        hide_parameters=True,
        connect_args=driver | {"connection_class": BoundConnection},
    )
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    return Database(engine, Direct(plain, size, driver))


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code of an error, e.g. `23505` for a unique violation."""
    return getattr(error.orig, "sqlstate", None)


def constraint(error: DBAPIError) -> str | None:
    """The name of the constraint that an error is about."""
    cause = getattr(error.orig, "__cause__", None)
    return getattr(cause, "constraint_name", None)


def forbidden() -> RefusedError:
    return RefusedError(
        UserErrorCode.FORBIDDEN,
        "Your role in this tenant does not allow this. Ask an owner of the tenant for more.",
    )
