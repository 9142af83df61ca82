"""The audit record with its chain, and the activity feed."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from atlas.store.tables.types import Instant, Name, metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("actor_id", Uuid),
    Column("action", Name, nullable=False),
    Column("target_type", Name, nullable=False),
    Column("target_id", Uuid, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("reason", Text),
    Column("request_id", Text),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    Index("audit_events_at", "tenant_id", "at", "id"),
    Index("audit_events_target", "tenant_id", "target_id", "at", "id"),
)

audit_links = Table(
    "audit_links",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "event_id", name="audit_links_event"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)

event_counters = Table(
    "event_counters",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)

events = Table(
    "events",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Column("kind", Name, nullable=False),
    Column("object_id", Uuid, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)
