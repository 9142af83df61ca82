"""Connections to Microsoft Graph: whose directory a tenant is read from, and with which credential."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from atlas.access import require, tenant_of
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import (
    Capability,
    ConnectionStatus,
    CredentialKind,
    GraphCloud,
    UserErrorCode,
)
from atlas.jobs import Job
from atlas.sealing import LONGEST, Binding, Purpose, SealingKey, is_under, seal, seal_for, unseal
from atlas.store import connections as store
from atlas.store.database import Connection, Context, Database, Row

_REFERENCE = re.compile(r"env:[A-Z_][A-Z0-9_]*|file:/.+")
_LONGEST_REFERENCE = 1000

MOST_CONNECTIONS = 20
UNKNOWN = "There is no such connection. `atlas graph list` shows them."
_NOTHING_TO_SEAL_WITH = (
    "This API has no key to seal a secret with. Let its operator set ATLAS_SEALING_KEY (`atlas keys sealing`), or"
    " connect on the command line: `atlas graph connect`."
)

# What an application knows is a secret; the others are what it is, where the worker runs.
SECRET_KINDS = frozenset({CredentialKind.CLIENT_SECRET, CredentialKind.CERTIFICATE})


@dataclass(frozen=True, slots=True)
class Application:
    """An application registration in a customer's directory, which Atlas signs in as."""

    entra_tenant_id: UUID
    client_id: UUID
    cloud: GraphCloud = GraphCloud.GLOBAL
    kind: CredentialKind = CredentialKind.CLIENT_SECRET


@dataclass(frozen=True, slots=True)
class Lack:
    """A permission that the application has not, and what cannot be read for want of it: item types, and what is told
    beside them, in words, such as the names of groups.
    """

    permission: str
    item_types: tuple[str, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphConnection:
    """A connection as a tenant's managers see it. `reference` says where the secret lies; None: it is sealed, or none.

    `tested_at` is when somebody last signed in with it; `status` is where its trial stands, which the worker makes
    where nobody tested it before; `error` is why it failed, as code and message, and `missing` what its permissions
    leave unread, None where nobody knows.
    """

    id: UUID
    entra_tenant_id: UUID
    client_id: UUID
    cloud: GraphCloud
    credential_kind: CredentialKind
    reference: str | None
    created_at: datetime
    tested_at: datetime | None
    status: ConnectionStatus = ConnectionStatus.QUEUED
    missing: tuple[Lack, ...] | None = None
    error: tuple[str, str] | None = None


Seal = Callable[[bytes, Binding], bytes]


def seal_with(*, deployment_key: bytes | None = None, sealing_key: SealingKey | None = None) -> Seal | None:
    """How this process seals: with the key itself, or what is public of it; None where it has neither."""
    if deployment_key is not None:
        return partial(seal, deployment_key)
    return None if sealing_key is None else partial(seal_for, sealing_key)


async def connect(
    db: Database,
    context: Context,
    application: Application,
    *,
    secret: bytes,
    seal: Seal | None,
    tested: bool = False,
    missing: Sequence[Lack] | None = None,
) -> Job:
    """Stores a connection with its client secret or certificate, sealed for this tenant and connection.

    `tested`: somebody signed in with it just now, and `missing` is what they found. What nobody tested the worker
    tries: the job that is returned, whose id is the connection's. Needs MANAGE_TENANT. Raises `RefusedError`
    NOT_FOUND, FORBIDDEN, INVALID_INPUT, CONFLICT.
    """
    tenant_id, connection_id = tenant_of(context), uuid4()
    async with db.transaction(context) as connection:
        await _require(connection, context, Capability.MANAGE_TENANT)
        if application.kind not in SECRET_KINDS:
            raise _invalid("An identity of the platform has no secret to store.", "credentialKind")
        if not 1 <= len(secret) <= LONGEST:
            raise _invalid(f"A client secret or certificate has 1 to {LONGEST} bytes.", "secret")
        if seal is None:
            raise RefusedError(UserErrorCode.CONFLICT, _NOTHING_TO_SEAL_WITH)
        sealed = seal(secret, Binding(tenant_id, Purpose.GRAPH_CREDENTIAL, connection_id))
        await _insert(connection, context, application, connection_id, sealed=sealed, tested=tested, missing=missing)
    return Job("trial", tenant_id, connection_id)


async def refer(
    db: Database, owner: Database, context: Context, application: Application, *, reference: str | None
) -> Job:
    """Stores a connection whose credential is the deployment's: a variable (`env:NAME`) or file (`file:/path`) of the
    worker with the secret, or without a reference the worker's own identity.

    Either may be anybody's, so it is written over the connection of `atlas_owner`, and whoever acts needs
    MANAGE_TENANT besides. The worker tries it: see `connect`. Raises `RefusedError` NOT_FOUND, FORBIDDEN,
    INVALID_INPUT, CONFLICT.
    """
    if (reference is None) != (application.kind not in SECRET_KINDS):
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            "A client secret and a certificate need a reference; an identity of the platform has none.",
            ("input", "reference"),
        )
    if reference is not None and (not _REFERENCE.fullmatch(reference) or len(reference) > _LONGEST_REFERENCE):
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            "A reference is env:NAME or file:/absolute/path, as the worker finds it.",
            ("input", "reference"),
        )
    async with db.transaction(context, readonly=True) as connection:
        await _require(connection, context, Capability.MANAGE_TENANT)
    tenant_id, connection_id = tenant_of(context), uuid4()
    async with owner.transaction(context) as connection:
        await _insert(connection, context, application, connection_id, reference=reference)
    return Job("trial", tenant_id, connection_id)


