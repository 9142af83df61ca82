"""Connections to Microsoft Graph: whose directory a tenant is read from, and with which credential."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from atlas.access import require, tenant_of
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import Capability, CredentialKind, GraphCloud, UserErrorCode
from atlas.sealing import LONGEST, Binding, Purpose, is_under, seal, unseal
from atlas.store import connections as store
from atlas.store.database import Connection, Context, Database

_REFERENCE = re.compile(r"env:[A-Z_][A-Z0-9_]*|file:/.+")
_LONGEST_REFERENCE = 1000

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
class GraphConnection:
    """A connection as a tenant's managers see it. `reference` says where the secret lies; None: it is sealed, or none.

    `tested_at` is when somebody last signed in with it.
    """

    id: UUID
    entra_tenant_id: UUID
    client_id: UUID
    cloud: GraphCloud
    credential_kind: CredentialKind
    reference: str | None
    created_at: datetime
    tested_at: datetime | None


async def connect(
    db: Database,
    context: Context,
    application: Application,
    *,
    secret: bytes,
    deployment_key: bytes,
    tested: bool = False,
) -> UUID:
    """Stores a connection with its client secret or certificate, sealed for this tenant and connection.

    `tested`: somebody signed in with it just now. Needs MANAGE_TENANT. Raises `RefusedError` NOT_FOUND, FORBIDDEN,
    INVALID_INPUT, CONFLICT.
    """
    if application.kind not in SECRET_KINDS:
        raise RefusedError(UserErrorCode.INVALID_INPUT, "An identity of the platform has no secret to store.")
    if not 1 <= len(secret) <= LONGEST:
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"A client secret or certificate has 1 to {LONGEST} bytes.")
    tenant_id, connection_id = tenant_of(context), uuid4()
    sealed = seal(deployment_key, secret, Binding(tenant_id, Purpose.GRAPH_CREDENTIAL, connection_id))
    async with db.transaction(context) as connection:
        await _insert(connection, context, application, connection_id, sealed=sealed, tested=tested)
    return connection_id


async def refer(
    db: Database, owner: Database, context: Context, application: Application, *, reference: str | None
) -> UUID:
    """Stores a connection whose credential is the deployment's: a variable (`env:NAME`) or file (`file:/path`) of the
    worker with the secret, or without a reference the worker's own identity.

    Either may be anybody's, so it is written over the connection of `atlas_owner`, and whoever acts needs
    MANAGE_TENANT besides. Raises `RefusedError` NOT_FOUND, FORBIDDEN, INVALID_INPUT, CONFLICT.
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
    connection_id = uuid4()
    async with owner.transaction(context) as connection:
        await _insert(connection, context, application, connection_id, reference=reference)
    return connection_id


async def list_connections(db: Database, context: Context) -> list[GraphConnection]:
    """The tenant's connections, oldest first. Needs START_SYNC."""
    async with db.transaction(context, readonly=True) as connection:
        await _require(connection, context, Capability.START_SYNC)
        rows = await store.connections_of(connection, tenant_of(context))
    return [
        GraphConnection(
            row["id"], row["entra_tenant_id"], row["client_id"], GraphCloud(row["cloud"]),
            CredentialKind(row["credential_kind"]), row["reference"], row["created_at"], row["tested_at"],
        )
        for row in rows
    ]  # fmt: skip


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
) -> None:
    tenant_id = tenant_of(context)
    await _require(connection, context, Capability.MANAGE_TENANT)
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
    )


async def _require(connection: Connection, context: Context, capability: Capability) -> None:
    """Whoever runs the deployment acts over the owner connection and is no principal."""
    if context.principal_id is not None:
        await require(connection, context, capability)
