"""The examples for automation, run as a pipeline would run them, against a server with its worker."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import ROOT, Atlas, Up, export, served

FOLDER = ROOT / "examples/automation"


@dataclass(frozen=True, slots=True)
class Gate:
    """A server, a tenant in which one policy changed, and the token that the pipeline holds."""

    up: Up
    token: str

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {"PATH": "", "ATLAS_URL": self.up.url, "ATLAS_TOKEN": self.token} | environment
        command = [sys.executable, "-W", "error", str(FOLDER / "drift_gate.py"), *words]
        return subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder: Path = tmp_path_factory.mktemp("exports")
    with served(Atlas(tmp_path_factory.mktemp("gate"))) as up:
        up.atlas.run("tenant", "create", "contoso")
        up.atlas.run("sync", "folder", export(folder / "one"), "--tenant", "contoso", "--label", "production")
        up.atlas.run("sync", "folder", export(folder / "two", p1=2), "--tenant", "contoso", "--label", "production")
        new = up.atlas.json("token", "create", "--principal", "ci", "--tenant", "contoso", "--role", "OPERATOR")
        yield Gate(up, new["token"])


def test_what_is_new_and_severe_fails_the_job_until_somebody_accepts_it(gate: Gate) -> None:
    failed = gate.run("--tenant", "contoso", "--key", "run-1", "--severity", "LOW")
    assert failed.returncode == 1, failed.stderr
    assert "Policy 1" in failed.stdout
    assert "drift run: SUCCEEDED" in failed.stderr
    again = gate.run("--tenant", "contoso", "--key", "run-1", "--scope", "production", "--severity", "LOW")
    assert (again.returncode, again.stdout) == (1, failed.stdout)
    assert gate.run("--tenant", "contoso", "--key", "run-2", "--severity", "CRITICAL").returncode == 0
    (finding,) = gate.up.atlas.json("findings", "--tenant", "contoso")
    gate.up.atlas.run("ack", finding["id"], "--reason", "Change 4711")
    passed = gate.run("--tenant", "contoso", "--key", "run-3", "--severity", "LOW")
    assert (passed.returncode, passed.stdout) == (0, ""), passed.stderr


def test_what_cannot_be_done_is_told_in_a_line(gate: Gate) -> None:
    for told in (
        gate.run("--tenant", "fabrikam", "--key", "run-1"),
        gate.run("--tenant", "contoso", "--scope", "staging", "--key", "run-1"),
        gate.run("--tenant", "contoso", "--key", "run-1", ATLAS_TOKEN="atlas_wrong"),
        gate.run("--tenant", "contoso", "--key", "run-1", ATLAS_URL="http://127.0.0.1:1"),
    ):
        assert (told.returncode, told.stdout) == (2, "")
        assert len(told.stderr.splitlines()) == 1, told.stderr


def test_the_pipeline_runs_the_example_with_a_key_of_its_own_run() -> None:
    pipeline = yaml.safe_load((FOLDER / "pipeline.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in pipeline["jobs"]["gate"]["steps"] if "run" in step]
    (gate,) = [one for one in commands if "drift_gate.py" in one]
    assert '--key "${{ github.run_id }}"' in gate
    assert (ROOT / gate.split()[1]).is_file()
