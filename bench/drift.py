"""`python -m bench drift`: Atlas beside other tools on the same two readings: changes, phantom, missed, and time."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from atlas.domain.canonical import canonical_item, decode_body, encode_body
from atlas.domain.differ import diff
from atlas.domain.keys import derive_tenant_key
from atlas.domain.paths import segments, unescape
from atlas.sample import EXPORTS
from atlas.sources.folder import read_folder
from bench import truth
from bench.contenders import CONTENDERS

Raw = dict[str, Any]
Pair = tuple[str, Raw, Raw]

KEY = derive_tenant_key(b"the key of the benchmark, no secret", UUID(int=1))
RELEASES = ("3.4", "3.5", "3.6")
PACKAGES = ("deepdiff==9.1.0", "deepdiff-rs==0.17.1", "IntuneCD==2.6.0")
# What Atlas tells of an assignment beside its target, the measure of truth finds in that.
OF_TARGETS = {
    "target": "whom",
    "mode": "excluded",
    "assignmentFilter": "deviceAndAppManagementAssignmentFilterId",
    "assignmentFilterType": "deviceAndAppManagementAssignmentFilterType",
}
ROUNDS = 3
ATLAS = "Atlas"
# A port to a compiled language, which redacts, hashes and keeps nothing, is measured beside them and no match.
SLOWER = tuple(name for name in CONTENDERS if not name.startswith("deepdiff-rs"))
_STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\"([^\"]*)\"\]|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool said of all pairs together: changes, those that nobody made, those it did not tell, and its time."""

    changes: int
    phantom: int
    missed: int
    milliseconds: float


def real_folders() -> tuple[Path, ...]:
    """The real releases where they are at hand, the oldest first."""
    root = Path(os.environ.get("ATLAS_REAL_INPUT") or Path(__file__).parents[2] / "shared" / "data")
    folders = tuple(root / "openintunebaseline" / f"windows-v{release}" for release in RELEASES)
    return folders if all(folder.is_dir() for folder in folders) else ()


def readings(folders: Sequence[Path]) -> Iterator[tuple[str, list[Pair]]]:
    """For each two readings that follow each other, the objects that are in both, by their id."""
    for before, after in pairwise(folders):
        old = {(found.item_type, found.external_id): dict(found.raw) for found in read_folder(before).objects}
        new: dict[tuple[str, str], Raw] = {}
        for found in read_folder(after).objects:
            key = (found.item_type, found.external_id)
            # Two objects came under one id: no tool here is asked about the one that is not the old one any more.
            if key in old and (key not in new or _distance(old[key], found.raw) < _distance(old[key], new[key])):
                new[key] = dict(found.raw)
        yield f"{before.name} -> {after.name}", [(key[0], old[key], raw) for key, raw in new.items()]


