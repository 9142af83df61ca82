"""Syncs from Microsoft Graph: more kinds of credential, one run a scope at a time, and cancelling.

Revision ID: 0015
"""

from atlas.store.migrations import run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
alter table atlas.graph_connections
    drop constraint graph_connections_kind,
    add constraint graph_connections_kind check
        (credential_kind in ('CLIENT_SECRET', 'CERTIFICATE', 'WORKLOAD_IDENTITY', 'MANAGED_IDENTITY')),
    drop constraint graph_connections_credential,
    add constraint graph_connections_credential check (
        num_nonnulls(sealed, reference)
        = case when credential_kind in ('WORKLOAD_IDENTITY', 'MANAGED_IDENTITY') then 0 else 1 end);

-- After a rotation of the key an item is compared under its earlier hash, and goes on under this one.
alter table atlas.staged_items
    add renamed_hash text collate "C",
    add renamed_settings_hash text collate "C",
    add constraint staged_items_renamed foreign key (tenant_id, renamed_hash)
        references atlas.contents (tenant_id, hash),
    add constraint staged_items_renames check (num_nulls(renamed_hash, renamed_settings_hash) in (0, 2));

-- A run that asks Graph for a scope is the only one that does. One that was confirmed asks Graph for nothing more.
create unique index sync_runs_graph on atlas.sync_runs (tenant_id, scope_id)
    where source = 'GRAPH' and status in ('QUEUED', 'RUNNING') and confirmed_at is null;
create index staged_items_renamed on atlas.staged_items (tenant_id, renamed_hash) where renamed_hash is not null;
"""

FUNCTIONS = """
-- Ends a run from Graph that nobody waits for any more; null where it had ended, or is no such run. The lease goes
-- with it, so that whoever holds it writes nothing more.
create function atlas.cancel_sync_run(run uuid) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid := atlas.tenant_for('START_SYNC');
    cancelled uuid;
begin
    perform set_config('atlas.job_id', run::text, true);
    update atlas.sync_runs j
    set status = 'FAILED', lease_token = null, lease_until = null, finished_at = now(), error_code = 'CANCELLED',
        error_message = 'The sync was cancelled. Nothing of it is recorded.'
    where j.tenant_id = tenant and j.id = run and j.source = 'GRAPH' and j.status in ('QUEUED', 'RUNNING')
    returning j.id into cancelled;
    perform set_config('atlas.job_id', '', true);
    return cancelled;
end $$;
"""

POLICIES = """
grant update (finished_at) on atlas.sync_runs to atlas_policy;

-- A platform's identity is the deployment's, as what a reference names is: the operator alone hands it to a tenant.
grant insert (tested_at) on atlas.graph_connections to atlas_api;
drop policy api_insert on atlas.graph_connections;
create policy api_insert on atlas.graph_connections for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_TENANT'))
                and credential_kind in ('CLIENT_SECRET', 'CERTIFICATE')
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

-- What shares an id is told apart when the run is recorded.
grant update (external_id, item_id) on atlas.staged_items to atlas_worker;
create policy worker_update on atlas.staged_items for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync'))
           and run_id = (select nullif(current_setting('atlas.job_id', true), '')::uuid))
    with check (tenant_id = (select atlas.tenant_for_job('sync'))
                and run_id = (select nullif(current_setting('atlas.job_id', true), '')::uuid));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(FUNCTIONS)
    run(POLICIES)
    run("alter function atlas.cancel_sync_run(uuid) owner to atlas_policy")
    run("revoke all on function atlas.cancel_sync_run(uuid) from public")
    run("grant execute on function atlas.cancel_sync_run(uuid) to atlas_api")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
