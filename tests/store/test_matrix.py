"""The page of who may do what is that of the migrated database, and every change of a right changes it."""

import re
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from atlas.domain.vocabulary import Capability, Role
from atlas.store import matrix
from atlas.store.database import Database, open_database
from tests.store.conftest import Server

PAGE = matrix.kept().read_text(encoding="utf-8")


class Undo(Exception):  # noqa: N818
    """Rolls the change back."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def superuser(server: Server) -> AsyncIterator[Database]:
    database = open_database(server.url(server.superuser), size=1)
    yield database
    await database.close()


async def test_the_page_is_that_of_the_database(owner: Database) -> None:
    """After a change of the migrations: `python -m atlas.store.matrix OWNER_URL` writes it anew."""
    async with owner.transaction(readonly=True) as connection:
        assert await matrix.render(connection) == PAGE


@pytest.mark.parametrize(
    "change",
    [
        "drop policy api_select on atlas.findings",
        "alter policy api_select on atlas.findings using (tenant_id = (select atlas.tenant_for('READ_AUDIT')))",
        "grant delete on atlas.scopes to atlas_api;create policy a on atlas.scopes to atlas_api using (true)",
        "grant update (severity) on atlas.findings to atlas_api",
        "grant select (lease_token) on atlas.drift_runs to atlas_api",
        "revoke insert on atlas.contents from atlas_worker",
        "grant select on atlas.graph_connections to atlas_api",
        "grant execute on function atlas.accept_baseline(uuid) to atlas_worker",
        "alter function atlas.tenant_for(text) security invoker",
        "alter table atlas.findings disable row level security",
        "insert into atlas.role_capabilities values ('READER', 'READ_AUDIT')",
        "delete from atlas.role_capabilities where (role, capability) = ('MANAGER', 'START_SYNC')",
    ],
)
async def test_a_change_of_a_right_changes_the_page(superuser: Database, change: str) -> None:
    with suppress(Undo):
        async with superuser.transaction() as connection:
            for statement in change.split(";"):
                await connection.exec_driver_sql(statement)
            page = await matrix.render(connection)
            raise Undo
    assert page != PAGE


def test_the_page_names_every_role_and_capability() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", PAGE, re.MULTILINE))
    assert [*Role] == rows.pop("capability").split(" | ")
    assert set(Capability) <= set(rows)


def test_no_condition_is_left_as_the_database_writes_it_where_there_are_words_for_it() -> None:
    tables = PAGE.partition("## Functions")[0]
    assert not re.search(r"current_setting|SELECT atlas\.|NULLIF", tables)
