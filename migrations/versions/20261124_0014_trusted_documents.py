"""Trusted documents: the operations that the clients of this deployment were built with.

Revision ID: 0014
"""

from atlas.store.migrations import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
-- Of the deployment and of no tenant: what a document may read is decided anew for whoever asks it.
create table atlas.trusted_documents (
    id text collate "C" primary key constraint trusted_documents_id check (length(id) between 1 and 200),
    body text not null constraint trusted_documents_body check (length(body) between 1 and 32768),
    -- A process that keeps them sees by the count and the greatest revision whether anything has changed.
    revision bigint not null generated always as identity constraint trusted_documents_revision unique,
    loaded_at timestamptz not null default now()
);
grant select on atlas.trusted_documents to atlas_api;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(TABLES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
