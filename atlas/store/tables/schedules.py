"""Schedules and their ticks."""

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, Text, UniqueConstraint, Uuid, text

from atlas.store.tables.types import Instant, Name, metadata

schedules = Table(
    "schedules",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("name", Name, nullable=False),
    Column("scope_id", Uuid, nullable=False),
    Column("every_hours", Integer),
    Column("cron", Text),
    Column("time_zone", Text, nullable=False),
    Column("anchor", Instant, nullable=False),
    Column("created_by", Uuid),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("next_tick", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("last_tick", Instant),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    ForeignKeyConstraint(
        ["tenant_id", "created_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="schedules_created_by",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "scope_id"], ["atlas.scopes.tenant_id", "atlas.scopes.id"], name="schedules_scope"
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "name", name="schedules_name"),
    Index("schedules_due", "tenant_id", "due_at"),
)

schedule_ticks = Table(
    "schedule_ticks",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("schedule_id", Uuid, primary_key=True),
    Column("tick", Instant, primary_key=True),
    Column("sync_run_id", Uuid, nullable=False),
    Column("status", Name, nullable=False, server_default=text("'STARTED'::text")),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    ForeignKeyConstraint(
        ["tenant_id", "schedule_id"],
        ["atlas.schedules.tenant_id", "atlas.schedules.id"],
        name="schedule_ticks_schedule",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "sync_run_id"], ["atlas.sync_runs.tenant_id", "atlas.sync_runs.id"], name="schedule_ticks_run"
    ),
    Index(
        "schedule_ticks_started",
        "tenant_id",
        "schedule_id",
        postgresql_where=text("(status = 'STARTED'::text)"),
    ),
)
