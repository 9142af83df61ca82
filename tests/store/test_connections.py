"""What is sealed is read by the worker that syncs, and by nobody else; a reference is written by the operator alone."""

import pytest

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.store.world import DENIED, World, attempt, rows, run

SEALED = "select sealed from atlas.graph_connections where tenant_id = :tenant"
CONNECT = """insert into atlas.graph_connections
    (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, {column}, created_by)
    values (:tenant, :scope, :scope, :scope, 'GLOBAL', 'CLIENT_SECRET', '{value}', :{creator})"""


def connecting(creator: str = "owner", column: str = "sealed", value: str = "x") -> str:
    return CONNECT.format(creator=creator, column=column, value=value)


@pytest.mark.parametrize("role", list(Role))
async def test_no_member_reads_what_is_sealed(api: Database, sweeper: Database, world: World, role: Role) -> None:
    for statement in (
        SEALED,
        "select * from atlas.graph_connections",
        "select 1 from atlas.graph_connections where sealed is not null",
        "delete from atlas.graph_connections returning sealed",
        "select md5(c::text) from atlas.graph_connections c",
    ):
        assert await attempt(api, world.context(role), statement, world.ids) == DENIED
    assert await attempt(sweeper, world.context(role), SEALED, world.ids) == DENIED


async def test_the_worker_reads_what_is_sealed_while_it_syncs_that_tenant(
    worker: Database, world: World, other: World
) -> None:
    assert await attempt(worker, world.leased(job_id=world.sync_run), SEALED, world.ids) == 1
    assert await attempt(worker, world.leased(), SEALED, world.ids) == 0, "the lease of a drift run"
    assert await attempt(worker, other.leased(job_id=other.sync_run), SEALED, world.ids) == 0


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR, Role.MANAGER])
async def test_nobody_but_an_owner_connects_or_disconnects(api: Database, world: World, role: Role) -> None:
    assert await attempt(api, world.context(role), connecting(role.lower()), world.ids) == DENIED
    assert await attempt(api, world.context(role), "delete from atlas.graph_connections", world.ids) == 0


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_sync_sees_the_connection(api: Database, world: World, role: Role) -> None:
    seen = await attempt(api, world.context(role), "select id from atlas.graph_connections", world.ids)
    assert seen == (role in {Role.MANAGER, Role.OWNER})


async def test_an_owner_connects_in_their_own_name_and_with_a_sealed_secret_only(api: Database, world: World) -> None:
    assert await attempt(api, world.context(), connecting(), world.ids) == 1
    assert await attempt(api, world.context(), connecting("manager"), world.ids) == DENIED
    for reference in ("env:ATLAS_OWNER_DATABASE_URL", "file:/run/secrets/another"):
        forged = connecting(column="reference", value=reference)
        assert await attempt(api, world.context(), forged, world.ids) == DENIED
    change = "update atlas.graph_connections set client_id = :scope where tenant_id = :tenant"
    assert await attempt(api, world.context(), change, world.ids) == DENIED


async def test_a_connection_is_audited_without_its_secret(api: Database, owner: Database, world: World) -> None:
    async with api.transaction(world.context()) as connection:
        await run(connection, connecting(value="t0p-s3cret"), world.ids)
        await run(connection, "delete from atlas.graph_connections where id = :scope", world.ids)
    query = """select action, target_type, target_id, actor_id, before, after, audit_events::text
               from atlas.audit_events where tenant_id = :tenant and target_id = :scope order by at"""
    async with owner.transaction() as connection:
        made, gone = await rows(connection, query, world.ids)
    assert (made.action, gone.action) == ("graphConnection.created", "graphConnection.removed")
    assert {made.target_type, gone.target_type} == {"GraphConnection"}
    assert {made.actor_id, gone.actor_id} == {world.owner}
    assert (made.before, gone.after) == (None, None)
    assert made.after == gone.before
    assert made.after["entraTenantId"] == made.after["clientId"] == str(world.scope)
    for event in (made, gone):
        assert "t0p-s3cret" not in event.audit_events
        assert b"t0p-s3cret".hex() not in event.audit_events


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
async def test_an_owner_makes_no_trial_that_is_under_way_or_has_failed(
    api: Database, world: World, status: str
) -> None:
    """Only a worker takes a trial, and says what came of it."""
    forged = connecting().replace("created_by)", "created_by, status)").replace(":owner)", f":owner, '{status}')")
    assert await attempt(api, world.context(), forged, world.ids) == DENIED
    for column in ("lease_token", "error_code", "error_message"):
        named = connecting().replace("created_by)", f"created_by, {column})").replace(":owner)", ":owner, null)")
        assert await attempt(api, world.context(), named, world.ids) == DENIED


async def test_the_sweeper_takes_no_trial_and_says_nothing_good_of_one(sweeper: Database, world: World) -> None:
    for change in (
        "status = 'RUNNING', lease_token = :lease",
        "status = 'SUCCEEDED'",
        "missing = '[]'",
        "sealed = 'x'",
    ):
        statement = f"update atlas.graph_connections set {change} where tenant_id = :tenant"
        assert await attempt(sweeper, world.context(), statement, world.ids) == DENIED
    queued = "update atlas.graph_connections set sent_at = now() where tenant_id = :tenant"
    assert await attempt(sweeper, world.context(), queued, world.ids) == 1
