"""Labels in an export: groups beside the objects, and definitions in their settings."""

import json
from pathlib import Path
from typing import Any

from atlas.domain.vocabulary import LabelKind
from atlas.sources.folder import read_folder
from tests.factories import make_policy

GROUP = "11111111-2222-4333-8444-55555555555A"
OTHER = "22222222-2222-4333-8444-555555555555"


def write(root: Path, name: str, value: Any) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def test_groups_and_definitions_are_labels_and_no_objects(tmp_path: Path) -> None:
    policy = make_policy(1)
    options = [{"itemId": "d_1", "displayName": "On"}, {"itemId": "d_0"}, {"itemId": 7, "displayName": "x"}, "x"]
    policy["settings"][0]["settingDefinitions"] = [
        {"id": "d", "displayName": "A setting", "options": options}, {"id": "e", "options": "x"}, "x",
    ]  # fmt: skip
    write(tmp_path, "SettingsCatalog/Policy.json", policy)
    write(tmp_path, "Groups/Sales.json", {"id": GROUP, "displayName": "Sales"})
    write(tmp_path, "Groups/Broken.json", {"id": 7, "displayName": ["x"]})
    table = [
        {"Id": OTHER, "DisplayName": "Laptops", "Type": "Group"},
        {"Id": "f", "DisplayName": "A filter", "Type": "AssignmentFilter"},
        "x",
    ]
    write(tmp_path, "MigrationTable.json", {"TenantId": "t", "Organization": "o", "Objects": table})
    found = read_folder(tmp_path)
    assert found.labels == {
        (LabelKind.SETTING, "d"): "A setting",
        (LabelKind.OPTION, "d_1"): "On",
        (LabelKind.GROUP, GROUP.lower()): "Sales",
        (LabelKind.GROUP, OTHER): "Laptops",
    }
    assert [one.item_type for one in found.objects] == ["configurationPolicy"]
    assert found.problems == ()
