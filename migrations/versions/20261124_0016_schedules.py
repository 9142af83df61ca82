"""Schedules: syncs by the clock, each tick once, and drift after what they record.

Revision ID: 0016
"""

from atlas.store.migrations import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.schedules (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    name text collate "C" not null constraint schedules_name_length check (length(name) between 1 and 100),
    scope_id uuid not null,
    every_hours integer constraint schedules_every_hours check (every_hours between 1 and 8760),
    cron text constraint schedules_cron_length check (length(cron) between 1 and 200),
    time_zone text not null constraint schedules_time_zone_length check (length(time_zone) between 1 and 100),
    anchor timestamptz not null,
    created_by uuid,
    created_at timestamptz not null default now(),
    next_tick timestamptz not null,
    due_at timestamptz not null,
    last_tick timestamptz,
    failures integer not null default 0,
    primary key (tenant_id, id),
    constraint schedules_name unique (tenant_id, name),
    constraint schedules_rhythm check (num_nonnulls(every_hours, cron) = 1),
    constraint schedules_scope foreign key (tenant_id, scope_id) references atlas.scopes (tenant_id, id),
    constraint schedules_created_by foreign key (tenant_id, created_by)
        references atlas.tenant_principals (tenant_id, principal_id)
);
create index schedules_due on atlas.schedules (tenant_id, due_at);

-- The key is what makes a tick run once, however many workers see that it is due.
create table atlas.schedule_ticks (
    tenant_id uuid not null,
    schedule_id uuid not null,
    tick timestamptz not null,
    sync_run_id uuid not null,
    status text collate "C" not null default 'STARTED' constraint schedule_ticks_status
        check (status in ('STARTED', 'RECORDED', 'HELD', 'FAILED')),
    started_at timestamptz not null,
    ended_at timestamptz,
    primary key (tenant_id, schedule_id, tick),
    constraint schedule_ticks_schedule foreign key (tenant_id, schedule_id)
        references atlas.schedules (tenant_id, id) on delete cascade,
    constraint schedule_ticks_run foreign key (tenant_id, sync_run_id) references atlas.sync_runs (tenant_id, id)
);
create index schedule_ticks_started on atlas.schedule_ticks (tenant_id, schedule_id) where status = 'STARTED';
"""

# The clock is that of the caller, so that all workers of a round see one moment. None of this can be called but by the
# sweeper, and what it may see and write is said by policies that hold for its session alone.
FUNCTIONS = """
-- What has become of the runs that ticks started: drift is asked for after what was recorded, and whoever failed rests,
-- an hour at first and twice as long each time, up to a day. Returns the drift runs that it made.
create function atlas.settle_ticks(at timestamptz, engine text, most integer)
    returns table (tenant_id uuid, id uuid)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    t record;
