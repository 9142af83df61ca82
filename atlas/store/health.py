"""Is the database there, and at which revision?"""

from datetime import datetime

from sqlalchemy import text

from atlas.store.database import Database


async def revision(db: Database) -> str | None:
    """The revision of the migrations that ran; raises where the database cannot be asked."""
    async with db.transaction(readonly=True) as connection:
        found: str | None = await connection.scalar(text("select version_num from atlas.alembic_version"))
    return found


async def server_time(db: Database) -> datetime:
    """What the database's clock says; raises where it cannot be asked."""
    async with db.transaction(readonly=True) as connection:
        now: datetime = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
    return now
