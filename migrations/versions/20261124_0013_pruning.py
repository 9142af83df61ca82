"""Pruning: what runs held goes after a time that the tenant or the deployment chooses; the runs' rows stay.

Revision ID: 0013
"""

from atlas.store.migrations import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = """
alter table atlas.sync_runs add pruned_at timestamptz,
    add constraint sync_runs_pruned check (pruned_at is null or status in ('SUCCEEDED', 'PARTIAL', 'FAILED'));
create index sync_runs_kept on atlas.sync_runs (tenant_id, scope_id, seq) where pruned_at is null;
-- A content that is pruned is looked for in all that may refer to it.
create index staged_items_hash on atlas.staged_items (tenant_id, hash);
create index source_events_at on atlas.source_events (tenant_id, at);

create table atlas.prune_runs (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    keep_days integer not null constraint prune_runs_keep_days check (keep_days between 1 and 36500),
    status text collate "C" not null default 'QUEUED' constraint prune_runs_status
        check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED')),
    requested_by uuid,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    runs integer not null default 0,
    intervals integer not null default 0,
    contents integer not null default 0,
    coverage integer not null default 0,
    events integer not null default 0,
    source_events integer not null default 0,
    error_code text,
    error_message text,
    request_id text,
    attempts integer not null default 0,
    lease_token uuid,
    lease_until timestamptz,
    available_at timestamptz not null default now(),
    sent_at timestamptz,
    primary key (tenant_id, id),
    constraint prune_runs_requested_by foreign key (tenant_id, requested_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint prune_runs_leased check ((lease_token is not null) = (status = 'RUNNING'))
);
create unique index prune_runs_queued on atlas.prune_runs (tenant_id) where status = 'QUEUED';
create index prune_runs_created on atlas.prune_runs (tenant_id, created_at);
"""

CONTEXT = """tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)
       and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"""
HELD = "tenant_id = (select atlas.tenant_for_job())"
PRUNE = "tenant_id = (select atlas.tenant_for_job('prune'))"
OWN_JOB = "id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"

