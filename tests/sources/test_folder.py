"""A folder as a whole: the layouts, the types, what is named and what makes a type incomplete."""

import json
import os
from pathlib import Path

import pytest

from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import CoverageStatus, UserErrorCode
from atlas.sources.folder import read_folder

from .factories import ID, OTHER_ID, keys, policy, unit, write


def test_intunemanagement_folders_tell_the_type_where_the_object_does_not(tmp_path):
    write(tmp_path / "WINDOWS/IntuneManagement/SettingsCatalog/a.json", {"id": ID, "name": "A"})
    write(tmp_path / "UpdatePolicies/b.json", {"id": ID, "displayName": "B"})
    write(tmp_path / "EndpointSecurity/c.json", {"id": ID, "settings": [{"id": "1"}]})
    reading = read_folder(tmp_path)
    assert keys(reading) == [
        ("deviceManagementIntent", ID),
        ("deviceConfiguration", ID),
        ("configurationPolicy", ID),
    ]
    assert [item.origin for item in reading.objects][2] == "WINDOWS/IntuneManagement/SettingsCatalog/a.json"
    assert all(unit.status is CoverageStatus.COMPLETE and unit.observed == 1 for unit in reading.units)
    assert reading.problems == ()


def test_intunecd_ids_come_from_the_file_name_and_types_from_nested_folders(tmp_path):
    write(tmp_path / f"Settings Catalog/A__B_mdm__{ID}.json", {"name": "A__B"})
    write(
        tmp_path / f"Compliance Policies/Policies/v1__{ID}.json",
        {"@odata.type": "#microsoft.graph.iosCompliancePolicy"},
    )
    write(tmp_path / f"Compliance Policies/Policies/v2_linuxMdm__{OTHER_ID}.json", {"technologies": "linuxMdm"})
    write(tmp_path / f"Compliance Policies/Scripts/s__{ID}.json", {"detectionScriptContent": "eA=="})
    write(tmp_path / f"Compliance Policies/Scripts/r__{ID}.json", {"settingDefinitionId": "linux_x"})
    write(tmp_path / f"Enrollment Profiles/Windows/p__{ID}.json", {"displayName": "P"})
    write(tmp_path / f"Enrollment Profiles/Windows/ESP/e__{ID}_Windows10EnrollmentCompletionPageConfiguration.json", {})
    write(tmp_path / f"Management Intents/Firewall/f__{ID}.json", {"settingsDelta": []})
    write(tmp_path / f"App Protection/t__T_{ID}.json", {"@odata.type": "#microsoft.graph.iosManagedAppProtection"})
    write(tmp_path / "Scope Tags/clinic__12.json", {"displayName": "clinic"})
    reading = read_folder(tmp_path)
    assert set(keys(reading)) == {
        ("configurationPolicy", ID),
        ("deviceCompliancePolicy", ID),
        ("compliancePolicy", OTHER_ID),
        ("deviceComplianceScript", ID),
        ("reusablePolicySetting", ID),
        ("windowsAutopilotDeploymentProfile", ID),
        ("deviceEnrollmentConfiguration", f"{ID}_Windows10EnrollmentCompletionPageConfiguration"),
        ("deviceManagementIntent", ID),
        ("managedAppProtection", f"T_{ID}"),
        ("roleScopeTag", "12"),
    }
    assert reading.problems == ()


def test_an_intunecd_export_without_ids_is_told_how_to_get_them(tmp_path):
    write(tmp_path / "Settings Catalog/A__v2.json", {"name": "A"})
    reading = read_folder(tmp_path)
    assert reading.objects == ()
    assert unit(reading, "configurationPolicy").error_code == "NO_ID"
    assert "--append-id" in reading.problems[0].message


def test_a_plain_folder_is_told_by_odata_type_and_then_by_context(tmp_path):
    context = "https://graph.microsoft.com/beta/$metadata#deviceManagement/assignmentFilters/$entity"
    write(tmp_path / "x/b.JSON", {"@odata.context": context, "id": ID})
    write(tmp_path / "a.json", policy())
    reading = read_folder(tmp_path)
    assert keys(reading) == [("configurationPolicy", ID), ("assignmentFilter", ID)]
    assert unit(reading, "assignmentFilter").api_version == "beta"


def test_odata_type_overrules_the_folder(tmp_path):
    write(tmp_path / "DeviceConfiguration/a.json", policy())
    assert keys(read_folder(tmp_path)) == [("configurationPolicy", ID)]


