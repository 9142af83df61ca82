"""`atlas sync folder`: what is read, what is not, and how that ends."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Up, export
from tests.factories import make_policy, write_export


@pytest.fixture
def tenant(up: Up) -> str:
    name = f"folder-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", name)
    return name


def test_a_file_that_cannot_be_read_makes_the_run_partial(up: Up, tenant: str, tmp_path: Path) -> None:
    up.atlas.run("sync", "folder", export(tmp_path / "whole"), "--tenant", tenant)
    broken = export(tmp_path / "broken")
    (broken / "SettingsCatalog" / "0001.json").write_text("{ not json")
    write_export(broken, {"@odata.type": "#microsoft.graph.iosCompliancePolicy", "id": "c1", "displayName": "Phones"},
                 kind="CompliancePolicies")  # fmt: skip
    run = up.atlas.json("sync", "folder", broken, "--tenant", tenant, exit_code=3)
    assert run["status"] == "PARTIAL"
    assert run["counts"]["removed"] == 0
    coverage = {unit["itemType"]: unit["status"] for unit in run["coverage"]}
    assert coverage == {"configurationPolicy": "FAILED", "deviceCompliancePolicy": "COMPLETE"}
    assert "0001.json" in run["error"]["message"]
    told = up.atlas.run("sync", "folder", broken, "--tenant", tenant, exit_code=3)
    assert "PARTIAL" in told.stdout
    assert "0001.json" in told.stderr


def test_a_type_that_is_named_and_not_found_is_empty(up: Up, tenant: str, tmp_path: Path) -> None:
    folder = export(tmp_path)
    run = up.atlas.json(
        "sync", "folder", folder, "--tenant", tenant, "--types", "configurationPolicy,deviceCompliancePolicy"
    )
    observed = {unit["itemType"]: (unit["status"], unit["observed"]) for unit in run["coverage"]}
    assert observed == {"configurationPolicy": ("COMPLETE", 3), "deviceCompliancePolicy": ("COMPLETE", 0)}


@pytest.mark.parametrize(("make", "code"), [("nothing", "NO_FOLDER"), ("empty", "NO_POLICY"), ("file", "NO_FOLDER")])
def test_a_folder_that_holds_nothing_is_an_error(up: Up, tenant: str, tmp_path: Path, make: str, code: str) -> None:
    path = tmp_path / "export"
    if make == "empty":
        path.mkdir()
    if make == "file":
        path.write_text("{}")
    error = up.atlas.refused("sync", "folder", path, "--tenant", tenant)
    assert error["code"] == code
    assert error["mend"]


def test_several_scopes_must_be_named_one_by_one(up: Up, tenant: str, tmp_path: Path) -> None:
    folder = export(tmp_path / "one")
    all_types = up.atlas.json("sync", "folder", folder, "--tenant", tenant)
    for export_ in (folder, export(tmp_path / "two", p1=2)):
        run = up.atlas.json(
            "sync", "folder", export_, "--tenant", tenant, "--types", "configurationPolicy", "--label", "Catalog"
        )
    told = up.atlas.run("drift", "--tenant", tenant, exit_code=2)
    for scope in (all_types["scope"], run["scope"]):
        assert scope["key"][:20] in told.stderr
    for name in (run["scope"]["key"], run["scope"]["key"][:12], run["scope"]["label"]):
        assert up.atlas.json("drift", "--tenant", tenant, "--scope", name)["counts"]["modified"] == 1


def test_drift_before_the_second_run_says_so(up: Up, tenant: str, tmp_path: Path) -> None:
    assert up.atlas.refused("drift", "--tenant", tenant)["code"] == "NO_SYNC_RUN"
    up.atlas.run("sync", "folder", write_export(tmp_path, make_policy(1)), "--tenant", tenant)
    assert up.atlas.refused("drift", "--tenant", tenant)["code"] == "NEEDS_SECOND_RUN"


def test_a_sync_from_graph_needs_a_connection(up: Up, tenant: str) -> None:
    assert up.atlas.refused("sync", "graph", "--tenant", tenant)["code"] == "NO_GRAPH_CONNECTION"