begin
    for t in
        select k.tenant_id, k.schedule_id, k.tick, r.scope_id, r.status
        from atlas.schedule_ticks k
        join atlas.sync_runs r on r.tenant_id = k.tenant_id and r.id = k.sync_run_id
        where k.status = 'STARTED' and r.status not in ('QUEUED', 'RUNNING')
        limit most for update of k skip locked
    loop
        update atlas.schedule_ticks k
        set status = case t.status when 'FAILED' then 'FAILED' when 'NEEDS_CONFIRMATION' then 'HELD'
                                   else 'RECORDED' end,
            ended_at = at
        where k.tenant_id = t.tenant_id and k.schedule_id = t.schedule_id and k.tick = t.tick;
        update atlas.schedules s
        set failures = case t.status when 'FAILED' then s.failures + 1 else 0 end,
            due_at = case t.status
                when 'FAILED' then greatest(
                    s.due_at, at + least(interval '1 hour' * 2 ^ least(s.failures, 10), interval '1 day'))
                else s.due_at end
        where s.tenant_id = t.tenant_id and s.id = t.schedule_id;
        if t.status in ('SUCCEEDED', 'PARTIAL') then
            return query
                with scope as (
                    select s.last_seq, s.pinned_run_id, s.pinned_seq from atlas.scopes s
                    where s.tenant_id = t.tenant_id and s.id = t.scope_id
                ), kept as (
                    select r.id, r.seq, lag(r.id) over by_seq as before_id, lag(r.seq) over by_seq as before_seq
                    from atlas.sync_runs r
                    where r.tenant_id = t.tenant_id and r.scope_id = t.scope_id and r.seq is not null
                      and r.pruned_at is null
                    window by_seq as (order by r.seq)
                ), wanted as (
                    select k.before_id, k.before_seq, k.id, k.seq, 'PREVIOUS_RUN' as mode from kept k, scope s
                    where s.pinned_run_id is null and k.before_id is not null and not exists (
                        select from atlas.drift_runs d
                        where d.tenant_id = t.tenant_id and d.scope_id = t.scope_id and d.current_seq = k.seq
                          and d.baseline_seq in (k.seq - 1, k.before_seq) and d.status <> 'FAILED')
                    union all
                    select s.pinned_run_id, s.pinned_seq, k.id, k.seq, 'PINNED' from kept k, scope s
                    where k.seq = s.last_seq and s.pinned_seq < k.seq and not exists (
                        select from atlas.drift_runs d
                        where d.tenant_id = t.tenant_id and d.scope_id = t.scope_id and d.current_seq = k.seq
                          and d.baseline_seq = s.pinned_seq and d.status <> 'FAILED'
                          and (d.status <> 'SUCCEEDED' or d.engine = settle_ticks.engine))
                )
                insert into atlas.drift_runs as d (tenant_id, scope_id, baseline_run_id, baseline_seq, current_run_id,
                                                   current_seq, baseline_mode, engine)
                select t.tenant_id, t.scope_id, w.before_id, w.before_seq, w.id, w.seq, w.mode, settle_ticks.engine
                from wanted w order by w.seq
                on conflict do nothing
                returning d.tenant_id, d.id;
        end if;
    end loop;
end $$;

-- The schedules whose time has come, the longest waiting first; no more than there is room for.
create function atlas.due_schedules(at timestamptz, at_once integer)
    returns table (tenant_id uuid, id uuid, every_hours integer, cron text, time_zone text, anchor timestamptz,
                   next_tick timestamptz)
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    select s.tenant_id, s.id, s.every_hours, s.cron, s.time_zone, s.anchor, s.next_tick
    from atlas.schedules s
    where s.due_at <= at and not exists (
        select from atlas.schedule_ticks k
        where k.tenant_id = s.tenant_id and k.schedule_id = s.id and k.status = 'STARTED')
    order by s.due_at, s.tenant_id, s.id
    limit greatest(0, at_once - (select count(*) from atlas.schedule_ticks k where k.status = 'STARTED'))
    for update skip locked;
end;

-- Starts the sync of a tick, or none where somebody else has. A sync of the scope that is under way stands for it.
create function atlas.start_tick(
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
    return started;
end $$;

create function atlas.audit_schedule() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    told jsonb;
    was jsonb;
begin
    if tg_op <> 'DELETE' then
        told := jsonb_strip_nulls(jsonb_build_object(
            'name', new.name, 'everyHours', new.every_hours, 'cron', new.cron, 'timeZone', new.time_zone,
            'scope', new.scope_id));
    end if;
    if tg_op <> 'INSERT' then
        was := jsonb_strip_nulls(jsonb_build_object(
            'name', old.name, 'everyHours', old.every_hours, 'cron', old.cron, 'timeZone', old.time_zone,
            'scope', old.scope_id));
    end if;
    perform atlas.write_audit(
        coalesce(new.tenant_id, old.tenant_id),
        case tg_op when 'DELETE' then 'schedule.removed' else 'schedule.set' end,
        'Tenant', coalesce(new.tenant_id, old.tenant_id), was, told);
    return null;
end $$;
create trigger audit_schedule_made after insert or delete on atlas.schedules
    for each row execute function atlas.audit_schedule();
create trigger audit_schedule_changed after update on atlas.schedules
    for each row when ((old.every_hours, old.cron, old.time_zone, old.scope_id)
                       is distinct from (new.every_hours, new.cron, new.time_zone, new.scope_id))
    execute function atlas.audit_schedule();
"""

POLICIES = """
alter table atlas.schedules enable row level security, force row level security;
alter table atlas.schedule_ticks enable row level security, force row level security;

grant select, delete,
      insert (tenant_id, name, scope_id, every_hours, cron, time_zone, anchor, created_by, next_tick, due_at),
      update (scope_id, every_hours, cron, time_zone, anchor, created_by, next_tick, due_at, failures)
    on atlas.schedules to atlas_api;
create policy api_select on atlas.schedules for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
create policy api_insert on atlas.schedules for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('START_SYNC'))
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
create policy api_update on atlas.schedules for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('START_SYNC')))
    with check (tenant_id = (select atlas.tenant_for('START_SYNC'))
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
create policy api_delete on atlas.schedules for delete to atlas_api
    using (tenant_id = (select atlas.tenant_for('START_SYNC')));
grant select on atlas.schedule_ticks to atlas_api;
create policy api_select on atlas.schedule_ticks for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));