def test_the_folder_named_may_itself_be_the_one_that_tells_the_type(tmp_path):
    write(tmp_path / f"Settings Catalog/A__{ID}.json", {"name": "A"})
    assert keys(read_folder(tmp_path / "Settings Catalog")) == [("configurationPolicy", ID)]


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"value": items, "@odata.count": 2}])
def test_a_file_may_hold_a_list_of_objects(tmp_path, wrap):
    write(tmp_path / "all.json", wrap([policy(), policy(OTHER_ID)]))
    reading = read_folder(tmp_path)
    assert keys(reading) == [("configurationPolicy", ID), ("configurationPolicy", OTHER_ID)]
    assert [item.origin for item in reading.objects] == ["all.json#0", "all.json#1"]


def test_a_list_is_typed_by_its_own_context_and_one_page_of_it_is_truncated(tmp_path):
    context = "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/deviceManagementScripts"
    write(tmp_path / "all.json", {"@odata.context": context, "value": [{"id": ID}], "@odata.nextLink": "https://x"})
    reading = read_folder(tmp_path)
    assert keys(reading) == [("deviceManagementScript", ID)]
    assert unit(reading, "deviceManagementScript").status is CoverageStatus.TRUNCATED
    assert reading.problems[0].code == "MORE_PAGES"


@pytest.mark.parametrize(("count", "status"), [(2, "TRUNCATED"), (1, "COMPLETE"), (0, "COMPLETE")])
def test_a_list_that_tells_of_more_than_it_holds_is_truncated(tmp_path, count, status):
    write(tmp_path / "all.json", {"@odata.count": count, "value": [policy(settings=[])]})
    reading = read_folder(tmp_path)
    assert unit(reading, "configurationPolicy").status == status
    assert all("tells of 2 objects (@odata.count) and holds 1" in problem.message for problem in reading.problems)


def test_a_bad_member_of_a_list_makes_its_type_incomplete(tmp_path):
    write(tmp_path / "SettingsCatalog/all.json", [policy(), 7, {"name": "no id"}])
    reading = read_folder(tmp_path)
    assert [(problem.origin, problem.code) for problem in reading.problems] == [
        ("SettingsCatalog/all.json#1", "NOT_AN_OBJECT"),
        ("SettingsCatalog/all.json#2", "NO_ID"),
    ]
    failed = unit(reading, "configurationPolicy")
    assert (failed.status, failed.observed, failed.error_code) == (CoverageStatus.FAILED, 1, "NOT_AN_OBJECT")


@pytest.mark.parametrize(
    ("item_type", "kind"),
    [
        ("configurationPolicy", "deviceManagementConfigurationPolicy"),
        ("compliancePolicy", "deviceManagementCompliancePolicy"),
    ],
)
@pytest.mark.parametrize(("settings", "status"), [(1, "TRUNCATED"), (None, "TRUNCATED"), (2, "COMPLETE")])
def test_fewer_settings_than_the_policy_tells_of_is_truncated(tmp_path, item_type, kind, settings, status):
    held = None if settings is None else [{"id": "0"}] * settings
    write(tmp_path / "a.json", policy(settingCount=2, settings=held) | {"@odata.type": f"#microsoft.graph.{kind}"})
    assert unit(read_folder(tmp_path), item_type).status == status


def test_settings_in_a_file_beside_are_joined_to_their_policy(tmp_path):
    write(tmp_path / "AdministrativeTemplates/Office.json", {"id": ID})
    write(tmp_path / "AdministrativeTemplates/Office_Settings.json", [{"enabled": True}])
    write(tmp_path / "EndpointSecurity/Disk.json", {"id": ID})
    write(tmp_path / "EndpointSecurity/Disk_Settings.json", {"settings": [{"value": 1}]})
    office, disk = read_folder(tmp_path).objects
    assert office.raw["definitionValues"] == [{"enabled": True}]
    assert disk.raw["settings"] == [{"value": 1}]


def test_settings_that_a_policy_holds_itself_are_not_replaced(tmp_path):
    write(tmp_path / "EndpointSecurity/Disk.json", {"id": ID, "settings": [{"value": 1}]})
    write(tmp_path / "EndpointSecurity/Disk_Settings.json", {"settings": [{"value": 2}]})
    assert [item.raw["settings"] for item in read_folder(tmp_path).objects] == [[{"value": 1}]]


