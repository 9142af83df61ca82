"""The audit record and the activity feed, written by the database itself.

Revision ID: 0005
"""

from atlas.store.migrations import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.audit_events (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    at timestamptz not null default clock_timestamp(),
    actor_id uuid,
    action text collate "C" not null,
    target_type text collate "C" not null,
    target_id uuid not null,
    before jsonb,
    after jsonb,
    reason text,
    request_id text,
    primary key (tenant_id, id)
);
create index audit_events_at on atlas.audit_events (tenant_id, at, id);
create index audit_events_target on atlas.audit_events (tenant_id, target_id, at, id);

-- The activity feed's outbox. `seq` is gap-free in commit order: its counter row is taken as the last statement of
-- the transaction (the triggers are deferred), and whoever comes next waits until that transaction has ended.
create table atlas.event_counters (
    tenant_id uuid primary key references atlas.tenants (id),
    seq bigint not null
);
create table atlas.events (
    tenant_id uuid not null references atlas.tenants (id),
    seq bigint not null,
    at timestamptz not null default clock_timestamp(),
    kind text collate "C" not null constraint events_kind check (kind in ('SyncRun', 'DriftRun', 'Finding')),
    object_id uuid not null,
    primary key (tenant_id, seq)
);
"""

AUDIT = """
create function atlas.write_audit(
    tenant uuid, action text, target_type text, target uuid, before jsonb, after jsonb
) returns void
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    insert into atlas.audit_events
        (tenant_id, actor_id, action, target_type, target_id, before, after, reason, request_id)
    values (
        tenant,
        -- What the system does has no actor, whatever a worker's context says.
        case when session_user not in ('atlas_worker', 'atlas_sweeper')
             then nullif(current_setting('atlas.principal_id', true), '')::uuid end,
        action, target_type, target, before, after,
        nullif(current_setting('atlas.reason', true), ''), nullif(current_setting('atlas.request_id', true), '')
    );
end;

create function atlas.triage_of(f atlas.findings) returns jsonb
    language sql stable set search_path = pg_catalog, pg_temp
return jsonb_strip_nulls(jsonb_build_object(
    'status', f.status, 'resolution', f.resolution, 'acknowledgedBy', f.acknowledged_by,
    'reason', f.acknowledged_reason, 'expiresAt', f.acknowledged_until, 'isCurrent', f.is_current,
    'supersededBy', f.superseded_by));

-- Triage is stamped by the database: who and when are of the context, the version counts each change.
create function atlas.stamp_triage() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if session_user = 'atlas_api' and new.status = 'ACKNOWLEDGED' then
        new.acknowledged_by := nullif(current_setting('atlas.principal_id', true), '')::uuid;
        new.acknowledged_at := now();
    elsif new.acknowledged_by is not null
        and (new.acknowledged_by, new.acknowledged_at, new.acknowledged_reason, new.acknowledged_until)
            is distinct from
            (old.acknowledged_by, old.acknowledged_at, old.acknowledged_reason, old.acknowledged_until)
    then
        raise insufficient_privilege using message = 'only a person acknowledges a finding';
    end if;
    new.version := old.version + 1;
    return new;
end $$;

-- So is a pin: who and when are of the context, and its place in the sequence is the run's own.
create function atlas.stamp_pin() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if new.pinned_run_id is not null then
        new.pinned_by := nullif(current_setting('atlas.principal_id', true), '')::uuid;
        new.pinned_at := now();
        new.pinned_seq := (select r.seq from atlas.sync_runs r
                           where r.tenant_id = new.tenant_id and r.scope_id = new.id and r.id = new.pinned_run_id);
        if new.pinned_seq is null then
            raise check_violation
                using message = 'only a recorded run of the scope is pinned', constraint = 'stamp_pin';
        end if;
    end if;
    return new;
end $$;

create function atlas.audit_finding() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id,
        case when new.status = 'ACKNOWLEDGED' and old.status <> 'RESOLVED' then 'finding.acknowledged'
             when new.status = 'RESOLVED' then 'finding.resolved'
             when session_user = 'atlas_sweeper' then 'finding.acknowledgementExpired'
             when old.status <> new.status then 'finding.reopened'
             else 'finding.changed' end,
        'Finding', new.id, atlas.triage_of(old), atlas.triage_of(new));
    return null;
end $$;

create function atlas.audit_membership() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        coalesce(new.tenant_id, old.tenant_id),
        case tg_op when 'INSERT' then 'membership.granted' when 'UPDATE' then 'membership.changed'
                   else 'membership.removed' end,
        'Membership', coalesce(new.id, old.id),
        case when old is not null then jsonb_build_object('principal', old.principal_id, 'role', old.role) end,
        case when new is not null then jsonb_build_object('principal', new.principal_id, 'role', new.role) end);
    return null;
