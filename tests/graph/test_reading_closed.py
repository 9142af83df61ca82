"""Reading asks nobody: with the network closed the API answers all that it answers, and it has no client of Graph."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from atlas import drift, generate, jobs
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.local import Services
from atlas.record import record_folder
from atlas.sample import EXPORTS
from atlas.store.database import Database
from tests.clients import client_of
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant
from tests.http.conftest import make_caller

SCRIPT = Path(__file__).with_name("closed_api.py")
READ = """
query ($tenant: ID!) { tenant(by: {id: $tenant}) {
    scopes(first: 5) { nodes { key label } }
    syncRuns(first: 5) { nodes { status coverage { itemType status } } }
    inventoryItems(first: 50) { nodes { itemType externalId displayName platform } }
    findings(first: 50, orderBy: SEVERITY_DESC) { nodes {
        severity severityReasons subject { displayName }
        changes(first: 20) { path label before { value label } after { value label } }
        changedBy { confidence events { actorName } }
    } }
} }
"""


async def make_findings(owner: Database, api: Database, worker: Database) -> Tenant:
    tenant = await make_tenant(owner, api)
    for folder in EXPORTS:
        await record_folder(
            api, worker, tenant.as_(Role.MANAGER), path=folder, label="export", deployment_key=DEPLOYMENT_KEY
        )
    key = scope_key(Selection(SyncSource.FOLDER))
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=key)
    for job in asked.jobs:
        lease = await jobs.claim(worker, job, lease_seconds=30)
        assert lease is not None
        await generate.generate(worker, lease)
    return tenant


async def test_with_the_network_closed_everything_is_read_and_no_client_of_graph_is_there(
    cluster: Services, owner: Database, api: Database, worker: Database
):
    caller = await make_caller(owner, api, tenant=await make_findings(owner, api, worker))
    running = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), cluster.database_url, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(30):
            port = int(await running.stdout.readline())
        async with client_of(f"http://127.0.0.1:{port}", headers=caller.headers) as client:
            body = {"query": READ, "variables": {"tenant": caller.tenant_id}}
            told = (await client.post("/graphql", json=body)).json()
        running.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(running.communicate(), 20)
    finally:
        if running.returncode is None:
            running.kill()
            await running.communicate()
    assert "errors" not in told, told
    found = told["data"]["tenant"]
    assert len(found["findings"]["nodes"]) == 18
    assert any(change["label"] for one in found["findings"]["nodes"] for change in one["changes"])
    lines = log.decode().splitlines()
    assert [line for line in lines if line.startswith("REFUSED")] == ["REFUSED socket.connect"], "the trial alone"
    assert "CLOSED" in lines
    assert "MODULES []" in lines
