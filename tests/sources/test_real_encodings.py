"""Raw exports in another encoding are the same exports: encoding is no change."""

import json
import os
from pathlib import Path
from uuid import UUID

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.keys import derive_tenant_key
from atlas.domain.vocabulary import CoverageStatus
from atlas.sample import EXPORTS
from atlas.sources.folder import read_folder

DATA = Path(os.environ.get("ATLAS_REAL_INPUT") or Path(__file__).parents[3] / "shared/data") / "openintunebaseline"
KEY = derive_tenant_key(b"a deployment key of the tests", UUID(int=7))
RELEASES = [DATA / f"windows-v{release}" for release in ("3.4", "3.5", "3.6")] if DATA.is_dir() else []


def hashes(folder: Path) -> list[tuple[str, str, str]]:
    reading = read_folder(folder)
    assert {unit.status for unit in reading.units} == {CoverageStatus.COMPLETE}
    items = [canonical_item(found.item_type, found.raw, KEY, found.external_id) for found in reading.objects]
    return sorted((item.item_type, item.external_id, item.hash) for item in items)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("export", [*RELEASES, *EXPORTS], ids=lambda path: path.name)
def test_an_export_in_another_encoding_has_the_same_contents(export, encoding, tmp_path):
    for file in sorted(export.rglob("*.json")):
        copy = tmp_path / file.relative_to(export)
        copy.parent.mkdir(parents=True, exist_ok=True)
        data = file.read_bytes()
        text = data.decode(json.detect_encoding(data))
        copy.write_bytes((f"\ufeff{text}" if encoding == "utf-16-be" else text).encode(encoding))
    assert hashes(tmp_path) == hashes(export)
