"""Principals, memberships, tenants and tokens: who may come in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import UserErrorCode
from atlas.store.database import constraint, sqlstate
from atlas.store.tables import api_tokens, memberships, role_capabilities, tenant_principals, tenants

Row = RowMapping

FOREIGN_KEY_VIOLATION = "23503"

_CHANGED_STANDING = text(
    """select place, holds, role from atlas.changed_standing(
    cast(:hashes as bytea[]), cast(:tenants as uuid[]), cast(:principals as uuid[]), cast(:roles as text[]), :used)"""
)


async def authenticate(connection: AsyncConnection, token_hash: bytes) -> Row | None:
    """(principal_id, kind, display_name, token_id, expires_at) of a token that holds; needs no context."""
    rows = await connection.execute(text("select * from atlas.authenticate(:hash)"), {"hash": token_hash})
    return rows.mappings().one_or_none()


async def changed_standing(
    connection: AsyncConnection,
    hashes: Sequence[bytes | None],
    tenant_ids: Sequence[UUID | None],
    principal_ids: Sequence[UUID],
    roles: Sequence[str | None],
    *,
    used: bool,
) -> list[tuple[int, bool, str | None]]:
    """(place, does the token hold, role) where either is not as given. Places count from 0; needs no context.

    With `used`, the tokens that hold are noted as used now.
    """
    rows = await connection.execute(
        _CHANGED_STANDING,
        {
            "hashes": list(hashes),
            "tenants": list(tenant_ids),
            "principals": list(principal_ids),
            "roles": list(roles),
            "used": used,
        },
    )
    return [(place - 1, holds, role) for place, holds, role in rows]


async def ensure_principal(
    connection: AsyncConnection, *, issuer: str, subject: str, kind: str, display_name: str
) -> Row:
    """(principal_id, principal_kind, principal_name) of an identity that its issuer vouched for."""
    rows = await connection.execute(
        text("select * from atlas.ensure_principal(:issuer, :subject, :kind, :name)"),
        {"issuer": issuer, "subject": subject, "kind": kind, "name": display_name},
    )
    return rows.mappings().one()


async def ensure_service_principal(connection: AsyncConnection, name: str) -> UUID:
    """The service principal of this name in the context's tenant; the database asks for MANAGE_MEMBERS."""
    principal: UUID = (
        await connection.execute(text("select atlas.ensure_service_principal(:name)"), {"name": name})
    ).scalar_one()
    return principal


async def capabilities(connection: AsyncConnection, tenant_id: UUID, principal_id: UUID) -> frozenset[str] | None:
    """What the principal may do in the tenant; None where it is no member. Only explains: the policies decide."""
    rows = await connection.execute(
        select(role_capabilities.c.capability)
        .join(memberships, memberships.c.role == role_capabilities.c.role)
        .where(memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id)
    )
    return frozenset(rows.scalars()) or None


async def insert_tenant(
    connection: AsyncConnection, *, tenant_id: UUID, name: str, entra_tenant_id: UUID | None
) -> None:
    """Raises `RefusedError` CONFLICT where the name or the Entra tenant is taken."""
    try:
        await connection.execute(insert(tenants).values(id=tenant_id, name=name, entra_tenant_id=entra_tenant_id))
    except IntegrityError as error:
        raise RefusedError(
            UserErrorCode.CONFLICT,
            "A tenant of this name, id or Entra tenant exists already. `atlas tenant list` shows them.",
            ("name",),
        ) from error


async def tenants_of(connection: AsyncConnection, *, name: str | None = None) -> list[Row]:
    """(id, name, entra_tenant_id, created_at) of the tenants that this role and context see, by name."""
    query = select(tenants).order_by(tenants.c.name)
    if name is not None:
        query = query.where(tenants.c.name == name)
    return list((await connection.execute(query)).mappings())


