"""Each policy and each grant of the application's roles is missed by a cell of the matrix as soon as it is gone."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from atlas.store.bootstrap import connect
from atlas.store.database import Context
from atlas.store.lint_rules import APP_ROLES
from tests.store.conftest import Server
from tests.store.mutants import (
    COLUMNS,
    GRANTS,
    POLICIES,
    Cell,
    allowed,
    closed,
    columns_of_the_matrix,
    come_to,
    mutated,
    wide,
)
from tests.store.world import DENIED, World

OPENED = {"using": "qual", "with check": "check"}


@dataclass(frozen=True, slots=True)
class Bench:
    """A superuser's transaction that is rolled back, what the generated matrix says, and two tenants to try it on."""

    connection: asyncpg.Connection
    columns: Mapping[tuple[str, str, str], list[str]]
    world: World
    other: World


@pytest_asyncio.fixture(loop_scope="session")
async def bench(server: Server, world: World, other: World) -> AsyncIterator[Bench]:
    connection = await connect(server.superuser_url, database=server.database)
    change = connection.transaction()
    await change.start()
    try:
        known = {one["table"]: one["columns"] for one in await connection.fetch(COLUMNS)}
        yield Bench(connection, columns_of_the_matrix(known), world, other)
    finally:
        await change.rollback()
        await connection.close()


async def test_each_policy_that_is_dropped_closes_what_was_allowed(bench: Bench) -> None:
    unseen, policies = [], await bench.connection.fetch(POLICIES)
    for one in policies:
        cell = allowed(one["role"], one["table"], one["command"], bench.world, bench.other)
        before = await come_to(bench.connection, cell)
        async with mutated(bench.connection, f"drop policy {one['name']} on atlas.{one['table']}"):
            after = await come_to(bench.connection, cell)
        if not isinstance(before, int) or before < 1 or after not in {0, DENIED}:
            unseen.append((one["table"], one["name"], before, after))
    assert unseen == []
    assert len(policies) >= 110


async def test_each_policy_that_asks_nothing_opens_what_was_closed(bench: Bench) -> None:
    unseen = []
    for one in await bench.connection.fetch(POLICIES):
        role, table, command = one["role"], one["table"], one["command"]
        column = next(iter(bench.columns[role, table, command]), "")
        opened = " ".join(f"{part} (true)" for part, name in OPENED.items() if one[name] is not None)
        for cell in closed(role, table, command, bench.world, bench.other, column):
            before = await come_to(bench.connection, cell)
            async with mutated(bench.connection, f"alter policy {one['name']} on atlas.{table} {opened}"):
                after = await come_to(bench.connection, cell)
            # A write that is stopped by a constraint of the table has come past the policy.
            if before in {0, DENIED} and after not in {0, DENIED}:
                break
        else:
            unseen.append((table, one["name"]))
    assert unseen == []


async def test_each_grant_that_is_revoked_is_missed(bench: Bench) -> None:
    """By a statement that names the columns which the generated matrix gives, and is only planned."""
    unseen, grants = [], await bench.connection.fetch(GRANTS)
    for one in grants:
        role, table, command = one["role"], one["table"], one["command"]
        cell = Cell(role, wide(table, command, bench.columns[role, table, command]), Context())
        before = await come_to(bench.connection, cell)
        column = f"({one['column']})" if one["column"] else ""
        async with mutated(bench.connection, f"revoke {command} {column} on atlas.{table} from {role}"):
            after = await come_to(bench.connection, cell)
        if before == DENIED or after != DENIED:
            unseen.append((dict(one), before, after))
    assert unseen == []
    assert len(grants) >= 420


@pytest.mark.parametrize("role", APP_ROLES)
async def test_without_the_schema_a_role_reads_nothing(bench: Bench, role: str) -> None:
    cell = Cell(role, "select version_num from atlas.alembic_version", Context())
    assert await come_to(bench.connection, cell) == 1
    async with mutated(bench.connection, f"revoke usage on schema atlas from {role}"):
        assert await come_to(bench.connection, cell) == DENIED
