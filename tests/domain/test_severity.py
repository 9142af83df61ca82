"""Severity: by the class of setting, the direction and the assignments, with reasons that hold no value."""

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.severity import assess
from atlas.domain.vocabulary import ChangeType, Severity
from tests.domain import graph
from tests.domain.graph import KEY

BITLOCKER = "device_vendor_msft_bitlocker_requiredeviceencryption"
ASR = "device_vendor_msft_policy_config_defender_attacksurfacereductionrules_blockexecution"


def judged(before, after, item_type="configurationPolicy"):
    old, new = (raw and canonical_item(item_type, raw, KEY) for raw in (before, after))
    kind = ChangeType.ADDED if old is None else ChangeType.REMOVED if new is None else ChangeType.MODIFIED
    properties_before, properties_after = (item and item.properties for item in (old, new))
    return assess(
        change_type=kind,
        item_type=item_type,
        display_name=(new or old).display_name,
        changes=diff(properties_before, properties_after),
        properties_before=properties_before,
        properties_after=properties_after,
    )


def of(*settings, **more):
    return graph.policy(*settings, name="A policy", **more)


def encryption(option):
    return of(graph.choice(BITLOCKER, option))


def compliance(**more):
    return graph.compliance(displayName="Rules", **more)


@pytest.mark.parametrize(
    ("before", "after", "severity", "reason"),
    [
        (encryption("1"), encryption("0"), "CRITICAL", "Disk encryption became weaker"),
        (encryption("0"), encryption("1"), "MEDIUM", "Disk encryption became stronger"),
        (encryption("1"), of(), "CRITICAL", "Disk encryption became weaker"),
        (of(graph.choice(ASR, "block")), of(graph.choice(ASR, "audit")), "CRITICAL", "became weaker"),
        (of(graph.choice(ASR, "off")), of(graph.choice(ASR, "block")), "MEDIUM", "became stronger"),
        (of(graph.simple("x_firewall_rule", 1)), of(graph.simple("x_firewall_rule", 2)), "HIGH", "firewall changed"),
        (of(graph.simple("x_color", 1)), of(graph.simple("x_color", 2)), "LOW", "A setting changed"),
        (of(roleScopeTagIds=["0"]), of(roleScopeTagIds=["1"]), "LOW", "scope tags"),
        (of(), {**of(), "name": "Renamed"}, "INFORMATIONAL", "The name changed"),
        (of(), of(description="More words"), "INFORMATIONAL", "The description changed"),
    ],
)  # fmt: skip
def test_a_change_is_as_severe_as_its_class_and_direction(before, after, severity, reason):
    found = judged(before, after)
    assert found.severity == severity
    assert any(reason in told for told in found.reasons)


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        (compliance(bitLockerEnabled=True), compliance(bitLockerEnabled=False), "CRITICAL"),
        (compliance(passwordMinimumLength=12), compliance(passwordMinimumLength=6), "HIGH"),
        (compliance(passwordMinimumLength=6), compliance(passwordMinimumLength=12), "LOW"),
        (compliance(osMinimumVersion="10.0"), compliance(osMinimumVersion="11.0"), "MEDIUM"),
    ],
)
def test_a_compliance_rule_is_judged_by_its_property(before, after, severity):
    assert judged(before, after, "deviceCompliancePolicy").severity == severity


@pytest.mark.parametrize(
    ("item_type", "before", "after", "severity", "reason"),
    [
        ("deviceCompliancePolicy", {"bitLockerEnabled": True}, {"bitLockerEnabled": None}, "CRITICAL", "weaker"),
        ("deviceCompliancePolicy", {"bitLockerEnabled": None}, {"bitLockerEnabled": True}, "MEDIUM", "stronger"),
        ("deviceCompliancePolicy", {"bitLockerEnabled": False}, {"bitLockerEnabled": None}, "HIGH", "was removed"),
        ("deviceCompliancePolicy", {"passwordMinimumLength": 12}, {}, "HIGH", "weaker"),
        ("deviceCompliancePolicy", {}, {"passwordMinimumLength": 12}, "LOW", "stronger"),
        ("deviceConfiguration", {"passwordExpirationDays": 9}, {}, "MEDIUM", "was removed"),
        ("deviceConfiguration", {"allowLaps": False}, {}, "LOW", "was removed"),
        ("deviceConfiguration", {"telemetryEnabled": False}, {"telemetryEnabled": True}, "LOW", "A setting changed"),
        ("deviceConfiguration", {"bluetoothEnabled": True}, {"bluetoothEnabled": False}, "LOW", "A setting changed"),
        ("deviceConfiguration", {"spotlightDisabled": True}, {"spotlightDisabled": False}, "LOW", "A setting changed"),
        ("deviceConfiguration", {"microsoftUpdateBlocked": True}, {"microsoftUpdateBlocked": False}, "LOW", "changed"),
        ("deviceConfiguration", {"defenderEnabled": True}, {"defenderEnabled": False}, "CRITICAL", "weaker"),
        ("deviceConfiguration", {"firewallEnableStealthMode": True}, {}, "CRITICAL", "weaker"),
        ("deviceConfiguration", {"firewallRules": {"stealthModeBlocked": True}}, {}, "HIGH", "was removed"),
        *(
            ("deviceConfiguration", {name: True}, {name: False}, severity, "became weaker")
            for name, severity in (
                ("defenderRequireRealTimeMonitoring", "CRITICAL"), ("bitLockerEncryptDevice", "CRITICAL"),
                ("storageRequireDeviceEncryption", "CRITICAL"), ("defenderAllowRealTimeMonitoring", "CRITICAL"),
                ("passwordRequiredToUnlockFromIdle", "HIGH"), ("passwordBlockSimple", "HIGH"),
            )
        ),
    ],
)  # fmt: skip
def test_a_direction_is_told_where_it_is_known_and_nothing_is_weaker_than_absent(
    item_type, before, after, severity, reason
):
    found = judged(
        {"id": "1", "displayName": "A", **before}, {"id": "1", "displayName": "A", **after}, item_type=item_type
    )
    assert found.severity == severity
    assert any(reason in told for told in found.reasons)


