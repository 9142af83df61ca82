"""What the source calls what a configuration names by its id."""

from sqlalchemy import Column, ForeignKeyConstraint, Table, Text, Uuid, text

from atlas.store.tables.types import Instant, Name, metadata

labels = Table(
    "labels",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("kind", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("label", Text),
    Column("read_at", Instant, nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)
