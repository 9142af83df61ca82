"""Prune runs: the jobs that let go of what old runs held."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text, Uuid, text

from atlas.store.tables.types import Instant, Name, metadata

prune_runs = Table(
    "prune_runs",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("keep_days", Integer, nullable=False),
    Column("status", Name, nullable=False, server_default=text("'QUEUED'::text")),
    Column("requested_by", Uuid),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("runs", Integer, nullable=False, server_default=text("0")),
    Column("intervals", Integer, nullable=False, server_default=text("0")),
    Column("contents", Integer, nullable=False, server_default=text("0")),
    Column("coverage", Integer, nullable=False, server_default=text("0")),
    Column("events", Integer, nullable=False, server_default=text("0")),
    Column("source_events", Integer, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("request_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_token", Uuid),
    Column("lease_until", Instant),
    Column("available_at", Instant, nullable=False, server_default=text("now()")),
    Column("sent_at", Instant),
    ForeignKeyConstraint(
        ["tenant_id", "requested_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="prune_runs_requested_by",
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    Index("prune_runs_created", "tenant_id", "created_at"),
    Index(
        "prune_runs_queued",
        "tenant_id",
        unique=True,
        postgresql_where=text("(status = 'QUEUED'::text)"),
    ),
)
