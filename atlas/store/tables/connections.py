"""Connections to Microsoft Graph."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, LargeBinary, Table, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from atlas.store.tables.types import Instant, Name, metadata

graph_connections = Table(
    "graph_connections",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("entra_tenant_id", Uuid, nullable=False),
    Column("client_id", Uuid, nullable=False),
    Column("cloud", Name, nullable=False),
    Column("credential_kind", Name, nullable=False),
    Column("sealed", LargeBinary),
    Column("reference", Text),
    Column("created_by", Uuid),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("tested_at", Instant),
    Column("status", Name, nullable=False, server_default=text("'QUEUED'::text")),
    Column("missing", JSONB),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("finished_at", Instant),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_token", Uuid),
    Column("lease_until", Instant),
    Column("available_at", Instant, nullable=False, server_default=text("now()")),
    Column("sent_at", Instant),
    ForeignKeyConstraint(
        ["tenant_id", "created_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="graph_connections_created_by",
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "entra_tenant_id", name="graph_connections_entra"),
)