@pytest.mark.parametrize(
    ("folder", "of_folder"), [("Applications", {"mobileApp"}), ("PolicySets", set()), ("Groups", set())]
)
@pytest.mark.parametrize("beside", ["", "mac"])
@pytest.mark.parametrize("content", [b"{", b"[{}, 1, {"])
def test_a_broken_file_may_have_been_of_any_type_that_lies_in_such_a_folder(
    tmp_path, folder, of_folder, beside, content
):
    odata = "#microsoft.graph.windows10CustomConfiguration"
    write(tmp_path / folder / "a.json", {"@odata.type": odata, "id": ID})
    write(tmp_path / "SettingsCatalog/b.json", policy())
    write(tmp_path / beside / folder / "c.json", content)
    reading = read_folder(tmp_path)
    incomplete = {unit.item_type for unit in reading.units if unit.status is not CoverageStatus.COMPLETE}
    assert incomplete == {"deviceConfiguration"} | of_folder


@pytest.mark.parametrize("content", [b"[{}, 1]", b'"text"'])
def test_what_is_no_object_may_have_been_of_any_type_that_lies_in_such_a_folder(tmp_path, content):
    write(tmp_path / "Applications/a.json", policy())
    write(tmp_path / "Applications/c.json", content)
    reading = read_folder(tmp_path)
    assert {unit.item_type: unit.status.value for unit in reading.units} == {
        "configurationPolicy": "FAILED",
        "mobileApp": "FAILED",
    }


def test_settings_whose_policy_is_missing_make_the_type_incomplete(tmp_path):
    write(tmp_path / "AdministrativeTemplates/Office_Settings.json", [{"enabled": True}])
    failed = unit(read_folder(tmp_path), "groupPolicyConfiguration")
    assert (failed.status, failed.error_code) == (CoverageStatus.FAILED, "SETTINGS_ALONE")


def test_a_bad_file_fails_only_the_type_of_its_folder(tmp_path):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    write(tmp_path / "DeviceConfiguration/b.json", b'{"id": "secret-content", ')
    reading = read_folder(tmp_path)
    assert unit(reading, "configurationPolicy").status is CoverageStatus.COMPLETE
    failed = unit(reading, "deviceConfiguration")
    assert (failed.status, failed.observed, failed.error_code) == (CoverageStatus.FAILED, 0, "BAD_JSON")
    assert failed.message is not None
    assert failed.message.startswith("DeviceConfiguration/b.json: ")
    assert "secret-content" not in repr(reading)


def test_a_bad_file_of_unknown_type_fails_every_type_of_the_reading(tmp_path):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    write(tmp_path / "AssignmentFilters/f.json", {"id": ID})
    write(tmp_path / "somewhere/b.json", b"{")
    reading = read_folder(tmp_path)
    assert [unit.status for unit in reading.units] == [CoverageStatus.FAILED] * 2
    named = read_folder(tmp_path, item_types=["deviceConfiguration"])
    assert [(unit.item_type, unit.status) for unit in named.units] == [("deviceConfiguration", CoverageStatus.FAILED)]


def test_an_object_without_any_hint_is_named_and_fails_every_type(tmp_path):
    write(tmp_path / "a.json", policy())
    write(tmp_path / "b.json", {"id": OTHER_ID, "displayName": "?"})
    reading = read_folder(tmp_path)
    assert [(problem.origin, problem.code) for problem in reading.problems] == [("b.json", "UNKNOWN_TYPE")]
    assert unit(reading, "configurationPolicy").status is CoverageStatus.FAILED


def test_kinds_that_atlas_does_not_compare_are_named_and_fail_nothing(tmp_path):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    write(tmp_path / "PolicySets/p.json", {"id": ID})
    write(tmp_path / "PolicySets/q.json", {"id": OTHER_ID})
    write(tmp_path / "people/n.json", {"@odata.type": "#microsoft.graph.user", "id": ID})
    write(tmp_path / "package.json", {"name": "scripts"})
    write(tmp_path / "pipeline.yml", b"steps: []")
    reading = read_folder(tmp_path)
    assert {(problem.origin, problem.code) for problem in reading.problems} == {
        ("PolicySets", "NOT_COMPARED"),
        ("people/n.json", "UNSUPPORTED_TYPE"),
        ("package.json", "NOT_A_POLICY"),
        ("pipeline.yml", "YAML_NOT_READ"),
    }
    assert [unit.status for unit in reading.units] == [CoverageStatus.COMPLETE]


def unlisted(external_id: str | None = ID, kind: str = "brandNewThing", **properties):
    return policy(external_id, **properties) | {"@odata.type": f"#microsoft.graph.{kind}"}


