"""What a worker may do while it holds a lease, and what the sweeper may do for all tenants.

Revision ID: 0004
"""

from atlas.store.migrations import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JOBS = ("sync_runs", "drift_runs")

CONTEXT = """tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)
       and id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"""

# A definer function sees the one job that its context names. To keep the order of a scope's pairs, a claim looks at
# the other drift runs of that tenant too.
SEEN = {
    "sync_runs": CONTEXT,
    "drift_runs": "tenant_id = (select nullif(current_setting('atlas.tenant_id', true), '')::uuid)",
}
JOB_POLICIES = f"""
grant select on atlas.{{table}} to atlas_policy;
grant update (status, attempts, lease_token, lease_until, started_at, error_code, error_message)
    on atlas.{{table}} to atlas_policy;
create policy policy_select on atlas.{{table}} for select to atlas_policy
    using ({{seen}});
create policy policy_update on atlas.{{table}} for update to atlas_policy
    using ({CONTEXT})
    with check ({CONTEXT});
"""

FUNCTIONS = """
-- The worker does not choose its tenant: this is the tenant of the job whose lease it holds, else null.
create function atlas.tenant_for_job() returns uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
return (
    select j.tenant_id from (
        select tenant_id, id, lease_token, lease_until from atlas.drift_runs where status = 'RUNNING'
        union all
        select tenant_id, id, lease_token, lease_until from atlas.sync_runs where status = 'RUNNING'
    ) j
    where j.tenant_id = nullif(current_setting('atlas.tenant_id', true), '')::uuid
      and j.id = nullif(current_setting('atlas.job_id', true), '')::uuid
      and j.lease_token = nullif(current_setting('atlas.lease_token', true), '')::uuid
      and j.lease_until > now()
);

-- The same, where the job is of this kind: 'sync' or 'drift'. Drift generation only analyses, so its lease writes no
-- inventory, and a recording writes no finding.
create function atlas.tenant_for_job(kind text) returns uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
return (
    select j.tenant_id from (
        select 'drift' as kind, tenant_id, id from atlas.drift_runs
        union all
        select 'sync', tenant_id, id from atlas.sync_runs
    ) j
    where j.tenant_id = atlas.tenant_for_job()
      and j.id = nullif(current_setting('atlas.job_id', true), '')::uuid
      and j.kind = tenant_for_job.kind
);
"""

# One UPDATE takes a queued job with a fresh token, or returns nothing: taken, finished, not due, or none at all.
CLAIM = """
create function atlas.claim_{noun}(tenant uuid, run uuid, lease interval)
    returns table (lease_token uuid, attempts integer)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('atlas.tenant_id', tenant::text, true), set_config('atlas.job_id', run::text, true);
    return query
        update atlas.{noun}s j
        set status = 'RUNNING', attempts = j.attempts + 1, lease_token = gen_random_uuid(), lease_until = now() + lease,
            started_at = coalesce(j.started_at, now()), error_code = null, error_message = null
        where j.tenant_id = tenant and j.id = run and j.status = 'QUEUED' and j.available_at <= now(){order}
        returning j.lease_token, j.attempts;
end $$;
"""

# The pairs of a scope are generated oldest first, however many workers there are and whatever order messages come in:
# what one pair decides, the next one builds on.
OLDEST_FIRST = """
          and not exists (
              select from atlas.drift_runs o
              where o.tenant_id = tenant and o.scope_id = j.scope_id and o.status in ('QUEUED', 'RUNNING')
                and (o.current_seq, o.baseline_seq) < (j.current_seq, j.baseline_seq))"""

HELD = "tenant_id = (select atlas.tenant_for_job())"
SYNC = "tenant_id = (select atlas.tenant_for_job('sync'))"
DRIFT = "tenant_id = (select atlas.tenant_for_job('drift'))"

WORKER_SELECT = f"""
grant select on atlas.{{table}} to atlas_worker;
create policy worker_select on atlas.{{table}} for select to atlas_worker using ({HELD});
"""
WORKER_INSERT = """
grant insert on atlas.{table} to atlas_worker;
create policy worker_insert on atlas.{table} for insert to atlas_worker with check ({check});
"""
WORKER_UPDATE = """
grant update ({columns}) on atlas.{table} to atlas_worker;
create policy worker_update on atlas.{table} for update to atlas_worker using ({check}) with check ({check});
"""
OWN_JOB = "id = (select nullif(current_setting('atlas.job_id', true), '')::uuid)"
WORKER_JOB_UPDATE = f"""
grant update ({{columns}}) on atlas.{{table}} to atlas_worker;
create policy worker_update on atlas.{{table}} for update to atlas_worker
    using ({HELD} and {OWN_JOB}) with check ({HELD} and {OWN_JOB});
"""

