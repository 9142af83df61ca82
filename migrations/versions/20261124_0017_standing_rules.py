"""A finding is hidden only by a rule of its tenant that stands, and no longer than that.

Revision ID: 0017
"""

from atlas.store.migrations import run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CHANGES = """
grant select (tenant_id, id, ended_at, expires_at) on atlas.rules to atlas_policy;
create policy policy_select on atlas.rules for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_RULES')));

create or replace function atlas.suppress(ids uuid[], rule_ids uuid[], untils timestamptz[]) returns void
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    update atlas.findings f set suppressed_by = n.rule_id, suppressed_until = n.until
    from unnest(ids, rule_ids, untils) n (id, rule_id, until)
    where f.tenant_id = (select atlas.tenant_for('MANAGE_RULES')) and f.id = n.id
      and (n.rule_id is null or exists (
          select from atlas.rules r
          where r.tenant_id = f.tenant_id and r.id = n.rule_id and r.ended_at is null
            and (r.expires_at is null or n.until <= r.expires_at)));
end;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(CHANGES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
