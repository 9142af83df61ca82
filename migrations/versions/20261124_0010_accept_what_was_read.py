"""Pinning accepts that an object is gone only where the pinned run had read its type by then.

Revision ID: 0010
"""

from atlas.store.migrations import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

POLICIES = """
grant select (tenant_id, scope_id, item_type, seq, status) on atlas.run_units to atlas_policy;
create policy policy_select on atlas.run_units for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')));
"""

# A run that never read a type holds none of its objects, which says nothing of them.
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
            and (i.valid_to is null or i.valid_to > s.pinned_seq))
      and exists (
          select from atlas.run_units u
          where u.tenant_id = tenant and u.scope_id = scope and u.item_type = f.item_type and u.status = 'COMPLETE'
            and u.seq <= s.pinned_seq);
    get diagnostics accepted = row_count;
    return accepted;
end $$;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(POLICIES)
    run(ACCEPT)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
