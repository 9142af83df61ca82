"""Two tenants with a secret each, everybody who may ask over the real server, and what was told to other people."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, is_required_argument

from atlas import access, drift, generate, jobs
from atlas.domain.vocabulary import Role
from atlas.record import record_folder
from atlas.schema.ids import encode_id
from atlas.schema.root import schema
from atlas.store.database import Context, Database
from tests.clients import client_of
from tests.factories import DEPLOYMENT_KEY, write_export
from tests.fuzz.values import Material, Pool, spare_principals
from tests.http.conftest import Server, serving
from tests.isolation.world import KEY, Databases, Person, Realm, World, make_world

_SECONDS_OF_A_TOKEN = 86_400

# Where a field fails, graphql-core cancels its siblings, also those that have not begun: Python warns of these, or
# fails to where it collects them inside a function without builtins.
NOT_BEGUN = [
    pytest.mark.filterwarnings("ignore:coroutine .*was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in.{1,3}<coroutine object:pytest.PytestUnraisableExceptionWarning"
    ),
]


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody with a token, or without; `hidden` is what no answer to them may hold."""

    name: str
    token: str | None
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the documents are asked of. `secrets` are in no answer to anybody."""

    server: Server
    askers: tuple[Asker, ...]
    material: Material
    secrets: tuple[str, ...]

    @property
    def roles(self) -> list[Asker]:
        """One with each role in the tenant that is asked for, one who owns the other too, and a member of none."""
        return [asker for asker in self.askers if "of alpha" in asker.name or asker.name == "nobody"]


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """Strawberry logs each error with its trace; `atlas.logs` silences that in a server too."""
    silenced = logging.getLogger("strawberry.execution")
    level = silenced.level
    silenced.setLevel(logging.CRITICAL + 1)
    yield
    silenced.setLevel(level)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ground(
    quiet: None, owner: Database, api: Database, worker: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    databases = Databases(owner, api, worker)
    world = await make_world(databases, tmp_path_factory.mktemp("fuzzed"))
    planted = [await _plant(databases, realm, tmp_path_factory.mktemp("planted")) for realm in world.realms]
    askers = [await _asker(world, person) for person in world.people]
    lost = [await _lost(world, end) for end in ("expired", "revoked")]
    everything = frozenset().union(*world.own.values())
    askers += [Asker("without a token", None, everything), *(Asker(name, token, everything) for name, token in lost)]
    tokens = tuple(asker.token for asker in askers if asker.token)
    async with serving(api) as server:
        material = await _material(server, world, askers)
        yield Ground(server, tuple(askers), material, (*planted, *tokens, DEPLOYMENT_KEY.decode()))


async def _plant(databases: Databases, realm: Realm, folder: Path) -> str:
    """Records a configuration with a secret in it, and its change, so that a finding tells of it."""
    secret = f"planted-{uuid4().hex}"
    for number, value in enumerate((secret, f"{secret}-changed")):
        wifi = {
            "@odata.type": "#microsoft.graph.windowsWifiConfiguration",
            "id": "00000000-0000-4000-8000-000000000901",
            "displayName": "Wi-Fi",
            "ssid": f"office {number}",
            "preSharedKey": value,
        }
        path = write_export(folder / str(number), wifi, kind="DeviceConfiguration")
        as_manager = realm.tenant.as_(Role.MANAGER)
        await record_folder(databases.api, databases.worker, as_manager, path=path, deployment_key=DEPLOYMENT_KEY)
    asked = await drift.request_drift(databases.api, realm.tenant.as_(Role.OPERATOR), scope_key=KEY)
    for job in asked.jobs:
        lease = await jobs.claim(databases.worker, job, lease_seconds=30)
        assert lease is not None
        await generate.generate(databases.worker, lease)
    return secret


async def _asker(world: World, person: Person) -> Asker:
    """A token is a tenant's, so whoever is a member of none was one when they got it."""
    context = Context(tenant_id=next(iter(person.roles), world.alpha.id), principal_id=person.principal.id)
    until = datetime.now(UTC) + timedelta(seconds=_SECONDS_OF_A_TOKEN)
    if not person.roles:
        await access.set_membership(world.databases.api, world.alpha.tenant.owner, person.principal.id, Role.READER)
    new = await access.create_own_token(world.databases.owner, context, expires_at=until)
    if not person.roles:
        await access.remove_membership(world.databases.api, world.alpha.tenant.owner, person.principal.id)
    return Asker(person.name, new.token, world.hidden_from(person))


async def _lost(world: World, end: str) -> tuple[str, str]:
    """A token of alpha's owner that holds no longer."""
    context = world.alpha.tenant.owner
    seconds = 0.3 if end == "expired" else _SECONDS_OF_A_TOKEN
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    new = await access.create_own_token(world.databases.owner, context, expires_at=until)
    if end == "expired":
        await asyncio.sleep(seconds + 0.1)
    else:
        assert await access.revoke_token(world.databases.owner, replace(context, principal_id=None), new.id)
    return end, new.token


async def _material(server: Server, world: World, askers: list[Asker]) -> Material:
    """What each tenant's owner finds in its lists, to be asked for again by everybody."""
    pools = []
    for realm in world.realms:
        pool = Pool()
        token = next(one.token for one in askers if one.name == f"OWNER of {realm.mark}")
        async with client_of(server.url, headers={"authorization": f"Bearer {token}"}) as client:
            for name in _lists():
                list_ = f"{name}(first: 20) {{ pageInfo {{ endCursor }} edges {{ cursor node {{ id }} }} }}"
                query = f"query ($id: ID!) {{ tenant(by: {{ id: $id }}) {{ id activityCursor {list_} }} }}"
                body = {"query": query, "variables": {"id": encode_id("Tenant", realm.id, realm.id)}}
                answer = (await client.post("/graphql", json=body)).json()
                assert "errors" not in answer, answer
                pool.take(answer["data"])
        assert len(pool.ids) >= 7, sorted(pool.ids)
        pools.append(pool)
    spare = [(await access.ensure_local_principal(world.databases.api, f"spare-{uuid4().hex}")).id for _ in range(3)]
    words = ("Policy 1", "Kiosk", "production", KEY, world.alpha.mark, "configurationPolicy", "anything")
    return Material(pools[0], pools[1], words, spare_principals(spare))


def _lists() -> list[str]:
    tenant = schema._schema.type_map["Tenant"]
    assert isinstance(tenant, GraphQLObjectType)
    return [
        name
        for name, field in tenant.fields.items()
        if "first" in field.args and not any(is_required_argument(one) for one in field.args.values())
    ]


JSON = {"content-type": "application/json"}