async def upsert_membership(connection: AsyncConnection, *, tenant_id: UUID, principal_id: UUID, role: str) -> UUID:
    """Grants the role, or changes it to this one; writes nothing where it is so already.

    Raises `RefusedError` NOT_FOUND for a principal that never was, CONFLICT where the tenant would lose its last owner.
    """
    wanted = upsert(memberships).values(tenant_id=tenant_id, principal_id=principal_id, role=role)
    with _explained():
        changed = await connection.execute(
            wanted.on_conflict_do_update(
                constraint="memberships_principal",
                set_={"role": wanted.excluded.role},
                where=memberships.c.role != wanted.excluded.role,
            ).returning(memberships.c.id)
        )
    membership: UUID | None = changed.scalar_one_or_none()
    if membership is None:
        membership = await membership_id(connection, tenant_id=tenant_id, principal_id=principal_id)
    if membership is None:
        raise LookupError("the membership is not visible to whoever granted it")
    return membership


async def membership_id(connection: AsyncConnection, *, tenant_id: UUID, principal_id: UUID) -> UUID | None:
    found: UUID | None = await connection.scalar(
        select(memberships.c.id).where(memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id)
    )
    return found


async def membership_role(connection: AsyncConnection, *, tenant_id: UUID, principal_id: UUID) -> str | None:
    role: str | None = await connection.scalar(
        select(memberships.c.role).where(
            memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id
        )
    )
    return role


async def delete_membership(connection: AsyncConnection, *, tenant_id: UUID, principal_id: UUID) -> bool:
    with _explained():
        gone = await connection.execute(
            delete(memberships)
            .where(memberships.c.tenant_id == tenant_id, memberships.c.principal_id == principal_id)
            .returning(memberships.c.id)
        )
    return gone.first() is not None


async def insert_token(
    connection: AsyncConnection,
    *,
    tenant_id: UUID,
    principal_id: UUID,
    token_hash: bytes,
    hint: str,
    created_by: UUID | None,
    expires_at: datetime | None,
) -> UUID:
    token: UUID = (
        await connection.execute(
            insert(api_tokens)
            .values(
                tenant_id=tenant_id,
                principal_id=principal_id,
                hash=token_hash,
                hint=hint,
                created_by=created_by,
                expires_at=expires_at,
            )
            .returning(api_tokens.c.id)
        )
    ).scalar_one()
    return token


async def tokens_of(connection: AsyncConnection, tenant_id: UUID) -> list[Row]:
    """The tenant's tokens, newest first, each with its principal's name and role. Never the hash."""
    t, p, m = api_tokens.c, tenant_principals.c, memberships.c
    query = (
        select(
            t.id,
            t.hint,
            t.created_at,
            t.expires_at,
            t.last_used_at,
            t.revoked_at,
            t.principal_id,
            p.display_name,
            m.role,
        )
        .join(tenant_principals, (p.tenant_id == t.tenant_id) & (p.principal_id == t.principal_id))
        .outerjoin(memberships, (m.tenant_id == t.tenant_id) & (m.principal_id == t.principal_id))
        .where(t.tenant_id == tenant_id)
        .order_by(t.created_at.desc(), t.id)
    )
    return list((await connection.execute(query)).mappings())


async def revoke_token(connection: AsyncConnection, *, tenant_id: UUID, token_id: UUID) -> UUID | None:
    """The principal that the token was of; None where there is no such token, or it was revoked before."""
    gone: UUID | None = await connection.scalar(
        update(api_tokens)
        .where(
            api_tokens.c.tenant_id == tenant_id,
            api_tokens.c.id == token_id,
            api_tokens.c.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
        .returning(api_tokens.c.principal_id)
    )
    return gone


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if constraint(error) == "keep_an_owner":
            raise RefusedError(
                UserErrorCode.CONFLICT, "A tenant keeps at least one OWNER. Make somebody else OWNER first."
            ) from error
        if sqlstate(error) == FOREIGN_KEY_VIOLATION:
            raise RefusedError(
                UserErrorCode.NOT_FOUND, "There is no such principal.", ("input", "principalId")
            ) from error
        raise
