"""Labels from a table: what a property names by an id, and how it reads where its label is known."""

from typing import Any
from uuid import UUID

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.keys import derive_tenant_key
from atlas.domain.naming import clean_label, names_in, names_of, with_labels
from atlas.domain.vocabulary import LabelKind

KEY = derive_tenant_key(b"a deployment key of these tests, long", UUID(int=1))
GROUP = "11111111-2222-4333-8444-55555555555A"
FILTER = "99999999-2222-4333-8444-555555555555"
DEFINITION = "device_vendor_msft_bitlocker_requiredeviceencryption"
LABELS = {
    (LabelKind.GROUP, GROUP.lower()): "All laptops > Sales",
    (LabelKind.FILTER, FILTER): "Corporate",
    (LabelKind.SCOPE_TAG, "3"): "Berlin",
    (LabelKind.SETTING, DEFINITION): "Require Device Encryption",
    (LabelKind.OPTION, f"{DEFINITION}_1"): "Enabled",
}


def policy(option: int, *, include: bool = True, tags: tuple[str, ...] = ("0",)) -> dict[str, Any]:
    kind = "groupAssignmentTarget" if include else "exclusionGroupAssignmentTarget"
    instance = {
        "settingDefinitionId": DEFINITION,
        "choiceSettingValue": {"value": f"{DEFINITION}_{option}", "children": []},
    }
    target = {
        "@odata.type": f"#microsoft.graph.{kind}",
        "groupId": GROUP,
        "deviceAndAppManagementAssignmentFilterId": FILTER,
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    return {
        "id": "one",
        "name": "Encryption",
        "roleScopeTagIds": list(tags),
        "settings": [{"id": "0", "settingInstance": instance}],
        "assignments": [{"id": "a", "target": target}],
    }


def content(raw: dict[str, Any], item_type: str = "configurationPolicy") -> dict[str, Any]:
    return dict(canonical_item(item_type, raw, KEY, "one").properties)


def told(before: dict[str, Any], after: dict[str, Any], *, labels: bool = True) -> dict[str, Any]:
    """Path -> label of the property, of its value before, and after."""
    changes = diff(content(before), content(after))
    if labels:
        changes = tuple(with_labels(change, LABELS) for change in changes)
    return {
        change.path: (change.label, change.before and change.before.label, change.after and change.after.label)
        for change in changes
    }


def test_what_an_object_names_is_found_and_an_option_comes_with_its_setting() -> None:
    assert names_in(content(policy(1, tags=("0", "3")))) == {
        (LabelKind.SETTING, DEFINITION),
        (LabelKind.GROUP, GROUP.lower()),
        (LabelKind.FILTER, FILTER),
        (LabelKind.SCOPE_TAG, "0"),
        (LabelKind.SCOPE_TAG, "3"),
    }


def test_groups_of_conditional_access_and_of_roles_are_named_and_people_are_not() -> None:
    users = {"includeGroups": [GROUP], "excludeGroups": ["All"], "includeUsers": [FILTER]}
    assert names_in(content({"conditions": {"users": users}}, "conditionalAccessPolicy")) == {
        (LabelKind.GROUP, GROUP.lower())
    }
    roles = {"displayName": "Help desk", "members": [GROUP], "roleScopeTags": ["3"]}
    assert names_in(content(roles, "roleAssignment")) == {
        (LabelKind.GROUP, GROUP.lower()),
        (LabelKind.SCOPE_TAG, "3"),
    }


def test_a_change_reads_with_labels_and_without_one_as_it_was_made() -> None:
    path = f"settings/{DEFINITION}"
    assert told(policy(0), policy(1)) == {path: ("BitLocker > Require Device Encryption", "Option 0", "Enabled")}
    assert told(policy(0), policy(1), labels=False) == {
        path: ("BitLocker > Require device encryption", "Option 0", "Option 1")
    }


def test_targets_filters_and_tags_read_by_name() -> None:
    row = f"assignments/[group:{GROUP}]"
    alone = {**policy(1), "assignments": []}
    found = told(alone, policy(1, tags=("0", "3")))
    assert found == {
        f"{row}/assignmentFilter": ("Assignments > All laptops > Sales > Assignment filter", None, "Corporate"),
        f"{row}/assignmentFilterType": ("Assignments > All laptops > Sales > Assignment filter type", None, None),
        f"{row}/mode": ("Assignments > All laptops > Sales > Mode", None, None),
        f"{row}/target": ("Assignments > All laptops > Sales > Target", None, "All laptops > Sales"),
        "roleScopeTagIds/[3]": ("Scope tags", None, "Berlin"),
    }
    before, after = content(alone), content(policy(1, tags=("0", "3")))
    settings = {LabelKind.SETTING, LabelKind.OPTION}
    assert names_of(diff(before, after)) == {one for one in LABELS if one[0] not in settings}


def test_what_is_marked_at_a_setting_keeps_its_mark() -> None:
    marked = policy(1)
    marked["settings"][0]["settingInstance"]["choiceSettingValue"]["settingValueTemplateReference"] = {
        "useTemplateDefault": True
    }
    assert told(policy(1), marked) == {
        f"settings/{DEFINITION}/@useTemplateDefault": (
            "BitLocker > Require Device Encryption > Use template default", None, None,
        )
    }  # fmt: skip


def test_a_digest_has_no_label() -> None:
    secret = {"settingDefinitionId": "a_b", "simpleSettingValue": {"value": "hidden"}}
    raw = {"id": "one", "name": "n", "settings": [{"settingInstance": secret}]}
    ((path, leaf),) = [one for one in content(raw).items() if one[0].startswith("settings/")]
    (change,) = diff({}, {path: leaf})
    known = with_labels(change, {(LabelKind.OPTION, str(leaf)): "never"})
    assert known.after is not None
    assert (known.after.redacted, known.after.label) == (True, None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Sales\n team ", "Sales team"),
        ("a\x00b\u202e", "a\ufffdb\ufffd"),
        ("x" * 900, "x" * 400),
        (" ", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_label_is_one_printable_line(given: object, kept: str | None) -> None:
    assert clean_label(given) == kept
