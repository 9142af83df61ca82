"""Runs other tools over pairs of objects, in an environment of their own: `python contenders.py NAME PAIRS ROUNDS`.

PAIRS is a JSON file of [before, after] pairs. Prints JSON: the least processor time in milliseconds, and for each
pair the paths that were reported, as [path before, path after]. It imports nothing of Atlas, which is not installed
where it runs.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Report = dict[str, Any]
Compare = Callable[[Any, Any], Report]
# What a report of DeepDiff holds beside changes.
NO_CHANGES = frozenset({"deep_distance"})


def deepdiff(module: str, *, ignore_order: bool) -> Compare:
    made = importlib.import_module(module).DeepDiff
    # The Rust rewrite reports as the original does at its second level, and takes no level.
    level = {"verbose_level": 2} if module == "deepdiff" else {}

    def compare(before: Any, after: Any) -> Report:
        report: Report = made(before, after, ignore_order=ignore_order, **level).to_dict()
        return report

    return compare


def intunecd() -> Compare:
    """What `IntuneCD-startcompare` does with two files after it has loaded them."""
    module = importlib.import_module("IntuneCD.run_compare")

    def compare(before: Any, after: Any) -> Report:
        # Its target is what was, its source what is.
        source, target = module._strip_keys(after, None), module._strip_keys(before, None)  # noqa: SLF001
        found = module.DeepDiff(target, source, ignore_order=True)
        module._process_diffs(found)  # noqa: SLF001
        told = ("values_changed", "type_changes", "iterable_item_added", "iterable_item_removed")
        return {kind: found[kind] for kind in told if kind in found}

    return compare


CONTENDERS: dict[str, Callable[[], Compare]] = {
    "deepdiff": lambda: deepdiff("deepdiff", ignore_order=False),
    "deepdiff, ignore_order": lambda: deepdiff("deepdiff", ignore_order=True),
    "deepdiff-rs": lambda: deepdiff("deepdiff_rs", ignore_order=False),
    "deepdiff-rs, ignore_order": lambda: deepdiff("deepdiff_rs", ignore_order=True),
    "IntuneCD": intunecd,
}


def paths(report: Report) -> list[list[str]]:
    found = []
    for kind, entries in report.items():
        if kind not in NO_CHANGES:
            found += [[path, _new_path(entries, path)] for path in entries]
    return found


def _new_path(entries: Any, path: str) -> str:
    entry = entries[path] if isinstance(entries, dict) else None
    return entry.get("new_path", path) if isinstance(entry, dict) else path


def main() -> None:
    name, file, rounds = sys.argv[1:]
    compare = CONTENDERS[name]()
    pairs = json.loads(Path(file).read_text("utf-8"))
    best, reports = float("inf"), []
    for _ in range(int(rounds)):
        began = time.process_time()
        reports = [compare(before, after) for before, after in pairs]
        best = min(best, (time.process_time() - began) * 1_000)
    json.dump({"ms": best, "reports": [paths(report) for report in reports]}, sys.stdout)


if __name__ == "__main__":
    main()
