"""${message}

Revision ID: ${up_revision}
"""

from atlas.store.migrations import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("set local lock_timeout = '5s'")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
