"""Connecting a tenant to Microsoft Graph: who may, what is stored, and that nobody gets the secret back."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from atlas import access, connections, jobs, sync
from atlas.connections import Application
from atlas.domain.errors import RefusedError
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import CredentialKind, GraphCloud, Role, SyncSource, UserErrorCode
from atlas.sealing import PUBLIC_VERSION, Binding, Purpose, sealing_key, unseal
from atlas.store.database import Context, Database
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant

SECRET = b"the client secret"


@pytest_asyncio.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


def application(**changes: Any) -> Application:
    return Application(**({"entra_tenant_id": uuid4(), "client_id": uuid4()} | changes))


SEALS = connections.seal_with(deployment_key=DEPLOYMENT_KEY)


async def connect(api: Database, context: Context, wanted: Application | None = None) -> UUID:
    return (await connections.connect(api, context, wanted or application(), secret=SECRET, seal=SEALS)).run_id


async def refused(awaitable: Any) -> UserErrorCode:
    with pytest.raises(RefusedError) as error:
        await awaitable
    assert SECRET.decode() not in str(error.value)
    return error.value.code


async def test_a_connection_is_listed_without_its_secret(api: Database, tenant: Tenant) -> None:
    wanted = application(cloud=GraphCloud.US_GOVERNMENT)
    made = await connect(api, tenant.owner, wanted)
    (shown,) = await connections.list_connections(api, tenant.as_(Role.MANAGER))
    assert (shown.id, shown.entra_tenant_id, shown.client_id, shown.cloud) == (
        made, wanted.entra_tenant_id, wanted.client_id, GraphCloud.US_GOVERNMENT,
    )  # fmt: skip
    assert (shown.reference, shown.tested_at) == (None, None)
    assert SECRET.decode() not in repr(shown)


async def test_the_worker_that_syncs_opens_the_secret_again(
    api: Database, worker: Database, owner: Database, tenant: Tenant
) -> None:
    made = await connect(api, tenant.owner)
    job = await sync.request(api, tenant.as_(Role.MANAGER), Selection(SyncSource.GRAPH), "Graph")
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    context = Context(tenant_id=tenant.id, job_id=job.run_id, lease_token=lease.token)
    async with worker.transaction(context) as connection:
        sealed = (await connection.execute(text("select sealed from atlas.graph_connections"))).scalar_one()
    assert SECRET not in sealed
    assert unseal([DEPLOYMENT_KEY], sealed, Binding(tenant.id, Purpose.GRAPH_CREDENTIAL, made)) == SECRET
    await jobs.fail(worker, lease, code="TEST", message="Only a test.")


async def test_only_an_owner_connects_and_removes(api: Database, tenant: Tenant) -> None:
    made = await connect(api, tenant.owner)
    for role in (Role.READER, Role.OPERATOR, Role.MANAGER):
        assert await refused(connect(api, tenant.as_(role))) == UserErrorCode.FORBIDDEN
        assert await refused(connections.remove(api, tenant.as_(role), made)) == UserErrorCode.FORBIDDEN
    assert await refused(connections.list_connections(api, tenant.as_(Role.OPERATOR))) == UserErrorCode.FORBIDDEN
    assert await connections.remove(api, tenant.owner, made)
    assert not await connections.remove(api, tenant.owner, made)


async def test_a_stranger_finds_no_tenant_and_no_connection(owner: Database, api: Database, tenant: Tenant) -> None:
    made = await connect(api, tenant.owner)
    stranger = await make_tenant(owner, api)
    context = Context(tenant_id=tenant.id, principal_id=stranger.members[Role.OWNER])
    assert await refused(connect(api, context)) == UserErrorCode.NOT_FOUND
    assert await refused(connections.list_connections(api, context)) == UserErrorCode.NOT_FOUND
    assert await refused(connections.remove(api, context, made)) == UserErrorCode.NOT_FOUND
    assert not await connections.remove(api, stranger.owner, made)


async def test_one_connection_to_a_directory_and_only_to_the_tenants_own(owner: Database, api: Database) -> None:
    principal = (await access.ensure_local_principal(api, f"someone-{uuid4().hex}")).id
    directory = uuid4()
    tenant_id = await access.create_tenant(
        owner, f"tenant-{uuid4().hex}", entra_tenant_id=directory, owner_principal_id=principal
    )
    context = Context(tenant_id=tenant_id, principal_id=principal)
    assert await refused(connect(api, context)) == UserErrorCode.INVALID_INPUT
    await connect(api, context, application(entra_tenant_id=directory))
    again = application(entra_tenant_id=directory)
    assert await refused(connect(api, context, again)) == UserErrorCode.CONFLICT


@pytest.mark.parametrize("secret", [b"", b"x" * 20_000])
async def test_a_secret_of_no_or_too_many_bytes_is_refused(api: Database, tenant: Tenant, secret: bytes) -> None:
    connecting = connections.connect(api, tenant.owner, application(), secret=secret, seal=SEALS)
    assert await refused(connecting) == UserErrorCode.INVALID_INPUT


async def test_a_reference_is_written_over_the_owner_connection_only(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    wanted, name = application(), "env:CONTOSO_CLIENT_SECRET"
    assert await refused(connections.refer(api, api, tenant.owner, wanted, reference=name)) == UserErrorCode.FORBIDDEN
    manager = tenant.as_(Role.MANAGER)
    assert await refused(connections.refer(api, owner, manager, wanted, reference=name)) == UserErrorCode.FORBIDDEN
    made = (await connections.refer(api, owner, tenant.owner, wanted, reference=name)).run_id
    (shown,) = await connections.list_connections(api, tenant.owner)
    assert (shown.id, shown.reference) == (made, name)


@pytest.mark.parametrize("reference", ["CONTOSO", "env:", "env:a b", "env:X\nY", "file:secret", "file:", "http://x/"])
async def test_what_names_no_variable_or_file_is_no_reference(
    owner: Database, api: Database, tenant: Tenant, reference: str
) -> None:
    referring = connections.refer(api, owner, tenant.owner, application(), reference=reference)
    assert await refused(referring) == UserErrorCode.INVALID_INPUT


async def test_a_sync_from_graph_says_whether_a_connection_is_missing(api: Database, tenant: Tenant) -> None:
    manager = tenant.as_(Role.MANAGER)
    assert await refused(sync.start_sync(api, manager)) == UserErrorCode.NO_GRAPH_CONNECTION
    await connect(api, tenant.owner)
    assert (await sync.start_sync(api, manager)).created
    assert await refused(sync.start_sync(api, manager, item_types=["unheardOf"])) == UserErrorCode.INVALID_INPUT
    assert await refused(sync.start_sync(api, manager, item_types=[])) == UserErrorCode.INVALID_INPUT
    await connect(api, tenant.owner)
    assert await refused(sync.start_sync(api, manager)) == UserErrorCode.CONFLICT


async def test_the_identity_of_the_platform_is_handed_out_by_the_operator_alone(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    """It is the deployment's own: whoever could name it would read another directory as their tenant's."""
    for kind in (CredentialKind.MANAGED_IDENTITY, CredentialKind.WORKLOAD_IDENTITY):
        wanted = application(kind=kind)
        assert await refused(connect(api, tenant.owner, wanted)) == UserErrorCode.INVALID_INPUT
        referring = connections.refer(api, api, tenant.owner, wanted, reference=None)
        assert await refused(referring) == UserErrorCode.FORBIDDEN
        with_a_secret = connections.refer(api, owner, tenant.owner, wanted, reference="env:X")
        assert await refused(with_a_secret) == UserErrorCode.INVALID_INPUT
        made = (await connections.refer(api, owner, tenant.owner, wanted, reference=None)).run_id
        shown = {one.id: one for one in await connections.list_connections(api, tenant.owner)}[made]
        assert (shown.credential_kind, shown.reference, shown.tested_at) == (kind, None, None)


async def sealed_of(owner: Database, tenant: Tenant) -> bytes:
    query = "select sealed from atlas.graph_connections where tenant_id = :tenant"
    async with owner.transaction() as connection:
        return bytes(await connection.scalar(text(query), {"tenant": tenant.id}))


async def test_a_secret_is_sealed_anew_and_opens_without_the_old_key(
    api: Database, owner: Database, tenant: Tenant
) -> None:
    made, fresh = await connect(api, tenant.owner), b"a fresh deployment key of these tests"
    binding = Binding(tenant.id, Purpose.GRAPH_CREDENTIAL, made)
    try:
        keys = [b"another key, of which nothing is sealed", DEPLOYMENT_KEY]
        assert (await connections.seal_anew(owner, fresh, keys))[0] >= 1
        sealed = await sealed_of(owner, tenant)
        assert unseal([fresh], sealed, binding) == SECRET
        assert (await connections.seal_anew(owner, fresh, keys))[0] == 0
        assert await sealed_of(owner, tenant) == sealed, "what is under the present key stays as it is"
    finally:
        # It is done for every tenant, and other tests have theirs.
        await connections.seal_anew(owner, DEPLOYMENT_KEY, [fresh])


async def test_a_secret_that_no_key_opens_stays_as_it_is(api: Database, owner: Database, tenant: Tenant) -> None:
    await connect(api, tenant.owner)
    sealed = await sealed_of(owner, tenant)
    renewed, closed = await connections.seal_anew(owner, b"a fresh deployment key of these tests", [b"x" * 32])
    assert (renewed, closed >= 1) == (0, True)
    assert await sealed_of(owner, tenant) == sealed


async def test_what_the_api_sealed_is_sealed_anew_too(api: Database, owner: Database, tenant: Tenant) -> None:
    seal = connections.seal_with(sealing_key=sealing_key(DEPLOYMENT_KEY))
    made = await connections.connect(api, tenant.owner, application(), secret=SECRET, seal=seal)
    assert (await sealed_of(owner, tenant)).startswith(PUBLIC_VERSION)
    fresh = b"a fresh deployment key of these tests"
    try:
        assert (await connections.seal_anew(owner, fresh, [DEPLOYMENT_KEY]))[0] >= 1
        binding = Binding(tenant.id, Purpose.GRAPH_CREDENTIAL, made.run_id)
        assert unseal([fresh], await sealed_of(owner, tenant), binding) == SECRET
    finally:
        await connections.seal_anew(owner, DEPLOYMENT_KEY, [fresh])


async def test_whoever_holds_a_key_seals_and_whoever_holds_none_does_not(api: Database, tenant: Tenant) -> None:
    assert connections.seal_with() is None
    connecting = connections.connect(api, tenant.owner, application(), secret=SECRET, seal=None)
    assert await refused(connecting) == UserErrorCode.CONFLICT
    assert await connections.list_connections(api, tenant.owner) == []