grant select, update (next_tick, due_at, last_tick, failures) on atlas.schedules to atlas_policy;
create policy policy_select on atlas.schedules for select to atlas_policy using (session_user = 'atlas_sweeper');
create policy policy_update on atlas.schedules for update to atlas_policy
    using (session_user = 'atlas_sweeper') with check (session_user = 'atlas_sweeper');
grant select, insert, update (status, ended_at) on atlas.schedule_ticks to atlas_policy;
create policy policy_select on atlas.schedule_ticks for select to atlas_policy using (session_user = 'atlas_sweeper');
create policy policy_insert on atlas.schedule_ticks for insert to atlas_policy
    with check (session_user = 'atlas_sweeper');
create policy policy_update on atlas.schedule_ticks for update to atlas_policy
    using (session_user = 'atlas_sweeper') with check (session_user = 'atlas_sweeper');

-- What a schedule starts is asked for by nobody, and is a queued run like any other.
grant insert (tenant_id, scope_id, source) on atlas.sync_runs to atlas_policy;
create policy policy_insert on atlas.sync_runs for insert to atlas_policy
    with check (session_user = 'atlas_sweeper' and source = 'GRAPH' and status = 'QUEUED' and requested_by is null);
grant insert (tenant_id, scope_id, baseline_run_id, baseline_seq, current_run_id, current_seq, baseline_mode, engine)
    on atlas.drift_runs to atlas_policy;
create policy policy_insert on atlas.drift_runs for insert to atlas_policy
    with check (session_user = 'atlas_sweeper' and status = 'QUEUED' and requested_by is null);
drop policy policy_select on atlas.sync_runs;
create policy policy_select on atlas.sync_runs for select to atlas_policy
    using ((tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)
            and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid))
           or session_user = 'atlas_sweeper');
drop policy policy_select on atlas.drift_runs;
create policy policy_select on atlas.drift_runs for select to atlas_policy
    using (tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)
           or session_user = 'atlas_sweeper');
grant select (pinned_run_id, last_seq) on atlas.scopes to atlas_policy;
drop policy policy_select on atlas.scopes;
create policy policy_select on atlas.scopes for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')) or session_user = 'atlas_sweeper');
"""

DEFINERS = {
    "settle_ticks(timestamptz, text, integer)": "atlas_sweeper",
    "due_schedules(timestamptz, integer)": "atlas_sweeper",
    "start_tick(uuid, uuid, timestamptz, timestamptz, timestamptz, timestamptz)": "atlas_sweeper",
    "audit_schedule()": None,
}


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(FUNCTIONS)
    run(POLICIES)
    for function, role in DEFINERS.items():
        run(f"alter function atlas.{function} owner to atlas_policy")
        run(f"revoke all on function atlas.{function} from public")
        if role is not None:
            run(f"grant execute on function atlas.{function} to {role}")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
