"""What stands in a folder in the place of a file: links, pipes, files too large, folders that cannot be read."""

import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.domain.errors import OperatorError
from atlas.domain.vocabulary import CoverageStatus
from atlas.sources import walking
from atlas.sources.decoding import UnreadableError
from atlas.sources.folder import read_folder

from .factories import ID, OTHER_ID, keys, policy, unit, write


def only_problem(folder: Path):
    reading = read_folder(folder)
    assert unit(reading, "configurationPolicy").status is CoverageStatus.FAILED
    assert len(reading.problems) == 1
    return reading.problems[0]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    write(folder / "SettingsCatalog/good.json", policy())
    return folder


def test_a_huge_file_is_named_and_not_read(export):
    with (export / "SettingsCatalog/huge.json").open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    problem = only_problem(export)
    assert (problem.origin, problem.code) == ("SettingsCatalog/huge.json", "FILE_TOO_LARGE")
    assert "209,715,200" in problem.message


def test_a_pipe_does_not_hold_the_reading_up(export):
    os.mkfifo(export / "SettingsCatalog/pipe.json")
    assert only_problem(export).code == "NOT_A_FILE"


def test_a_pipe_that_takes_the_place_of_a_listed_file_is_refused(export):
    os.mkfifo(export / "SettingsCatalog/late.json")
    with pytest.raises(UnreadableError) as refused:
        walking.read_beneath(export, ("SettingsCatalog", "late.json"))
    assert refused.value.code == "NOT_A_FILE"


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_out_of_the_folder_is_named_and_not_followed(export, absolute):
    outside = write(export.parent / "outside/secret.json", policy(OTHER_ID))
    (export / "SettingsCatalog/link.json").symlink_to(outside if absolute else "../../outside/secret.json")
    problem = only_problem(export)
    assert (problem.origin, problem.code) == ("SettingsCatalog/link.json", "SYMLINK_OUTSIDE")
    assert keys(read_folder(export)) == [("configurationPolicy", ID)]


def test_a_folder_link_out_of_the_folder_fails_the_type_of_its_name(export):
    write(export.parent / "outside/f.json", {"id": ID})
    (export / "AssignmentFilters").symlink_to(export.parent / "outside")
    reading = read_folder(export)
    assert unit(reading, "configurationPolicy").status is CoverageStatus.COMPLETE
    assert unit(reading, "assignmentFilter").error_code == "SYMLINK_OUTSIDE"


def test_a_link_out_of_the_folder_that_names_no_export_file_is_no_problem(export):
    write(export.parent / "readme.md", b"")
    (export / "README.md").symlink_to(export.parent / "readme.md")
    assert read_folder(export).problems == ()


@pytest.mark.parametrize("target", [".", "..", "SettingsCatalog", "SettingsCatalog/good.json"])
def test_a_link_within_the_folder_reads_nothing_twice_and_loops_end(export, target):
    link = "again.json" if target.endswith(".json") else "again"
    (export / link).symlink_to(export / target if target != ".." else export)
    (export / "SettingsCatalog/up").symlink_to("..")
    reading = read_folder(export)
    assert keys(reading) == [("configurationPolicy", ID)]
    assert reading.problems == ()


def test_a_link_within_the_folder_to_what_is_not_read_is_named(export):
    write(export / "data/a.txt", policy(OTHER_ID))
    (export / "SettingsCatalog/a.json").symlink_to(export / "data/a.txt")
    assert only_problem(export).code == "SYMLINK_NOT_FOLLOWED"


@pytest.mark.parametrize("target", ["nowhere.json", "self.json"])
def test_a_link_that_leads_nowhere_is_named(export, target):
    (export / "SettingsCatalog/self.json").symlink_to(target)
    assert only_problem(export).code == "SYMLINK_BROKEN"


def test_a_folder_swapped_for_a_link_after_listing_is_not_followed(export):
    write(export.parent / "outside/good.json", policy(OTHER_ID))
    (export / "SettingsCatalog").rename(export.parent / "moved")
    (export / "SettingsCatalog").symlink_to(export.parent / "outside")
    with pytest.raises(UnreadableError):
        walking.read_beneath(export, ("SettingsCatalog", "good.json"))


def test_a_file_swapped_for_a_link_after_listing_is_not_followed(export):
    outside = write(export.parent / "secret.json", policy(OTHER_ID))
    (export / "SettingsCatalog/good.json").unlink()
    (export / "SettingsCatalog/good.json").symlink_to(outside)
    with pytest.raises(UnreadableError):
        walking.read_beneath(export, ("SettingsCatalog", "good.json"))


def test_reading_leaves_no_file_open(export):
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("counts open files through /proc")
    os.mkfifo(export / "SettingsCatalog/pipe.json")
    before = count()
    for parts in (("SettingsCatalog", "good.json"), ("none", "x.json"), ("SettingsCatalog", "pipe.json")):
        try:
            walking.read_beneath(export, parts)
        except UnreadableError:
            continue
    assert count() == before


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs a file whose size is not what it gives")
def test_a_file_that_gives_another_size_than_it_told_is_refused():
    with pytest.raises(UnreadableError) as refused:
        walking.read_beneath(Path("/proc").resolve(), (str(os.getpid()), "status"))
    assert refused.value.code == "CHANGED_WHILE_READ"


def test_a_folder_with_too_many_files_is_refused(export, monkeypatch):
    monkeypatch.setattr(walking, "MAX_ENTRIES", 3)
    for number in range(3):
        write(export / f"{number}.txt", b"")
    with pytest.raises(OperatorError) as raised:
        read_folder(export)
    assert raised.value.code == "TOO_MANY_FILES"


def test_folders_nested_too_deep_are_named(export):
    write(export.joinpath(*["d"] * 40) / "a.json", policy(OTHER_ID))
    problem = only_problem(export)
    assert problem.code == "TOO_DEEP"


def test_what_the_account_may_not_read_is_named(export, tmp_path):
    # Root may read all, so the reading is done by an account that may not.
    write(export / "SettingsCatalog/closed.json", policy(OTHER_ID)).chmod(0)
    write(export / "AssignmentFilters/f.json", {"id": ID})
    (export / "AssignmentFilters").chmod(0)
    code = (
        "import json, pathlib, sys\n"
        "from atlas.sources.folder import read_folder\n"
        "def read(_):\n"
        "    reading = read_folder(pathlib.Path(sys.argv[1]))\n"
        "    return [[p.origin, p.code] for p in reading.problems], [[u.item_type, u.status] for u in reading.units]\n"
        "import os\n"
        "if len(sys.argv) > 2: os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
        "print(json.dumps(read(None)))\n"
    )
    arguments = [sys.executable, "-c", code, str(export)]
    if os.geteuid() == 0:
        arguments.append(str(pwd.getpwnam("nobody").pw_uid))
    above = [folder for folder in (tmp_path, *tmp_path.parents) if not folder.stat().st_mode & stat.S_IXOTH]
    modes = [folder.stat().st_mode for folder in above]
    for folder in above:
        folder.chmod(0o755)
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    (export / "AssignmentFilters").chmod(0o700)
    for folder, mode in zip(above, modes, strict=True):
        folder.chmod(mode)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [["AssignmentFilters", "UNREADABLE"], ["SettingsCatalog/closed.json", "UNREADABLE"]],
        [["assignmentFilter", "FAILED"], ["configurationPolicy", "FAILED"]],
    ]
