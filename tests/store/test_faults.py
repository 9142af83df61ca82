"""Which trouble is whose, from real exceptions of the driver and the pool."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from atlas.store.database import Database, open_database
from atlas.store.faults import Fault, fault_of


async def raised(db: Database, statement: str, **values: object) -> BaseException:
    with pytest.raises((SQLAlchemyError, OSError)) as caught:
        async with db.transaction() as connection:
            await connection.execute(text(statement), values)
    return caught.value


async def test_text_with_a_nul_is_the_callers(api: Database) -> None:
    assert fault_of(await raised(api, "select cast(:name as text)", name="\x00")) is Fault.BAD_TEXT


async def test_a_defect_of_ours_is_no_fault_of_the_database(api: Database) -> None:
    assert fault_of(await raised(api, "select nothing")) is None
    assert fault_of(await raised(api, "select 1 / 0")) is None
    assert fault_of(ValueError("x")) is None
    assert fault_of(None) is None


async def test_a_database_that_is_not_there_is_unreachable() -> None:
    for address in ("@127.0.0.1:1/atlas", "@/atlas?host=/no/such/folder"):
        lost = open_database(f"postgresql+asyncpg://someone{address}")
        assert fault_of(await raised(lost, "select 1")) is Fault.UNREACHABLE
        await lost.close()


async def test_an_ended_connection_is_passing_and_a_statement_that_took_too_long_is_told_apart(api: Database) -> None:
    ended = await raised(api, "select pg_terminate_backend(pg_backend_pid())")
    assert isinstance(ended, DBAPIError)
    assert fault_of(ended) is Fault.UNREACHABLE
    slow = open_database(api.engine.url.render_as_string(hide_password=False), statement_seconds=0.1)
    assert fault_of(await raised(slow, "select pg_sleep(5)")) is Fault.TOO_SLOW
    await slow.close()


def test_a_pool_without_a_free_connection_is_passing() -> None:
    assert fault_of(PoolTimeoutError("none free")) is Fault.UNREACHABLE
