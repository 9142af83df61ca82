"""Two transactions at one moment: one waits in the database for the other."""

import asyncio

from atlas.local import Services
from atlas.store.bootstrap import connect

_WAITING = "select pid from pg_stat_activity where usename = 'atlas_api' and wait_event_type = 'Lock'"


async def until_the_api_waits(cluster: Services) -> None:
    """Until a transaction of the API waits for a lock that another one holds."""
    superuser = await connect(cluster.superuser_database_url)
    try:
        async with asyncio.timeout(60):
            while not await superuser.fetch(_WAITING):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await superuser.close()
