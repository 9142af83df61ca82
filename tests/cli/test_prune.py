"""`atlas prune`: shows what would go, does it by the worker, and says what is missing."""

from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Up
from tests.factories import make_policy, write_export

NOTHING = {"runs": 0, "intervals": 0, "contents": 0, "coverage": 0, "events": 0, "sourceEvents": 0}


def test_a_pruning_is_shown_done_by_the_worker_and_audited(up: Up, tmp_path: Path) -> None:
    tenant = f"prune-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", tenant)
    up.atlas.run("sync", "folder", write_export(tmp_path, make_policy(1)), "--tenant", tenant)
    shown = up.atlas.json("prune", "--tenant", tenant, "--keep-days", "30", "--dry-run")
    assert shown == {"tenant": tenant, "keepDays": 30, "dryRun": True, "counts": NOTHING}
    done = up.atlas.with_(ATLAS_KEEP_DAYS=40).json("prune", "--tenant", tenant)
    assert done == {"tenant": tenant, "keepDays": 40, "dryRun": False, "counts": NOTHING}
    told = up.atlas.run("prune", "--tenant", tenant, "--keep-days", "30").stdout
    assert "Gone from" in told
    assert "contents" in told


def test_without_a_number_of_days_nothing_is_pruned(up: Up) -> None:
    ended = up.atlas.run("prune", "--tenant", "whichever", exit_code=2)
    assert "--keep-days" in ended.stderr
