"""The sample exports are read whole, and hold what their table tells."""

from atlas.domain.vocabulary import CoverageStatus
from atlas.sample import EXPORTS
from atlas.sources.folder import read_folder
from atlas.sources.model import Reading

EXPECTED = {
    "assignmentFilter": (1, 1),
    "conditionalAccessPolicy": (1, 1),
    "configurationPolicy": (10, 11),
    "deviceCompliancePolicy": (2, 2),
    "deviceConfiguration": (5, 5),
    "deviceManagementScript": (1, 1),
    "groupPolicyConfiguration": (1, 1),
    "managedAppProtection": (2, 2),
    "namedLocation": (1, 1),
    "windowsFeatureUpdateProfile": (1, 1),
}


def keys(reading: Reading) -> set[tuple[str, str]]:
    return {(item.item_type, item.external_id) for item in reading.objects}


def test_both_exports_are_read_whole():
    january, february = (read_folder(path) for path in EXPORTS)
    for reading in (january, february):
        assert reading.problems == ()
        assert {unit.status for unit in reading.units} == {CoverageStatus.COMPLETE}
    counts = [{unit.item_type: unit.observed for unit in reading.units} for reading in (january, february)]
    assert {name: (counts[0][name], counts[1][name]) for name in counts[0] | counts[1]} == EXPECTED


def test_two_policies_go_one_comes_one_is_recreated_and_one_id_is_shared():
    january, february = (read_folder(path) for path in EXPORTS)
    assert len(keys(january) - keys(february)) == 2
    assert len(keys(february) - keys(january)) == 2
    assert len(february.objects) - len(keys(february)) == 1


def test_one_file_is_utf_16_and_one_has_a_byte_order_mark():
    starts = [path.read_bytes()[:3] for path in EXPORTS[0].rglob("*.json")]
    assert sum(start.startswith(b"\xff\xfe") for start in starts) == 1
    assert sum(start == b"\xef\xbb\xbf" for start in starts) == 1


def test_the_settings_of_the_administrative_template_come_from_the_file_beside_it():
    template = next(o for o in read_folder(EXPORTS[0]).objects if o.item_type == "groupPolicyConfiguration")
    assert len(template.raw["definitionValues"]) == 2
