"""Labels: what the source calls what a configuration names by its id; and what a run has to say besides its coverage.

Revision ID: 0018
"""

from atlas.store.migrations import run

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = """
create table atlas.labels (
    tenant_id uuid not null references atlas.tenants (id),
    kind text collate "C" not null constraint labels_kind
        check (kind in ('GROUP', 'FILTER', 'SCOPE_TAG', 'SETTING', 'OPTION')),
    id text collate "C" not null,
    -- Null: the source was asked for it, and has none.
    label text,
    read_at timestamptz not null default now(),
    primary key (tenant_id, kind, id),
    constraint labels_lengths check (length(id) between 1 and 1000 and length(label) between 1 and 400)
);

alter table atlas.sync_runs add notes text[] not null default '{}' constraint sync_runs_notes
    check (cardinality(notes) <= 20);
"""

POLICIES = """
alter table atlas.labels enable row level security, force row level security;

grant select on atlas.labels to atlas_api;
create policy api_select on atlas.labels for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));
grant select, insert, update (label, read_at) on atlas.labels to atlas_worker;
create policy worker_select on atlas.labels for select to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_insert on atlas.labels for insert to atlas_worker
    with check (tenant_id = (select atlas.tenant_for_job('sync')));
create policy worker_update on atlas.labels for update to atlas_worker
    using (tenant_id = (select atlas.tenant_for_job('sync')))
    with check (tenant_id = (select atlas.tenant_for_job('sync')));

grant select (notes) on atlas.sync_runs to atlas_api;
grant update (notes) on atlas.sync_runs to atlas_worker;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)
    run(POLICIES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
