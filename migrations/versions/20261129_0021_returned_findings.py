"""A finding keeps the drift run in which its content last came back: who changed it then is told of that pair.

Revision ID: 0021
"""

from atlas.store.migrations import run

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHANGES = """
-- Null: it has stood, or not, since the pair in which it was first seen. Of what came back earlier nobody noted where.
alter table atlas.findings
    add returned_in uuid,
    add constraint findings_returned_in foreign key (tenant_id, returned_in)
        references atlas.drift_runs (tenant_id, id);

grant update (returned_in) on atlas.findings to atlas_worker;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(CHANGES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
