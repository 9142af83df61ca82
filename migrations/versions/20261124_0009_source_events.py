"""Source events: what the source's own record says of who changed its objects.

Revision ID: 0009
"""

from atlas.store.migrations import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
-- One event about one object. No old and new values, which may hold secrets, and of a person no more than an id.
create table atlas.source_events (
    tenant_id uuid not null references atlas.tenants (id),
    id text collate "C" not null,
    resource_id text collate "C" not null,
    activity text not null,
    operation text not null,
    actor_kind text collate "C" not null constraint source_events_actor_kind
        check (actor_kind in ('USER', 'APPLICATION', 'UNKNOWN')),
    actor_id text collate "C",
    actor_name text constraint source_events_actor_name check (actor_name is null or actor_kind = 'APPLICATION'),
    at timestamptz not null,
    correlation_id text,
    primary key (tenant_id, id, resource_id),
    constraint source_events_lengths check (
        length(id) <= 200 and length(resource_id) <= 200 and length(activity) <= 400 and length(operation) <= 100
        and length(actor_id) <= 200 and length(actor_name) <= 400 and length(correlation_id) <= 200)
);
create index source_events_resource on atlas.source_events (tenant_id, resource_id, at);
"""

POLICIES = """
alter table atlas.source_events enable row level security, force row level security;

grant select on atlas.source_events to atlas_api;
create policy api_select on atlas.source_events for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
grant select, insert on atlas.source_events to atlas_worker;
create policy worker_select on atlas.source_events for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_insert on atlas.source_events for insert to atlas_worker
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(POLICIES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
