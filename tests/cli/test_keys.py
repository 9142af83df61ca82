"""The deployment key file."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atlas.domain.errors import OperatorError
from atlas.keys import deployment_key, ensure_key, key_of, previous_keys, rotate


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_fresh_key_is_closed_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    ensure_key(path)
    first = deployment_key(path)
    ensure_key(path)
    assert deployment_key(path) == first
    assert len(first) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


def test_of_many_at_once_one_makes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: (ensure_key(path), deployment_key(path))[1], range(32)))
    assert len(found) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(OperatorError) as refused:
        deployment_key(write(tmp_path / "k", b"k" * 40, mode))
    assert refused.value.code == "KEY_FILE_OPEN"
    assert "chmod 600" in refused.value.mend


def test_a_short_key_is_refused_and_line_ends_do_not_count(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as refused:
        deployment_key(write(tmp_path / "short", b"k" * 31 + b"\r\n\n"))
    assert refused.value.code == "KEY_TOO_SHORT"
    assert "kkk" not in str(refused.value)
    assert deployment_key(write(tmp_path / "long", b"k" * 32 + b"\r\n")) == b"k" * 32


def test_a_key_file_that_is_absent_a_folder_or_too_large_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path, write(tmp_path / "large", b"k" * 5000)):
        with pytest.raises(OperatorError) as refused:
            deployment_key(path)
        assert refused.value.code == "KEY_FILE_UNREADABLE"


def test_a_key_of_the_environment_is_the_key_of_a_file_with_the_same_text(tmp_path: Path) -> None:
    text = "0123456789abcdef" * 2 + "\n"
    assert key_of(text, "ATLAS_SECRET_KEY") == deployment_key(write(tmp_path / "k", text.encode()))
    with pytest.raises(OperatorError) as refused:
        key_of("too short", "ATLAS_SECRET_KEY")
    assert refused.value.code == "KEY_TOO_SHORT"
    assert "too short" not in str(refused.value)


def test_a_rotation_keeps_the_old_key_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    ensure_key(path)
    first = deployment_key(path)
    assert rotate(path) == 1
    second = deployment_key(path)
    assert rotate(path) == 2
    assert previous_keys(path) == (second, first)
    assert len({first, second, deployment_key(path)}) == 3
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["secret.key", "secret.key.previous"]


def test_earlier_keys_that_lie_open_or_are_none_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "secret.key", b"k" * 40)
    assert previous_keys(path) == ()
    beside = write(tmp_path / "secret.key.previous", b"zz" * 40 + b"\n")
    with pytest.raises(OperatorError, match="no key"):
        previous_keys(path)
    beside.write_bytes(b"61" * 40 + b"\n")
    assert previous_keys(path) == (b"a" * 40,)
    beside.chmod(0o644)
    with pytest.raises(OperatorError, match="read by others"):
        previous_keys(path)
