"""The real releases, where they are at hand: exactly the changes that are in them, however the objects arrive."""

import json
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.identity import Held, separate_duplicates
from atlas.domain.labels import label_of
from atlas.domain.recreation import Candidate, link
from atlas.domain.severity import assess
from atlas.domain.vocabulary import ChangeType
from tests.domain.graph import KEY
from tests.domain.strategies import shuffled

INPUT = Path(os.environ.get("ATLAS_REAL_INPUT") or Path(__file__).parents[3] / "shared" / "data") / "openintunebaseline"
FOLDERS = {
    "SettingsCatalog": "configurationPolicy",
    "CompliancePolicies": "deviceCompliancePolicy",
    "DeviceConfiguration": "deviceConfiguration",
    "UpdatePolicies": "deviceConfiguration",
    "DriverUpdateProfiles": "windowsDriverUpdateProfile",
    "AppProtection": "managedAppProtection",
}
NAMED = {"name": "name", "displayName": "name", "description": "description"}
pytestmark = pytest.mark.skipif(not INPUT.is_dir(), reason="the real releases are not at hand")


def release(version, seed=None):
    files = sorted((INPUT / f"windows-{version}").rglob("*.json"))
    found = [(FOLDERS[file.parent.name], json.loads(file.read_text("utf-8-sig"))) for file in files]
    if seed is not None:
        found = [(kind, shuffled(raw, Random(seed))) for kind, raw in found]
        Random(seed).shuffle(found)
    return [canonical_item(kind, raw, KEY) for kind, raw in found]


def runs(seed=None):
    held, recorded = {}, []
    for version in ("v3.4", "v3.5", "v3.6"):
        items, duplicates = separate_duplicates(release(version, seed), held)
        held = {
            (item.item_type, item.external_id): Held(item.hash, item.display_name, item.settings_hash) for item in items
        }
        recorded.append(({(item.item_type, item.external_id): item for item in items}, duplicates))
    return recorded


@pytest.fixture(scope="module")
def recorded():
    return runs()


def moves(before, after):
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or one.hash != other.hash:
            yield one, other


def counted(before, after):
    kinds, paths = Counter(), Counter()
    for one, other in moves(before, after):
        kinds["ADDED" if one is None else "REMOVED" if other is None else "MODIFIED"] += 1
        if one and other:
            changed = [change.path for change in diff(one.properties, other.properties)]
            paths.update(
                {"name": "name", "displayName": "name", "description": "description"}.get(path, "setting")
                for path in changed
            )
    return dict(kinds), dict(paths)


def test_each_pair_of_releases_holds_exactly_its_changes(recorded):
    (first, _), (second, _), (third, duplicates) = recorded
    assert counted(first, second) == (
        {"MODIFIED": 5, "ADDED": 2, "REMOVED": 1},
        {"setting": 12, "name": 5, "description": 2},
    )
    assert counted(second, third) == (
        {"MODIFIED": 11, "ADDED": 5, "REMOVED": 1},
        {"setting": 39, "name": 8, "description": 3},
    )
    assert len(duplicates) == 1


def test_one_object_was_recreated_with_identical_content(recorded):
    (_, _), (second, _), (third, _) = recorded
    ends = list(moves(second, third))
    removed, added = ([one for one, other in ends if other is None], [other for one, other in ends if one is None])
    (found,) = [recreation for recreation in link(*map(candidates, (removed, added))) if recreation.identical]
    assert found.removed.display_name == found.added.display_name


def candidates(items):
    return [
        Candidate(item.item_type, item.external_id, item.display_name, item.settings_hash, item.properties)
        for item in items
    ]


def judged(before, after):
    """How severe each finding of a pair is, by change type; and what is said of each."""
    found, told = Counter(), {}
    for one, other in moves(before, after):
        kind = ChangeType.ADDED if one is None else ChangeType.REMOVED if other is None else ChangeType.MODIFIED
        item = other or one
        old, new = one and one.properties, other and other.properties
        assessment = assess(
            change_type=kind, item_type=item.item_type, display_name=item.display_name, changes=diff(old, new),
            properties_before=old, properties_after=new,
        )  # fmt: skip
        found[kind.value, assessment.severity.value] += 1
        told[item.display_name] = assessment.reasons
    return dict(found), told


def test_the_findings_are_as_severe_as_a_person_would_say(recorded):
    (first, _), (second, _), (third, _) = recorded
    assert judged(first, second)[0] == {
        ("ADDED", "LOW"): 2, ("REMOVED", "MEDIUM"): 1, ("MODIFIED", "HIGH"): 2, ("MODIFIED", "MEDIUM"): 3,
    }  # fmt: skip
    found, told = judged(second, third)
    assert found == {
        ("ADDED", "LOW"): 4, ("ADDED", "MEDIUM"): 1, ("REMOVED", "MEDIUM"): 1, ("MODIFIED", "HIGH"): 1,
        ("MODIFIED", "MEDIUM"): 2,
        ("MODIFIED", "LOW"): 5, ("MODIFIED", "INFORMATIONAL"): 3,
    }  # fmt: skip
    (antivirus,) = [reasons for name, reasons in told.items() if "Defender Antivirus" in name]
    assert antivirus[0].startswith("Malware protection was added: Defender > Configuration reporting enable dynamic")


def test_hardly_a_label_holds_a_run_of_letters_that_nobody_can_read(recorded):
    labels = {label_of(path) for items, _ in recorded for item in items.values() for path in item.properties}
    words = [word for label in labels for word in label.split(" ")]
    long = [word for word in words if len(word) > 18 and word.isalpha()]
    short = [word for word in words if len(word) == 1 and word.isalpha() and word not in "av"]
    assert len(labels) > 1_500
    assert (len(long) + len(short)) / len(words) < 0.01, [*long, *short]


def test_shuffled_in_every_array_and_in_arrival_the_releases_are_the_same(recorded):
    for (one, duplicates), (other, again) in zip(recorded, runs(seed=11), strict=True):
        assert {key: item.hash for key, item in one.items()} == {key: item.hash for key, item in other.items()}
        assert duplicates == again
