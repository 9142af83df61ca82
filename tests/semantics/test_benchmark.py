"""The benchmark's own measure of truth, which shares nothing with the differ: Atlas tells it exactly."""

import re

import pytest

from atlas.sample import EXPORTS
from bench import drift, truth

REAL = drift.real_folders()


def counted(folders):
    return {
        title: (found.changes, found.phantom, found.missed)
        for title, pairs in drift.readings(folders)
        for found in [drift.atlas(pairs, rounds=1)]
    }


def test_atlas_tells_all_changes_of_the_sample_and_no_other():
    ((changes, phantom, missed),) = counted(EXPORTS).values()
    assert changes >= 12
    assert (phantom, missed) == (0, 0)


@pytest.mark.skipif(not REAL, reason="the real releases are not at hand")
def test_atlas_tells_all_changes_of_the_real_releases_and_no_other():
    assert counted(REAL) == {
        "windows-v3.4 -> windows-v3.5": (12 + 5 + 2, 0, 0),
        "windows-v3.5 -> windows-v3.6": (39 + 8 + 3, 0, 0),
    }


def test_what_is_promised_of_atlas_is_judged():
    def told(milliseconds, phantom=0, missed=0):
        return drift.Result(19, phantom, missed, milliseconds)

    theirs = dict.fromkeys(drift.CONTENDERS, told(500, phantom=65))
    theirs |= {"IntuneCD": told(400, phantom=54), "deepdiff-rs": told(9, phantom=65)}
    assert set(theirs) == set(drift.CONTENDERS)
    assert set(drift.SLOWER) == {"deepdiff", "deepdiff, ignore_order", "IntuneCD"}
    assert drift.unmet({"Atlas": told(20), **theirs}) == []
    (absent,) = drift.unmet({"Atlas": told(20), **theirs, "IntuneCD": None})
    assert absent.startswith("IntuneCD did not run")
    assert len(drift.unmet({"Atlas": told(20), **dict.fromkeys(theirs)})) == len(theirs)
    assert drift.unmet({"Atlas": told(20), **dict.fromkeys(theirs)}, alone=True) == []
    assert drift.unmet({"Atlas": told(450), **theirs}) == ["IntuneCD is faster than Atlas."]
    for wrong in (told(20, phantom=1), told(20, missed=1)):
        assert drift.unmet({"Atlas": wrong, **theirs}) == ["Atlas does not tell exactly what changed."]


def test_a_change_that_is_not_told_and_one_that_nobody_made_are_counted():
    before = {"id": "1", "settings": [{"a": 1, "b": 2}], "description": "x"}
    after = {"id": "1", "settings": [{"a": 1, "b": 3}], "description": "y"}
    pairs = [("somethingNew", before, after)]
    assert truth.changes(before, after).total() == 2
    told = drift.judged(pairs, [[["root['settings'][0]['a']"] * 2, ["root['description']"] * 2]], 1.0)
    assert (told.changes, told.phantom, told.missed) == (2, 1, 1)
    whole = drift.judged(pairs, [[["root['settings']"] * 2]], 1.0)
    assert (whole.phantom, whole.missed) == (0, 1)


def test_a_wrong_change_of_atlas_makes_up_for_none_that_it_missed():
    before = {"id": "1", "settings": [{"a": 1, "b": 2}], "description": "x"}
    after = {"id": "1", "settings": [{"a": 1, "b": 3}], "description": "y"}
    pairs = [("somethingNew", before, after)]

    def judged(*paths):
        found = drift.judged_by_value(pairs, [paths], 1.0)
        return found.changes, found.phantom, found.missed

    assert judged("settings/[x]/b", "description") == (2, 0, 0)
    assert judged("settings/[x]/a", "description") == (2, 1, 1)
    assert judged("description", "description") == (2, 1, 1)
    assert judged() == (0, 0, 2)


def test_the_other_tools_are_of_the_versions_that_the_figures_are_of():
    assert all(re.fullmatch(r"[A-Za-z-]+==\d+(\.\d+)+", package) for package in drift.PACKAGES)
