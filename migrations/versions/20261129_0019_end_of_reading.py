"""The end of a run's reading: changes are attributed up to it, however long the run waits to be recorded.

Revision ID: 0019
"""

from atlas.store.migrations import run

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

CHANGES = """
-- Null: nobody noted it, as of runs before this migration; a run has read all that it records when it ends.
alter table atlas.sync_runs add read_at timestamptz;

grant select (read_at) on atlas.sync_runs to atlas_api;
grant update (read_at) on atlas.sync_runs to atlas_worker;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(CHANGES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
