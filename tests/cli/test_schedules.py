"""`atlas schedule`: what it refuses, and what it shows of a connected tenant."""

from uuid import uuid4

from tests.cli.conftest import Up


def test_a_schedule_is_set_shown_and_removed(up: Up) -> None:
    tenant = f"clock-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", tenant)
    error = up.atlas.refused("schedule", "set", "--tenant", tenant, "--every", "6")
    assert error["code"] == "NO_GRAPH_CONNECTION"
    assert up.atlas.json("schedule", "list", "--tenant", tenant) == []
    assert up.atlas.refused("schedule", "remove", "--tenant", tenant)["code"] == "NOT_FOUND"


def test_a_schedule_is_by_the_hour_or_by_cron(up: Up) -> None:
    for words in ((), ("--every", "6", "--cron", "0 0 * * *")):
        ended = up.atlas.run("schedule", "set", "--tenant", "whichever", *words, exit_code=2)
        assert "--every" in ended.stderr
