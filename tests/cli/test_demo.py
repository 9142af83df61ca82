"""`atlas demo` and `atlas doctor` on a home of their own."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Atlas, left_in


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    return Atlas(tmp_path_factory.mktemp("demo") / "home", cold=True)


def test_the_demo_ends_with_findings_and_does_so_again(atlas: Atlas) -> None:
    first = atlas.run("demo", "--exit").stdout
    for words in ("SUCCEEDED", "CRITICAL", "REMOVED", "ADDED", "DATA", "atlas ack", "atlas tenant create"):
        assert words in first
    found = atlas.json("findings", "--tenant", "Larkfield Health")
    assert_what_the_sample_is_for(found)
    again = atlas.json("demo", "--exit")
    assert {one["fingerprint"]: one["status"] for one in again} == {one["fingerprint"]: one["status"] for one in found}
    assert len(atlas.json("tenant", "list")) == 1
    assert left_in(atlas.home) == []


def assert_what_the_sample_is_for(found: list[dict[str, Any]]) -> None:
    """A recreation, a widened assignment, changed secrets and the shared id are told each as what it is."""
    recreated = [one for one in found if one["recreation"]]
    assert sorted(one["changeType"] for one in recreated if one["recreation"]["identical"]) == ["ADDED", "REMOVED"]
    assert {one["subject"]["displayName"] for one in recreated} == {"Win - Password and lock"}
    modified = {one["subject"]["displayName"]: one for one in found if one["changeType"] == "MODIFIED"}
    [widened] = modified["mac - FileVault"]["changes"]
    assert widened["path"] == "assignments/[allDevices,apply]/target"
    for name in ("mac - Clinic Wi-Fi", "Win - Clinic Wi-Fi"):
        [secret] = modified[name]["changes"]
        assert secret["before"]["redacted"] and secret["after"]["redacted"], secret
    [shared] = [one for one in found if one["kind"] == "DATA_QUALITY"]
    assert shared["subject"]["displayName"].startswith("Win - LAPS")


def test_the_doctor_finds_a_healthy_home_healthy(atlas: Atlas) -> None:
    checks = atlas.json("doctor")
    assert {one["state"] for one in checks} == {"ok"}, checks
    assert {"python", "postgres", "valkey", "services", "key", "atlas_api", "database", "broker", "clock"} <= {
        one["name"] for one in checks
    }
    assert "0 wrong" in atlas.run("doctor").stdout


def test_the_doctor_names_what_is_wrong_and_the_mend(atlas: Atlas, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    (tmp_path / "key").chmod(0o600)
    checks = atlas.with_(ATLAS_SECRET_KEY_FILE=tmp_path / "key").json("doctor", exit_code=1)
    wrong = [one for one in checks if one["state"] == "fail"]
    assert len(wrong) == 1
    assert "32" in wrong[0]["message"]
    assert wrong[0]["mend"]
