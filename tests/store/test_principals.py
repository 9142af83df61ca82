"""Memberships and tokens, as a hostile owner of another tenant would try them."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from atlas.domain.vocabulary import Role
from atlas.store.bootstrap import connect
from atlas.store.database import Context, Database, constraint
from tests.store.conftest import Server
from tests.store.world import DENIED, World, attempt, rows, run

TOKEN = """insert into atlas.api_tokens (tenant_id, principal_id, hash, hint, created_by)
           values (:tenant, :{principal}, decode(md5(random()::text), 'hex'), 'h', :{creator})"""


async def test_the_last_owner_cannot_go(api: Database, world: World) -> None:
    for statement in (
        "delete from atlas.memberships where tenant_id = :tenant and principal_id = :owner",
        "delete from atlas.memberships where tenant_id = :tenant",
        "update atlas.memberships set role = 'MANAGER' where tenant_id = :tenant",
    ):
        with pytest.raises(DBAPIError) as refused:
            await attempt(api, world.context(), statement, world.ids)
        assert constraint(refused.value) == "keep_an_owner"


async def test_two_owners_who_remove_each_other_leave_one(api: Database, owner: Database, world: World) -> None:
    async with owner.transaction() as connection:
        await run(connection, "update atlas.memberships set role = 'OWNER' where principal_id = :manager", world.ids)

    async def remove(role: Role, whom: str) -> None:
        async with api.transaction(world.context(role)) as connection:
            await run(connection, f"delete from atlas.memberships where tenant_id = :tenant and principal_id = :{whom}",
                      world.ids)  # fmt: skip
            await asyncio.sleep(0.05)

    await asyncio.gather(remove(Role.OWNER, "manager"), remove(Role.MANAGER, "owner"), return_exceptions=True)
    async with owner.transaction() as connection:
        left = await rows(
            connection, "select 1 from atlas.memberships where tenant_id = :tenant and role = 'OWNER'", world.ids
        )
    assert len(left) == 1


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_two_owners_with_old_snapshots_who_remove_each_other_leave_one(
    server: Server, api: Database, owner: Database, world: World, isolation: str
) -> None:
    """Neither would see that the other has gone: each looks at the moment when its transaction began."""
    async with owner.transaction() as connection:
        await run(connection, "update atlas.memberships set role = 'OWNER' where principal_id = :manager", world.ids)
    one, other = [await connect(server.url("atlas_api")) for _ in range(2)]
    for connection, principal in ((one, world.owner), (other, world.manager)):
        await connection.execute(f"begin isolation level {isolation}")
        for name, value in (("tenant_id", world.tenant), ("principal_id", principal)):
            await connection.execute("select set_config($1, $2, true)", f"atlas.{name}", str(value))
        assert len(await connection.fetch("select from atlas.memberships where role = 'OWNER'")) == 2
    for connection, whom in ((one, world.manager), (other, world.owner)):
        with pytest.raises(asyncpg.InvalidTransactionStateError):
            await connection.execute("delete from atlas.memberships where principal_id = $1", whom)
        await connection.close()
    left = "select 1 from atlas.memberships where tenant_id = :tenant and role = 'OWNER'"
    assert await attempt(api, world.context(), left, world.ids) == 2


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR, Role.MANAGER])
async def test_nobody_but_an_owner_grants(api: Database, world: World, role: Role) -> None:
    grant = "insert into atlas.memberships (tenant_id, principal_id, role) values (:tenant, :lease, 'OWNER')"
    assert await attempt(api, world.context(role), grant, world.ids) == DENIED
    promote = "update atlas.memberships set role = 'OWNER' where tenant_id = :tenant"
    assert await attempt(api, world.context(role), promote, world.ids) == 0


async def test_a_membership_is_audited_and_the_directory_forgets_nobody(
    api: Database, owner: Database, world: World, other: World
) -> None:
    ids = world.ids | {"guest": other.reader}
    async with api.transaction(world.context()) as connection:
        await run(connection, "insert into atlas.memberships (tenant_id, principal_id, role)"
                              " values (:tenant, :guest, 'READER')", ids)  # fmt: skip
        await run(connection, "update atlas.memberships set role = 'MANAGER'"
                              " where tenant_id = :tenant and principal_id = :guest", ids)  # fmt: skip
        await run(connection, "delete from atlas.memberships where tenant_id = :tenant and principal_id = :guest", ids)
        assert (
            len(await rows(connection, "select 1 from atlas.tenant_principals where principal_id = :guest", ids)) == 1
        )
    async with owner.transaction() as connection:
        actions = await rows(
            connection,
            "select action, before->>'role' before, after->>'role' after from atlas.audit_events"
            " where tenant_id = :tenant and actor_id = :owner and target_type = 'Membership' order by at",
            world.ids,
        )
    assert [tuple(row) for row in actions] == [
        ("membership.granted", None, "READER"),
        ("membership.changed", "READER", "MANAGER"),
        ("membership.removed", "MANAGER", None),
    ]


async def test_service_principals_of_one_name_in_two_tenants_are_two(api: Database, world: World, other: World) -> None:
    made = set()
    for each in (world, other):
        for _ in range(2):
            async with api.transaction(each.context()) as connection:
                made.add(await connection.scalar(text("select atlas.ensure_service_principal('nightly')")))
    assert len(made) == 2


async def test_a_service_principal_needs_manage_members_of_that_tenant(
    api: Database, world: World, other: World
) -> None:
    make = "select atlas.ensure_service_principal('nightly')"
    for context in (world.context(Role.MANAGER), other.context(tenant_id=world.tenant), Context()):
        assert await attempt(api, context, make, {}) == DENIED


async def test_nobody_signs_in_as_a_tenants_service_principal(api: Database, world: World) -> None:
    pose = "select * from atlas.ensure_principal('atlas:' || :tenant, 'ci', 'USER', 'me')"
    assert await attempt(api, Context(), pose, world.ids) == DENIED


async def test_an_owner_makes_a_token_for_the_tenants_own_service_principal(api: Database, world: World) -> None:
    token = TOKEN.format(principal="service", creator="owner")
    assert await attempt(api, world.context(), token, world.ids) == 1
    assert await attempt(api, world.context(Role.MANAGER), token, world.ids) == DENIED


async def test_a_token_in_the_name_of_a_member_who_has_other_tenants_is_refused(
    api: Database, owner: Database, world: World, other: World
) -> None:
    """It would act in the other tenants too: an owner here could make themselves an owner there.

    A robot of another tenant cannot even be a member.
    """
    ids = world.ids | {"guest": other.owner, "robot": other.service}
    invite = "insert into atlas.memberships (tenant_id, principal_id, role) values (:tenant, :{}, 'READER')"
    async with owner.transaction() as connection:
        await run(connection, invite.format("guest"), ids)
    with pytest.raises(DBAPIError, match="there is no such principal"):
        await attempt(api, world.context(), invite.format("robot"), ids)
    for principal in ("guest", "robot", "manager", "owner"):
        forged = TOKEN.format(principal=principal, creator="owner")
        assert await attempt(api, world.context(), forged, ids) == DENIED, principal


async def test_a_token_is_made_in_ones_own_name(api: Database, world: World) -> None:
    assert (
        await attempt(api, world.context(), TOKEN.format(principal="service", creator="manager"), world.ids) == DENIED
    )


async def test_a_revoked_token_stays_revoked(api: Database, world: World) -> None:
    revoke = "update atlas.api_tokens set revoked_at = now() where tenant_id = :tenant"
    async with api.transaction(world.context()) as connection:
        assert await run(connection, revoke, world.ids) == 1
    revive = "update atlas.api_tokens set revoked_at = null where tenant_id = :tenant"
    assert await attempt(api, world.context(), revive, world.ids) == 0
    hashed = f"select * from atlas.authenticate(decode('{world.service.hex}', 'hex'))"
    assert await attempt(api, Context(), hashed, {}) == 0


async def test_the_hash_of_a_token_is_read_by_nobody(api: Database, worker: Database, world: World) -> None:
    read = "select hash from atlas.api_tokens"
    assert await attempt(api, world.context(), read, {}) == DENIED
    assert await attempt(worker, world.leased(), read, {}) == DENIED


async def test_a_token_opens_without_a_context_and_tells_nothing_but_its_principal(api: Database, world: World) -> None:
    async with api.transaction() as connection:
        [found] = await rows(connection, f"select * from atlas.authenticate(decode('{world.service.hex}', 'hex'))", {})
        assert found.principal_id == world.service
        assert await rows(connection, "select 1 from atlas.memberships", {}) == []
