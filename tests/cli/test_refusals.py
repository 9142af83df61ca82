"""What is unsafe is told by `atlas doctor`, and neither API nor worker starts on it; each refusal names the mend."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import make_url

from atlas.local import Services
from atlas.store.bootstrap import bootstrap, connect
from atlas.store.migrations import upgrade
from tests.cli.conftest import Atlas

SERVED = {"atlas_api": "database", "atlas_worker": "worker_database", "atlas_sweeper": "sweeper_database"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A database of its own on the tests' server, and the environment that names it."""

    cluster: Services
    database: str
    atlas: Atlas
    key: Path

    def url(self, name: str) -> str:
        url = make_url(getattr(self.cluster, f"{name}_url")).set(database=self.database)
        return url.render_as_string(hide_password=False)

    def as_(self, name: str) -> Atlas:
        """Where every process connects with this one URL."""
        return self.atlas.with_(**{f"ATLAS_{one.upper()}_URL": self.url(name) for one in SERVED.values()})

    def execute(self, statement: str) -> None:
        async def work() -> None:
            connection = await connect(self.url("owner_database"))
            await connection.execute(statement)
            await connection.close()

        _run(work())


@pytest.fixture
def deployment(cluster: Services, tmp_path: Path) -> Iterator[Deployment]:
    name = f"refusals_{uuid4().hex[:12]}"
    key = tmp_path / "deployment.key"
    key.write_text("d" * 64)
    key.chmod(0o600)
    atlas = Atlas(tmp_path / "home").with_(
        ATLAS_BROKER_URL=cluster.broker_url.replace("db=0", "db=8"), ATLAS_SECRET_KEY_FILE=key
    )
    made = Deployment(cluster, name, atlas, key)
    urls = {f"ATLAS_{one.upper()}_URL": made.url(one) for one in SERVED.values()}
    _run(bootstrap(cluster.superuser_database_url, database=name))
    _run(upgrade(made.url("owner_database")))
    yield Deployment(cluster, name, atlas.with_(**urls), key)
    _run(_drop(cluster, name))


def test_the_doctor_finds_nothing_wrong_with_a_sound_deployment(deployment: Deployment) -> None:
    checks = {one["name"]: one["state"] for one in deployment.atlas.json("doctor")}
    assert {checks[role] for role in SERVED} == {checks["key"]} == {"ok"}


@pytest.mark.parametrize("role", ["superuser_database", "owner_database"])
def test_a_role_with_too_many_rights_is_refused(deployment: Deployment, role: str) -> None:
    atlas = deployment.as_(role)
    for told in _refusals(atlas, "UNSAFE_ROLE"):
        assert "Let the URL name atlas_" in told["mend"]
    assert _failed(atlas) == set(SERVED)


@pytest.mark.parametrize(
    ("statement", "code", "named", "mend"),
    [
        ("alter table atlas.findings disable row level security", "UNSAFE_DATABASE", "findings",
         "enable row level security"),
        ("drop policy api_select on atlas.findings", "UNSAFE_DATABASE", "findings for SELECT to atlas_api",
         "by hand as atlas_owner"),
        ("drop policy worker_insert on atlas.findings", "UNSAFE_DATABASE", "findings for INSERT to atlas_worker",
         "by hand as atlas_owner"),
        ("grant update (severity) on atlas.findings to atlas_api", "UNSAFE_DATABASE",
         "grant update on column findings.severity to atlas_api", "Undo it by hand as atlas_owner"),
        ("update atlas.alembic_version set version_num = '0001'", "MIGRATIONS_OLDER", "0001", "atlas db upgrade"),
        ("drop table atlas.alembic_version", "NOT_MIGRATED", "no tables", "atlas db upgrade"),
    ],
)  # fmt: skip
def test_an_unsafe_database_is_refused(
    deployment: Deployment, statement: str, code: str, named: str, mend: str
) -> None:
    deployment.execute(statement)
    for told in _refusals(deployment.atlas, code):
        assert named in told["message"]
        assert mend in told["mend"]
    assert _failed(deployment.atlas) == set(SERVED)


@pytest.mark.parametrize("mode", [0o604, 0o640])
def test_a_key_file_that_others_can_read_is_refused(deployment: Deployment, mode: int) -> None:
    deployment.key.chmod(mode)
    for told in _refusals(deployment.atlas, "KEY_FILE_OPEN"):
        assert told["mend"] == f"Close it: chmod 600 {deployment.key}"
    assert _failed(deployment.atlas) == {"key"}


def test_an_earlier_key_that_others_can_read_is_refused(deployment: Deployment) -> None:
    deployment.atlas.run("keys", "rotate")
    earlier = deployment.key.with_name(f"{deployment.key.name}.previous")
    earlier.chmod(0o644)
    for told in _refusals(deployment.atlas, "KEY_FILE_OPEN"):
        assert str(earlier) in told["mend"]
    assert _failed(deployment.atlas) == {"key"}


def test_two_keys_at_once_are_refused(deployment: Deployment) -> None:
    atlas = deployment.atlas.with_(ATLAS_SECRET_KEY="e" * 64)
    assert {told["mend"] for told in _refusals(atlas, "TWO_KEYS")} != {""}
    assert _failed(atlas) == {"key"}
    assert _failed(atlas.with_(ATLAS_SECRET_KEY_FILE="")) == set()
    (short,) = {told["message"] for told in _refusals(atlas.with_(ATLAS_SECRET_KEY_FILE="", ATLAS_SECRET_KEY="short"),
                                                      "KEY_TOO_SHORT")}  # fmt: skip
    assert "ATLAS_SECRET_KEY has 5 bytes" in short


def _refusals(atlas: Atlas, code: str) -> list[dict[str, str]]:
    told = [atlas.refused("api", "--host", "127.0.0.1", "--port", 0), atlas.refused("worker")]
    assert [one["code"] for one in told] == [code, code]
    return told


def _failed(atlas: Atlas) -> set[str]:
    """The checks of the doctor that fail; each names its mend, and the doctor ends with 1 where there is one."""
    ended = atlas.run("doctor", "--json", exit_code=None)
    checks: list[dict[str, Any]] = orjson.loads(ended.stdout)
    failed = [one for one in checks if one["state"] == "fail"]
    assert ended.returncode == bool(failed)
    assert all(one["message"] and one["mend"] for one in failed)
    return {one["name"] for one in failed}


def _run(work: Any) -> None:
    # Tests of processes are not coroutines, but the loop of the session may run in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _drop(cluster: Services, database: str) -> None:
    connection = await connect(cluster.superuser_database_url, database="postgres")
    await connection.execute(f"drop database {database} with (force)")
    await connection.close()
