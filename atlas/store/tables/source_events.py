"""What the source's own record of events says of its objects."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Table, Text, Uuid

from atlas.store.tables.types import Instant, Name, metadata

source_events = Table(
    "source_events",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("resource_id", Name, primary_key=True),
    Column("activity", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("actor_kind", Name, nullable=False),
    Column("actor_id", Name),
    Column("actor_name", Text),
    Column("at", Instant, nullable=False),
    Column("correlation_id", Text),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    Index("source_events_at", "tenant_id", "at"),
    Index("source_events_resource", "tenant_id", "resource_id", "at"),
)