@pytest.mark.parametrize("folder", ["new", "PolicySets", "."])
def test_a_type_without_a_table_is_read_under_its_full_name_wherever_it_lies(tmp_path, folder):
    write(tmp_path / folder / "n.json", unlisted())
    write(tmp_path / folder / "list.json", [unlisted(OTHER_ID), unlisted(kind="windowsUpdates.updatePolicy")])
    reading = read_folder(tmp_path)
    assert sorted(keys(reading)) == [
        ("microsoft.graph.brandNewThing", ID),
        ("microsoft.graph.brandNewThing", OTHER_ID),
        ("microsoft.graph.windowsUpdates.updatePolicy", ID),
    ]
    assert {unit.status for unit in reading.units} == {CoverageStatus.COMPLETE}
    assert reading.problems == ()


@pytest.mark.parametrize(
    "kind",
    [
        "user", "group", "managedDevice", "windowsAutopilotDeviceIdentity", "deviceConfigurationAssignment",
        "groupAssignmentTarget", "deviceManagementConfigurationSetting", "groupPolicyDefinitionValue",
        "deviceManagementConfigurationChoiceSettingInstance", "deviceConfigurationUserOverview", "mobileContainedApp",
        "applePushNotificationCertificate", "auditEvent", "iosVppAppAssignedUserLicense", "x" * 200, "", "../x", "a b",
    ],
)  # fmt: skip
def test_what_is_no_configuration_by_itself_is_named_and_left_out(tmp_path, kind):
    write(tmp_path / "a.json", policy())
    write(tmp_path / "new/n.json", unlisted(kind=kind))
    reading = read_folder(tmp_path)
    assert keys(reading) == [("configurationPolicy", ID)]
    assert [(problem.origin, problem.code) for problem in reading.problems] == [("new/n.json", "UNSUPPORTED_TYPE")]


def test_what_lies_beside_the_objects_is_no_type_of_its_own(tmp_path):
    write(tmp_path / "a.json", policy())
    for name in ("Groups/Staff.json", "Assignment Report/report.json"):
        write(tmp_path / name, unlisted())
    reading = read_folder(tmp_path)
    assert (keys(reading), reading.problems) == ([("configurationPolicy", ID)], ())


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("PolicySets/b.json", b"{", "BAD_JSON"),
        ("TermsOfUse/b.json", b"{", "BAD_JSON"),
        ("PolicySets/b.yaml", b"id: 1", "YAML_NOT_READ"),
        ("PolicySets/b.json", {"id": OTHER_ID}, "NOT_COMPARED"),
        ("mac/PolicySets/b.json", {"id": OTHER_ID}, "NOT_COMPARED"),
        ("PolicySets/b.json", unlisted(None), "NO_ID"),
        ("new/b.json", unlisted(None), "NO_ID"),
        ("new/b.json", {"value": [unlisted(OTHER_ID)], "@odata.nextLink": "https://x"}, "MORE_PAGES"),
    ],
)
def test_a_type_without_a_table_is_incomplete_where_a_file_may_have_held_one_of_it(tmp_path, name, content, code):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    write(tmp_path / "PolicySets/n.json", unlisted())
    write(tmp_path / name, content)
    reading = read_folder(tmp_path)
    assert unit(reading, "microsoft.graph.brandNewThing").error_code == code
    assert unit(reading, "configurationPolicy").status is CoverageStatus.COMPLETE
    named = read_folder(tmp_path, item_types=["microsoft.graph.brandNewThing"])
    assert unit(named, "microsoft.graph.brandNewThing").error_code == code


def test_a_stray_file_is_no_sign_of_a_type_that_was_read(tmp_path):
    write(tmp_path / "a.json", policy())
    write(tmp_path / "new/n.json", unlisted(None))
    reading = read_folder(tmp_path)
    assert [unit.item_type for unit in reading.units] == ["configurationPolicy"]
    assert [problem.code for problem in reading.problems] == ["NO_ID"]


