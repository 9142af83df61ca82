"""Connections to Microsoft Graph."""

from sqlalchemy import Column, ForeignKeyConstraint, LargeBinary, Table, Text, UniqueConstraint, Uuid, text

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
    ForeignKeyConstraint(
        ["tenant_id", "created_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="graph_connections_created_by",
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "entra_tenant_id", name="graph_connections_entra"),
)
