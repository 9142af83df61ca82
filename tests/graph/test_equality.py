"""The inventory that Graph gives is the inventory that an export of it gives: object by object, hash by hash."""

import json
from collections import Counter
from pathlib import Path

import pytest

from atlas.domain.canonical import canonical_item
from atlas.sample import EXPORTS
from atlas.sources.folder import read_folder
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.model import SourceObject
from tests.domain.graph import KEY
from tests.graph.asking import asking, read
from tests.graph.standin import RELEASES, StandIn, serving
from tests.graph.standin.tenant import of_folder

FOLDERS = (*(RELEASES / f"windows-v{version}" for version in ("3.4", "3.5", "3.6")), *EXPORTS)
AT_HAND = [folder for folder in FOLDERS if folder.is_dir()]
# Where two objects share an id, a call by that id cannot tell which one it is for.
WITHOUT_SHARED_IDS = [folder for folder in AT_HAND if folder.name not in {"windows-v3.6", "2026-02"}]


def canonical(objects: list[SourceObject]) -> Counter[tuple[str, str, str]]:
    items = [canonical_item(one.item_type, one.raw, KEY, one.external_id) for one in objects]
    return Counter((item.item_type, item.external_id, item.hash) for item in items)


async def everything(graph: StandIn) -> list[SourceObject]:
    found: list[SourceObject] = []
    async with asking(graph) as client:
        for item_type in CONTRACTS:
            unit, objects = await read(client, item_type)
            assert unit.status == "COMPLETE", unit
            assert unit.observed == len(objects)
            found += objects
    assert not graph.refused
    return found


@pytest.mark.parametrize("folder", AT_HAND, ids=lambda folder: folder.name)
async def test_graph_and_the_folder_give_the_same_objects_hash_by_hash(folder: Path):
    told = canonical(list(read_folder(folder).objects))
    with serving(of_folder(folder), page_by=25) as graph:
        objects = await everything(graph)
    assert canonical(objects) == told
    # And neither lacks what both could lack: what stands in the files, read by nothing of our own.
    assert Counter(one.external_id for one in objects) == ids_in_files(folder)


def ids_in_files(folder: Path) -> Counter[str]:
    """The id in each file; one with the parts of an object, and the table of groups, is no object by itself."""
    beside = ("_Settings.json", "MigrationTable.json")
    files = [path for path in folder.rglob("*.json") if not path.name.endswith(beside)]
    return Counter(json.loads(path.read_bytes())["id"] for path in files)


@pytest.mark.parametrize("folder", WITHOUT_SHARED_IDS, ids=lambda folder: folder.name)
async def test_expanded_collections_that_come_in_pages_are_read_to_their_end(folder: Path):
    told = canonical(list(read_folder(folder).objects))
    with serving(of_folder(folder), rows_by=2) as graph:
        assert canonical(await everything(graph)) == told
        assert graph.paths("/settings?$skiptoken")


async def test_two_objects_under_one_id_both_come():
    if not RELEASES.is_dir():
        pytest.skip("the real releases are not at hand")
    with serving(of_folder(RELEASES / "windows-v3.6")) as graph:
        objects = await everything(graph)
    shared = [identity for identity, number in Counter(one.external_id for one in objects).items() if number > 1]
    assert (len(objects), len(shared)) == (94, 1)
