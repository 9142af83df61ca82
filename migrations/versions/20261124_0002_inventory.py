"""Scopes, sync runs, coverage, contents and interval rows: storage that costs what changed.

Revision ID: 0002
"""

from atlas.store.migrations import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.scopes (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    key text collate "C" not null,
    source text not null constraint scopes_source check (source in ('FOLDER', 'GRAPH')),
    selection jsonb not null,
    label text not null,
    item_types text[] not null default '{}',
    last_seq integer not null default 0,
    generated_seq integer,
    pinned_run_id uuid,
    pinned_seq integer,
    pinned_by uuid,
    pinned_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint scopes_key unique (tenant_id, key),
    constraint scopes_pin check (num_nulls(pinned_run_id, pinned_seq, pinned_by, pinned_at) in (0, 4)),
    constraint scopes_pinned_by foreign key (tenant_id, pinned_by)
        references atlas.tenant_principals (tenant_id, principal_id)
);

create table atlas.sync_runs (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    scope_id uuid not null,
    seq integer,
    source text not null constraint sync_runs_source check (source in ('FOLDER', 'GRAPH')),
    status text not null default 'QUEUED' constraint sync_runs_status
        check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED')),
    requested_by uuid,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    progress_done integer,
    progress_total integer,
    observed integer not null default 0,
    added integer not null default 0,
    changed integer not null default 0,
    removed integer not null default 0,
    unchanged integer not null default 0,
    error_code text,
    error_message text,
    request_id text,
    traceparent text,
    attempts integer not null default 0,
    lease_token uuid,
    lease_until timestamptz,
    available_at timestamptz not null default now(),
    sent_at timestamptz,
    primary key (tenant_id, id),
    constraint sync_runs_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id),
    constraint sync_runs_requested_by foreign key (tenant_id, requested_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint sync_runs_seq unique (tenant_id, scope_id, seq),
    -- What refers to a recorded run names its scope and its number too, so that the three cannot disagree.
    constraint sync_runs_recorded_as unique (tenant_id, scope_id, id, seq),
    constraint sync_runs_recorded check ((seq is not null) = (status in ('SUCCEEDED', 'PARTIAL'))),
    constraint sync_runs_leased check ((lease_token is not null) = (status = 'RUNNING'))
);
create index sync_runs_created on atlas.sync_runs (tenant_id, created_at, id);
create index sync_runs_scope_created on atlas.sync_runs (tenant_id, scope_id, created_at, id);
create index sync_runs_open on atlas.sync_runs (tenant_id, available_at) where status in ('QUEUED', 'RUNNING');
alter table atlas.scopes add constraint scopes_pinned_run foreign key (tenant_id, pinned_run_id)
    references atlas.sync_runs (tenant_id, id);

create table atlas.run_units (
    tenant_id uuid not null,
    run_id uuid not null,
    item_type text collate "C" not null,
    scope_id uuid not null,
    seq integer,
    status text not null constraint run_units_status
        check (status in ('COMPLETE', 'FAILED', 'FORBIDDEN', 'UNLICENSED', 'TRUNCATED', 'ABSENT')),
    observed integer not null,
    expected integer,
    api_version text,
    error_code text,
    message text,
    primary key (tenant_id, run_id, item_type),
    constraint run_units_run foreign key (tenant_id, run_id) references atlas.sync_runs (tenant_id, id)
);
-- "When was this type last read to its end, at or before run n?" is one index probe a type.
create index run_units_complete on atlas.run_units (tenant_id, scope_id, item_type, seq) where status = 'COMPLETE';

-- Two objects that came under one (type, id) in a run: what makes the DATA_QUALITY finding.
create table atlas.run_duplicates (
    tenant_id uuid not null,
    run_id uuid not null,
    item_type text collate "C" not null,
    external_id text collate "C" not null,
    display_name text not null,
    detail jsonb not null,
    primary key (tenant_id, run_id, item_type, external_id),
    constraint run_duplicates_run foreign key (tenant_id, run_id) references atlas.sync_runs (tenant_id, id)
);

-- Canonical, redacted, compressed content, once a tenant.
create table atlas.contents (
    tenant_id uuid not null references atlas.tenants (id),
    hash text collate "C" not null,
    body bytea not null,
    primary key (tenant_id, hash)
);

-- [valid_from, valid_to) in the scope's sequence; null: still there.
create table atlas.item_intervals (
    tenant_id uuid not null,
    scope_id uuid not null,
    item_type text collate "C" not null,
    external_id text collate "C" not null,
    valid_from integer not null,
    valid_to integer,
    item_id uuid not null,
    hash text collate "C" not null,
    settings_hash text collate "C" not null,
    display_name text collate "C" not null,
    platform text,
    primary key (tenant_id, scope_id, item_type, external_id, valid_from),
    constraint item_intervals_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id),
    constraint item_intervals_content foreign key (tenant_id, hash) references atlas.contents (tenant_id, hash),
    constraint item_intervals_order check (valid_to > valid_from)
);
create unique index item_intervals_open on atlas.item_intervals (tenant_id, scope_id, item_type, external_id)
    include (hash) where valid_to is null;
-- Few objects share an id with another and were given a key of their own; they are found without a look at the rest.
create index item_intervals_derived on atlas.item_intervals (tenant_id, scope_id, item_type, external_id)
    where valid_to is null and strpos(external_id, '~') > 0;
create index item_intervals_from on atlas.item_intervals (tenant_id, scope_id, valid_from);
create index item_intervals_to on atlas.item_intervals (tenant_id, scope_id, valid_to) where valid_to is not null;
create index item_intervals_item on atlas.item_intervals (tenant_id, item_id, valid_from);
create index item_intervals_name on atlas.item_intervals (tenant_id, display_name, item_id) where valid_to is null;
create index item_intervals_at on atlas.item_intervals (tenant_id, scope_id, item_type, display_name, item_id);
create index item_intervals_hash on atlas.item_intervals (tenant_id, hash);
"""

POLICIES = """
grant select on atlas.{table} to atlas_api;
create policy api_select on atlas.{table} for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
"""

WRITES = """
grant insert (tenant_id, key, source, selection, label),
      update (pinned_run_id, pinned_seq, pinned_by, pinned_at) on atlas.scopes to atlas_api;
create policy api_insert on atlas.scopes for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('START_SYNC')));
create policy api_update on atlas.scopes for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')))
    with check (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE'))
                and (pinned_by is null
                     or pinned_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid)));

-- The API asks for a run; what a run read, only the worker that holds its lease can write.
revoke select on atlas.sync_runs from atlas_api;
grant select (tenant_id, id, scope_id, seq, source, status, requested_by, created_at, started_at,
              finished_at, progress_done, progress_total, observed, added, changed, removed, unchanged,
              error_code, error_message, request_id, traceparent, attempts, lease_until, available_at, sent_at),
      insert (tenant_id, id, scope_id, source, requested_by, request_id, traceparent) on atlas.sync_runs to atlas_api;
create policy api_insert on atlas.sync_runs for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('START_SYNC')) and status = 'QUEUED'
                and requested_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
"""

ENABLE = "alter table atlas.{table} enable row level security, force row level security"


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    for table in ("scopes", "sync_runs", "run_units", "run_duplicates", "contents", "item_intervals"):
        run(ENABLE.format(table=table))
        run(POLICIES.format(table=table))
    run(WRITES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
