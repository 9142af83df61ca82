"""The command line against services that URLs name: who acts, over which door, and what refuses to start."""

from pathlib import Path
from uuid import uuid4

import pytest

from atlas.local import Services
from tests.cli.conftest import Atlas, export


@pytest.fixture
def deployment(cluster: Services, tmp_path: Path) -> Atlas:
    """A deployment on the tests' own services, without an embedded home."""
    key = tmp_path / "deployment.key"
    key.write_text("d" * 64)
    key.chmod(0o600)
    return Atlas(tmp_path / "home").with_(
        ATLAS_DATABASE_URL=cluster.database_url,
        ATLAS_WORKER_DATABASE_URL=cluster.worker_database_url,
        ATLAS_SWEEPER_DATABASE_URL=cluster.sweeper_database_url,
        ATLAS_OWNER_DATABASE_URL=cluster.owner_database_url,
        ATLAS_SUPERUSER_DATABASE_URL=cluster.superuser_database_url,
        ATLAS_BROKER_URL=cluster.broker_url.replace("db=0", "db=7"),
        ATLAS_SECRET_KEY_FILE=key,
    )


def test_from_the_first_token_to_drift_by_the_worker(deployment: Atlas, tmp_path: Path) -> None:
    name = f"deployed-{uuid4().hex[:8]}"
    deployment.run("tenant", "create", name)
    assert deployment.refused("findings", "--tenant", name)["code"] == "UNAUTHENTICATED"
    token = deployment.json("token", "create", "--principal", "ci", "--tenant", name, "--role", "MANAGER")["token"]
    assert [one["principal"] for one in deployment.json("token", "list", "--tenant", name)] == ["ci"]
    ci = deployment.with_(ATLAS_TOKEN=token)
    for folder in (export(tmp_path / "one"), export(tmp_path / "two", p1=2)):
        run = ci.json("sync", "folder", folder, "--tenant", name)
    assert run["requestedBy"]["displayName"] == "ci"
    assert ci.refused("drift", "--tenant", name, "--timeout", "0.2")["code"] == "WAITED_TOO_LONG"
    worker = deployment.start("worker")
    try:
        assert ci.json("drift", "--tenant", name, "--timeout", "60")["counts"]["modified"] == 1
    finally:
        worker.terminate()
        worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert len(ci.json("findings", "--tenant", name)) == 1
    assert not (deployment.home / "run").exists()


def test_an_unsafe_role_does_not_serve(deployment: Atlas, cluster: Services) -> None:
    for command, name in (("worker", "ATLAS_WORKER_DATABASE_URL"), ("api", "ATLAS_DATABASE_URL")):
        error = deployment.with_(**{name: cluster.owner_database_url}).refused(command)
        assert error["code"] == "UNSAFE_ROLE"


def test_the_database_is_made_upgraded_and_checked(deployment: Atlas) -> None:
    assert deployment.json("db", "bootstrap")["made"] == []
    assert deployment.json("db", "upgrade")["revision"]
    assert deployment.json("db", "check") == []


def test_an_unreachable_database_says_so_without_its_password(deployment: Atlas) -> None:
    away = deployment.with_(ATLAS_DATABASE_URL="postgresql://atlas_api:hunter2@127.0.0.1:1/atlas", ATLAS_TOKEN="")
    error = away.with_(ATLAS_TOKEN=f"atlas_{'0' * 43}").refused("tenant", "list")
    assert error["code"] in {"DATABASE_UNREACHABLE", "UNAUTHENTICATED"}
    told = away.run("doctor", "--json", exit_code=1)
    assert "hunter2" not in told.stdout + told.stderr


def test_a_key_must_be_named(deployment: Atlas, tmp_path: Path) -> None:
    name = f"keyless-{uuid4().hex[:8]}"
    deployment.run("tenant", "create", name)
    token = deployment.json("token", "create", "--principal", "ci", "--tenant", name, "--role", "MANAGER")["token"]
    keyless = deployment.with_(ATLAS_TOKEN=token, ATLAS_SECRET_KEY_FILE="")
    error = keyless.refused("sync", "folder", export(tmp_path / "one"), "--tenant", name)
    assert error["code"] == "NO_KEY_FILE"


def test_the_demo_is_for_the_embedded_home(deployment: Atlas) -> None:
    assert deployment.refused("demo", "--exit")["code"] == "NOT_EMBEDDED"
