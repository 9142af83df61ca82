"""Connections to Microsoft Graph. What is sealed is written here, and read by the worker alone."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, case, delete, func, insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import CredentialKind, GraphCloud, UserErrorCode
from atlas.store.database import constraint
from atlas.store.tables import graph_connections, tenants

# What a sign-in's permissions leave unread: (permission, itemTypes, beside) each.
Missing = Sequence[Mapping[str, Any]]

_c = graph_connections.c
_SHOWN = (
    _c.tenant_id, _c.id, _c.entra_tenant_id, _c.client_id, _c.cloud, _c.credential_kind, _c.reference, _c.created_at,
    _c.tested_at, _c.status, _c.missing, _c.error_code, _c.error_message,
)  # fmt: skip


async def entra_tenant_of(connection: AsyncConnection, tenant_id: UUID) -> UUID | None:
    """The directory that the tenant is said to be, where that is known."""
    found: UUID | None = await connection.scalar(select(tenants.c.entra_tenant_id).where(tenants.c.id == tenant_id))
    return found


async def insert_connection(
    connection: AsyncConnection,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    entra_tenant_id: UUID,
    client_id: UUID,
    cloud: GraphCloud,
    kind: CredentialKind,
    created_by: UUID | None,
    sealed: bytes | None = None,
    reference: str | None = None,
    tested: bool = False,
    missing: Missing | None = None,
) -> None:
    """What nobody tested waits for the worker to. Raises `RefusedError` CONFLICT where the tenant is connected to this
    Entra tenant already.
    """
    # A column that is not named needs no grant: the API may not even write null as a reference.
    given: dict[str, Any] = {"sealed": sealed, "reference": reference}
    if tested:
        given |= {"status": "SUCCEEDED", "tested_at": func.now(), "finished_at": func.now(), "missing": missing}
    values = {
        "tenant_id": tenant_id,
        "id": connection_id,
        "entra_tenant_id": entra_tenant_id,
        "client_id": client_id,
        "cloud": cloud,
        "credential_kind": kind,
        "created_by": created_by,
        **{name: value for name, value in given.items() if value is not None},
    }
    try:
        await connection.execute(insert(graph_connections).values(values))
    except IntegrityError as error:
        if constraint(error) != "graph_connections_entra":
            raise
        raise RefusedError(
            UserErrorCode.CONFLICT,
            "This tenant is connected to this Entra tenant already. Remove that first: `atlas graph remove`.",
            ("input", "entraTenantId"),
        ) from error


async def connections_of(connection: AsyncConnection, tenant_id: UUID) -> list[RowMapping]:
    """Every connection of the tenant that this role and context see, oldest first; never what is sealed."""
    query = select(*_SHOWN).where(_c.tenant_id == tenant_id).order_by(_c.created_at, _c.id)
    return list((await connection.execute(query)).mappings())


async def credentials_of(connection: AsyncConnection, tenant_id: UUID) -> list[RowMapping]:
    """Every connection of the tenant with what is sealed. As the worker that syncs."""
    columns = (_c.id, _c.entra_tenant_id, _c.client_id, _c.cloud, _c.credential_kind, _c.reference, _c.sealed)
    rows = await connection.execute(select(*columns).where(_c.tenant_id == tenant_id).order_by(_c.created_at, _c.id))
    return list(rows.mappings())


async def all_sealed(connection: AsyncConnection) -> list[RowMapping]:
    """What is sealed, of every tenant. As `atlas_owner`."""
    query = select(_c.tenant_id, _c.id, _c.sealed).where(_c.sealed.is_not(None)).order_by(_c.tenant_id, _c.id)
    return list((await connection.execute(query)).mappings())


async def seal_anew(
    connection: AsyncConnection, tenant_id: UUID, connection_id: UUID, *, was: bytes, sealed: bytes
) -> None:
    """Puts one envelope in the place of another, where that still stands. As `atlas_owner`."""
    await connection.execute(
        update(graph_connections)
        .where(_c.tenant_id == tenant_id, _c.id == connection_id, _c.sealed == was)
        .values(sealed=sealed)
    )


async def queue_again(connection: AsyncConnection, tenant_id: UUID, connection_id: UUID) -> bool:
    """Queues the trial of a connection once more, if it has ended; False where there is no such connection.

    As `atlas_owner`.
    """
    asked = (_c.tenant_id == tenant_id) & (_c.id == connection_id)
    await connection.execute(
        update(graph_connections)
        .where(asked, _c.status.in_(("SUCCEEDED", "FAILED")))
        .values(
            status="QUEUED", attempts=0, available_at=func.now(), sent_at=None, finished_at=None,
            error_code=None, error_message=None,
        )
    )  # fmt: skip
    return await connection.scalar(select(_c.id).where(asked)) is not None


async def tried(connection: AsyncConnection, tenant_id: UUID, connection_id: UUID, missing: Missing | None) -> None:
    """The connection's trial came to its end: it signs in. As the worker, under the lease of the trial."""
    await connection.execute(
        update(graph_connections)
        .where(_c.tenant_id == tenant_id, _c.id == connection_id)
        .values(**_good(missing), status="SUCCEEDED", lease_token=None, lease_until=None, finished_at=func.now())
    )


async def tested(connection: AsyncConnection, tenant_id: UUID, connection_id: UUID, missing: Missing | None) -> None:
    """A sync signed in with the connection just now, whatever its trial came to. As the worker that syncs."""
    await connection.execute(
        update(graph_connections)
        .where(_c.tenant_id == tenant_id, _c.id == connection_id)
        .values(**_good(missing), status=_unless_tried("SUCCEEDED"))
    )


async def refused(
    connection: AsyncConnection, tenant_id: UUID, connection_id: UUID, *, code: str, message: str
) -> None:
    """A sync could not sign in with the connection any more. As the worker that syncs."""
    await connection.execute(
        update(graph_connections)
        .where(_c.tenant_id == tenant_id, _c.id == connection_id)
        .values(status=_unless_tried("FAILED"), error_code=code, error_message=message)
    )


def _unless_tried(status: str) -> Any:
    """A trial that is under way ends by itself: the status is its lease's."""
    return case((_c.status == "RUNNING", "RUNNING"), else_=status)


def _good(missing: Missing | None) -> dict[str, Any]:
    return {
        "tested_at": func.now(),
        "missing": null() if missing is None else missing,
        "error_code": None,
        "error_message": None,
    }


async def number_of(connection: AsyncConnection, tenant_id: UUID) -> int:
    found: int = (
        await connection.execute(select(func.count()).select_from(graph_connections).where(_c.tenant_id == tenant_id))
    ).scalar_one()
    return found


async def delete_connection(connection: AsyncConnection, *, tenant_id: UUID, connection_id: UUID) -> bool:
    gone = await connection.execute(
        delete(graph_connections).where(_c.tenant_id == tenant_id, _c.id == connection_id).returning(_c.id)
    )
    return gone.first() is not None