READ = (
    "scopes", "sync_runs", "run_units", "run_duplicates", "contents", "item_intervals", "drift_runs", "findings",
    "drift_run_findings", "judged_types",
)  # fmt: skip
OWN_JOB_ID = "(select nullif(current_setting('atlas.job_id', true), '')::uuid)"
# What tells of a run is written by the job of that run; and only a person acknowledges.
INSERT = {
    "run_units": f"{SYNC} and run_id = {OWN_JOB_ID}",
    "run_duplicates": f"{SYNC} and run_id = {OWN_JOB_ID}",
    "contents": SYNC,
    "item_intervals": SYNC,
    "findings": f"{DRIFT} and acknowledged_by is null",
    "drift_run_findings": f"{DRIFT} and drift_run_id = {OWN_JOB_ID}",
    "judged_types": DRIFT,
}
UPDATE = {
    "scopes": (HELD, "last_seq, generated_seq, item_types"),
    "judged_types": (DRIFT, "seq"),
    "item_intervals": (SYNC, "valid_to, hash, settings_hash"),
    "findings": (
        DRIFT,
        (
            "status, resolution, is_current, last_seen_at, occurrences, superseded_by, recreation_of,"
            " recreation_similarity, recreation_identical, acknowledged_by, acknowledged_at, acknowledged_reason,"
            " acknowledged_until"
        ),
    ),
}
JOB_UPDATE = {
    "sync_runs": (
        "status, seq, finished_at, progress_done, progress_total, observed, added, changed, removed, unchanged,"
        " error_code, error_message, lease_token, lease_until, available_at"
    ),
    "drift_runs": (
        "status, finished_at, progress_done, progress_total, added, removed, modified, property_changes, findings_new,"
        " findings_reopened, findings_resolved, findings_unchanged, not_evaluated, error_code, error_message,"
        " lease_token, lease_until, available_at"
    ),
}

# The sweeper spans tenants, so its columns are the bookkeeping of jobs and nothing else.
SWEEPER = """
grant select (tenant_id, id, status, attempts, lease_until, available_at, sent_at, created_at{source}),
      update (status, lease_token, lease_until, available_at, sent_at, finished_at, error_code, error_message)
    on atlas.{table} to atlas_sweeper;
create policy sweeper_select on atlas.{table} for select to atlas_sweeper
    using (status in ('QUEUED', 'RUNNING', 'FAILED'));
-- It takes no job for itself, and none from a worker whose lease holds.
create policy sweeper_update on atlas.{table} for update to atlas_sweeper
    using (status = 'QUEUED' or (status = 'RUNNING' and lease_until <= now()))
    with check (status in ('QUEUED', 'FAILED'));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    for table in JOBS:
        run(JOB_POLICIES.format(table=table, seen=SEEN[table]))
    run(FUNCTIONS)
    for noun in ("sync_run", "drift_run"):
        run(CLAIM.format(noun=noun, order=OLDEST_FIRST if noun == "drift_run" else ""))
    for function in (
        "tenant_for_job()",
        "tenant_for_job(text)",
        "claim_sync_run(uuid, uuid, interval)",
        "claim_drift_run(uuid, uuid, interval)",
    ):
        run(f"alter function atlas.{function} owner to atlas_policy")
        run(f"revoke all on function atlas.{function} from public")
        run(f"grant execute on function atlas.{function} to atlas_worker")
    for table in READ:
        run(WORKER_SELECT.format(table=table))
    for table, check in INSERT.items():
        run(WORKER_INSERT.format(table=table, check=check))
    for table, (check, columns) in UPDATE.items():
        run(WORKER_UPDATE.format(table=table, columns=columns, check=check))
    for table, columns in JOB_UPDATE.items():
        run(WORKER_JOB_UPDATE.format(table=table, columns=columns))
    for table in JOBS:
        run(SWEEPER.format(table=table, source=", source" if table == "sync_runs" else ""))


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
