"""Ignore rules, and which findings they hide.

Revision ID: 0012
"""

from atlas.store.migrations import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
-- A rule is never changed: a new version is a new row that replaces the old one, which ends with it.
create table atlas.rules (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    version integer not null default 1,
    replaces uuid,
    item_type text collate "C",
    path_pattern text collate "C",
    subject_pattern text collate "C",
    value_pattern text collate "C",
    reason text not null constraint rules_reason check (length(reason) between 1 and 4000),
    owner_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    ended_at timestamptz,
    ended_by uuid,
    primary key (tenant_id, id),
    constraint rules_replaced_once unique (tenant_id, replaces),
    constraint rules_replaces foreign key (tenant_id, replaces) references atlas.rules (tenant_id, id),
    constraint rules_owner foreign key (tenant_id, owner_id)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint rules_ended_by foreign key (tenant_id, ended_by)
        references atlas.tenant_principals (tenant_id, principal_id),
    constraint rules_parts check (
        num_nonnulls(item_type, path_pattern, subject_pattern, value_pattern) > 0
        and length(item_type) between 1 and 200 and length(path_pattern) between 1 and 500
        and length(subject_pattern) between 1 and 500 and length(value_pattern) between 1 and 500),
    constraint rules_ended check ((ended_at is null) = (ended_by is null))
);
create index rules_created on atlas.rules (tenant_id, created_at, id);
create index rules_live on atlas.rules (tenant_id) where ended_at is null;

-- A finding is hidden while it names a rule and its time is not over; null: for as long as the rule stands.
alter table atlas.findings
    add suppressed_by uuid,
    add suppressed_until timestamptz,
    add constraint findings_suppressed_by foreign key (tenant_id, suppressed_by)
        references atlas.rules (tenant_id, id),
    add constraint findings_suppressed check (suppressed_until is null or suppressed_by is not null);
create index findings_suppressed_last_seen on atlas.findings (tenant_id, last_seen_at, id)
    where suppressed_by is not null;
drop index atlas.findings_counts;
create index findings_counts on atlas.findings
    (tenant_id, scope_id, status, severity_rank, change_type, item_type, is_current, suppressed_by, suppressed_until);
alter table atlas.drift_runs add findings_suppressed integer;
"""

TRIGGERS = """
-- Who and when are of the context, and a version follows the one that it replaces.
create function atlas.stamp_rule() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        new.created_at := now();
        new.ended_at := null;
        new.ended_by := null;
        new.version := 1 + coalesce(
            (select r.version from atlas.rules r where r.tenant_id = new.tenant_id and r.id = new.replaces), 0);
    elsif old.ended_at is not null then
        raise check_violation using message = 'a rule ends once', constraint = 'stamp_rule';
    else
        new.ended_at := now();
        new.ended_by := coalesce(nullif(current_setting('atlas.principal_id', true), '')::uuid, new.ended_by);
    end if;
    return new;
end $$;
revoke all on function atlas.stamp_rule() from public;
create trigger stamp_rule before insert or update on atlas.rules
    for each row execute function atlas.stamp_rule();

create function atlas.audit_rule() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    told jsonb := jsonb_strip_nulls(jsonb_build_object(
        'version', new.version, 'replaces', new.replaces, 'itemType', new.item_type,
        'pathPattern', new.path_pattern, 'subjectPattern', new.subject_pattern, 'valuePattern', new.value_pattern,
        'reason', new.reason, 'owner', new.owner_id, 'expiresAt', new.expires_at));
begin
    perform atlas.write_audit(
        new.tenant_id, case tg_op when 'INSERT' then 'rule.created' else 'rule.ended' end, 'Rule', new.id,
        case tg_op when 'UPDATE' then told end,
        case tg_op when 'INSERT' then told else told || jsonb_build_object('endedAt', new.ended_at) end);
    return null;
end $$;
alter function atlas.audit_rule() owner to atlas_policy;
revoke all on function atlas.audit_rule() from public;
create trigger audit_rule after insert or update on atlas.rules
    for each row execute function atlas.audit_rule();

-- What a rule hides is no triage: whoever makes a rule acknowledges nothing.
drop trigger stamp_triage on atlas.findings;
create trigger stamp_triage
    before update of status, resolution, acknowledged_by, acknowledged_at, acknowledged_reason, acknowledged_until,
                     superseded_by on atlas.findings
    for each row when (
        (session_user = 'atlas_api' and new.status = 'ACKNOWLEDGED')
        or (old.status, old.resolution, old.acknowledged_by, old.acknowledged_at, old.acknowledged_reason,
            old.acknowledged_until, old.superseded_by)
           is distinct from
           (new.status, new.resolution, new.acknowledged_by, new.acknowledged_at, new.acknowledged_reason,
            new.acknowledged_until, new.superseded_by))
    execute function atlas.stamp_triage();
"""

FUNCTIONS = """
-- Notes which rule hides each of these findings and until when; null: none does.
create function atlas.suppress(ids uuid[], rule_ids uuid[], untils timestamptz[]) returns void
    language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    update atlas.findings f set suppressed_by = n.rule_id, suppressed_until = n.until
    from unnest(ids, rule_ids, untils) n (id, rule_id, until)
    where f.tenant_id = (select atlas.tenant_for('MANAGE_RULES')) and f.id = n.id;
end;
alter function atlas.suppress(uuid[], uuid[], timestamptz[]) owner to atlas_policy;
revoke all on function atlas.suppress(uuid[], uuid[], timestamptz[]) from public;
grant execute on function atlas.suppress(uuid[], uuid[], timestamptz[]) to atlas_api;
"""

POLICIES = """
alter table atlas.rules enable row level security, force row level security;

grant select,
      insert (tenant_id, id, replaces, item_type, path_pattern, subject_pattern, value_pattern, reason, owner_id,
              expires_at),
      update (ended_at) on atlas.rules to atlas_api;
create policy api_select on atlas.rules for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
create policy api_insert on atlas.rules for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_RULES'))
                and owner_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
create policy api_update on atlas.rules for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_RULES')) and ended_at is null)
    with check (tenant_id = (select atlas.tenant_for('MANAGE_RULES')));

grant select on atlas.rules to atlas_worker;
create policy worker_select on atlas.rules for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('drift')));

grant update (suppressed_by, suppressed_until) on atlas.findings to atlas_policy;
alter policy policy_select on atlas.findings
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE'))
           or tenant_id = (select atlas.tenant_for('MANAGE_RULES'))
           or (status in ('NEW', 'ACKNOWLEDGED') and session_user = 'atlas_sweeper'));
alter policy policy_update on atlas.findings
    using (tenant_id = (select atlas.tenant_for('MANAGE_BASELINE'))
           or tenant_id = (select atlas.tenant_for('MANAGE_RULES'))
           or (status = 'ACKNOWLEDGED' and acknowledged_until <= now() and session_user = 'atlas_sweeper'))
    with check ((status = 'RESOLVED' and resolution = 'BASELINED')
                or tenant_id = (select atlas.tenant_for('MANAGE_RULES'))
                or (status = 'NEW' and acknowledged_by is null and session_user = 'atlas_sweeper'));

grant select (findings_suppressed) on atlas.drift_runs to atlas_api;
grant update (findings_suppressed) on atlas.drift_runs to atlas_worker;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(TRIGGERS)
    run(POLICIES)
    run(FUNCTIONS)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
