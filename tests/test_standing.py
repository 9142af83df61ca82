"""Many tokens and memberships, judged in one statement: told is what has changed, and of whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from atlas import access
from atlas.access import Standing
from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import counted


async def member(api: Database, tenant: Tenant, role: Role = Role.READER, **token: object) -> tuple[Standing, object]:
    made = await access.create_token(api, tenant.owner, principal_name=f"m-{uuid4().hex}", role=role, **token)  # type: ignore[arg-type]
    return Standing(made.principal_id, access.digest(made.token), tenant.id, role), made.id


async def test_only_what_has_changed_is_told_and_in_one_statement(owner: Database, api: Database) -> None:
    tenant, other = await make_tenant(owner, api), await make_tenant(owner, api)
    stays, _ = await member(api, tenant)
    revoked, token_id = await member(api, tenant)
    expired, _ = await member(api, tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    promoted, _ = await member(api, tenant)
    removed, _ = await member(api, tenant)
    elsewhere, _ = await member(api, other, Role.OWNER)
    await access.revoke_token(api, tenant.owner, token_id)  # type: ignore[arg-type]
    await access.set_membership(api, tenant.owner, promoted.principal_id, Role.MANAGER)
    await access.remove_membership(api, tenant.owner, removed.principal_id)
    foreign = replace(elsewhere, tenant_id=tenant.id)
    socket = Standing(stays.principal_id, stays.digest)
    issuers = replace(stays, digest=None)
    asked = [stays, revoked, expired, promoted, removed, elsewhere, foreign, socket, issuers]
    with counted(api) as sent:
        changed = await access.changed_standings(api, asked)
    assert {asked[place]: now for place, now in changed} == {
        revoked: None,
        expired: None,
        promoted: replace(promoted, role=Role.MANAGER),
        removed: replace(removed, role=None),
        foreign: replace(foreign, role=None),
    }
    assert len(sent) == 1


async def test_a_token_is_noted_as_used_where_that_is_asked_for(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    standing, token_id = await member(api, tenant)

    async def used() -> object:
        return next(one.last_used_at for one in await access.list_tokens(api, tenant.owner) if one.id == token_id)

    await access.changed_standings(api, [standing])
    assert await used() is None
    await access.changed_standings(api, [standing], used=True)
    assert await used() is not None


async def test_what_judges_many_lets_nobody_else_see_a_membership(owner: Database, api: Database) -> None:
    """Neither in the transaction that judges, nor for whoever sets by hand what the function sets for itself."""
    tenant = await make_tenant(owner, api)
    standing, _ = await member(api, tenant)
    arrays = "array[null::bytea], array[null::uuid], array[gen_random_uuid()], array[null::text], false"
    async with api.transaction(replace(tenant.as_(Role.READER))) as connection:
        await connection.execute(text(f"select * from atlas.changed_standing({arrays})"))
        mine = await connection.scalar(text("select count(*) from atlas.memberships"))
        await connection.execute(text("select set_config('atlas.judging', 'yes', true)"))
        still = await connection.scalar(text("select count(*) from atlas.memberships"))
        others = await connection.scalar(text("select atlas.tenant_for('MANAGE_MEMBERS')"))
    assert (mine, still, others) == (1, 1, None)
    assert standing.tenant_id == tenant.id
