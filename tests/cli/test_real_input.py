"""Three releases of real policies give exactly what is in them. Runs where that data lies beside the repository."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Up

DATA = Path(os.environ.get("ATLAS_REAL_INPUT") or ROOT.parent / "shared" / "data") / "openintunebaseline"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real input is not beside the repository")


def counted(findings: list[dict[str, Any]]) -> tuple[int, int, int, int, int]:
    """(modified, added, removed, property changes of the modified, data quality)."""
    kinds = Counter(one["changeType"] or one["kind"] for one in findings)
    changes = sum(len(one["changes"]) for one in findings if one["changeType"] == "MODIFIED")
    return kinds["MODIFIED"], kinds["ADDED"], kinds["REMOVED"], changes, kinds["DATA_QUALITY"]


def test_the_releases_differ_in_exactly_what_is_in_them(up: Up) -> None:
    atlas = up.atlas
    atlas.run("tenant", "create", "oib")

    def sync(release: str) -> Any:
        return atlas.json("sync", "folder", DATA / f"windows-{release}", "--tenant", "oib")

    def drift() -> dict[str, dict[str, Any]]:
        atlas.json("drift", "--tenant", "oib")
        return {one["fingerprint"]: one for one in atlas.json("findings", "--tenant", "oib")}

    sync("v3.4")
    assert sync("v3.5")["counts"] == {"observed": 90, "added": 2, "changed": 5, "removed": 1, "unchanged": 83}
    first = drift()
    assert counted(list(first.values())) == (5, 2, 1, 19, 0)
    sync("v3.6")
    second = drift()
    fresh = [one for fingerprint, one in second.items() if fingerprint not in first]
    assert counted(fresh) == (11, 5, 1, 50, 1)
    linked = [one for one in fresh if one["recreation"]]
    assert sorted(one["changeType"] for one in linked if one["recreation"]["identical"]) == ["ADDED", "REMOVED"]
    again = sync("v3.6")
    assert again["counts"]["unchanged"] == again["counts"]["observed"]
    assert set(drift()) == set(second)