end $$;

create function atlas.audit_baseline() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id, case when new.pinned_run_id is null then 'baseline.unpinned' else 'baseline.pinned' end,
        'Scope', new.id, jsonb_build_object('run', old.pinned_run_id, 'sequence', old.pinned_seq),
        jsonb_build_object('run', new.pinned_run_id, 'sequence', new.pinned_seq));
    return null;
end $$;

create function atlas.audit_token() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id, case tg_op when 'INSERT' then 'token.created' else 'token.revoked' end, 'ApiToken', new.id, null,
        jsonb_build_object('principal', new.principal_id, 'hint', new.hint, 'expiresAt', new.expires_at));
    return null;
end $$;

create function atlas.audit_tenant() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(new.id, 'tenant.created', 'Tenant', new.id, null, jsonb_build_object('name', new.name));
    return null;
end $$;

create function atlas.audit_job() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform atlas.write_audit(
        new.tenant_id,
        tg_argv[1] || '.' || case when tg_op = 'INSERT' then 'requested' else lower(new.status) end,
        tg_argv[0], new.id, case when tg_op = 'UPDATE' then jsonb_build_object('status', old.status) end,
        jsonb_strip_nulls(jsonb_build_object('status', new.status, 'error', new.error_code)));
    return null;
end $$;

create function atlas.emit_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    next bigint;
begin
    insert into atlas.event_counters as c (tenant_id, seq) values (new.tenant_id, 1)
    on conflict (tenant_id) do update set seq = c.seq + 1
    returning c.seq into next;
    insert into atlas.events (tenant_id, seq, kind, object_id) values (new.tenant_id, next, tg_argv[0], new.id);
    return null;
end $$;
"""

TRIAGE_CHANGED = """(old.status, old.resolution, old.acknowledged_by, old.acknowledged_at, old.acknowledged_reason,
          old.acknowledged_until, old.superseded_by)
         is distinct from
         (new.status, new.resolution, new.acknowledged_by, new.acknowledged_at, new.acknowledged_reason,
          new.acknowledged_until, new.superseded_by)"""

TRIGGERS = f"""
-- To acknowledge again renews, also where the words are the same.
create trigger stamp_triage before update on atlas.findings
    for each row when ((session_user = 'atlas_api' and new.status = 'ACKNOWLEDGED') or {TRIAGE_CHANGED})
    execute function atlas.stamp_triage();
create trigger audit_finding after update on atlas.findings
    for each row when ({TRIAGE_CHANGED}) execute function atlas.audit_finding();
create trigger audit_membership after insert or update or delete on atlas.memberships
    for each row execute function atlas.audit_membership();
create trigger stamp_pin before update of pinned_run_id, pinned_seq, pinned_by, pinned_at on atlas.scopes
    for each row execute function atlas.stamp_pin();
create trigger audit_baseline after update on atlas.scopes
    for each row when (old.pinned_run_id is distinct from new.pinned_run_id) execute function atlas.audit_baseline();
create trigger audit_token_created after insert on atlas.api_tokens
    for each row execute function atlas.audit_token();
create trigger audit_token_revoked after update on atlas.api_tokens
    for each row when (old.revoked_at is distinct from new.revoked_at) execute function atlas.audit_token();
create trigger audit_tenant after insert on atlas.tenants
    for each row execute function atlas.audit_tenant();

-- Generation tells of its run, triage of each finding: a mass change is not a flood of events.
create constraint trigger emit_event after update on atlas.findings deferrable initially deferred
    for each row when (session_user <> 'atlas_worker' and {TRIAGE_CHANGED})
    execute function atlas.emit_event('Finding');
"""

JOB_TRIGGERS = """
create trigger audit_requested after insert on atlas.{table}
    for each row execute function atlas.audit_job('{kind}', '{noun}');
create trigger audit_ended after update on atlas.{table}
    for each row when (old.status is distinct from new.status and new.status not in ('QUEUED', 'RUNNING'))
    execute function atlas.audit_job('{kind}', '{noun}');
create constraint trigger emit_requested after insert on atlas.{table} deferrable initially deferred
    for each row execute function atlas.emit_event('{kind}');
create constraint trigger emit_changed after update on atlas.{table} deferrable initially deferred
    for each row when ((old.status, old.progress_done, old.progress_total)
                       is distinct from (new.status, new.progress_done, new.progress_total))
    execute function atlas.emit_event('{kind}');
