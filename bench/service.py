"""`python -m bench service`: what recording, generating and reading cost on this machine, on a real PostgreSQL."""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from atlas import drift, generate, jobs
from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.local import Services, services
from atlas.record import record_folder
from atlas.store.bootstrap import bootstrap
from atlas.store.database import Database, open_database
from atlas.store.migrations import upgrade
from tests.factories import DEPLOYMENT_KEY, Tenant, make_policy, make_tenant, write_export

Figures = dict[str, float]

ITEM_TYPE = "configurationPolicy"
KEY = scope_key(Selection(SyncSource.FOLDER))
PAGE = "select * from atlas.findings where tenant_id = :tenant order by severity_rank desc, id desc limit 50"
PAGES = 200


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policies", type=int, default=1_000, help="objects of the export")
    parser.add_argument("--changed", type=int, default=100, help="how many of them the second export changes")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def run(given: argparse.Namespace) -> None:
    figures = pure()
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder, services(Path(folder) / "home") as running:
        figures |= asyncio.run(measured(running, Path(folder), given.policies, given.changed))
    if given.json:
        print(json.dumps(figures))
        return
    for what, milliseconds in figures.items():
        print(f"{what:<56}{milliseconds:>12,.3f} ms")


def pure(rounds: int = 2_000) -> Figures:
    """The domain alone, by the median of an object."""
    key = derive_tenant_key(DEPLOYMENT_KEY, UUID(int=1))
    one, other = (canonical_item(ITEM_TYPE, make_policy(1, value=value), key).properties for value in (1, 2))
    raw = make_policy(1)
    return {
        "canonical form of a small policy": median(lambda: canonical_item(ITEM_TYPE, raw, key), rounds),
        "diff of two small policies": median(lambda: diff(one, other), rounds),
    }


async def measured(running: Services, folder: Path, policies: int, changed: int) -> Figures:
    await bootstrap(running.superuser_database_url)
    await upgrade(running.owner_database_url)
    first = write_export(folder / "first", *(make_policy(number) for number in range(policies)))
    second = write_export(
        folder / "second", *(make_policy(number, value=2 if number < changed else 1) for number in range(policies))
    )
    owner = open_database(running.owner_database_url)
    api = open_database(running.database_url)
    worker = open_database(running.worker_database_url)
    try:
        tenant = await make_tenant(owner, api)
        return {
            f"record {policies} objects for the first time": await record(api, worker, tenant, first),
            f"record {policies} objects, {changed} changed": await record(api, worker, tenant, second),
            f"record {policies} objects, none changed": await record(api, worker, tenant, second),
            f"generate the drift of both pairs, {changed} findings": await timed(
                lambda: generated(api, worker, tenant)
            ),
            "a page of 50 findings, as atlas_api": await page(api, tenant),
        }
    finally:
        for database in (owner, api, worker):
            await database.close()


async def record(api: Database, worker: Database, tenant: Tenant, folder: Path) -> float:
    context = tenant.as_(Role.MANAGER)
    return await timed(lambda: record_folder(api, worker, context, path=folder, deployment_key=DEPLOYMENT_KEY))


async def generated(api: Database, worker: Database, tenant: Tenant) -> None:
    """Asks for drift and does the worker's work at once."""
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    for job in asked.jobs:
        lease = await jobs.claim(worker, job, lease_seconds=30)
        if lease is None:
            raise RuntimeError("somebody else works here")
        await generate.generate(worker, lease)


async def page(api: Database, tenant: Tenant) -> float:
    """The median of a page, its transaction with it."""

    async def read() -> None:
        async with api.transaction(tenant.as_(Role.READER), readonly=True) as connection:
            rows = (await connection.execute(text(PAGE), {"tenant": tenant.id})).all()
        if not rows:
            raise RuntimeError("there is nothing to read")

    return statistics.median([await timed(read) for _ in range(PAGES)])


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1_000


def median(work: Callable[[], object], rounds: int) -> float:
    figures = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        figures.append((time.perf_counter() - began) * 1_000)
    return statistics.median(figures)
