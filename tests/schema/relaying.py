"""Members who listen: each reads for itself at first, and then hears what all are told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import text

from atlas import access
from atlas.auth import Session, open_session
from atlas.domain.vocabulary import Role
from atlas.schema.channel import Asked, Told
from atlas.schema.context import GraphQLContext
from atlas.schema.ids import encode_activity_cursor, encode_id
from atlas.schema.live import Live, LiveSession
from atlas.schema.relay import relayed
from atlas.schema.root import schema
from atlas.store.database import Database
from tests.factories import Tenant

ACTIVITY = """subscription ($tenant: ID!, $after: String) {
    activity(tenantId: $tenant, after: $after) { cursor syncRun { status progress { done } } } }"""
OWN = ACTIVITY.replace("status", "status tenant { name }")
SYNC_RUN = "subscription ($id: ID!) { syncRun(id: $id) { status progress { done } } }"
REMOVE = "delete from atlas.memberships where tenant_id = :tenant and principal_id = :principal"
PROMOTE = "update atlas.memberships set role = 'MANAGER' where tenant_id = :tenant and principal_id = :principal"


@dataclass(slots=True)
class Listener:
    session: Session
    results: AsyncGenerator[Any, None]

    async def heard(self, count: int) -> list[Any]:
        async with asyncio.timeout(20):
            return [decoded(await anext(self.results)) for _ in range(count)]

    async def cursors(self, count: int) -> list[str]:
        return [one["data"]["activity"]["cursor"] for one in await self.heard(count)]


def decoded(result: Any) -> Any:
    return orjson.loads(result.payload) if isinstance(result, Told) else {"data": result.data, "errors": result.errors}


@asynccontextmanager
async def member(
    live: Live, tenant: Tenant, query: str = ACTIVITY, *, role: Role = Role.READER, **variables: object
) -> AsyncIterator[Listener]:
    """A new member who listens, from the first event on where nothing else is said."""
    made = await access.create_token(live.db, tenant.owner, principal_name=f"m-{uuid4().hex}", role=role)
    session = await open_session(live.db, made.token)
    assert session is not None

    def context(of: Session, request_id: str) -> GraphQLContext:
        return GraphQLContext(
            db=live.db, principal=of.principal, request_id=request_id, live=LiveSession(live, of, relayed=True)
        )

    given = variables or {"tenant": encode_id("Tenant", tenant.id, tenant.id), "after": encode_activity_cursor(0)}
    asked, own = Asked(schema, context, query, given, None, None), context(session, "test")
    results = relayed(asked, own, await asked.results(own))
    try:
        yield Listener(session, results)
    finally:
        await results.aclose()


def cursors_of(first: int, last: int) -> list[str]:
    return [encode_activity_cursor(seq) for seq in range(first, last + 1)]


async def silently(owner: Database, tenant: Tenant, statement: str, session: Session) -> None:
    """In the database alone: no process is told of it."""
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(statement), {"tenant": tenant.id, "principal": session.principal.id})


class Members:
    """So many members who have heard of all that was there."""

    def __init__(self, live: Live, tenant: Tenant, count: int) -> None:
        self._live, self._tenant = live, tenant
        self._made = [member(live, tenant) for _ in range(count)]

    async def __aenter__(self) -> list[Listener]:
        members = [await one.__aenter__() for one in self._made]
        async with self._live.db.transaction(self._tenant.owner, readonly=True) as connection:
            seq = await connection.scalar(text("select max(seq) from atlas.events"))
        for one in members:
            assert await one.cursors(seq) == cursors_of(1, seq)
        return members

    async def __aexit__(self, *error: object) -> None:
        for one in self._made:
            await one.__aexit__(None, None, None)


def following(live: Live, tenant: Tenant, id_: str) -> Any:
    return member(live, tenant, SYNC_RUN, id=id_)