"""

SYSTEM = """
-- Pinning a baseline accepts it: what is open and stands in the pinned run is done with.
create function atlas.accept_baseline(scope uuid) returns integer
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
      and f.current_hash is not distinct from (
          select i.hash from atlas.item_intervals i
          where i.tenant_id = tenant and i.scope_id = scope and i.item_type = f.item_type
            and i.external_id = f.external_id and i.valid_from <= s.pinned_seq
            and (i.valid_to is null or i.valid_to > s.pinned_seq));
    get diagnostics accepted = row_count;
    return accepted;
end $$;

-- An acknowledgement whose time is over is none. Returns the tenants that it touched, so that they can be told.
create function atlas.expire_acknowledgements(most integer) returns setof uuid
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    with due as (
        select tenant_id, id from atlas.findings
        where status = 'ACKNOWLEDGED' and acknowledged_until <= now()
        order by acknowledged_until limit most for update skip locked
    ), expired as (
        update atlas.findings f set status = 'NEW', acknowledged_by = null, acknowledged_at = null,
            acknowledged_reason = null, acknowledged_until = null
        from due where f.tenant_id = due.tenant_id and f.id = due.id
        returning f.tenant_id
    )
    select distinct tenant_id from expired;
end;
"""

POLICIES = """
alter table atlas.audit_events enable row level security, force row level security;
alter table atlas.event_counters enable row level security, force row level security;
alter table atlas.events enable row level security, force row level security;

grant insert on atlas.audit_events, atlas.events to atlas_policy;
create policy policy_insert on atlas.audit_events for insert to atlas_policy with check (true);
create policy policy_insert on atlas.events for insert to atlas_policy with check (true);
grant select, insert, update (seq) on atlas.event_counters to atlas_policy;
create policy policy_select on atlas.event_counters for select to atlas_policy using (true);
create policy policy_insert on atlas.event_counters for insert to atlas_policy with check (true);
create policy policy_update on atlas.event_counters for update to atlas_policy using (true) with check (true);

grant select on atlas.audit_events, atlas.events, atlas.event_counters to atlas_api;
-- The triage of a finding is part of the finding; the rest of the record needs READ_AUDIT.
create policy api_select on atlas.audit_events for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ_AUDIT'))
           or (target_type = 'Finding' and tenant_id = (select atlas.tenant_for('READ'))));
create policy api_select on atlas.events for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
create policy api_select on atlas.event_counters for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));

grant select (tenant_id, id, pinned_seq) on atlas.scopes to atlas_policy;
create policy policy_select on atlas.scopes for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')));
grant select (tenant_id, scope_id, item_type, external_id, valid_from, valid_to, hash) on atlas.item_intervals
    to atlas_policy;
create policy policy_select on atlas.item_intervals for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE')));
grant select, update (status, resolution, acknowledged_by, acknowledged_at, acknowledged_reason, acknowledged_until)
    on atlas.findings to atlas_policy;
create policy policy_select on atlas.findings for select to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE'))
           or (status in ('NEW', 'ACKNOWLEDGED') and session_user = 'atlas_sweeper'));
create policy policy_update on atlas.findings for update to atlas_policy
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE'))
           or (status = 'ACKNOWLEDGED' and acknowledged_until <= now() and session_user = 'atlas_sweeper'))
    with check ((status = 'RESOLVED' and resolution = 'BASELINED')
                or (status = 'NEW' and acknowledged_by is null and session_user = 'atlas_sweeper'));
"""

DEFINERS = (
    "write_audit(uuid, text, text, uuid, jsonb, jsonb)",
    "audit_finding()",
    "audit_membership()",
    "audit_baseline()",
    "audit_token()",
    "audit_tenant()",
    "audit_job()",
    "emit_event()",
    "accept_baseline(uuid)",
    "expire_acknowledgements(integer)",
)


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(POLICIES)
    run(AUDIT)
    run(TRIGGERS)
    for table, kind, noun in (("sync_runs", "SyncRun", "syncRun"), ("drift_runs", "DriftRun", "driftRun")):
        run(JOB_TRIGGERS.format(table=table, kind=kind, noun=noun))
    run(SYSTEM)
    for function in DEFINERS:
        run(f"alter function atlas.{function} owner to atlas_policy")
        run(f"revoke all on function atlas.{function} from public")
    run("revoke all on function atlas.triage_of(atlas.findings), atlas.stamp_triage(), atlas.stamp_pin() from public")
    run("grant execute on function atlas.triage_of(atlas.findings) to atlas_policy")
    run("grant execute on function atlas.accept_baseline(uuid) to atlas_api")
    run("grant execute on function atlas.expire_acknowledgements(integer) to atlas_sweeper")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
