"""Callers: tokens that hold, of every role in both tenants and of no tenant, and tokens that do not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from atlas import access
from atlas.access import NewToken, Principal
from atlas.domain.vocabulary import Role
from tests.isolation.oracle import Answer
from tests.isolation.world import Person, Realm, World, memberships_of

# What may differ from one answer to the next and says nothing of what was asked for.
_PASSING = {"date", "x-request-id"}


@dataclass(frozen=True, slots=True)
class Callers:
    """`tokens` are by person; `refused` are authorization headers that nobody gets in with, by what is wrong.

    What ended there is of alpha; `others_refused` is what ended in beta.
    """

    world: World
    tokens: Mapping[str, str]
    refused: Mapping[str, str | None]
    others_refused: Mapping[str, str | None]

    def headers(self, person: Person) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[person.name]}"}


async def make_callers(world: World) -> Callers:
    """The world, seen by robots instead of people."""
    people: list[Person] = []
    tokens: dict[str, str] = {}
    for realm in world.realms:
        for role in Role:
            new = await _token(world, realm, role)
            people.append(await _robot(world, f"{role} robot of {realm.mark}", new, {realm.id: role}))
            tokens[people[-1].name] = new.token
    new = await _token(world, world.alpha, Role.READER)
    await access.remove_membership(world.databases.api, world.alpha.tenant.owner, new.principal_id)
    people.append(await _robot(world, "robot of no tenant", new, {}))
    tokens[people[-1].name] = new.token
    among = replace(world, people=tuple(people))
    return Callers(among, tokens, await _refused(world), await _ended(world, world.beta))


async def _refused(world: World) -> dict[str, str | None]:
    refused: dict[str, str | None] = {"no token": None, "malformed": "Bearer atlas_nonsense", "no scheme": "atlas"}
    refused["unknown"] = f"Bearer {access.new_token()}"
    return refused | await _ended(world, world.alpha)


async def _ended(world: World, realm: Realm) -> dict[str, str | None]:
    """Tokens of a tenant that held once, of every role."""
    ended: dict[str, str | None] = {}
    for role in Role:
        past = datetime.now(UTC) - timedelta(minutes=1)
        ended[f"expired, {role}"] = f"Bearer {(await _token(world, realm, role, expires_at=past)).token}"
        revoked = await _token(world, realm, role)
        assert await access.revoke_token(world.databases.api, realm.tenant.owner, revoked.id)
        ended[f"revoked, {role}"] = f"Bearer {revoked.token}"
    return ended


async def _token(world: World, realm: Realm, role: Role, **more: Any) -> NewToken:
    name = f"{role}-{uuid4().hex[:8]} of {realm.mark}"
    return await access.create_token(world.databases.api, realm.tenant.owner, principal_name=name, role=role, **more)


async def _robot(world: World, name: str, new: NewToken, roles: Mapping[Any, Role]) -> Person:
    person = Person(name, Principal(new.principal_id, "SERVICE", name), roles)
    return replace(person, memberships=await memberships_of(world.databases.owner, person))


async def post(
    client: httpx.AsyncClient, headers: Mapping[str, str], query: str, variables: Mapping[str, Any]
) -> Answer:
    """The answer over HTTP: what it says, and all else that a caller can see of it."""
    response = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    said = response.json()
    seen = {name: value for name, value in response.headers.items() if name not in _PASSING}
    return {
        "data": said.get("data"),
        "errors": said.get("errors", []),
        "status": response.status_code,
        "text": response.text,
        "headers": seen,
    }
