"""A finding is hidden only by a rule of its tenant that stands, and a tick that was carried out holds up nobody.

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

create or replace function atlas.start_tick(
    tenant uuid, schedule uuid, tick timestamptz, following timestamptz, due timestamptz, at timestamptz
) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted atlas.schedules;
    run uuid;
    started uuid;
begin
    select s.* into wanted from atlas.schedules s
    where s.tenant_id = tenant and s.id = schedule and s.next_tick = tick for update;
    if not found then
        return null;
    end if;
    begin
        insert into atlas.sync_runs (tenant_id, scope_id, source) values (tenant, wanted.scope_id, 'GRAPH')
        on conflict do nothing returning id into started;
        run := coalesce(started, (
            select r.id from atlas.sync_runs r
            where r.tenant_id = tenant and r.scope_id = wanted.scope_id and r.source = 'GRAPH'
              and r.status in ('QUEUED', 'RUNNING') and r.confirmed_at is null));
        if run is null then
            -- It has ended this very moment: the next round finds room.
            return null;
        end if;
        update atlas.schedules s set next_tick = following, due_at = due, last_tick = tick
        where s.tenant_id = tenant and s.id = schedule;
        insert into atlas.schedule_ticks (tenant_id, schedule_id, tick, sync_run_id, started_at)
        values (tenant, schedule, tick, run, at);
    exception when unique_violation then
        -- This tick was carried out before; a schedule that was set anew may come to it again.
        update atlas.schedules s set next_tick = following, due_at = due
        where s.tenant_id = tenant and s.id = schedule;
        return null;
    end;
    return started;
end $$;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(CHANGES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