def _distance(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    return truth.changes(before, after).total()


def atlas(pairs: Sequence[Pair], rounds: int = ROUNDS) -> Result:
    """Atlas from parsed JSON to changes: both objects in canonical form, redacted and hashed, then the differ."""
    best, found = float("inf"), []
    for _ in range(rounds):
        began = time.process_time()
        found = [changes_of_atlas(pair) for pair in pairs]
        best = min(best, (time.process_time() - began) * 1_000)
    return judged_by_value(pairs, [[change.path for change in one] for one in found], best)


def judged_by_value(pairs: Sequence[Pair], reports: Sequence[Sequence[str]], milliseconds: float) -> Result:
    """Each change of Atlas is one value: at one place of one object, more of them than really changed are phantom, and
    fewer are missed. One too many here makes up for no other that is missing there.
    """
    told = phantom = missed = 0
    for (_, before, after), paths in zip(pairs, reports, strict=True):
        real, named = truth.changes(before, after), Counter(map(place_of_atlas, paths))
        told += len(paths)
        phantom += (named - real).total()
        missed += (real - named).total()
    return Result(told, phantom, missed, milliseconds)


def place_of_atlas(path: str) -> truth.Place:
    """The place of a path of Atlas, as the measure of truth calls it: rows are no places."""
    place = tuple(unescape(step) for step in segments(path) if step[:1] not in {"[", "#"})
    return ("assignments", "target", OF_TARGETS[place[1]]) if place[1:] and place[1] in OF_TARGETS else place


def atlas_recorded(pairs: Sequence[Pair], rounds: int = ROUNDS) -> Result:
    """What Atlas does in service: the older reading was brought into its form, and stored, when it was recorded."""
    stored = [(canonical_item(kind, before, KEY, "one"), kind, after) for kind, before, after in pairs]
    bodies = [(one.hash, encode_body(one.properties), kind, after) for one, kind, after in stored]
    best, told = float("inf"), 0
    for _ in range(rounds):
        began = time.process_time()
        told = 0
        for old_hash, body, kind, after in bodies:
            other = canonical_item(kind, after, KEY, "one")
            told += 0 if old_hash == other.hash else len(diff(decode_body(body), other.properties))
        best = min(best, (time.process_time() - began) * 1_000)
    whole = atlas(pairs, rounds=1)
    if told != whole.changes:
        raise AssertionError("what is stored and what is read anew give the same changes")
    return Result(told, whole.phantom, whole.missed, best)


def changes_of_atlas(pair: Pair) -> Sequence[Any]:
    item_type, before, after = pair
    one, other = (canonical_item(item_type, raw, KEY, "one") for raw in (before, after))
    return () if one.hash == other.hash else diff(one.properties, other.properties)


def judged(pairs: Sequence[Pair], reports: Sequence[Sequence[Sequence[str]]], milliseconds: float) -> Result:
    """A report is phantom when nothing changed at, or below, the places that it names; a change that no report
    leads to is missed.
    """
    told = phantom = missed = 0
    for (_, before, after), paths in zip(pairs, reports, strict=True):
        real, reached = truth.changes(before, after), set()
        for was, now in paths:
            places = {truth.place_of(before, _steps(was)), truth.place_of(after, _steps(now))} - {None}
            hit = {place for place in real for named in places if place[: len(named or ())] == named}
            reached |= hit
            phantom += not hit
        told += len(paths)
        missed += sum(count for place, count in real.items() if place not in reached)
    return Result(told, phantom, missed, milliseconds)


def _steps(path: str) -> list[str | int]:
    found = (match.groups() for match in _STEP.finditer(path))
    return [
        int(index) if index is not None else (single if single is not None else double)
        for single, double, index in found
    ]


def others(pairs: Sequence[Pair], python: Path, folder: Path, rounds: int = ROUNDS) -> Mapping[str, Result | None]:
    """The other tools, each in a process of its own; None for one that did not run."""
    file = folder / "pairs.json"
    stripped = [[truth.strip(before), truth.strip(after)] for _, before, after in pairs]
    file.write_text(json.dumps(stripped), "utf-8")
    script = Path(__file__).with_name("contenders.py")
    found: dict[str, Result | None] = {}
    for name in CONTENDERS:
        done = subprocess.run(
            [python, "-I", script, name, file, str(rounds)], capture_output=True, text=True, check=False
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else None
        compared = [(kind, *both) for (kind, _, _), both in zip(pairs, stripped, strict=True)]
        found[name] = answer and judged(compared, answer["reports"], answer["ms"])
    return found


def environment(folder: Path) -> Path | None:
    """An environment with the other tools in it, in the versions that the figures are of; None where they cannot be
    had.
    """
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    asked = [python, "-m", "pip", "--disable-pip-version-check", "-qq", "install", *PACKAGES]
    return python if subprocess.run(asked, capture_output=True, check=False).returncode == 0 else None


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alone", action="store_true", help="pass also where another tool cannot be installed, or does not run"
    )


def run(given: argparse.Namespace) -> None:
    """Prints a table a pair. Exits 1 where Atlas is not exact, not faster than the tools it is to be faster than, or
    where one of these is not there to compare it with.
    """
    console = Console(width=None if sys.stdout.isatty() else 110)
    folders = real_folders()
    if not folders:
        console.print("The real releases are not at hand (ATLAS_REAL_INPUT): the sample is compared instead.")
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as name:
        console.print("Installing deepdiff, deepdiff-rs and IntuneCD into an environment of their own.")
        python = environment(Path(name) / "venv")
        if python is None:
            console.print("[bold]They could not be installed[/bold] (is the package registry reachable?).")
        for title, pairs in readings(folders or EXPORTS):
            found = measured(pairs, python, Path(name))
            console.print(table(title, pairs, found))
            missed += unmet(found, alone=given.alone)
    if missed:
        raise SystemExit("\n".join(missed))


def measured(pairs: Sequence[Pair], python: Path | None, folder: Path) -> dict[str, Result | None]:
    """Each tool's result, Atlas first; None for one that did not run."""
    ours: dict[str, Result | None] = {ATLAS: atlas(pairs), "Atlas, the older reading recorded": atlas_recorded(pairs)}
    return ours | dict(others(pairs, python, folder) if python else dict.fromkeys(CONTENDERS))


def unmet(found: Mapping[str, Result | None], *, alone: bool = False) -> list[str]:
    """What is promised of Atlas and does not hold, in words: no phantom, none missed, and faster than these tools.
    `alone`: a tool that did not run holds nothing up.
    """
    ours = found[ATLAS]
    if ours is None or ours.phantom or ours.missed:
        return ["Atlas does not tell exactly what changed."]
    slower = [name for name in SLOWER if (one := found.get(name)) and one.milliseconds <= ours.milliseconds]
    absent = [] if alone else [name for name in CONTENDERS if found.get(name) is None]
    return [
        *(f"{name} is faster than Atlas." for name in slower),
        *(f"{name} did not run: nothing was compared with it (--alone passes without)." for name in absent),
    ]


def table(title: str, pairs: Sequence[Pair], found: Mapping[str, Result | None]) -> Table:
    real = sum(truth.changes(before, after).total() for _, before, after in pairs)
    shown = Table(title=f"{title}: {len(pairs)} objects in both, {real} values really changed", title_justify="left")
    shown.add_column("tool")
    for column in ("changes", "phantom", "missed", "CPU ms", "of Atlas's time"):
        shown.add_column(column, justify="right")
    ours = found[ATLAS]
    for name, result in found.items():
        if result is None or ours is None:
            shown.add_row(name, "-", "-", "-", "-", "not run")
            continue
        figures = (result.changes, result.phantom, result.missed)
        ratio = result.milliseconds / ours.milliseconds
        shown.add_row(name, *map(str, figures), f"{result.milliseconds:,.1f}", f"{ratio:,.1f}x")
    return shown
