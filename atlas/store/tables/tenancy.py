"""Principals, tenants, memberships and tokens."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from atlas.store.tables.types import Instant, Name, metadata

principals = Table(
    "principals",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("kind", Text, nullable=False),
    Column("issuer", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    UniqueConstraint("issuer", "subject", name="principals_identity"),
)

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("name", Name, nullable=False),
    Column("entra_tenant_id", Uuid),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    UniqueConstraint("entra_tenant_id", name="tenants_entra"),
    UniqueConstraint("name", name="tenants_name"),
)

roles = Table(
    "roles",
    metadata,
    Column("name", Name, primary_key=True),
    Column("rank", SmallInteger, nullable=False),
    UniqueConstraint("rank", name="roles_rank"),
)

role_capabilities = Table(
    "role_capabilities",
    metadata,
    Column("role", Name, primary_key=True),
    Column("capability", Name, primary_key=True),
    ForeignKeyConstraint(["role"], ["atlas.roles.name"]),
)

memberships = Table(
    "memberships",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("principal_id", Uuid, nullable=False),
    Column("role", Name, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(["principal_id"], ["atlas.principals.id"]),
    ForeignKeyConstraint(["role"], ["atlas.roles.name"]),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "principal_id", name="memberships_principal"),
    Index("memberships_of_principal", "principal_id", "tenant_id", postgresql_include=["role"]),
)

tenant_principals = Table(
    "tenant_principals",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("principal_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    ForeignKeyConstraint(["principal_id"], ["atlas.principals.id"]),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("principal_id", Uuid, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("created_by", Uuid),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    ForeignKeyConstraint(
        ["tenant_id", "principal_id"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="api_tokens_principal",
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    Index("api_tokens_hash", "hash", unique=True),
    Index("api_tokens_of_principal", "tenant_id", "principal_id"),
)
