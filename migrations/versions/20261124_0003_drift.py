"""Drift runs, findings with their triage, and idempotency keys.

Revision ID: 0003
"""

from atlas.store.migrations import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.drift_runs (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    scope_id uuid not null,
    baseline_run_id uuid not null,
    current_run_id uuid not null,
    baseline_seq integer not null,
    current_seq integer not null,
    baseline_mode text not null constraint drift_runs_mode check (baseline_mode in ('PREVIOUS_RUN', 'PINNED')),
    engine text collate "C" not null,
    status text collate "C" not null default 'QUEUED' constraint drift_runs_status
        check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED')),
    requested_by uuid,
    -- Several runs may be asked for in one transaction; their order is kept.
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    progress_done integer,
    progress_total integer,
    added integer,
    removed integer,
    modified integer,
    property_changes integer,
    findings_new integer,
    findings_reopened integer,
    findings_resolved integer,
    findings_unchanged integer,
    not_evaluated jsonb not null default '[]',
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
    constraint drift_runs_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id),
    constraint drift_runs_baseline foreign key (tenant_id, scope_id, baseline_run_id, baseline_seq)
        references atlas.sync_runs (tenant_id, scope_id, id, seq),
    constraint drift_runs_current foreign key (tenant_id, scope_id, current_run_id, current_seq)
        references atlas.sync_runs (tenant_id, scope_id, id, seq),
    constraint drift_runs_requested_by foreign key (tenant_id, requested_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint drift_runs_order check (baseline_seq < current_seq),
    constraint drift_runs_leased check ((lease_token is not null) = (status = 'RUNNING')),
    constraint drift_runs_counted check ((added is not null) = (status = 'SUCCEEDED'))
);
-- The dedupe and the lock: one open run a pair, and one finished run a pair and engine.
create unique index drift_runs_pair_open on atlas.drift_runs (tenant_id, scope_id, baseline_run_id, current_run_id)
    where status in ('QUEUED', 'RUNNING');
create unique index drift_runs_pair_done
    on atlas.drift_runs (tenant_id, scope_id, baseline_run_id, current_run_id, engine) where status = 'SUCCEEDED';
create index drift_runs_pair on atlas.drift_runs (tenant_id, scope_id, current_seq, baseline_seq);
create index drift_runs_created on atlas.drift_runs (tenant_id, created_at, id);
create index drift_runs_scope_created on atlas.drift_runs (tenant_id, scope_id, created_at, id);
create index drift_runs_open on atlas.drift_runs (tenant_id, available_at) where status in ('QUEUED', 'RUNNING');

create table atlas.findings (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null,
    scope_id uuid not null,
    kind text collate "C" not null constraint findings_kind check (kind in ('DRIFT', 'DATA_QUALITY')),
    fingerprint text collate "C" not null,
    change_type text collate "C" constraint findings_change_type
        check (change_type in ('ADDED', 'REMOVED', 'MODIFIED')),
    severity text collate "C" not null,
    severity_rank smallint not null generated always as (
        case severity when 'INFORMATIONAL' then 0 when 'LOW' then 1 when 'MEDIUM' then 2 when 'HIGH' then 3
                      when 'CRITICAL' then 4 end) stored,
    severity_reasons text[] not null,
    status text collate "C" not null constraint findings_status check (status in ('NEW', 'ACKNOWLEDGED', 'RESOLVED')),
    resolution text collate "C" constraint findings_resolution
        check (resolution in ('REVERTED', 'SUPERSEDED', 'BASELINED', 'CLEARED')),
    is_current boolean not null,
    item_type text collate "C" not null,
    external_id text collate "C" not null,
    item_id uuid not null,
    display_name text collate "C" not null,
    platform text,
    evidence bytea not null,
    change_count integer not null,
    baseline_hash text collate "C",
    current_hash text collate "C",
    baseline_run_id uuid not null,
    current_run_id uuid not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    occurrences integer not null default 1,
    acknowledged_by uuid,
    acknowledged_at timestamptz,
    acknowledged_reason text,
    acknowledged_until timestamptz,
    superseded_by uuid,
    recreation_of uuid,
    recreation_similarity double precision,
    recreation_identical boolean,
    version integer not null default 1,
    primary key (tenant_id, id),
    constraint findings_fingerprint unique (tenant_id, fingerprint),
    constraint findings_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id),
    constraint findings_baseline foreign key (tenant_id, baseline_run_id) references atlas.sync_runs (tenant_id, id),
    constraint findings_current foreign key (tenant_id, current_run_id) references atlas.sync_runs (tenant_id, id),
    constraint findings_acknowledged_by foreign key (tenant_id, acknowledged_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint findings_superseded_by foreign key (tenant_id, superseded_by)
        references atlas.findings (tenant_id, id) deferrable initially deferred,
    constraint findings_recreation_of foreign key (tenant_id, recreation_of)
        references atlas.findings (tenant_id, id) deferrable initially deferred,
    constraint findings_resolved check ((status = 'RESOLVED') = (resolution is not null)),
    constraint findings_drift check ((kind = 'DRIFT') = (change_type is not null)),
    -- A resolved finding keeps its acknowledgement, so that it is acknowledged again where it comes back.
    constraint findings_acknowledged check (
        num_nulls(acknowledged_by, acknowledged_at, acknowledged_reason) in (0, 3)
        and (status <> 'ACKNOWLEDGED' or acknowledged_by is not null)
        and (status <> 'NEW' or acknowledged_by is null)
        and (acknowledged_until is null or acknowledged_by is not null)),
    constraint findings_reason check (length(acknowledged_reason) between 1 and 4000)
);
create index findings_last_seen on atlas.findings (tenant_id, last_seen_at, id);
create index findings_first_seen on atlas.findings (tenant_id, first_seen_at, id);
create index findings_severity on atlas.findings (tenant_id, severity_rank, id);
create index findings_name on atlas.findings (tenant_id, display_name, id);
create index findings_scope_last_seen on atlas.findings (tenant_id, scope_id, last_seen_at, id);
create index findings_status_last_seen on atlas.findings (tenant_id, status, last_seen_at, id);
create index findings_object on atlas.findings (tenant_id, scope_id, item_type, external_id);
create index findings_counts on atlas.findings
    (tenant_id, scope_id, status, severity_rank, change_type, item_type, is_current);