# A pruning is a job as the others are: its lease is what lets a worker delete, and only what that lease may delete.
FUNCTIONS = """
create or replace function atlas.tenant_for_job() returns uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
return (
    select j.tenant_id from (
        select tenant_id, id, lease_token, lease_until from atlas.drift_runs where status = 'RUNNING'
        union all
        select tenant_id, id, lease_token, lease_until from atlas.sync_runs where status = 'RUNNING'
        union all
        select tenant_id, id, lease_token, lease_until from atlas.prune_runs where status = 'RUNNING'
    ) j
    where j.tenant_id = nullif(current_setting('atlas.tenant_id', true), '')::uuid
      and j.id = nullif(current_setting('atlas.job_id', true), '')::uuid
      and j.lease_token = nullif(current_setting('atlas.lease_token', true), '')::uuid
      and j.lease_until > now()
);

create or replace function atlas.tenant_for_job(kind text) returns uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
return (
    select j.tenant_id from (
        select 'drift' as kind, tenant_id, id from atlas.drift_runs
        union all
        select 'sync', tenant_id, id from atlas.sync_runs
        union all
        select 'prune', tenant_id, id from atlas.prune_runs
    ) j
    where j.tenant_id = atlas.tenant_for_job()
      and j.id = nullif(current_setting('atlas.job_id', true), '')::uuid
      and j.kind = tenant_for_job.kind
);

create function atlas.claim_prune_run(tenant uuid, run uuid, lease interval)
    returns table (lease_token uuid, attempts integer)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('atlas.tenant_id', tenant::text, true), set_config('atlas.job_id', run::text, true);
    return query
        update atlas.prune_runs j
        set status = 'RUNNING', attempts = j.attempts + 1, lease_token = gen_random_uuid(), lease_until = now() + lease,
            started_at = coalesce(j.started_at, now()), error_code = null, error_message = null
        where j.tenant_id = tenant and j.id = run and j.status = 'QUEUED' and j.available_at <= now()
        returning j.lease_token, j.attempts;
end $$;

-- Where a deployment keeps its history for some days only: a pruning a day for each tenant. The tenants stay unseen
-- to the sweeper; it learns which jobs there are now, as of all others.
create function atlas.ask_for_prunings(keep_days integer, most integer) returns table (tenant_id uuid, id uuid)
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    insert into atlas.prune_runs (tenant_id, keep_days)
    select t.id, ask_for_prunings.keep_days from atlas.tenants t
    where not exists (
        select from atlas.prune_runs p
        where p.tenant_id = t.id and (p.created_at > now() - interval '1 day' or p.status in ('QUEUED', 'RUNNING')))
    limit most
    on conflict do nothing
    returning tenant_id, id;
end;

-- What a run held goes for good, so the database itself refuses to let go of what is still needed, whoever asks.
create function atlas.guard_pruning() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if new.pruned_at is null or to_jsonb(old) - 'pruned_at' <> to_jsonb(new) - 'pruned_at' then
        raise insufficient_privilege using message = 'a pruning marks a run, and changes nothing else of it';
    end if;
    if exists (select from atlas.scopes s
               where s.tenant_id = new.tenant_id and s.id = new.scope_id
                 and (s.last_seq = new.seq or s.pinned_run_id = new.id))
        or exists (select from atlas.drift_runs d
                   where d.tenant_id = new.tenant_id and d.scope_id = new.scope_id
                     and d.status in ('QUEUED', 'RUNNING') and new.id in (d.baseline_run_id, d.current_run_id))
    then
        raise check_violation using message = 'this run is still needed', constraint = 'guard_pruning';
    end if;
    return new;
end $$;
create trigger guard_pruning before update on atlas.sync_runs
    for each row when (old.pruned_at is distinct from new.pruned_at) execute function atlas.guard_pruning();

create or replace function atlas.stamp_pin() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if new.pinned_run_id is not null then
        new.pinned_by := nullif(current_setting('atlas.principal_id', true), '')::uuid;
        new.pinned_at := now();
        new.pinned_seq := (select r.seq from atlas.sync_runs r
                           where r.tenant_id = new.tenant_id and r.scope_id = new.id and r.id = new.pinned_run_id
                             and r.pruned_at is null);
        if new.pinned_seq is null then
            raise check_violation
                using message = 'only a recorded run of the scope that is kept is pinned', constraint = 'stamp_pin';
        end if;
    end if;
    return new;
end $$;

create function atlas.audit_pruning() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id,
        case when tg_op = 'INSERT' then 'tenant.pruningRequested'
             when new.status = 'SUCCEEDED' then 'tenant.pruned' else 'tenant.pruningFailed' end,
        'Tenant', new.tenant_id, null,
        case when tg_op = 'INSERT' then jsonb_build_object('keepDays', new.keep_days)
             when new.status = 'SUCCEEDED' then jsonb_build_object(
                 'keepDays', new.keep_days, 'runs', new.runs, 'intervals', new.intervals, 'contents', new.contents,
                 'coverage', new.coverage, 'events', new.events, 'sourceEvents', new.source_events)
             else jsonb_build_object('keepDays', new.keep_days, 'error', new.error_code) end);
    return null;
end $$;
create trigger audit_requested after insert on atlas.prune_runs
    for each row execute function atlas.audit_pruning();
create trigger audit_ended after update on atlas.prune_runs
    for each row when (old.status is distinct from new.status and new.status not in ('QUEUED', 'RUNNING'))
    execute function atlas.audit_pruning();
"""

JOB = f"""
alter table atlas.prune_runs enable row level security, force row level security;

grant select (tenant_id, id, keep_days, status, requested_by, created_at, started_at, finished_at, runs, intervals,
              contents, coverage, events, source_events, error_code, error_message, request_id, attempts, lease_until,
              available_at, sent_at),
      insert (tenant_id, id, keep_days, requested_by, request_id) on atlas.prune_runs to atlas_api;
create policy api_select on atlas.prune_runs for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_TENANT')));
create policy api_insert on atlas.prune_runs for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_TENANT')) and status = 'QUEUED'
                and requested_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

grant select, update (status, attempts, lease_token, lease_until, started_at, error_code, error_message),
      insert (tenant_id, keep_days) on atlas.prune_runs to atlas_policy;
create policy policy_select on atlas.prune_runs for select to atlas_policy
    using (({CONTEXT}) or session_user = 'atlas_sweeper');
create policy policy_update on atlas.prune_runs for update to atlas_policy
    using ({CONTEXT}) with check ({CONTEXT});
create policy policy_insert on atlas.prune_runs for insert to atlas_policy
    with check (session_user = 'atlas_sweeper' and requested_by is null);
grant select (id) on atlas.tenants to atlas_policy;
create policy policy_select on atlas.tenants for select to atlas_policy using (session_user = 'atlas_sweeper');

grant select, update (status, finished_at, runs, intervals, contents, coverage, events, source_events, error_code,
                      error_message, lease_token, lease_until, available_at) on atlas.prune_runs to atlas_worker;
create policy worker_select on atlas.prune_runs for select to atlas_worker using ({PRUNE});
create policy worker_update on atlas.prune_runs for update to atlas_worker
    using ({HELD} and {OWN_JOB}) with check ({HELD} and {OWN_JOB});

grant select (tenant_id, id, status, attempts, lease_until, available_at, sent_at, created_at),
      update (status, lease_token, lease_until, available_at, sent_at, finished_at, error_code, error_message)
    on atlas.prune_runs to atlas_sweeper;
create policy sweeper_select on atlas.prune_runs for select to atlas_sweeper
    using (status in ('QUEUED', 'RUNNING', 'FAILED'));
create policy sweeper_update on atlas.prune_runs for update to atlas_sweeper
    using (status = 'QUEUED' or (status = 'RUNNING' and lease_until <= now()))
    with check (status in ('QUEUED', 'FAILED'));
"""

