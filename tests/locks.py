"""Two transactions at one moment: one waits in the database for the other."""

import asyncio

from atlas.local import Services
from atlas.store.bootstrap import connect

_WAITING = """from pg_stat_activity
    where usename = $1 and wait_event_type = 'Lock' and query like '%' || $2 || '%'"""


async def until_the_api_waits(cluster: Services) -> None:
    """Until a transaction of the API waits for a lock that another one holds."""
    await _until_one("select pid", cluster, "atlas_api", "")


async def end_what_waits(cluster: Services, role: str, about: str = "") -> None:
    """Ends the connection of a role once it waits for a lock that another one holds, in a statement about something."""
    await _until_one("select pg_terminate_backend(pid)", cluster, role, about)


async def _until_one(what: str, cluster: Services, role: str, about: str) -> None:
    superuser = await connect(cluster.superuser_database_url)
    try:
        async with asyncio.timeout(60):
            while not await superuser.fetch(f"{what} {_WAITING}", role, about):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await superuser.close()
