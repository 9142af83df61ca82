"""Two worker processes that read one directory: together they ask no more than one may, as the stand-in counts."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest

from atlas import connections, sync
from atlas.connections import Application
from atlas.domain.vocabulary import Role
from atlas.jobs import Job
from atlas.local import Services
from atlas.sources.graph.budget import HALF
from atlas.sources.graph.contracts import Family
from atlas.store.database import Database
from atlas.workers.broker import dispatcher, open_broker
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant
from tests.graph.authority import Authority
from tests.graph.standin import StandIn, serving
from tests.graph.standin import Tenant as Customer
from tests.test_sync import run_of

pytestmark = pytest.mark.usefixtures("empty_queue")

SCRIPTS = 70
TYPES = ["conditionalAccessPolicy", "deviceManagementScript", "namedLocation"]

# One thread: two runs that are under way at one moment are those of two processes.
WORKER = """
import orjson, sys
from atlas.graph_budget import open_buckets
from atlas.graph_sync import GraphSource
from atlas.workers.runtime import WorkerSettings, run_until_stopped
given = orjson.loads(sys.argv[1])
key = given.pop("key").encode()
source = GraphSource(keys=lambda: (key,), shared=open_buckets(given["broker_url"]), **given.pop("microsoft"))
run_until_stopped(WorkerSettings(**given, threads=1, sweep_seconds=0.2, grace_seconds=0.3, source=source))
"""


@contextmanager
def worker_process(cluster: Services, graph: StandIn, authority: Authority) -> Iterator[None]:
    given = {
        "worker_url": cluster.worker_database_url,
        "sweeper_url": cluster.sweeper_database_url,
        "broker_url": cluster.broker_url,
        "resend_seconds": 1,
        "key": DEPLOYMENT_KEY.decode(),
        "microsoft": {"graph": graph.url, "authority": authority.url},
    }
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, orjson.dumps(given).decode()], env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def asked_for(owner: Database, api: Database, directory: Any, authority: Authority) -> tuple[Tenant, Job]:
    """A tenant of Atlas that reads this directory, and a sync of it that waits."""
    tenant = await make_tenant(owner, api)
    seal = connections.seal_with(deployment_key=DEPLOYMENT_KEY)
    await connections.connect(
        api, tenant.owner, Application(directory, uuid4()), secret=authority.secret.encode(), seal=seal, tested=True
    )
    (job,) = (await sync.start_sync(api, tenant.as_(Role.MANAGER), item_types=TYPES)).jobs
    return tenant, job


async def statuses(api: Database, asked: list[tuple[Tenant, Job]]) -> list[str]:
    return [(await run_of(api, tenant, job.run_id))["status"] for tenant, job in asked]


async def test_two_worker_processes_keep_the_budget_of_one_directory(
    cluster: Services, owner: Database, api: Database, signing_in: Authority
) -> None:
    scripts = [{"id": f"script-{n}", "lastModifiedDateTime": "2026-01-01T00:00:00Z"} for n in range(SCRIPTS)]
    customer, directory = Customer().add("deviceManagement/deviceManagementScripts", *scripts), uuid4()
    with serving(customer) as graph, ExitStack() as processes:
        signing_in.token = graph.token
        for _ in range(2):
            processes.enter_context(worker_process(cluster, graph, signing_in))
        asked = [await asked_for(owner, api, directory, signing_in) for _ in range(2)]
        broker = open_broker(cluster.broker_url)
        await dispatcher(broker)([job for _, job in asked])
        together = False
        async with asyncio.timeout(120):
            while set(found := await statuses(api, asked)) & {"QUEUED", "RUNNING"}:
                together |= found == ["RUNNING", "RUNNING"]
                await asyncio.sleep(0.05)
        broker.close()
    assert found == ["SUCCEEDED", "SUCCEEDED"]
    assert together, "each process had a run, at one moment"
    intune, slowly = HALF[Family.INTUNE], HALF[Family.CONDITIONAL_ACCESS]
    whole = [one for one in graph.asked if one.family == "intune"]
    assert len(whole) > intune.burst + intune.per_second * 6, "more than may leave in the longest of these times"
    for seconds in (1.0, 3.0, 5.0):
        # A batch leaves as one, and the machine may delay one request more than the next.
        assert graph.most_in(seconds) <= intune.burst + intune.per_second * (seconds + 1), seconds
    assert sum(one.family == "conditionalAccess" for one in graph.asked) == 4
    assert graph.most_in(1 / slowly.per_second, "conditionalAccess") == 1
    assert graph.refused == []