def test_a_type_without_a_table_is_empty_only_where_it_is_named_and_nothing_may_be_of_it(tmp_path):
    write(tmp_path / "a.json", policy())
    wanted = ["microsoft.graph.brandNewThing"]
    assert unit(read_folder(tmp_path, item_types=wanted), wanted[0]).status is CoverageStatus.COMPLETE
    write(tmp_path / "PolicySets/n.json", {"id": ID})
    assert unit(read_folder(tmp_path, item_types=wanted), wanted[0]).error_code == "NOT_COMPARED"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("microsoft.graph.deviceManagementConfigurationPolicy", "Name it configurationPolicy"),
        ("microsoft.graph.DevicemanagementConfigurationpolicy", "Name it configurationPolicy"),
        ("microsoft.graph.configurationPolicy", "Name it configurationPolicy"),
        ("microsoft.graph.BrandNewThing", r"Did you mean microsoft\.graph\.brandNewThing\?$"),
        ("Microsoft.Graph.WindowsUpdates.NewThing", r"Did you mean microsoft\.graph\.windowsUpdates\.newThing\?$"),
        ("#microsoft.graph.brandNewThing", r"Did you mean microsoft\.graph\.brandNewThing\?$"),
        ("microsoft.graph.managedDevice", "no configuration"),
        ("microsoft.graph.ManagedDevice", "no configuration"),
        ("deviceconfiguration", r"Did you mean deviceConfiguration\?"),
        ("brandNewThing", "in full, as in microsoft.graph"),
        ("microsoft.graph", "in full, as in microsoft.graph"),
    ],
)
def test_a_type_that_is_not_named_in_full_or_is_known_by_another_name_is_refused(tmp_path, name, mend):
    with pytest.raises(RefusedError, match=mend):
        read_folder(tmp_path, item_types=[name])


def test_a_new_subtype_in_a_known_folder_is_read(tmp_path):
    write(tmp_path / "DeviceConfiguration/n.json", {"@odata.type": "#microsoft.graph.brandNewThing", "id": ID})
    assert keys(read_folder(tmp_path)) == [("deviceConfiguration", ID)]


@pytest.mark.parametrize(
    ("name", "content"),
    [("Settings Catalog/a.yaml", b"name: A"), ("a.yml", b"'@odata.type': '#microsoft.graph.groupPolicyConfiguration'")],
)
def test_yaml_that_may_be_a_policy_makes_its_type_incomplete(tmp_path, name, content):
    write(tmp_path / "b.json", policy())
    write(tmp_path / name, content)
    reading = read_folder(tmp_path)
    assert [(problem.origin, problem.code) for problem in reading.problems] == [(name, "YAML_NOT_READ")]
    assert unit(reading, "configurationPolicy").status is CoverageStatus.FAILED


def test_what_the_tools_write_beside_the_policies_is_passed_over(tmp_path):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    table = {"TenantId": ID, "Organization": "x", "Objects": []}
    for name in ("MigrationTable.json", "SettingsCatalog/MigrationTable_old.json"):
        write(tmp_path / name, table)
    write(tmp_path / "Settings.json", {"Theme": "dark"})
    write(tmp_path / "backup_summary.json", {"config_count": 3})
    write(tmp_path / "Groups/Staff.json", {"id": ID, "displayName": "Staff"})
    write(tmp_path / "Assignment Report/report.json", [{"groupName": "Staff"}])
    for closed in ("__archive__/2026-01-01/old__x.json", "Activation Lock Bypass Codes/codes.json", ".git/x.json"):
        write(tmp_path / closed, b"not opened")
    write(tmp_path / "SettingsCatalog/._a.json", b"\x00\x05\x16\x07")
    write(tmp_path / "SettingsCatalog/notes.txt", b"x")
    reading = read_folder(tmp_path)
    assert (len(reading.objects), reading.problems) == (1, ())


def test_a_policy_with_the_name_of_a_side_file_is_read(tmp_path):
    write(tmp_path / "SettingsCatalog/Settings.json", {"id": ID})
    write(tmp_path / "MigrationTable.json", policy(OTHER_ID))
    assert {external_id for _, external_id in keys(read_folder(tmp_path))} == {ID, OTHER_ID}


def test_a_type_that_the_folder_spells_in_another_way_is_refused_and_not_taken_for_empty(tmp_path):
    write(tmp_path / "PolicySets/n.json", unlisted())
    with pytest.raises(OperatorError) as refused:
        read_folder(tmp_path, item_types=["configurationPolicy", "microsoft.graph.brandnewthing"])
    assert (refused.value.code, "microsoft.graph.brandNewThing" in refused.value.mend) == ("UNKNOWN_ITEM_TYPE", True)
    write(tmp_path / "PolicySets/m.json", unlisted() | {"@odata.type": "#microsoft.graph.brandnewthing"})
    named = read_folder(tmp_path, item_types=["microsoft.graph.brandnewthing"])
    assert unit(named, "microsoft.graph.brandnewthing").observed == 1


