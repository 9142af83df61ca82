"""The worker's tests begin with an empty queue: what other tests asked for and left would be worked off first."""

import pytest_asyncio
from sqlalchemy import text

from atlas.local import Services
from atlas.store.database import Database
from atlas.store.jobs import TABLES
from atlas.workers.broker import open_broker


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def nothing_else_waits(owner: Database, cluster: Services) -> None:
    async with owner.transaction() as connection:
        for table in TABLES.values():
            await connection.execute(
                text(
                    f"""update {table.fullname} set status = 'FAILED', error_code = 'LEFT', error_message = 'Left.',
                            finished_at = now(), lease_token = null, lease_until = null
                        where status in ('QUEUED', 'RUNNING')"""
                )
            )
    broker = open_broker(cluster.broker_url)
    broker.client.flushall()
    broker.close()