async def try_again(db: Database, owner: Database, context: Context, connection_id: UUID) -> Job:
    """Asks the worker to sign in with a connection once more, such as after consent was given.

    It is written over the connection of `atlas_owner`, and whoever acts needs MANAGE_TENANT besides. A trial that waits
    or is under way is the one. Raises `RefusedError` NOT_FOUND, FORBIDDEN.
    """
    tenant_id = tenant_of(context)
    async with db.transaction(context, readonly=True) as connection:
        await _require(connection, context, Capability.MANAGE_TENANT)
    async with owner.transaction(context) as connection:
        if not await store.queue_again(connection, tenant_id, connection_id):
            raise RefusedError(UserErrorCode.NOT_FOUND, UNKNOWN)
    return Job("trial", tenant_id, connection_id)


async def list_connections(db: Database, context: Context) -> list[GraphConnection]:
    """The tenant's connections, oldest first. Needs START_SYNC."""
    async with db.transaction(context, readonly=True) as connection:
        await _require(connection, context, Capability.START_SYNC)
        rows = await store.connections_of(connection, tenant_of(context))
    return [shown(row) for row in rows]


def shown(row: Row) -> GraphConnection:
    """A row of the store as it may be seen."""
    return GraphConnection(
        id=row["id"],
        entra_tenant_id=row["entra_tenant_id"],
        client_id=row["client_id"],
        cloud=GraphCloud(row["cloud"]),
        credential_kind=CredentialKind(row["credential_kind"]),
        reference=row["reference"],
        created_at=row["created_at"],
        tested_at=row["tested_at"],
        status=ConnectionStatus(row["status"]),
        missing=None if row["missing"] is None else tuple(map(_lack, row["missing"])),
        error=None if row["error_code"] is None else (row["error_code"], row["error_message"]),
    )


async def remove(db: Database, context: Context, connection_id: UUID) -> bool:
    """Forgets a connection and its credential; False where the tenant has none of this id. Needs MANAGE_TENANT."""
    async with db.transaction(context) as connection:
        await _require(connection, context, Capability.MANAGE_TENANT)
        return await store.delete_connection(connection, tenant_id=tenant_of(context), connection_id=connection_id)


async def seal_anew(owner: Database, deployment_key: bytes, previous_keys: Sequence[bytes]) -> tuple[int, int]:
    """Seals under the present key what is sealed under an earlier one, of every tenant, in one transaction.

    Over the connection of `atlas_owner`. Returns how many were sealed anew, and how many none of the keys opens: those
    stay as they are. Doing it again is no harm.
    """
    renewed = closed = 0
    async with owner.transaction() as connection:
        for row in await store.all_sealed(connection):
            binding = Binding(row["tenant_id"], Purpose.GRAPH_CREDENTIAL, row["id"])
            if is_under(deployment_key, row["sealed"], binding):
                continue
            try:
                secret = unseal(previous_keys, row["sealed"], binding)
            except OperatorError:
                closed += 1
                continue
            fresh = seal(deployment_key, secret, binding)
            await store.seal_anew(connection, row["tenant_id"], row["id"], was=row["sealed"], sealed=fresh)
            renewed += 1
    return renewed, closed


async def _insert(
    connection: Connection,
    context: Context,
    application: Application,
    connection_id: UUID,
    *,
    sealed: bytes | None = None,
    reference: str | None = None,
    tested: bool = False,
    missing: Sequence[Lack] | None = None,
) -> None:
    tenant_id = tenant_of(context)
    await _require(connection, context, Capability.MANAGE_TENANT)
    if await store.number_of(connection, tenant_id) >= MOST_CONNECTIONS:
        raise RefusedError(UserErrorCode.CONFLICT, f"A tenant has {MOST_CONNECTIONS} connections at most. Remove one.")
    known = await store.entra_tenant_of(connection, tenant_id)
    if known not in {None, application.entra_tenant_id}:
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            f"This tenant is the Entra tenant {known}, and its inventory is read from no other.",
            ("input", "entraTenantId"),
        )
    await store.insert_connection(
        connection,
        tenant_id=tenant_id,
        connection_id=connection_id,
        entra_tenant_id=application.entra_tenant_id,
        client_id=application.client_id,
        cloud=application.cloud,
        kind=application.kind,
        created_by=context.principal_id,
        sealed=sealed,
        reference=reference,
        tested=tested,
        missing=told(missing),
    )


def told(missing: Sequence[Lack] | None) -> store.Missing | None:
    """The lacks in the form in which they are stored and told; None where nobody knows them."""
    if missing is None:
        return None
    return [
        {"permission": one.permission, "itemTypes": list(one.item_types), "beside": list(one.beside)} for one in missing
    ]


def _lack(stored: Mapping[str, Any]) -> Lack:
    return Lack(stored["permission"], tuple(stored["itemTypes"]), tuple(stored["beside"]))


def _invalid(message: str, field: str) -> RefusedError:
    return RefusedError(UserErrorCode.INVALID_INPUT, message, ("input", field))


async def _require(connection: Connection, context: Context, capability: Capability) -> None:
    """Whoever runs the deployment acts over the owner connection and is no principal."""
    if context.principal_id is not None:
        await require(connection, context, capability)
