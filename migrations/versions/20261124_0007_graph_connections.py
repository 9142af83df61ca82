"""Connections to Microsoft Graph, whose credential is sealed or lies elsewhere.

Revision ID: 0007
"""

from atlas.store.migrations import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.graph_connections (
    tenant_id uuid not null references atlas.tenants (id),
    -- Whoever seals the credential binds it to this id, so it is given and not made here.
    id uuid not null,
    entra_tenant_id uuid not null,
    client_id uuid not null,
    cloud text collate "C" not null constraint graph_connections_cloud
        check (cloud in ('GLOBAL', 'US_GOVERNMENT', 'US_GOVERNMENT_DOD', 'CHINA')),
    credential_kind text collate "C" not null constraint graph_connections_kind
        check (credential_kind in ('CLIENT_SECRET')),
    sealed bytea,
    reference text constraint graph_connections_reference
        check (reference ~ '^(env:[A-Z_][A-Z0-9_]*|file:/.+)$' and length(reference) <= 1000),
    created_by uuid,
    created_at timestamptz not null default now(),
    tested_at timestamptz,
    primary key (tenant_id, id),
    constraint graph_connections_entra unique (tenant_id, entra_tenant_id),
    constraint graph_connections_created_by foreign key (tenant_id, created_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint graph_connections_credential check (num_nonnulls(sealed, reference) = 1)
);
"""

AUDIT = """
-- What is told of a connection is whose it is, and never its credential.
create function atlas.audit_graph_connection() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    c atlas.graph_connections;
    told jsonb;
begin
    if tg_op = 'DELETE' then c := old; else c := new; end if;
    told := jsonb_strip_nulls(jsonb_build_object(
        'entraTenantId', c.entra_tenant_id, 'clientId', c.client_id, 'cloud', c.cloud,
        'credentialKind', c.credential_kind, 'reference', c.reference));
    perform atlas.write_audit(
        c.tenant_id, case tg_op when 'INSERT' then 'graphConnection.created' else 'graphConnection.removed' end,
        'GraphConnection', c.id, case tg_op when 'DELETE' then told end, case tg_op when 'INSERT' then told end);
    return null;
end $$;
alter function atlas.audit_graph_connection() owner to atlas_policy;
revoke all on function atlas.audit_graph_connection() from public;
create trigger audit_graph_connection after insert or delete on atlas.graph_connections
    for each row execute function atlas.audit_graph_connection();
"""

POLICIES = """
alter table atlas.graph_connections enable row level security, force row level security;

-- A reference names a secret of the deployment, perhaps that of another tenant: only the operator writes one. What is
-- sealed is written by whoever connects, and read by nobody but the worker that syncs.
grant select (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference, created_by, created_at,
              tested_at),
      insert (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, sealed, created_by),
      delete on atlas.graph_connections to atlas_api;
create policy api_select on atlas.graph_connections for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('START_SYNC')));
create policy api_insert on atlas.graph_connections for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_TENANT'))
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
create policy api_delete on atlas.graph_connections for delete to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_TENANT')));

grant select, update (tested_at) on atlas.graph_connections to atlas_worker;
create policy worker_select on atlas.graph_connections for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_update on atlas.graph_connections for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')))
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(AUDIT)
    run(POLICIES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