def test_only_the_item_types_named_are_read_and_an_empty_one_is_complete(tmp_path):
    write(tmp_path / "SettingsCatalog/a.json", policy())
    write(tmp_path / "AssignmentFilters/f.json", b"{")
    reading = read_folder(tmp_path, item_types=["deviceConfiguration", "configurationPolicy"])
    assert [(unit.item_type, unit.status, unit.observed) for unit in reading.units] == [
        ("configurationPolicy", CoverageStatus.COMPLETE, 1),
        ("deviceConfiguration", CoverageStatus.COMPLETE, 0),
    ]
    assert reading.problems == ()


def test_an_unknown_item_type_is_refused_with_what_was_meant(tmp_path):
    with pytest.raises(RefusedError, match="deviceConfiguration") as refused:
        read_folder(tmp_path, item_types=["DeviceConfigurations"])
    assert refused.value.code is UserErrorCode.INVALID_INPUT


def test_objects_that_share_an_id_are_both_handed_over(tmp_path):
    write(tmp_path / "a.json", policy(name="A"))
    write(tmp_path / "b.json", policy(name="B"))
    assert [item.raw["name"] for item in read_folder(tmp_path).objects] == ["A", "B"]


@pytest.mark.parametrize("external_id", ["", " ", 7, "a\nb", "x" * 257, ["a"]])
def test_an_id_that_is_none_is_a_problem(tmp_path, external_id):
    write(tmp_path / f"A__{ID}.json", policy(external_id))
    assert unit(read_folder(tmp_path), "configurationPolicy").error_code == "NO_ID"


def test_the_order_does_not_depend_on_the_order_of_writing(tmp_path):
    names = ["b", "a", "z", "Ä", "a/b", "a-b"]
    for order, folder in ((names, "one"), (names[::-1], "two")):
        for name in order:
            write(tmp_path / folder / f"{name}.json", policy(name=name))
    first, second = (read_folder(tmp_path / folder) for folder in ("one", "two"))
    assert first == second
    assert [item.origin for item in first.objects] == [
        "a/b.json", "a-b.json", "a.json", "b.json", "z.json", "Ä.json",
    ]  # fmt: skip


def test_mojibake_and_undecodable_names_are_shown_escaped(tmp_path):
    write(tmp_path / "Win â€“ Zürich.json", policy())
    raw_name = os.fsencode(tmp_path) + b"/\xff\x1b[31m.json"
    Path(os.fsdecode(raw_name)).write_text(json.dumps(policy(OTHER_ID)), encoding="utf-8")
    origins = [item.origin for item in read_folder(tmp_path).objects]
    assert origins == ["Win â€“ Zürich.json", "\\xff\\x1b[31m.json"]


def test_progress_counts_files_up_to_their_number(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.json", policy(name))
    seen: list[tuple[int, int]] = []
    read_folder(tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def missing(tmp_path: Path) -> Path:
    return tmp_path / "none"


def a_file(tmp_path: Path) -> Path:
    return write(tmp_path / "a.json", policy())


def empty(tmp_path: Path) -> Path:
    write(tmp_path / "readme.md", b"")
    return tmp_path


def side_files_only(tmp_path: Path) -> Path:
    write(tmp_path / "MigrationTable.json", {"TenantId": ID, "Organization": "x", "Objects": []})
    return tmp_path


def unknown_only(tmp_path: Path) -> Path:
    write(tmp_path / "a.json", b"{")
    return tmp_path


def looped(tmp_path: Path) -> Path:
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path / "loop"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (missing, "FOLDER_NOT_FOUND"),
        (a_file, "NOT_A_FOLDER"),
        (empty, "NO_POLICY"),
        (side_files_only, "NO_POLICY"),
        (unknown_only, "NO_POLICY"),
        (looped, "FOLDER_NOT_READABLE"),
        (lambda tmp_path: tmp_path / "a\0b", "FOLDER_NOT_READABLE"),
        (lambda tmp_path: tmp_path / ("x" * 5000), "FOLDER_NOT_READABLE"),
    ],
)
@pytest.mark.parametrize("item_types", [None, ["configurationPolicy"]])
def test_a_folder_that_cannot_be_read_as_a_whole_is_one_error_with_a_mend(tmp_path, make, code, item_types):
    with pytest.raises(OperatorError) as raised:
        read_folder(make(tmp_path), item_types=item_types)
    assert raised.value.code == code
    assert raised.value.mend
