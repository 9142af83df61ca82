"""The trial of a saved connection: the worker signs in once, and the row tells what came of it."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from atlas import connections, graph_trial, jobs
from atlas.connections import Application, GraphConnection
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import ConnectionStatus, CredentialKind, Role
from atlas.jobs import Job, Lease
from atlas.sealing import sealing_key
from atlas.store.database import Database
from atlas.store.tables import graph_connections
from atlas.workers.actors import run
from tests.factories import DEPLOYMENT_KEY, make_tenant
from tests.graph.authority import EVERYTHING, Authority, client_certificate
from tests.graph.standin import StandIn, serving
from tests.graph.standin import Tenant as Customer
from tests.graph.syncing import TERMS, Reader, reader

BY_THE_API = connections.seal_with(sealing_key=sealing_key(DEPLOYMENT_KEY))


@pytest.fixture
def graph() -> Any:
    with serving(Customer()) as made:
        yield made


@pytest.fixture
async def reading(owner: Database, api: Database, worker: Database, graph: StandIn, signing_in: Authority) -> Any:
    made = await reader(owner, api, worker, graph, signing_in)
    for one in await connections.list_connections(api, made.tenant.owner):
        await connections.remove(api, made.tenant.owner, one.id)
    signing_in.token = None
    yield made
    signing_in.roles, signing_in.refusal = EVERYTHING, None


async def saved(reading: Reader, secret: bytes, kind: CredentialKind = CredentialKind.CLIENT_SECRET) -> Job:
    """What the API does."""
    application = Application(reading.entra_tenant_id, uuid4(), kind=kind)
    return await connections.connect(reading.api, reading.tenant.owner, application, secret=secret, seal=BY_THE_API)


async def tried(reading: Reader, job: Job, *, keys: tuple[bytes, ...] = (DEPLOYMENT_KEY,)) -> GraphConnection:
    """One attempt of a worker, and the connection as it is then."""
    source = reading.with_keys(*keys)

    async def work(worker: Database, lease: Lease) -> None:
        await graph_trial.try_connection(worker, lease, source)

    await run(reading.worker, job, work, TERMS)
    (found,) = await connections.list_connections(reading.api, reading.tenant.as_(Role.MANAGER))
    return found


async def test_a_saved_secret_is_tried_and_the_permissions_that_are_missing_are_told(
    reading: Reader, signing_in: Authority
) -> None:
    signing_in.roles = ("DeviceManagementConfiguration.Read.All", "Directory.Read.All")
    job = await saved(reading, signing_in.secret.encode())
    found = await tried(reading, job)
    assert (found.id, found.status, found.error) == (job.run_id, ConnectionStatus.SUCCEEDED, None)
    assert found.tested_at is not None
    assert found.missing is not None
    lacks = {one.permission: (one.item_types, one.beside) for one in found.missing}
    assert "DeviceManagementConfiguration.Read.All" not in lacks
    assert "Group.Read.All" not in lacks, "who reads the directory reads its groups"
    assert lacks["DeviceManagementRBAC.Read.All"] == (
        ("roleAssignment", "roleDefinition", "roleScopeTag"), ("names of scope tags",),
    )  # fmt: skip


async def test_a_certificate_is_tried_as_a_secret_is(reading: Reader) -> None:
    job = await saved(reading, client_certificate(), CredentialKind.CERTIFICATE)
    found = await tried(reading, job)
    assert (found.status, found.missing) == (ConnectionStatus.SUCCEEDED, ())


async def test_a_wrong_secret_is_told_by_its_reason_and_not_by_itself(reading: Reader, signing_in: Authority) -> None:
    found = await tried(reading, await saved(reading, b"a wr0ng secret"))
    assert found.status is ConnectionStatus.FAILED
    assert found.error is not None
    assert found.error[0] == "SIGN_IN_REFUSED"
    assert "wrong" in found.error[1]
    assert "wr0ng" not in str(found)
    assert (found.tested_at, found.missing) == (None, None)


async def test_a_sign_in_that_gives_no_answer_is_tried_again(reading: Reader, signing_in: Authority) -> None:
    job = await saved(reading, signing_in.secret.encode())
    signing_in.refusal = (503, "away")
    assert (await tried(reading, job)).status is ConnectionStatus.QUEUED
    signing_in.refusal = None
    assert (await tried(reading, job)).status is ConnectionStatus.SUCCEEDED


async def test_a_secret_sealed_for_another_deployment_is_told_at_once(reading: Reader, signing_in: Authority) -> None:
    job = await saved(reading, signing_in.secret.encode())
    found = await tried(reading, job, keys=(b"another deployment key of these tests",))
    assert found.error is not None
    assert (found.status, found.error[0]) == (ConnectionStatus.FAILED, "SEALED_BY_ANOTHER_KEY")


async def test_a_connection_that_is_gone_is_not_tried(reading: Reader, signing_in: Authority) -> None:
    job = await saved(reading, signing_in.secret.encode())
    lease = await jobs.claim(reading.worker, job, lease_seconds=30)
    assert lease is not None
    await connections.remove(reading.api, reading.tenant.owner, job.run_id)
    asked = signing_in.asked
    with pytest.raises(jobs.LeaseLostError):
        await graph_trial.try_connection(reading.worker, lease, reading.source)
    assert await jobs.claim(reading.worker, job, lease_seconds=30) is None
    assert signing_in.asked == asked


async def test_a_lost_trial_is_queued_again_by_the_sweeper(
    reading: Reader, signing_in: Authority, owner: Database, sweeper: Database
) -> None:
    job = await saved(reading, signing_in.secret.encode())
    lease = await jobs.claim(reading.worker, job, lease_seconds=0.001)
    assert lease is not None
    sent = await jobs.sweep(sweeper, max_attempts=5, resend_seconds=60, grace_seconds=-1)
    assert job in sent
    assert (await tried(reading, job)).status is ConnectionStatus.SUCCEEDED


async def test_a_sync_that_signs_in_mends_what_the_trial_said(reading: Reader, signing_in: Authority) -> None:
    signing_in.refusal = (401, "AADSTS65001: Nobody consented.")
    job = await saved(reading, signing_in.secret.encode())
    assert (await tried(reading, job)).status is ConnectionStatus.FAILED
    signing_in.refusal = None
    await reading.sync(["roleScopeTag"])
    (found,) = await connections.list_connections(reading.api, reading.tenant.owner)
    assert (found.status, found.error, found.missing) == (ConnectionStatus.SUCCEEDED, None, ())
    assert found.tested_at is not None


async def test_a_sync_that_is_refused_says_so_of_the_connection_and_one_that_rests_does_not(
    reading: Reader, signing_in: Authority
) -> None:
    job = await saved(reading, signing_in.secret.encode())
    assert (await tried(reading, job)).status is ConnectionStatus.SUCCEEDED
    syncing = await reading.start(["roleScopeTag"])
    for refusal, status in (((503, "away"), "SUCCEEDED"), ((401, "AADSTS7000222: expired"), "FAILED")):
        signing_in.refusal = refusal
        await reading.work(syncing)
        (found,) = await connections.list_connections(reading.api, reading.tenant.owner)
        assert found.status == status
    assert found.error is not None
    assert (found.error[0], "expired" in found.error[1]) == ("SIGN_IN_REFUSED", True)
    assert found.missing == (), "what was known of its permissions stays"
    signing_in.refusal = None
    await reading.sync(["roleScopeTag"])
    (found,) = await connections.list_connections(reading.api, reading.tenant.owner)
    assert (found.status, found.error) == (ConnectionStatus.SUCCEEDED, None)


async def test_a_trial_is_made_again_once_it_has_ended(owner: Database, reading: Reader, signing_in: Authority) -> None:
    signing_in.roles = ("DeviceManagementConfiguration.Read.All",)
    job = await saved(reading, signing_in.secret.encode())
    assert (await tried(reading, job)).missing
    signing_in.roles = EVERYTHING
    again = await connections.try_again(reading.api, owner, reading.tenant.owner, job.run_id)
    assert again == job
    found = await tried(reading, again)
    assert (found.status, found.missing) == (ConnectionStatus.SUCCEEDED, ())
    signing_in.refusal = (401, "AADSTS65001: Nobody consented.")
    for _ in range(2):
        # The second one finds the first, which still waits.
        await connections.try_again(reading.api, owner, reading.tenant.owner, job.run_id)
    found = await tried(reading, job)
    assert found.error is not None
    assert (found.status, found.error[0]) == (ConnectionStatus.FAILED, "SIGN_IN_REFUSED")
    signing_in.refusal = None
    await connections.try_again(reading.api, owner, reading.tenant.owner, job.run_id)
    (waiting,) = await connections.list_connections(reading.api, reading.tenant.owner)
    assert (waiting.status, waiting.error) == (ConnectionStatus.QUEUED, None), "what failed before is no news"


async def test_a_trial_that_is_under_way_is_the_one(owner: Database, reading: Reader, signing_in: Authority) -> None:
    job = await saved(reading, signing_in.secret.encode())
    lease = await jobs.claim(reading.worker, job, lease_seconds=30)
    assert lease is not None
    await connections.try_again(reading.api, owner, reading.tenant.owner, job.run_id)
    await graph_trial.try_connection(reading.worker, lease, reading.source)
    (found,) = await connections.list_connections(reading.api, reading.tenant.owner)
    assert found.status is ConnectionStatus.SUCCEEDED


async def test_only_who_manages_the_tenant_has_its_connection_tried_again(
    owner: Database, api: Database, reading: Reader, signing_in: Authority
) -> None:
    job = await saved(reading, signing_in.secret.encode())
    stranger = await make_tenant(owner, api)
    for context, wanted, code in (
        (reading.tenant.as_(Role.MANAGER), job.run_id, "FORBIDDEN"),
        (stranger.owner, job.run_id, "NOT_FOUND"),
        (reading.tenant.owner, uuid4(), "NOT_FOUND"),
    ):
        with pytest.raises(RefusedError) as refused:
            await connections.try_again(api, owner, context, wanted)
        assert refused.value.code == code


async def test_an_owner_of_a_tenant_reads_nothing_that_is_sealed(reading: Reader, signing_in: Authority) -> None:
    await saved(reading, signing_in.secret.encode())
    with pytest.raises(RefusedError):
        async with reading.api.transaction(reading.tenant.owner) as connection:
            await connection.execute(select(graph_connections.c.sealed))
