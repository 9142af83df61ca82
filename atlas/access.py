"""Who may come in, and who may do what: tokens, principals, memberships, tenants."""

import hashlib
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Capability, PrincipalKind, Role, UserErrorCode
from atlas.store import access as store
from atlas.store.database import Connection, Context, Database, forbidden

PREFIX = "atlas_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43  # 256 bits in base 62.
_CHECK_LENGTH = 6


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `token_id` and `expires_at` are of the token that said so, where one did."""

    id: UUID
    kind: str
    display_name: str
    token_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """By what a principal may come in, and what they are in a tenant. `digest` is of an API token, None for others;
    `role` is None for whoever is no member, and without a tenant.
    """

    principal_id: UUID
    digest: bytes | None
    tenant_id: UUID | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment when it can be read. `token` is shown once and stored nowhere."""

    id: UUID
    token: str
    principal_id: UUID
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the tenant's owners see it; `hint` is its beginning."""

    id: UUID
    hint: str
    principal_id: UUID
    principal: str
    role: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class TenantEntry:
    id: UUID
    name: str
    entra_tenant_id: UUID | None
    created_at: datetime


async def authenticate(db: Database, token: str) -> Principal | None:
    """The principal of an API token that holds: well-formed, known, neither expired nor revoked. Else None."""
    if not well_formed(token):
        return None
    async with db.transaction() as connection:
        row = await store.authenticate(connection, _hash(token))
    if row is None:
        return None
    return Principal(row["principal_id"], row["kind"], row["display_name"], row["token_id"], row["expires_at"])


async def changed_standings(
    db: Database, standings: Sequence[Standing], *, used: bool = False
) -> list[tuple[int, Standing | None]]:
    """The places of those that are no longer so, and what they are now: None where the token no longer holds.

    One statement. With `used`, the tokens that hold are noted as used now.
    """
    async with db.transaction() as connection:
        rows = await store.changed_standing(
            connection,
            [one.digest for one in standings],
            [one.tenant_id for one in standings],
            [one.principal_id for one in standings],
            [one.role for one in standings],
            used=used,
        )
    return [(place, replace(standings[place], role=role) if holds else None) for place, holds, role in rows]


async def ensure_local_principal(db: Database, name: str) -> Principal:
    """The principal `local:<name>` of the embedded home: who acts on this machine without a token."""
    return await ensure_person(db, issuer="local", subject=name, display_name=f"local:{name}")


async def ensure_person(db: Database, *, issuer: str, subject: str, display_name: str) -> Principal:
    """The person that the issuer calls `subject`; made when they first come, without memberships."""
    async with db.transaction() as connection:
        row = await store.ensure_principal(
            connection, issuer=issuer, subject=subject, kind=PrincipalKind.USER, display_name=display_name
        )
    return Principal(row["principal_id"], row["principal_kind"], row["principal_name"])


async def require(connection: Connection, context: Context, capability: Capability) -> None:
    """Explains a refusal before the database makes it. A tenant that is foreign or absent: NOT_FOUND."""
    held = None
    if context.tenant_id is not None and context.principal_id is not None:
        held = await store.capabilities(connection, context.tenant_id, context.principal_id)
    if held is None:
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such tenant, or you are no member of it.")
    if capability not in held:
        raise forbidden()


async def create_tenant(
    owner: Database,
    name: str,
    *,
    tenant_id: UUID | None = None,
    entra_tenant_id: UUID | None = None,
    owner_principal_id: UUID | None = None,
) -> UUID:
    """Makes a tenant, over the connection of `atlas_owner`, and its first OWNER where one is named."""
    name = name.strip()
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise RefusedError(UserErrorCode.INVALID_INPUT, "A tenant's name has 1 to 200 printable characters.", ("name",))
    tenant_id = tenant_id or uuid4()
    context = Context(tenant_id=tenant_id, principal_id=owner_principal_id)
    async with owner.transaction(context) as connection:
        await store.insert_tenant(connection, tenant_id=tenant_id, name=name, entra_tenant_id=entra_tenant_id)
        if owner_principal_id is not None:
            await store.upsert_membership(
                connection, tenant_id=tenant_id, principal_id=owner_principal_id, role=Role.OWNER
            )
    return tenant_id


async def list_tenants(db: Database, context: Context, *, name: str | None = None) -> list[TenantEntry]:
    """The tenants that this connection's role and principal see, by name."""
    async with db.transaction(replace(context, tenant_id=None), readonly=True) as connection:
        return [TenantEntry(**row) for row in await store.tenants_of(connection, name=name)]


