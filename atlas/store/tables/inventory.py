"""Scopes, sync runs, coverage, contents and interval rows."""

from sqlalchemy import (
    ARRAY,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from atlas.store.tables.types import Instant, Name, metadata

scopes = Table(
    "scopes",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("key", Name, nullable=False),
    Column("source", Text, nullable=False),
    Column("selection", JSONB, nullable=False),
    Column("label", Text, nullable=False),
    Column("item_types", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("last_seq", Integer, nullable=False, server_default=text("0")),
    Column("generated_seq", Integer),
    Column("pinned_run_id", Uuid),
    Column("pinned_seq", Integer),
    Column("pinned_by", Uuid),
    Column("pinned_at", Instant),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(
        ["tenant_id", "pinned_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="scopes_pinned_by",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "pinned_run_id"],
        ["atlas.sync_runs.tenant_id", "atlas.sync_runs.id"],
        name="scopes_pinned_run",
        use_alter=True,
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "key", name="scopes_key"),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("scope_id", Uuid, nullable=False),
    Column("seq", Integer),
    Column("source", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'QUEUED'::text")),
    Column("requested_by", Uuid),
    Column("created_at", Instant, nullable=False, server_default=text("now()")),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("progress_done", Integer),
    Column("progress_total", Integer),
    Column("observed", Integer, nullable=False, server_default=text("0")),
    Column("added", Integer, nullable=False, server_default=text("0")),
    Column("changed", Integer, nullable=False, server_default=text("0")),
    Column("removed", Integer, nullable=False, server_default=text("0")),
    Column("unchanged", Integer, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("request_id", Text),
    Column("traceparent", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease_token", Uuid),
    Column("lease_until", Instant),
    Column("available_at", Instant, nullable=False, server_default=text("now()")),
    Column("sent_at", Instant),
    Column("confirmed_by", Uuid),
    Column("confirmed_at", Instant),
    Column("pruned_at", Instant),
    Column("notes", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("read_at", Instant),
    ForeignKeyConstraint(
        ["tenant_id", "confirmed_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="sync_runs_confirmed_by",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "requested_by"],
        ["atlas.tenant_principals.tenant_id", "atlas.tenant_principals.principal_id"],
        name="sync_runs_requested_by",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "scope_id"], ["atlas.scopes.tenant_id", "atlas.scopes.id"], name="sync_runs_scope"
    ),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    UniqueConstraint("tenant_id", "scope_id", "id", "seq", name="sync_runs_recorded_as"),
    UniqueConstraint("tenant_id", "scope_id", "seq", name="sync_runs_seq"),
    Index("sync_runs_created", "tenant_id", "created_at", "id"),
    Index(
        "sync_runs_graph",
        "tenant_id",
        "scope_id",
        unique=True,
        postgresql_where=text(
            "((source = 'GRAPH'::text) AND (status = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]))"
            " AND (confirmed_at IS NULL))"
        ),
    ),
    Index(
        "sync_runs_held",
        "tenant_id",
        "scope_id",
        postgresql_where=text("(status = 'NEEDS_CONFIRMATION'::text)"),
    ),
    Index(
        "sync_runs_kept",
        "tenant_id",
        "scope_id",
        "seq",
        postgresql_where=text("(pruned_at IS NULL)"),
    ),
    Index(
        "sync_runs_open",
        "tenant_id",
        "available_at",
        postgresql_where=text("(status = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]))"),
    ),
    Index("sync_runs_scope_created", "tenant_id", "scope_id", "created_at", "id"),
)

run_units = Table(
    "run_units",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("item_type", Name, primary_key=True),
    Column("scope_id", Uuid, nullable=False),
    Column("seq", Integer),
    Column("status", Text, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("expected", Integer),
    Column("api_version", Text),
    Column("error_code", Text),
    Column("message", Text),
    ForeignKeyConstraint(
        ["tenant_id", "run_id"], ["atlas.sync_runs.tenant_id", "atlas.sync_runs.id"], name="run_units_run"
    ),
    Index(
        "run_units_complete",
        "tenant_id",
        "scope_id",
        "item_type",
        "seq",
        postgresql_where=text("(status = 'COMPLETE'::text)"),
    ),
)

run_duplicates = Table(
    "run_duplicates",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("item_type", Name, primary_key=True),
    Column("external_id", Name, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "run_id"],
        ["atlas.sync_runs.tenant_id", "atlas.sync_runs.id"],
        name="run_duplicates_run",
    ),
)

contents = Table(
    "contents",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("hash", Name, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
)

item_intervals = Table(
    "item_intervals",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("scope_id", Uuid, primary_key=True),
    Column("item_type", Name, primary_key=True),
    Column("external_id", Name, primary_key=True),
    Column("valid_from", Integer, primary_key=True),
    Column("valid_to", Integer),
    Column("item_id", Uuid, nullable=False),
    Column("hash", Name, nullable=False),
    Column("settings_hash", Name, nullable=False),
    Column("display_name", Name, nullable=False),
    Column("platform", Text),
    ForeignKeyConstraint(
        ["tenant_id", "hash"],
        ["atlas.contents.tenant_id", "atlas.contents.hash"],
        name="item_intervals_content",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "scope_id"], ["atlas.scopes.tenant_id", "atlas.scopes.id"], name="item_intervals_scope"
    ),
    Index("item_intervals_at", "tenant_id", "scope_id", "item_type", "display_name", "item_id"),
    Index(
        "item_intervals_derived",
        "tenant_id",
        "scope_id",
        "item_type",
        "external_id",
        postgresql_where=text("valid_to IS NULL AND strpos(external_id, '~') > 0"),
    ),
    Index("item_intervals_from", "tenant_id", "scope_id", "valid_from"),
    Index("item_intervals_hash", "tenant_id", "hash"),
    Index("item_intervals_item", "tenant_id", "item_id", "valid_from"),
    Index(
        "item_intervals_name",
        "tenant_id",
        "display_name",
        "item_id",
        postgresql_where=text("(valid_to IS NULL)"),
    ),
    Index(
        "item_intervals_open",
        "tenant_id",
        "scope_id",
        "item_type",
        "external_id",
        unique=True,
        postgresql_where=text("(valid_to IS NULL)"),
        postgresql_include=["hash"],
    ),
    Index(
        "item_intervals_to",
        "tenant_id",
        "scope_id",
        "valid_to",
        postgresql_where=text("(valid_to IS NOT NULL)"),
    ),
)

hash_aliases = Table(
    "hash_aliases",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("old_hash", Name, primary_key=True),
    Column("new_hash", Name, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["atlas.tenants.id"]),
    Index("hash_aliases_new", "tenant_id", "new_hash"),
)

recorded_forms = Table(
    "recorded_forms",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("scope_id", Uuid, primary_key=True),
    Column("item_type", Name, primary_key=True),
    Column("form", Name, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "scope_id"], ["atlas.scopes.tenant_id", "atlas.scopes.id"], name="recorded_forms_scope"
    ),
)

staged_items = Table(
    "staged_items",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("item_type", Name, primary_key=True),
    Column("external_id", Name, primary_key=True),
    Column("hash", Name, primary_key=True),
    Column("settings_hash", Name, nullable=False),
    Column("display_name", Name, nullable=False),
    Column("platform", Text),
    Column("item_id", Uuid, nullable=False),
    Column("renamed_hash", Name),
    Column("renamed_settings_hash", Name),
    Index(
        "staged_items_renamed",
        "tenant_id",
        "renamed_hash",
        postgresql_where=text("(renamed_hash IS NOT NULL)"),
    ),
    ForeignKeyConstraint(
        ["tenant_id", "hash"], ["atlas.contents.tenant_id", "atlas.contents.hash"], name="staged_items_content"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "renamed_hash"], ["atlas.contents.tenant_id", "atlas.contents.hash"], name="staged_items_renamed"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "run_id"], ["atlas.sync_runs.tenant_id", "atlas.sync_runs.id"], name="staged_items_run"
    ),
    Index("staged_items_hash", "tenant_id", "hash"),
)
