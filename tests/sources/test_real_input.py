"""The real exports, where they are at hand: every object is read, and quickly."""

import os
import time
from pathlib import Path

import pytest

from atlas.domain.vocabulary import CoverageStatus
from atlas.sources.folder import read_folder

DATA = Path(os.environ.get("ATLAS_REAL_INPUT") or Path(__file__).parents[3] / "shared/data") / "openintunebaseline"


@pytest.mark.skipif(not DATA.is_dir(), reason="the real exports are not at hand")
@pytest.mark.parametrize(("release", "objects", "ids"), [("3.4", 89, 89), ("3.5", 90, 90), ("3.6", 94, 93)])
def test_every_object_of_the_real_exports_is_read(release, objects, ids):
    started = time.process_time()
    reading = read_folder(DATA / f"windows-v{release}")
    assert time.process_time() - started < 0.5
    assert len(reading.objects) == objects
    assert len({(item.item_type, item.external_id) for item in reading.objects}) == ids
    assert {unit.status for unit in reading.units} == {CoverageStatus.COMPLETE}
    assert sum(unit.observed for unit in reading.units) == objects
    assert reading.problems == ()
