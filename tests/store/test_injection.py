"""What somebody gets who can run SQL of their own as a role that serves: what holds, and what honestly does not."""

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database
from tests.store.world import DENIED, World, attempt, rows, run

ASSUME = "select set_config('atlas.principal_id', :operator, true), set_config('atlas.tenant_id', :tenant, true)"


async def test_whoever_runs_sql_as_the_api_is_whom_they_name_and_the_record_names_that_one(
    api: Database, owner: Database, world: World, other: World
) -> None:
    """The context is set in SQL, so it can be set again: this is what an injection gets, and it is written down."""
    async with api.transaction(other.context(Role.READER)) as connection:
        await run(connection, ASSUME, world.ids)
        await run(
            connection,
            "update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'x' where id = :finding",
            world.ids,
        )
    query = "select actor_id from atlas.audit_events where target_id = :finding and action = 'finding.acknowledged'"
    async with owner.transaction() as connection:
        assert [row.actor_id for row in await rows(connection, query, world.ids)] == [world.operator]


@pytest.mark.parametrize("table", ["principals", "tenants", "tenant_principals", "memberships", "api_tokens"])
async def test_without_the_id_of_a_principal_nobody_is_found_to_name(
    api: Database, world: World, other: World, table: str
) -> None:
    ids = world.ids
    column = {"principals": "id", "tenants": "id"}.get(table, "tenant_id")
    sought = "in (:tenant, :owner, :reader, :service)"
    for context in (Context(), other.context(), other.context(tenant_id=world.tenant)):
        assert await attempt(api, context, f"select 1 from atlas.{table} where {column} {sought}", ids) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "select hash from atlas.api_tokens",
        "select sealed from atlas.graph_connections",
        "select lease_token from atlas.drift_runs",
        "delete from atlas.findings",
        "insert into atlas.findings (tenant_id) values (:tenant)",
        "update atlas.findings set severity = 'LOW'",
        "update atlas.findings set version = 1",
        "delete from atlas.audit_events",
        "update atlas.audit_events set reason = 'x'",
        "insert into atlas.role_capabilities values ('READER', 'MANAGE_TENANT')",
        "update atlas.tenants set name = 'x'",
        "delete from atlas.item_intervals",
        "select atlas.claim_drift_run(:tenant, :drift_run, interval '1 hour')",
        "select atlas.expire_acknowledgements(1)",
    ],
)
async def test_not_even_an_owner_of_the_tenant_gets_these_with_sql(api: Database, world: World, statement: str) -> None:
    assert await attempt(api, world.context(), statement, world.ids) == DENIED


async def test_a_role_sees_the_statements_of_its_own_sessions_and_of_no_other_role(
    api: Database, worker: Database, world: World
) -> None:
    """PostgreSQL shows a role what its own sessions run: with SQL as one, ids of others who ask meanwhile are seen."""
    seen = text("select usename::text, query from pg_stat_activity where datname = current_database()")
    async with (
        api.transaction(world.context()) as first,
        worker.transaction(world.leased()) as second,
        api.transaction() as spy,
    ):
        for connection in (first, second):
            await connection.execute(text("select 'a statement of ' || session_user"))
        found = [(row.usename, row.query) for row in await spy.execute(seen)]
    assert any(role == "atlas_api" and "a statement of" in query for role, query in found)
    assert {query for role, query in found if role == "atlas_worker"} == {"<insufficient privilege>"}
