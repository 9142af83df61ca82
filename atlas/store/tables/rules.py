"""Ignore rules."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text, UniqueConstraint, Uuid, text

from atlas.store.tables.types import Instant, Name, metadata

_PRINCIPAL = ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"]

rules = Table(
    "rules",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("replaces", Uuid),
    Column("item_type", Name),
    Column("path_pattern", Name),
    Column("subject_pattern", Name),
    Column("value_pattern", Name),
    Column("reason", Text, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("expires_at", Instant),
    Column("ended_at", Instant),
    Column("ended_by", Uuid),
    ForeignKeyConstraint(["tenant_id", "ended_by"], _PRINCIPAL, name="rules_ended_by"),
    ForeignKeyConstraint(["tenant_id", "owner_id"], _PRINCIPAL, name="rules_owner"),
    ForeignKeyConstraint(["tenant_id", "replaces"], ["atlas.rules.tenant_id", "atlas.rules.id"], name="rules_replaces"),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "replaces", name="rules_replaced_once"),
    Index("rules_created", "tenant_id", "created_at", "id"),
    Index("rules_live", "tenant_id", postgresql_where=text("(ended_at IS NULL)")),
)
