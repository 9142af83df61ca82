"""Trusted documents: written over the owner connection at deploy time, read by every API process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import trusted_documents

_t = trusted_documents.c

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    body: str
    loaded_at: datetime


async def stamp(connection: AsyncConnection) -> Stamp:
    """Changes whenever the documents do: how many there are, and the greatest revision."""
    query = select(func.count(), func.coalesce(func.max(_t.revision), 0))
    count, newest = (await connection.execute(query)).one()
    return count, newest


async def documents(connection: AsyncConnection) -> list[Document]:
    """All of them, by id."""
    rows = await connection.execute(select(_t.id, _t.body, _t.loaded_at).order_by(_t.id))
    return [Document(*row) for row in rows]


async def known(connection: AsyncConnection, ids: Sequence[str]) -> Mapping[str, str]:
    """The bodies of those ids that are there."""
    rows = await connection.execute(select(_t.id, _t.body).where(_t.id.in_(ids)))
    return {row.id: row.body for row in rows}


async def add(connection: AsyncConnection, bodies: Mapping[str, str]) -> list[str]:
    """Adds what is not there yet; the ids that are new. A document that is there is never changed."""
    values: list[dict[str, Any]] = [{"id": name, "body": body} for name, body in bodies.items()]
    if not values:
        return []
    added = insert(trusted_documents).values(values).on_conflict_do_nothing().returning(_t.id)
    return sorted((await connection.execute(added)).scalars())


async def remove(connection: AsyncConnection, ids: Sequence[str]) -> list[str]:
    """The ids that were there."""
    gone = delete(trusted_documents).where(_t.id.in_(ids)).returning(_t.id)
    return sorted((await connection.execute(gone)).scalars())