create index findings_expiring on atlas.findings (tenant_id, acknowledged_until)
    where status = 'ACKNOWLEDGED' and acknowledged_until is not null;

-- Which findings a drift run saw.
create table atlas.drift_run_findings (
    tenant_id uuid not null,
    drift_run_id uuid not null,
    finding_id uuid not null,
    primary key (tenant_id, drift_run_id, finding_id),
    constraint drift_run_findings_run foreign key (tenant_id, drift_run_id) references atlas.drift_runs (tenant_id, id),
    constraint drift_run_findings_finding foreign key (tenant_id, finding_id) references atlas.findings (tenant_id, id)
);

-- Up to which recorded run the findings of a type have been judged: the next generation looks only at what moved since.
create table atlas.judged_types (
    tenant_id uuid not null,
    scope_id uuid not null,
    item_type text collate "C" not null,
    seq integer not null,
    primary key (tenant_id, scope_id, item_type),
    constraint judged_types_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id)
);

create table atlas.idempotency_keys (
    tenant_id uuid not null references atlas.tenants (id),
    principal_id uuid not null,
    key text collate "C" not null constraint idempotency_keys_length check (length(key) between 1 and 200),
    request_hash text collate "C" not null,
    target_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, principal_id, key),
    constraint idempotency_keys_principal foreign key (tenant_id, principal_id)
        references atlas.tenant_principals (tenant_id, principal_id)
);
"""

READS = """
grant select on atlas.{table} to atlas_api;
create policy api_select on atlas.{table} for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
"""

WRITES = """
revoke select on atlas.drift_runs from atlas_api;
grant select (tenant_id, id, scope_id, baseline_run_id, current_run_id, baseline_seq, current_seq, baseline_mode,
              engine, status, requested_by, created_at, started_at, finished_at, progress_done, progress_total,
              added, removed, modified, property_changes, findings_new, findings_reopened, findings_resolved,
              findings_unchanged, not_evaluated, error_code, error_message, request_id, traceparent, attempts,
              lease_until, available_at, sent_at),
      insert (tenant_id, id, scope_id, baseline_run_id, current_run_id, baseline_seq, current_seq, baseline_mode,
              engine, requested_by, request_id, traceparent) on atlas.drift_runs to atlas_api;
create policy api_insert on atlas.drift_runs for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('GENERATE_DRIFT')) and status = 'QUEUED'
                and requested_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

-- People write triage and nothing else of a finding, in their own name, and never what is the system's to decide.
grant update (status, acknowledged_by, acknowledged_at, acknowledged_reason, acknowledged_until)
    on atlas.findings to atlas_api;
create policy api_update on atlas.findings for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('ACKNOWLEDGE')) and status in ('NEW', 'ACKNOWLEDGED'))
    with check (tenant_id = (select atlas.tenant_for('ACKNOWLEDGE')) and status in ('NEW', 'ACKNOWLEDGED')
                and (acknowledged_by is null
                     or acknowledged_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid)));

grant insert on atlas.idempotency_keys to atlas_api;
create policy api_insert on atlas.idempotency_keys for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('GENERATE_DRIFT'))
                and principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
drop policy api_select on atlas.idempotency_keys;
create policy api_select on atlas.idempotency_keys for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ'))
           and principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
"""

# Pinning decides about open findings too: those whose content the pinned run holds are BASELINED. That is the
# system's transition, so a definer function with exactly this power carries it out (0005).

ENABLE = "alter table atlas.{table} enable row level security, force row level security"


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    for table in ("drift_runs", "findings", "drift_run_findings", "judged_types", "idempotency_keys"):
        run(ENABLE.format(table=table))
        run(READS.format(table=table))
    run(WRITES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
