"""A tenant of the test's own, and its owner who asks."""

import pytest_asyncio

from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


@pytest_asyncio.fixture(loop_scope="session")
async def ask(api: Database, tenant: Tenant) -> Asker:
    return Asker(api, tenant)
