"""Is the database there, and at which revision?"""

from sqlalchemy import text

from atlas.store.database import Database


async def revision(db: Database) -> str | None:
    """The revision of the migrations that ran; raises where the database cannot be asked."""
    async with db.transaction(readonly=True) as connection:
        found: str | None = await connection.scalar(text("select version_num from atlas.alembic_version"))
    return found
