"""Tokens, memberships and tenants: who comes in, and what an owner may change."""

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from atlas import access
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database
from atlas.store.tables import api_tokens, audit_events
from tests.docs.reading import page
from tests.factories import Tenant, make_tenant

# Made once, of a body that nobody was given.
LONG_AGO = "atlas_Golden00123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ3nuhZO"


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


async def test_a_token_lets_its_principal_in_until_it_is_revoked(api: Database, tenant: Tenant) -> None:
    made = await access.create_token(api, tenant.owner, principal_name="ci", role=Role.OPERATOR)
    principal = await access.authenticate(api, made.token)
    assert principal is not None
    assert (principal.id, principal.kind, principal.display_name) == (made.principal_id, "SERVICE", "ci")
    assert await access.revoke_token(api, tenant.owner, made.id)
    assert await access.authenticate(api, made.token) is None
    assert not await access.revoke_token(api, tenant.owner, made.id)


async def test_a_token_s_use_is_kept_and_its_making_and_end_are_audited_without_it(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    made = await access.create_token(api, tenant.owner, principal_name="ci", role=Role.OPERATOR)
    [unused] = await access.list_tokens(api, tenant.owner)
    await access.authenticate(api, made.token)
    [used] = await access.list_tokens(api, tenant.owner)
    assert unused.last_used_at is None
    assert used.last_used_at is not None
    await access.revoke_token(api, tenant.owner, made.id)
    a = audit_events.c
    async with owner.transaction() as connection:
        told = (await connection.execute(select(audit_events).where(a.target_id == made.id).order_by(a.at))).all()
    by = tenant.members[Role.OWNER]
    assert [(one.action, one.actor_id) for one in told] == [("token.created", by), ("token.revoked", by)]
    assert {one.after["hint"] for one in told} == {made.token[:12]}
    digest = hashlib.sha256(made.token.encode())
    for secret in (made.token, made.token[12:], digest.hexdigest(), b64encode(digest.digest()).decode()):
        assert secret not in repr(told)


async def test_a_token_ends_with_its_time(api: Database, tenant: Tenant) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    made = await access.create_token(api, tenant.owner, principal_name="ci", role=Role.READER, expires_at=past)
    assert await access.authenticate(api, made.token) is None


async def test_no_token_is_stored_and_only_its_beginning_is_shown(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    made = await access.create_token(api, tenant.owner, principal_name="ci", role=Role.READER)
    (shown,) = await access.list_tokens(api, tenant.owner)
    assert (shown.hint, shown.principal, shown.role) == (made.token[:12], "ci", "READER")
    async with owner.transaction() as connection:
        row = (await connection.execute(select(api_tokens).where(api_tokens.c.id == made.id))).one()
    assert made.token.encode() not in repr(row).encode()


async def test_the_same_name_in_two_tenants_is_two_principals(owner: Database, api: Database, tenant: Tenant) -> None:
    other = await make_tenant(owner, api)
    mine = await access.create_token(api, tenant.owner, principal_name="ci", role=Role.OWNER)
    theirs = await access.create_token(api, other.owner, principal_name="ci", role=Role.OWNER)
    assert mine.principal_id != theirs.principal_id
    seen = await access.list_tenants(api, Context(principal_id=mine.principal_id))
    assert [one.id for one in seen] == [tenant.id]


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR, Role.MANAGER])
async def test_only_an_owner_makes_tokens_and_members(api: Database, tenant: Tenant, role: Role) -> None:
    for attempt in (
        access.create_token(api, tenant.as_(role), principal_name="ci", role=Role.READER),
        access.set_membership(api, tenant.as_(role), tenant.members[role], Role.OWNER),
        access.remove_membership(api, tenant.as_(role), tenant.members[Role.OWNER]),
        access.list_tokens(api, tenant.as_(role)),
    ):
        with pytest.raises(RefusedError) as refused:
            await attempt
        assert refused.value.code == "FORBIDDEN"


async def test_whoever_is_no_member_finds_no_tenant(api: Database, tenant: Tenant) -> None:
    stranger = await access.ensure_local_principal(api, f"stranger-{uuid4()}")
    with pytest.raises(RefusedError) as refused:
        await access.create_token(
            api, Context(tenant_id=tenant.id, principal_id=stranger.id), principal_name="ci", role=Role.READER
        )
    assert refused.value.code == "NOT_FOUND"


async def test_the_last_owner_cannot_go_nor_step_down(api: Database, tenant: Tenant) -> None:
    last = tenant.members[Role.OWNER]
    for attempt in (
        access.remove_membership(api, tenant.owner, last),
        access.set_membership(api, tenant.owner, last, Role.READER),
    ):
        with pytest.raises(RefusedError) as refused:
            await attempt
        assert refused.value.code == "CONFLICT"
    await access.set_membership(api, tenant.owner, tenant.members[Role.MANAGER], Role.OWNER)
    assert await access.remove_membership(api, tenant.owner, last)


async def test_a_principal_that_never_was_is_not_found(api: Database, tenant: Tenant) -> None:
    with pytest.raises(RefusedError) as refused:
        await access.set_membership(api, tenant.owner, uuid4(), Role.READER)
    assert refused.value.code == "NOT_FOUND"
    assert not await access.remove_membership(api, tenant.owner, uuid4())


async def test_a_tenant_s_name_is_taken_once(owner: Database, tenant: Tenant) -> None:
    with pytest.raises(RefusedError) as refused:
        await access.create_tenant(owner, tenant.name)
    assert refused.value.code == "CONFLICT"
    for name in ("", "x" * 201, "two\nlines"):
        with pytest.raises(RefusedError) as refused:
            await access.create_tenant(owner, name)
        assert refused.value.code == "INVALID_INPUT"


def test_a_new_token_is_well_formed() -> None:
    assert access.well_formed(access.new_token())


def test_a_token_of_an_earlier_release_stays_one() -> None:
    """The checksum is part of tokens that people hold: computed in another way it would void them all."""
    assert access.well_formed(LONG_AGO)
    assert not access.well_formed(LONG_AGO[:-1] + "z")


def test_scanners_find_tokens_by_the_documented_expression() -> None:
    [expression] = re.findall(r"`(\\batlas_\[.+)`", page("SECURITY.md"))
    for token in (LONG_AGO, *(access.new_token() for _ in range(50))):
        for text in (token, f"Authorization: Bearer {token}", f'ATLAS_TOKEN="{token}"', f"x={token}&y=1"):
            assert re.findall(expression, text) == [token]
        assert re.findall(expression, token[:-1]) == []
        assert re.findall(expression, f"{token}0") == []
    assert re.findall(expression, "atlas_api atlas_worker atlas_owner_database_url") == []


@given(st.text(max_size=80), st.integers(0, 54))
def test_a_changed_token_is_told_without_the_database(other: str, position: int) -> None:
    token = access.new_token()
    assert not access.well_formed(other)
    changed = token[:position] + ("!" if token[position] != "!" else "?") + token[position + 1 :]
    assert not access.well_formed(changed)
