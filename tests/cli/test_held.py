"""A run that is held: how the command ends, what it tells, and how it is confirmed."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.cli.conftest import Up
from tests.factories import make_policy, write_export


@pytest.fixture
def tenant(up: Up) -> str:
    name = f"held-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", name)
    return name


def test_a_run_that_lacks_too_much_is_held_until_it_is_confirmed(up: Up, tenant: str, tmp_path: Path) -> None:
    whole = write_export(tmp_path / "whole", *map(make_policy, range(10)))
    cut = write_export(tmp_path / "cut", *map(make_policy, range(3)))
    up.atlas.run("sync", "folder", whole, "--tenant", tenant)
    told = up.atlas.run("sync", "folder", cut, "--tenant", tenant, exit_code=3)
    assert "NEEDS_CONFIRMATION" in told.stdout
    assert "7 of 10 objects are missing, 3 came" in " ".join(told.stderr.split())
    run = up.atlas.json("sync", "folder", cut, "--tenant", tenant, exit_code=3)
    assert (run["status"], run["sequence"]) == ("NEEDS_CONFIRMATION", None)
    named = run["error"]["message"].partition("atlas sync confirm ")[2][:36]
    assert str(UUID(named)) == named
    confirmed = up.atlas.json("sync", "confirm", named, "--tenant", tenant, "--reason", "cleaned up")
    assert (confirmed["id"], confirmed["status"], confirmed["sequence"]) == (run["id"], "SUCCEEDED", 2)
    assert confirmed["counts"]["removed"] == 7
    error = up.atlas.refused("sync", "confirm", named, "--tenant", tenant, "--reason", "again")
    assert error["code"] == "CONFLICT"