DELETING = f"""
grant select (pruned_at) on atlas.sync_runs to atlas_api;

grant update (pruned_at) on atlas.sync_runs to atlas_worker;
drop policy worker_update on atlas.sync_runs;
create policy worker_update on atlas.sync_runs for update to atlas_worker
    using (({HELD} and {OWN_JOB})
           or (tenant_id = (select atlas.tenant_for_job('sync')) and status = 'NEEDS_CONFIRMATION')
           or ({PRUNE} and pruned_at is null and status in ('SUCCEEDED', 'PARTIAL', 'FAILED')))
    with check (({HELD} and {OWN_JOB})
                or (tenant_id = (select atlas.tenant_for_job('sync')) and status = 'FAILED')
                or ({PRUNE} and pruned_at is not null));

grant delete on atlas.item_intervals, atlas.contents, atlas.run_units, atlas.run_duplicates, atlas.events,
    atlas.source_events to atlas_worker;
-- An interval that is open, or that a run which is kept sees, is never let go.
create policy worker_delete on atlas.item_intervals for delete to atlas_worker
    using ({PRUNE} and valid_to is not null
           and not exists (
               select from atlas.sync_runs r
               where r.tenant_id = item_intervals.tenant_id and r.scope_id = item_intervals.scope_id
                 and r.pruned_at is null and r.seq >= item_intervals.valid_from and r.seq < item_intervals.valid_to));
-- The foreign keys keep a content that is referred to.
create policy worker_delete on atlas.contents for delete to atlas_worker using ({PRUNE});
create policy worker_delete on atlas.run_units for delete to atlas_worker
    using ({PRUNE} and exists (
        select from atlas.sync_runs r
        where r.tenant_id = run_units.tenant_id and r.id = run_units.run_id and r.pruned_at is not null));
create policy worker_delete on atlas.run_duplicates for delete to atlas_worker
    using ({PRUNE} and exists (
        select from atlas.sync_runs r
        where r.tenant_id = run_duplicates.tenant_id and r.id = run_duplicates.run_id and r.pruned_at is not null));
grant select (tenant_id, seq, at) on atlas.events to atlas_worker;
create policy worker_select on atlas.events for select to atlas_worker using ({PRUNE});
create policy worker_delete on atlas.events for delete to atlas_worker using ({PRUNE});
create policy worker_delete on atlas.source_events for delete to atlas_worker using ({PRUNE});

drop policy worker_select on atlas.source_events;
create policy worker_select on atlas.source_events for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')) or tenant_id = (select atlas.tenant_for_job('prune')));
drop policy worker_select on atlas.staged_items;
create policy worker_select on atlas.staged_items for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')) or tenant_id = (select atlas.tenant_for_job('prune')));
"""

DEFINERS = {
    "claim_prune_run(uuid, uuid, interval)": "atlas_worker",
    "ask_for_prunings(integer, integer)": "atlas_sweeper",
    "audit_pruning()": None,
}


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(FUNCTIONS)
    run(JOB)
    run(DELETING)
    run("revoke all on function atlas.guard_pruning() from public")
    for function, role in DEFINERS.items():
        run(f"alter function atlas.{function} owner to atlas_policy")
        run(f"revoke all on function atlas.{function} from public")
        if role is not None:
            run(f"grant execute on function atlas.{function} to {role}")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
