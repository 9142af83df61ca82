"""Idempotency keys and invitations: what the mutations remember is one principal's in one tenant."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.schema.ids import encode_id
from tests.isolation.anchors import Anchors, never_was
from tests.isolation.deeds import DEEDS, codes, do, state
from tests.isolation.oracle import Judged, leaks
from tests.isolation.world import IDEMPOTENCY_KEY, KEY, PINNED_KEY, Person, World

GENERATE = replace(DEEDS[0], payload="created driftRun { id tenant { name } requestedBy { displayName } }")
SET_MEMBERSHIP = next(deed for deed in DEEDS if deed.mutation == "setMembership")
KEYED = "the key of everybody"


def asked(anchors: Anchors, scope_key: str = KEY, key: str = KEYED) -> dict[str, Any]:
    return {"tenantId": anchors.named["tenant"], "scopeKey": scope_key, "idempotencyKey": key}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keyed(busy: World) -> World:
    """The busy world with one person who is an OPERATOR of both tenants."""
    roles = {realm.id: Role.OPERATOR for realm in busy.realms}
    return replace(busy, people=(*busy.people, await _newcomer(busy, roles)))


async def _newcomer(world: World, roles: Mapping[UUID, Role]) -> Person:
    principal = await access.ensure_local_principal(world.databases.api, f"newcomer-{uuid4().hex[:8]}")
    for realm in world.realms:
        if realm.id in roles:
            await access.set_membership(world.databases.api, realm.tenant.owner, principal.id, roles[realm.id])
    return Person("newcomer", principal, roles)


def consultant_of(world: World) -> Person:
    return world.people[-1]


async def test_one_key_in_two_tenants_is_two_requests(
    keyed: World, handles: tuple[Anchors, Anchors], judged: Judged
) -> None:
    person = consultant_of(keyed)
    for realm, of in zip(keyed.realms, handles, strict=True):
        for _ in range(2):
            judged.cases += 1
            answer = await do(keyed, person, GENERATE, asked(of))
            assert codes(answer, GENERATE) == []
            assert answer["data"]["generateDrift"]["driftRun"]["tenant"]["name"] == realm.mark
        reused = await do(keyed, person, GENERATE, asked(of, PINNED_KEY))
        assert codes(reused, GENERATE) == ["IDEMPOTENCY_KEY_REUSED"], "the control: the key is kept"


async def test_a_key_of_somebody_else_is_free(keyed: World, handles: tuple[Anchors, Anchors], judged: Judged) -> None:
    for realm, of in zip(keyed.realms, handles, strict=True):
        theirs = keyed.member(realm, Role.OPERATOR)
        reused = await do(keyed, theirs, GENERATE, asked(of, PINNED_KEY, IDEMPOTENCY_KEY))
        assert codes(reused, GENERATE) == ["IDEMPOTENCY_KEY_REUSED"], "the control: the operator used the key before"
        for role in (Role.MANAGER, Role.OWNER):
            judged.cases += 1
            answer = await do(keyed, keyed.member(realm, role), GENERATE, asked(of, PINNED_KEY, IDEMPOTENCY_KEY))
            assert codes(answer, GENERATE) == []


async def test_a_key_tells_a_stranger_nothing(keyed: World, handles: tuple[Anchors, Anchors], judged: Judged) -> None:
    for realm, of in zip(keyed.realms, handles, strict=True):
        for person in (one for one in keyed.people if realm.id not in one.roles):
            for key in (IDEMPOTENCY_KEY, "a key that nobody used"):
                judged.cases += 1
                before, given = await state(keyed), asked(of, key=key)
                answer = await do(keyed, person, GENERATE, given)
                assert codes(answer, GENERATE) == ["NOT_FOUND"]
                assert answer == await do(keyed, person, GENERATE, never_was(given))
                assert await state(keyed) == before


async def test_an_invitation_tells_of_a_person_what_they_are_called_and_no_more(
    keyed: World, handles: tuple[Anchors, Anchors], judged: Judged
) -> None:
    """A person is the same in every tenant, and whoever was given their id may invite them."""
    owner, guest = keyed.owner_of(keyed.alpha), await _newcomer(keyed, {keyed.beta.id: Role.READER})
    given = {
        "tenantId": handles[0].named["tenant"],
        "principalId": encode_id("Principal", None, guest.principal.id),
        "role": "READER",
    }
    judged.cases += 1
    answer = await do(keyed, owner, SET_MEMBERSHIP, given)
    assert codes(answer, SET_MEMBERSHIP) == []
    membership = answer["data"]["setMembership"]["membership"]
    assert membership["principal"] == {"displayName": guest.principal.display_name}
    assert not leaks(keyed, owner, answer)


async def test_a_robot_of_another_tenant_is_as_good_as_absent(
    keyed: World, handles: tuple[Anchors, Anchors], judged: Judged
) -> None:
    mine, theirs = handles
    given = {"tenantId": mine.named["tenant"], "principalId": theirs.named["robot"], "role": "READER"}
    control = await do(keyed, keyed.owner_of(keyed.beta), SET_MEMBERSHIP, given | {"tenantId": theirs.named["tenant"]})
    assert codes(control, SET_MEMBERSHIP) == []
    judged.cases += 1
    answer = await do(keyed, keyed.owner_of(keyed.alpha), SET_MEMBERSHIP, given)
    assert codes(answer, SET_MEMBERSHIP) == ["NOT_FOUND"]
    absent = given | {"principalId": never_was(theirs.named["robot"])}
    assert answer == await do(keyed, keyed.owner_of(keyed.alpha), SET_MEMBERSHIP, absent)
