"""Who acts in a command, and through which door: the token's principal, this machine's user, or the operator."""

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from atlas import access
from atlas.access import Principal, TenantEntry
from atlas.cli.place import Place, configure_logs, opened, worker_beside
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import UserErrorCode
from atlas.store.database import Context, Database, open_database

T = TypeVar("T")

_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal at a place. `db` is the pool of `atlas_api`, `request_id` stands in the audit record."""

    place: Place
    db: Database
    principal: Principal
    request_id: str

    def of(self, tenant_id: UUID | None) -> Context:
        return Context(tenant_id=tenant_id, principal_id=self.principal.id, request_id=self.request_id)


@dataclass(frozen=True, slots=True)
class Door:
    """A pool and the context to use it in: a caller's, or the owner connection of whoever runs the deployment."""

    db: Database
    context: Context


def act(home: Path | None, token: str | None, work: Callable[[Caller], Awaitable[T]], *, worker: bool = False) -> T:
    """Runs the work for whoever acts, with the services that it needs; with a worker, where none works there."""

    async def run(place: Place) -> T:
        async with calling(place, token) as caller:
            return await work(caller)

    modules = ("atlas.schema.root", *(("atlas.workers.runtime",) if worker else ()))
    with opened(home, modules=modules) as place:
        configure_logs(place)
        if not worker:
            return asyncio.run(run(place))
        with worker_beside(place):
            return asyncio.run(run(place))


@asynccontextmanager
async def calling(place: Place, token: str | None) -> AsyncIterator[Caller]:
    """The caller, signed in. Raises `OperatorError` where nobody says who acts, or the token does not hold."""
    async with pool(place.url("database")) as db:
        yield Caller(place, db, await _principal(place, db, token), request_id())


@asynccontextmanager
async def operating(place: Place, token: str | None) -> AsyncIterator[Door]:
    """The door for tenants and tokens: without a token, in a deployment, over the owner connection."""
    if token is None and not place.embedded:
        async with pool(place.url("owner_database")) as db:
            yield Door(db, Context(request_id=request_id()))
        return
    async with calling(place, token) as caller:
        yield Door(caller.db, caller.of(None))


@asynccontextmanager
async def operating_in(place: Place, token: str | None, tenant: str) -> AsyncIterator[Door]:
    """The same, with the tenant of this name as its context."""
    async with operating(place, token) as door:
        entry = await tenant_named(door.db, door.context, tenant)
        yield replace(door, context=replace(door.context, tenant_id=entry.id))


@asynccontextmanager
async def pool(url: str) -> AsyncIterator[Database]:
    db = open_database(url, size=_CONNECTIONS)
    try:
        yield db
    finally:
        await db.close()


async def tenant_named(db: Database, context: Context, name: str) -> TenantEntry:
    """The tenant of this name, UUID or global id, among those that are visible."""
    found = await access.list_tenants(db, context, name=name)
    if not found and (tenant_id := _tenant_id(name)) is not None:
        found = [one for one in await access.list_tenants(db, context) if one.id == tenant_id]
    if not found:
        raise RefusedError(
            UserErrorCode.NOT_FOUND,
            f"There is no tenant {name!r}, or you are no member of it. `atlas tenant list` shows yours.",
            ("tenant",),
        )
    return found[0]


def request_id() -> str:
    return f"cli-{uuid4().hex}"


def user_name() -> str:
    """The user's name as the system knows it; the environment may say anything."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


async def _principal(place: Place, db: Database, token: str | None) -> Principal:
    if token is not None:
        found = await access.authenticate(db, token.strip())
        if found is None:
            raise OperatorError(
                "UNAUTHENTICATED",
                "The token is unknown, has expired or was revoked.",
                "Use another one, from `atlas token create`, or unset ATLAS_TOKEN.",
            )
        return found
    if not place.embedded:
        raise OperatorError(
            "UNAUTHENTICATED",
            "Nobody says who acts: the database is named by a URL, and there is no token.",
            "Set ATLAS_TOKEN, or give --token. `atlas token create` makes one over ATLAS_OWNER_DATABASE_URL.",
        )
    return await access.ensure_local_principal(db, user_name())


def _tenant_id(text: str) -> UUID | None:
    from atlas.schema.ids import decode_tenant_id

    try:
        return UUID(text)
    except ValueError:
        return decode_tenant_id(text)
