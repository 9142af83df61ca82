"""A connection that was saved is tried by the worker, which keeps what came of it.

Revision ID: 0020
"""

from atlas.store.migrations import run

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = """
alter table atlas.graph_connections
    add status text collate "C" not null default 'QUEUED' constraint graph_connections_status
        check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED')),
    -- What the token's permissions leave unread; null where nobody knows.
    add missing jsonb constraint graph_connections_missing check (jsonb_typeof(missing) = 'array'),
    add error_code text,
    add error_message text,
    add finished_at timestamptz,
    add attempts integer not null default 0,
    add lease_token uuid,
    add lease_until timestamptz,
    add available_at timestamptz not null default now(),
    add sent_at timestamptz,
    add constraint graph_connections_leased check ((lease_token is not null) = (status = 'RUNNING'));
update atlas.graph_connections set status = 'SUCCEEDED', finished_at = tested_at where tested_at is not null;
"""

CONTEXT = """tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)
       and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"""
SYNC = "tenant_id = (select atlas.tenant_for_job('sync'))"
OWN_JOB = "id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"
TRIAL = f"(tenant_id = (select atlas.tenant_for_job('trial')) and {OWN_JOB})"

# The row of a connection is its trial's job. The lease of one opens that row and nothing else of the tenant, so that
# `tenant_for_job()`, which opens the inventory and what is found in it, knows nothing of it.
FUNCTIONS = """
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
    union all
    select c.tenant_id from atlas.graph_connections c
    where tenant_for_job.kind = 'trial' and c.status = 'RUNNING'
      and c.tenant_id = nullif(current_setting('atlas.tenant_id', true), '')::uuid
      and c.id = nullif(current_setting('atlas.job_id', true), '')::uuid
      and c.lease_token = nullif(current_setting('atlas.lease_token', true), '')::uuid
      and c.lease_until > now()
);

create function atlas.claim_trial_run(tenant uuid, run uuid, lease interval)
    returns table (lease_token uuid, attempts integer)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('atlas.tenant_id', tenant::text, true), set_config('atlas.job_id', run::text, true);
    return query
        update atlas.graph_connections j
        set status = 'RUNNING', attempts = j.attempts + 1, lease_token = gen_random_uuid(), lease_until = now() + lease,
            error_code = null, error_message = null
        where j.tenant_id = tenant and j.id = run and j.status = 'QUEUED' and j.available_at <= now()
        returning j.lease_token, j.attempts;
end $$;
"""

POLICIES = f"""
grant select (status, missing, error_code, error_message, finished_at), insert (status, missing, finished_at)
    on atlas.graph_connections to atlas_api;
drop policy api_insert on atlas.graph_connections;
create policy api_insert on atlas.graph_connections for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_TENANT'))
                and credential_kind in ('CLIENT_SECRET', 'CERTIFICATE') and status in ('QUEUED', 'SUCCEEDED')
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

grant select (tenant_id, id, status, attempts, lease_token, lease_until, available_at),
      update (status, attempts, lease_token, lease_until, error_code, error_message)
    on atlas.graph_connections to atlas_policy;
create policy policy_select on atlas.graph_connections for select to atlas_policy using ({CONTEXT});
create policy policy_update on atlas.graph_connections for update to atlas_policy
    using ({CONTEXT}) with check ({CONTEXT});

grant update (status, missing, error_code, error_message, finished_at, lease_token, lease_until, available_at)
    on atlas.graph_connections to atlas_worker;
drop policy worker_select on atlas.graph_connections;
create policy worker_select on atlas.graph_connections for select to atlas_worker using ({SYNC} or {TRIAL});
drop policy worker_update on atlas.graph_connections;
create policy worker_update on atlas.graph_connections for update to atlas_worker
    using ({SYNC} or {TRIAL}) with check ({SYNC} or {TRIAL});

grant select (tenant_id, id, status, attempts, lease_until, available_at, sent_at, created_at),
      update (status, lease_token, lease_until, available_at, sent_at, finished_at, error_code, error_message)
    on atlas.graph_connections to atlas_sweeper;
create policy sweeper_select on atlas.graph_connections for select to atlas_sweeper
    using (status in ('QUEUED', 'RUNNING', 'FAILED'));
create policy sweeper_update on atlas.graph_connections for update to atlas_sweeper
    using (status = 'QUEUED' or (status = 'RUNNING' and lease_until <= now()))
    with check (status in ('QUEUED', 'FAILED'));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(FUNCTIONS)
    run(POLICIES)
    run("alter function atlas.claim_trial_run(uuid, uuid, interval) owner to atlas_policy")
    run("revoke all on function atlas.claim_trial_run(uuid, uuid, interval) from public")
    run("grant execute on function atlas.claim_trial_run(uuid, uuid, interval) to atlas_worker")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
