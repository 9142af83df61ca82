"""Labels are made from ids alone, and paths can be read back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.domain.labels import label_of, label_of_choice
from atlas.domain.paths import escape, unescape


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (
            "settings/device_vendor_msft_bitlocker_requiredeviceencryption",
            "BitLocker > Require device encryption",
        ),
        (
            "settings/device_vendor_msft_policy_config_defender_allowcloudprotection",
            "Defender > Allow cloud protection",
        ),
        (
            "settings/a_parent/[0123456789ab]/device_vendor_msft_laps_policies_passwordlength",
            "Windows LAPS > Policies password length",
        ),
        (
            "settings/device_vendor_msft_policy_config_microsoft_edge~policy~microsoft_edge_siteperprocess",
            "Microsoft Edge > Site per process",
        ),
        ("settings/a_secret/@valueState", "A > Secret > Value state"),
        ("settings/zzqqy", "Zzqqy"),
        ("settings/[deviceConfiguration_x]/valueJson", "Device configuration > X"),
        ("name", "Name"),
        ("displayName", "Name"),
        ("passwordMinimumLength", "Password minimum length"),
        ("roleScopeTagIds/[0]", "Scope tags"),
        ("assignments/[group:1-2]/mode", "Assignments > group:1-2 > Mode"),
        ("omaSettings/[.%2FVendor%2FA]/value", "OMA-URI settings > ./Vendor/A > Value"),
        ("scheduledActionsForRule/[0123456789ab]/scheduledActionConfigurations/[block]/gracePeriodHours",
         "Actions for noncompliance > Action > block > Grace period (hours)"),
        ("dnsServers/#0", "Dns servers"),
    ],
)  # fmt: skip
def test_a_path_has_a_readable_label(path, label):
    assert label_of(path) == label


def test_a_choice_is_labelled_by_its_option():
    assert label_of_choice("settings/a_b", "a_b_1") == "Option 1"
    assert label_of_choice("settings/a_b/[a_b_allow]", "a_b_allow") == "Allow"
    assert label_of_choice("settings/a_b", "something else") is None
    assert label_of_choice("state", "enabled") is None
    assert label_of_choice("settings/a_b", 7) is None


@settings(derandomize=True, deadline=None)
@given(st.text(), st.text())
def test_an_escaped_segment_holds_no_separator_and_can_be_read_back(one, other):
    assert unescape(escape(one)) == one
    assert not set("/[]#@") & set(escape(one))
    assert (escape(one) == escape(other)) == (one == other)


@settings(derandomize=True, deadline=None)
@given(st.text(min_size=1))
def test_every_path_has_a_label(text):
    assert isinstance(label_of(escape(text)), str)
    assert label_of(f"settings/{escape(text)}")
