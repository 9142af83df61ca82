"""An untouched database has no offence, and each thing that can go wrong is found."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
import pytest_asyncio
from sqlalchemy import text

from atlas.store.database import Database, open_database
from atlas.store.lint import CHANGED_GUARD, WIDER_GRANT, lint
from atlas.store.lint_rules import RULES
from tests.store.conftest import Server
from tests.store.mutations import MUTATIONS

CASES = [(rule, *case) for rule, cases in MUTATIONS.items() for case in cases]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def superuser(server: Server) -> AsyncIterator[Database]:
    database = open_database(server.url(server.superuser), size=1)
    yield database
    await database.close()


class Undo(Exception):  # noqa: N818
    """Rolls the mutation back."""


@pytest.mark.parametrize("role", ["atlas_api", "atlas_worker", "atlas_sweeper", "atlas_owner"])
async def test_an_untouched_database_has_no_offence_whoever_looks(server: Server, role: str) -> None:
    database = open_database(server.url(role), size=1)
    async with database.transaction(readonly=True) as connection:
        assert await lint(connection) == []
    await database.close()


@pytest.mark.parametrize(("rule", "mutation", "found"), CASES, ids=[case[1][:70] for case in CASES])
async def test_a_mutation_is_found_by_its_rule(superuser: Database, rule: str, mutation: str, found: str) -> None:
    with suppress(Undo):
        async with superuser.transaction() as connection:
            for statement in mutation.split(";") if "$$" not in mutation else [mutation]:
                await connection.exec_driver_sql(statement)
            offences = [o.object for o in await lint(connection) if o.rule == rule]
            raise Undo
    assert any(offence.startswith(found) for offence in offences), offences


def test_every_rule_is_proved_by_a_mutation() -> None:
    assert {rule.name for rule in RULES} | {WIDER_GRANT, CHANGED_GUARD} == set(MUTATIONS)


def test_every_rule_has_a_name_of_its_own_and_a_mend() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.mend.endswith(".") for rule in RULES)


async def test_every_exception_is_still_needed_and_has_a_reason(owner: Database) -> None:
    async with owner.transaction() as connection:
        for rule in RULES:
            found: Sequence[str] = list((await connection.exec_driver_sql(rule.sql)).scalars())
            assert set(found) == set(rule.exceptions), rule.name
            assert all(rule.exceptions.values())


async def test_a_temporary_table_of_a_worker_is_no_offence(worker: Database) -> None:
    async with worker.transaction() as connection:
        await connection.execute(text("create temp table delta (tenant_id uuid) on commit drop"))
        assert await lint(connection) == []
