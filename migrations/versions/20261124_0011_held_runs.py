"""Held sync runs: what lacks too much of its scope waits until somebody confirms it.

Revision ID: 0011
"""

from atlas.store.migrations import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
alter table atlas.sync_runs
    drop constraint sync_runs_status,
    add constraint sync_runs_status check
        (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'NEEDS_CONFIRMATION')),
    add confirmed_by uuid,
    add confirmed_at timestamptz,
    add constraint sync_runs_confirmed_by foreign key (tenant_id, confirmed_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    add constraint sync_runs_confirmed check (num_nulls(confirmed_by, confirmed_at) in (0, 2));
create index sync_runs_held on atlas.sync_runs (tenant_id, scope_id) where status = 'NEEDS_CONFIRMATION';

-- What a run has read and not recorded yet, so far that of held runs. The contents are stored with all others.
create table atlas.staged_items (
    tenant_id uuid not null,
    run_id uuid not null,
    item_type text collate "C" not null,
    external_id text collate "C" not null,
    hash text collate "C" not null,
    settings_hash text collate "C" not null,
    display_name text collate "C" not null,
    platform text,
    item_id uuid not null,
    primary key (tenant_id, run_id, item_type, external_id, hash),
    constraint staged_items_run foreign key (tenant_id, run_id) references atlas.sync_runs (tenant_id, id),
    constraint staged_items_content foreign key (tenant_id, hash) references atlas.contents (tenant_id, hash)
);
"""

FUNCTIONS = """
-- A confirmation is stamped by the database: who and when are of the context. The run is due at once.
create function atlas.stamp_confirmation() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.confirmed_by := nullif(current_setting('atlas.principal_id', true), '')::uuid;
    new.confirmed_at := now();
    new.available_at := now();
    new.sent_at := null;
    new.attempts := 0;
    new.error_code := null;
    new.error_message := null;
    return new;
end $$;
create trigger stamp_confirmation before update on atlas.sync_runs
    for each row when (old.status = 'NEEDS_CONFIRMATION' and new.status = 'QUEUED')
    execute function atlas.stamp_confirmation();

create function atlas.audit_confirmation() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id, 'syncRun.confirmed', 'SyncRun', new.id,
        jsonb_build_object('status', old.status, 'error', old.error_code), jsonb_build_object('status', new.status));
    return null;
end $$;
create trigger audit_confirmed after update on atlas.sync_runs
    for each row when (old.status = 'NEEDS_CONFIRMATION' and new.status = 'QUEUED')
    execute function atlas.audit_confirmation();
"""

POLICIES = """
alter table atlas.staged_items enable row level security, force row level security;

grant select on atlas.staged_items to atlas_api;
create policy api_select on atlas.staged_items for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));

grant select, insert, delete on atlas.staged_items to atlas_worker;
create policy worker_select on atlas.staged_items for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_insert on atlas.staged_items for insert to atlas_worker
    with check (tenant_id = (select atlas.tenant_for_job('sync'))
                and run_id = (select nullif(current_setting('atlas.job_id', true), '')::uuid));
create policy worker_delete on atlas.staged_items for delete to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')));

-- People may queue what is held, and change nothing else of a run.
grant select (confirmed_by, confirmed_at), update (status) on atlas.sync_runs to atlas_api;
create policy api_update on atlas.sync_runs for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('START_SYNC')) and status = 'NEEDS_CONFIRMATION')
    with check (tenant_id = (select atlas.tenant_for('START_SYNC')) and status = 'QUEUED'
                and confirmed_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

-- A recording ends the held runs that it overtakes.
drop policy worker_update on atlas.sync_runs;
create policy worker_update on atlas.sync_runs for update to atlas_worker
    using ((tenant_id = (select atlas.tenant_for_job())
            and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid))
           or (tenant_id = (select atlas.tenant_for_job('sync')) and status = 'NEEDS_CONFIRMATION'))
    with check ((tenant_id = (select atlas.tenant_for_job())
                 and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid))
                or (tenant_id = (select atlas.tenant_for_job('sync')) and status = 'FAILED'));

-- The coverage of a held run gets its number when the run does.
grant update (seq) on atlas.run_units to atlas_worker;
create policy worker_update on atlas.run_units for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync'))
           and run_id = (select nullif(current_setting('atlas.job_id', true), '')::uuid))
    with check (tenant_id = (select atlas.tenant_for_job('sync'))
                and run_id = (select nullif(current_setting('atlas.job_id', true), '')::uuid));

-- A folder's run is for other processes only once it is confirmed.
grant select (confirmed_at) on atlas.sync_runs to atlas_sweeper;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(FUNCTIONS)
    run(POLICIES)
    run("alter function atlas.audit_confirmation() owner to atlas_policy")
    run("revoke all on function atlas.audit_confirmation(), atlas.stamp_confirmation() from public")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