def test_a_rule_of_attack_surface_reduction_that_is_not_there_blocks_nothing():
    gone, came = judged(of(graph.choice(ASR, "block")), of()), judged(of(), of(graph.choice(ASR, "audit")))
    assert (gone.severity, came.severity) == (Severity.CRITICAL, Severity.MEDIUM)
    assert judged(of(graph.choice(ASR, "off")), of()).severity is Severity.HIGH


def test_the_name_of_an_object_makes_no_protection_of_what_is_enabled_in_it():
    on, off = ({"id": "1", "displayName": "Win - Defender", "bluetoothEnabled": value} for value in (True, False))
    found = judged(on, off, "deviceConfiguration")
    assert found.reasons == ("Malware protection changed: Bluetooth enabled.",)


def test_scope_tags_go_by_either_name_and_a_place_among_siblings_has_no_bearing():
    one, other = ({"id": "1", "displayName": "A", "roleScopeTags": [tag]} for tag in "01")
    assert judged(one, other, "assignmentFilter").reasons == ("The scope tags changed.",)
    first, second = ({"id": "1", "displayName": "A", "priority": place} for place in (1, 2))
    moved = judged(first, second, "deviceEnrollmentConfiguration")
    assert moved.severity is Severity.INFORMATIONAL
    assert moved.reasons == ("Its place among its siblings changed.",)


def test_a_conditional_access_policy_that_is_switched_off_is_critical():
    on, off = (
        {"id": "1", "displayName": "MFA", "state": "enabled"},
        {"id": "1", "displayName": "MFA", "state": "disabled"},
    )
    assert judged(on, off, "conditionalAccessPolicy").severity is Severity.CRITICAL
    report = {**on, "state": "enabledForReportingButNotEnforced"}
    assert judged(on, report, "conditionalAccessPolicy").severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("before", "after", "severity", "reason"),
    [
        ([], [graph.assignment()], "MEDIUM", "more targets"),
        ([graph.assignment()], [], "HIGH", "fewer targets"),
        ([], [graph.assignment("exclusionGroupAssignmentTarget")], "HIGH", "exclusion was added"),
        ([graph.assignment("exclusionGroupAssignmentTarget")], [], "MEDIUM", "exclusion was taken out"),
        ([graph.assignment()], [graph.assignment("exclusionGroupAssignmentTarget")], "HIGH", "exclusion was added"),
        ([graph.assignment()], [graph.assignment(filter_id=graph.GROUP, filter_type="include")], "MEDIUM", "filter"),
        ([graph.assignment()], [graph.assignment(group="0")], "MEDIUM", "An assignment changed"),
        ([], [graph.assignment("allDevicesAssignmentTarget", None)], "HIGH", "all users or all devices now"),
        ([graph.assignment()], [graph.assignment("allLicensedUsersAssignmentTarget", None)], "HIGH", "all users"),
    ],
)
def test_an_assignment_tells_whether_it_became_wider_or_narrower(before, after, severity, reason):
    found = judged(of(assignments=before), of(assignments=after))
    assert found.severity == severity
    assert any(reason in told for told in found.reasons)


def test_an_object_that_is_gone_is_more_severe_than_one_that_came():
    policy = of(graph.choice(BITLOCKER, "1"), assignments=[graph.assignment("allDevicesAssignmentTarget", None)])
    gone, came = judged(policy, None), judged(None, policy)
    assert (gone.severity, came.severity) == (Severity.CRITICAL, Severity.MEDIUM)
    assert gone.reasons == ("The object was removed; it held disk encryption.",)
    assert "It is assigned to all users or all devices." in came.reasons


def test_the_weightiest_reason_comes_first_and_there_are_no_more_than_a_person_reads():
    settings = [graph.simple(f"x_number_{index}", 1) for index in range(40)]
    later = [graph.simple(f"x_number_{index}", 2) for index in range(40)]
    found = judged(of(graph.choice(BITLOCKER, "1"), *settings), of(graph.choice(BITLOCKER, "0"), *later))
    assert found.reasons[0].startswith("Disk encryption became weaker")
    assert len(found.reasons) == 9
    assert found.reasons[-1] == "And 33 more changes of no greater weight."


def test_reasons_hold_no_value():
    found = judged(of(graph.simple("x_firewall", "canary-1")), of(graph.simple("x_firewall", "canary-2")))
    assert "canary" not in str(found)
    assert "hd1:" not in str(found)
