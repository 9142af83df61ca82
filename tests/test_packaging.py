"""What is installed: pins with hashes, and a wheel that holds all that the program reads at run time."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import atlas

ROOT = Path(__file__).resolve().parent.parent
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = {name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8") for name in ("run", "dev")}
EXTRAS = {"run": ("embedded", "build"), "dev": ("embedded", "build", "dev")}


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """Package -> (version, number of hashes)."""
    entries = re.split(r"^(?=[a-z0-9])", re.sub(r"^ +#.*\n", "", lock, flags=re.MULTILINE), flags=re.MULTILINE)
    found = {}
    for entry in filter(None, entries):
        pin = re.match(r"([a-z0-9.-]+)==([^\s;]+)", entry)
        assert pin is not None, entry
        assert re.fullmatch(r"[^\n]+?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n", entry), entry
        found[pin[1]] = pin[2], entry.count("--hash=sha256:")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_hashes_and_no_lock_says_where_it_comes_from(name: str):
    found = pins(LOCKS[name])
    assert len(found) > 30
    assert all(hashes for _, hashes in found.values())
    assert re.findall(r"://|index|find-links|trusted| @ ", LOCKS[name]) == []


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_the_project_asks_for(name: str):
    found = pins(LOCKS[name])
    asked = list(PROJECT["dependencies"])
    asked += [one for extra in EXTRAS[name] for one in PROJECT["optional-dependencies"][extra]]
    for one in map(Requirement, asked):
        package = re.sub(r"[-_.]+", "-", one.name).lower()
        assert package in found, package
        assert one.specifier.contains(found[package][0], prereleases=True), package


def test_tests_run_on_the_versions_that_are_shipped():
    run, dev = pins(LOCKS["run"]), pins(LOCKS["dev"])
    assert {name: dev.get(name) for name in run} == run


def test_the_version_is_one():
    assert PROJECT["version"] == atlas.__version__
    assert f"## {atlas.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by what the lock holds and by nothing from outside."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_all_that_the_program_reads(wheel: Path):
    held = set(zipfile.ZipFile(wheel).namelist())
    assert set(there("atlas")) - held == set()
    assert {f"atlas/_{name}" for name in there("migrations")} - held == set()
    for name in ("schema/schema.graphql", "console/index.html", "_migrations/snapshot.txt", "_migrations/env.py"):
        assert f"atlas/{name}" in held
    assert sum(name.startswith("atlas/sample/2026-") for name in held) > 40


def test_the_wheel_holds_nothing_else(wheel: Path):
    others = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("atlas/")}
    information = f"atlas_drift-{atlas.__version__}.dist-info/"
    assert {name for name in others if not name.startswith(information)} == set()
    assert {f"{information}licenses/LICENSE", f"{information}entry_points.txt"} <= others


def test_the_wheel_finds_its_migrations_and_its_sample(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = """
        import atlas, atlas.sample, atlas.store.migrations as migrations, atlas.store.snapshot as snapshot
        from pathlib import Path
        here = Path(atlas.__file__).parent
        assert migrations.scripts() == here / "_migrations", migrations.scripts()
        assert snapshot.kept_lines()
        assert all(export.is_dir() and export.is_relative_to(here) for export in atlas.sample.EXPORTS)
        print(migrations.head())
    """
    said = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in script.splitlines())],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    newest = max(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert said.stdout.strip() in newest


def there(folder: str) -> list[str]:
    return [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
