"""Three releases of real policies give exactly what is in them, and the same in any home with the same keys.

Where that data does not lie beside the repository, three made-up exports show the latter.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from atlas.local import services
from atlas.store.bootstrap import connect
from tests.cli.conftest import ROOT, Atlas, Up, export, served

DATA = Path(os.environ.get("ATLAS_REAL_INPUT") or ROOT.parent / "shared" / "data") / "openintunebaseline"
RELEASES = ("v3.4", "v3.5", "v3.6")
TENANT_ID = str(uuid4())
NAMES, DESCRIPTIONS = {"name", "displayName"}, {"description"}

real = pytest.mark.skipif(not DATA.is_dir(), reason="the real input is not beside the repository")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a home told of the releases: its syncs, its drift runs, and the findings after each of these."""

    up: Up
    syncs: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    findings: list[dict[str, dict[str, Any]]]

    def fingerprints(self) -> bytes:
        return "\n".join(sorted(self.findings[-1])).encode()

    def fresh(self) -> list[dict[str, Any]]:
        """The findings that the second drift brought."""
        return [one for fingerprint, one in self.findings[1].items() if fingerprint not in self.findings[0]]


def found(atlas: Atlas) -> dict[str, dict[str, Any]]:
    return {one["fingerprint"]: one for one in atlas.json("findings", "--tenant", TENANT_ID)}


def record(up: Up, releases: Sequence[Path]) -> Recorded:
    recorded = Recorded(up, [], [], [])
    up.atlas.run("tenant", "create", f"oib-{TENANT_ID[:8]}", "--id", TENANT_ID)
    for number, release in enumerate(releases):
        recorded.syncs.append(up.atlas.json("sync", "folder", release, "--tenant", TENANT_ID))
        if number:
            recorded.runs.append(up.atlas.json("drift", "--tenant", TENANT_ID))
            recorded.findings.append(found(up.atlas))
    return recorded


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if DATA.is_dir():
        return [DATA / f"windows-{release}" for release in RELEASES]
    folder = tmp_path_factory.mktemp("releases")
    return [export(folder / "one"), export(folder / "two", p1=2), export(folder / "three", p1=2, p3=5, p4=1)]


@pytest.fixture(scope="module")
def here(up: Up, releases: list[Path]) -> Recorded:
    return record(up, releases)


@pytest.fixture
def elsewhere(up: Up, tmp_path: Path) -> Iterator[Up]:
    """An empty home with the same deployment key."""
    with served(Atlas(tmp_path / "home").with_(ATLAS_SECRET_KEY_FILE=up.atlas.home / "secret.key")) as second:
        yield second


def counted(findings: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """(modified, added, removed, data quality)."""
    kinds = Counter(one["changeType"] or one["kind"] for one in findings)
    return kinds["MODIFIED"], kinds["ADDED"], kinds["REMOVED"], kinds["DATA_QUALITY"]


def changed(findings: list[dict[str, Any]]) -> tuple[int, int, int]:
    """The property changes of what was modified: (of settings, of names, of descriptions)."""
    paths = [one["path"] for each in findings if each["changeType"] == "MODIFIED" for one in each["changes"]]
    names, descriptions = (sum(path in words for path in paths) for words in (NAMES, DESCRIPTIONS))
    return len(paths) - names - descriptions, names, descriptions


@real
def test_the_releases_differ_in_exactly_what_is_in_them(here: Recorded) -> None:
    assert here.syncs[1]["counts"] == {"observed": 90, "added": 2, "changed": 5, "removed": 1, "unchanged": 83}
    first, fresh = list(here.findings[0].values()), here.fresh()
    assert (counted(first), changed(first)) == ((5, 2, 1, 0), (12, 5, 2))
    assert (counted(fresh), changed(fresh)) == ((11, 5, 1, 1), (39, 8, 3))
    linked = [one for one in fresh if one["recreation"]]
    assert sorted(one["changeType"] for one in linked if one["recreation"]["identical"]) == ["ADDED", "REMOVED"]


def test_an_empty_home_with_the_same_keys_gives_the_same_fingerprints(
    here: Recorded, elsewhere: Up, releases: list[Path]
) -> None:
    there = record(elsewhere, releases)
    assert here.fingerprints()
    assert there.fingerprints() == here.fingerprints()
    ids = [{run["id"] for run in each.syncs} for each in (here, there)]
    assert not ids[0] & ids[1]


def test_drift_of_the_same_pair_again_is_the_same_run(here: Recorded) -> None:
    atlas, run = here.up.atlas, here.runs[0]
    pair = {f"{end}RunId": run[f"{end}Run"]["id"] for end in ("baseline", "current")}
    again = atlas.json("drift", "--tenant", TENANT_ID, "--baseline", pair["baselineRunId"],
                       "--current", pair["currentRunId"])  # fmt: skip
    assert (again["id"], again["finishedAt"]) == (run["id"], run["finishedAt"])
    assert set(found(atlas)) == set(here.findings[-1])
    made = atlas.json("token", "create", "--principal", "again", "--tenant", TENANT_ID, "--role", "OPERATOR")
    query = "mutation ($input: GenerateDriftInput!) { generateDrift(input: $input) { created driftRun { id } } }"
    given = {"tenantId": run["tenant"]["id"], "scopeKey": run["scope"]["key"], **pair}
    answer = httpx.post(
        f"{here.up.url}/graphql",
        json={"query": query, "variables": {"input": given}},
        headers={"authorization": f"Bearer {made['token']}"},
    ).json()
    assert answer["data"]["generateDrift"] == {"created": False, "driftRun": {"id": run["id"]}}


def test_the_same_folder_again_writes_no_interval_and_finds_nothing(here: Recorded, releases: list[Path]) -> None:
    atlas = here.up.atlas
    before = intervals(atlas.home)
    again = atlas.json("sync", "folder", releases[-1], "--tenant", TENANT_ID)
    assert again["counts"]["unchanged"] == again["counts"]["observed"]
    assert before
    assert intervals(atlas.home) == before
    assert atlas.json("drift", "--tenant", TENANT_ID)["counts"]["findingsNew"] == 0
    assert set(found(atlas)) == set(here.findings[-1])


def intervals(home: Path) -> list[tuple[Any, ...]]:
    """Each stored row with the place and the transaction that wrote it: a row written again has others."""

    async def read(url: str) -> list[tuple[Any, ...]]:
        connection = await connect(url, database="atlas")
        try:
            rows = await connection.fetch(
                "select ctid::text, xmin::text, item_id from atlas.item_intervals where tenant_id = $1 order by 1",
                TENANT_ID,
            )
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    with services(home) as running:
        return asyncio.run(read(running.superuser_database_url))