async def create_token(
    db: Database, context: Context, *, principal_name: str, role: Role, expires_at: datetime | None = None
) -> NewToken:
    """A token for the tenant's service principal of this name, which gets this role. Needs MANAGE_MEMBERS."""
    name = principal_name.strip()
    if not 1 <= len(name) <= 200 or not name.isprintable():
        raise RefusedError(UserErrorCode.INVALID_INPUT, "A principal's name has 1 to 200 printable characters.")
    tenant_id = tenant_of(context)
    token = new_token()
    async with db.transaction(context) as connection:
        if context.principal_id is not None:
            await require(connection, context, Capability.MANAGE_MEMBERS)
        principal_id = await store.ensure_service_principal(connection, name)
        await store.upsert_membership(connection, tenant_id=tenant_id, principal_id=principal_id, role=role)
        token_id = await store.insert_token(
            connection,
            tenant_id=tenant_id,
            principal_id=principal_id,
            token_hash=_hash(token),
            hint=token[:12],
            created_by=context.principal_id,
            expires_at=expires_at,
        )
    return NewToken(token_id, token, principal_id, expires_at)


async def create_own_token(owner: Database, context: Context, *, expires_at: datetime) -> NewToken:
    """A token for the context's principal, who is a member of its tenant, over the connection of `atlas_owner`.

    Only the embedded home asks for one: its user owns the database anyway. It holds in every tenant of theirs.
    """
    if context.principal_id is None:
        raise forbidden()
    token = new_token()
    async with owner.transaction(context) as connection:
        token_id = await store.insert_token(
            connection,
            tenant_id=tenant_of(context),
            principal_id=context.principal_id,
            token_hash=_hash(token),
            hint=token[:12],
            created_by=context.principal_id,
            expires_at=expires_at,
        )
    return NewToken(token_id, token, context.principal_id, expires_at)


async def list_tokens(db: Database, context: Context) -> list[Token]:
    async with db.transaction(context, readonly=True) as connection:
        if context.principal_id is not None:
            await require(connection, context, Capability.MANAGE_MEMBERS)
        rows = await store.tokens_of(connection, tenant_of(context))
    return [
        Token(
            row["id"], row["hint"], row["principal_id"], row["display_name"], row["role"], row["created_at"],
            row["expires_at"], row["last_used_at"], row["revoked_at"],
        )
        for row in rows
    ]  # fmt: skip


async def revoke_token(db: Database, context: Context, token_id: UUID) -> bool:
    """False where there is no such token of this tenant, or it was revoked before."""
    async with db.transaction(context) as connection:
        if context.principal_id is not None:
            await require(connection, context, Capability.MANAGE_MEMBERS)
        principal_id = await store.revoke_token(connection, tenant_id=tenant_of(context), token_id=token_id)
    if principal_id is not None:
        # Its streams may follow another tenant than the one that made it.
        await db.notify([tenant_of(context), principal_id])
    return principal_id is not None


async def set_membership(db: Database, context: Context, principal_id: UUID, role: Role) -> UUID:
    """Grants the role or changes it; the last OWNER keeps theirs (CONFLICT). Returns the membership's id."""
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.MANAGE_MEMBERS)
        membership = await store.upsert_membership(
            connection, tenant_id=tenant_of(context), principal_id=principal_id, role=role
        )
    await db.notify([tenant_of(context), principal_id])
    return membership


async def remove_membership(db: Database, context: Context, principal_id: UUID) -> bool:
    """False where the principal is no member. The last OWNER cannot go (CONFLICT)."""
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.MANAGE_MEMBERS)
        removed = await store.delete_membership(connection, tenant_id=tenant_of(context), principal_id=principal_id)
    if removed:
        await db.notify([tenant_of(context), principal_id])
    return removed


def new_token() -> str:
    """`atlas_` + 256 random bits + a checksum, so that a scanner can tell a leaked token from a lookalike."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    return f"{PREFIX}{secret}{_checksum(secret)}"


def well_formed(token: str) -> bool:
    """A mistyped or invented token is told here, and the database is not asked."""
    body = token.removeprefix(PREFIX)
    if not token.startswith(PREFIX) or len(body) != _SECRET_LENGTH + _CHECK_LENGTH or not body.isascii():
        return False
    return secrets.compare_digest(_checksum(body[:_SECRET_LENGTH]), body[_SECRET_LENGTH:])


def digest(token: str) -> bytes | None:
    """What the database knows a token of ours by; None for any other token."""
    return _hash(token) if token.startswith(PREFIX) else None


def _checksum(secret: str) -> str:
    number, digits = zlib.crc32(secret.encode()), ""
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _hash(token: str) -> bytes:
    """A token is 256 random bits, so a plain hash of it cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()


def tenant_of(context: Context) -> UUID:
    """The tenant that the context names. Raises `RefusedError` NOT_FOUND where it names none."""
    if context.tenant_id is None:
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such tenant, or you are no member of it.")
    return context.tenant_id
