"""Hash aliases: what was decided about a content outlives a change of the form, the profiles or the key.

Revision ID: 0008
"""

from atlas.store.migrations import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
-- One content under two prefixes. Chains are kept short: `new_hash` is always the newest that is known.
create table atlas.hash_aliases (
    tenant_id uuid not null references atlas.tenants (id),
    old_hash text collate "C" not null,
    new_hash text collate "C" not null,
    primary key (tenant_id, old_hash),
    constraint hash_aliases_differ check (old_hash <> new_hash)
);
create index hash_aliases_new on atlas.hash_aliases (tenant_id, new_hash);

-- Under which prefix the open contents of a type are recorded.
create table atlas.recorded_forms (
    tenant_id uuid not null,
    scope_id uuid not null,
    item_type text collate "C" not null,
    form text collate "C" not null,
    primary key (tenant_id, scope_id, item_type),
    constraint recorded_forms_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id)
);
"""

POLICIES = """
alter table atlas.hash_aliases enable row level security, force row level security;
alter table atlas.recorded_forms enable row level security, force row level security;

grant select on atlas.hash_aliases to atlas_api;
create policy api_select on atlas.hash_aliases for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
grant select on atlas.recorded_forms to atlas_api;
create policy api_select on atlas.recorded_forms for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
grant select (tenant_id, old_hash, new_hash) on atlas.hash_aliases to atlas_policy;
create policy policy_select on atlas.hash_aliases for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')));

grant select, insert, update (new_hash) on atlas.hash_aliases to atlas_worker;
create policy worker_select on atlas.hash_aliases for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job()));
create policy worker_insert on atlas.hash_aliases for insert to atlas_worker
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_update on atlas.hash_aliases for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')))
    with check (tenant_id = (select atlas.tenant_for_job('sync')));

grant select, insert, update (form) on atlas.recorded_forms to atlas_worker;
create policy worker_select on atlas.recorded_forms for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job()));
create policy worker_insert on atlas.recorded_forms for insert to atlas_worker
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_update on atlas.recorded_forms for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')))
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
"""

# The pinned run may hold a content under its new hash and the finding under its old one.
ACCEPT = """
create or replace function atlas.accept_baseline(scope uuid) returns integer
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid := atlas.tenant_for('MANAGE_BASELINE');
    accepted integer;
begin
    update atlas.findings f set status = 'RESOLVED', resolution = 'BASELINED'
    from atlas.scopes s
    where s.tenant_id = tenant and s.id = scope and s.pinned_seq is not null
      and f.tenant_id = tenant and f.scope_id = scope and f.status in ('NEW', 'ACKNOWLEDGED') and f.kind = 'DRIFT'
      and coalesce(
          (select a.new_hash from atlas.hash_aliases a where a.tenant_id = tenant and a.old_hash = f.current_hash),
          f.current_hash
      ) is not distinct from (
          select coalesce(
              (select a.new_hash from atlas.hash_aliases a where a.tenant_id = tenant and a.old_hash = i.hash), i.hash)
          from atlas.item_intervals i
          where i.tenant_id = tenant and i.scope_id = scope and i.item_type = f.item_type
            and i.external_id = f.external_id and i.valid_from <= s.pinned_seq
            and (i.valid_to is null or i.valid_to > s.pinned_seq));
    get diagnostics accepted = row_count;
    return accepted;
end $$;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(POLICIES)
    run(ACCEPT)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
