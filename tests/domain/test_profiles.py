"""The profiles: what each item type shows, keeps and drops of what Graph really calls its properties."""

import dataclasses

import pytest

from atlas.domain import canonical
from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.enumerations import ENUMERATIONS
from atlas.domain.evaluation import comparable
from atlas.domain.profile_tables import SECRET_PROPERTIES, SHOWN_PROPERTIES
from atlas.domain.profiles import ITEM_TYPES, PROFILES
from atlas.domain.redaction import is_digest
from tests.domain.graph import GROUP, KEY


def properties(item_type, **raw):
    return dict(canonical_item(item_type, {"id": "1", **raw}, KEY).properties)


def conditional(**users):
    return properties("conditionalAccessPolicy", state="enabled", conditions={"users": users})


def test_the_words_for_users_are_shown_and_the_users_are_not():
    content = conditional(includeUsers=["All"], excludeUsers=[GROUP, "GuestsOrExternalUsers"], excludeGroups=[GROUP])
    assert content["conditions/users/includeUsers/[All]"] == "All"
    assert content["conditions/users/excludeUsers/[GuestsOrExternalUsers]"] == "GuestsOrExternalUsers"
    assert content[f"conditions/users/excludeGroups/[{GROUP}]"] == GROUP
    (person,) = [path for path, leaf in content.items() if is_digest(leaf)]
    assert person.startswith("conditions/users/excludeUsers/[")
    assert GROUP not in person


def test_the_sets_of_a_conditional_access_policy_have_no_order():
    one, other = conditional(includeGroups=["a", GROUP, "b"]), conditional(includeGroups=["b", "a", GROUP])
    assert one == other


def test_a_conditional_access_policy_shows_what_it_grants_and_asks():
    content = properties(
        "conditionalAccessPolicy",
        grantControls={
            "operator": "OR",
            "builtInControls": ["mfa", "compliantDevice"],
            "authenticationStrength": {"id": GROUP, "displayName": "Strong", "allowedCombinations": ["fido2"]},
        },
        sessionControls={"signInFrequency": {"type": "hours", "value": 4, "frequencyInterval": "timeBased"}},
        conditions={"applications": {"includeUserActions": ["urn:user:registerdevice"]}, "clientAppTypes": ["all"]},
    )
    assert not [path for path, leaf in content.items() if is_digest(leaf)]
    assert content["grantControls/authenticationStrength/displayName"] == "Strong"
    assert not [path for path in content if "allowedCombinations" in path]


def intent(**setting):
    return properties(
        "deviceManagementIntent", settings=[{"id": "7", "definitionId": "deviceConfiguration_x", **setting}]
    )


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (5, "5"), (0, " 0 ")])
def test_a_setting_of_an_intent_is_told_once_however_often_graph_tells_it(value, text):
    told = {"settings/[deviceConfiguration_x]/definitionId": "deviceConfiguration_x"}
    expected = {**told, "settings/[deviceConfiguration_x]/value": value}
    assert intent(valueJson=text) == intent(valueJson=text, value=value) == expected


def test_the_json_of_an_intent_is_hidden_unless_it_is_a_switch_or_a_number():
    content = intent(valueJson='{"b": 1, "a": ["x"]}', value=["x"])
    assert content == intent(valueJson='{"a":["x"],"b":1}')
    assert is_digest(content["settings/[deviceConfiguration_x]/valueJson"])
    secret = properties("deviceManagementIntent", settings=[{"definitionId": "x_devicePin", "valueJson": "1234"}, {}])
    assert is_digest(secret["settings/[x_devicePin]/value"])
    for odd in ("NaN", "1e999", "{", "[" * 100_000):
        assert is_digest(intent(valueJson=odd)["settings/[deviceConfiguration_x]/valueJson"])


def test_what_graph_says_twice_is_told_once():
    actions = ["Microsoft.Intune_Organization_Read"]
    permissions = [{"actions": actions, "resourceActions": [{"allowedResourceActions": actions}]}]
    both = properties("roleDefinition", permissions=permissions, rolePermissions=permissions, isBuiltIn=False)
    assert both == properties(
        "roleDefinition", rolePermissions=[{"resourceActions": [{"allowedResourceActions": actions}]}], isBuiltIn=False
    )
    assert actions[0] in both.values()
    old = properties("roleDefinition", permissions=[{"actions": actions}])
    assert list(old.values()) == actions
    screen = {"hideEULA": True}
    newer = properties(
        "windowsAutopilotDeploymentProfile", outOfBoxExperienceSettings=screen,
        outOfBoxExperienceSetting={"eulaHidden": True}, enableWhiteGlove=False, preprovisioningAllowed=False,
    )  # fmt: skip
    assert newer == {"outOfBoxExperienceSetting/eulaHidden": True, "preprovisioningAllowed": False}


def test_the_order_of_detection_rules_and_of_actions_for_noncompliance_means_nothing():
    rules = [{"path": "a", "check": True}, {"path": "b", "check": False}]
    assert properties("mobileApp", rules=rules) == properties("mobileApp", rules=rules[::-1])


def test_what_devices_report_of_an_object_is_no_configuration():
    reported = {"deviceStatuses": [{"status": "error"}], "runSummary": {"errorDeviceCount": 3}, "payloads": [{"a": 1}]}
    assert properties("assignmentFilter", **reported) == {}


def test_a_word_of_an_enumeration_is_shown_and_text_under_its_name_is_not():
    content = properties("deviceConfiguration", startMenuMode="fullScreen", bluetooth="not a word", cameras="a,b")
    assert content["startMenuMode"] == "fullScreen"
    assert content["cameras"] == "a,b"
    assert is_digest(content["bluetooth"])


def test_no_secret_is_in_a_table_of_what_is_shown():
    shown = {name.lower() for name in SHOWN_PROPERTIES | ENUMERATIONS}
    assert not shown & SECRET_PROPERTIES


def test_the_profiles_are_a_part_of_the_form():
    item = canonical_item("roleScopeTag", {"id": "1"}, KEY)
    assert f"c1.{PROFILES[0].version}" == canonical.FORM
    assert item.hash.startswith(f"{canonical.FORM}.{KEY.id}:")
    assert not comparable(item.hash, item.hash.replace(PROFILES[0].version, "p0"))


@pytest.mark.parametrize("item_type", ITEM_TYPES)
def test_a_scope_tag_and_an_assignment_are_kept_in_every_type(item_type):
    tags = "roleScopeTags" if item_type == "assignmentFilter" else "roleScopeTagIds"
    bare = properties(item_type, displayName="A")
    for more in ({tags: ["1"]}, {"assignments": [{"target": {"groupId": GROUP}}]}):
        assert diff(bare, properties(item_type, displayName="A", **more))


def test_a_profile_is_a_value_that_nobody_changes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROFILES[0].profile_of("roleScopeTag").salted = frozenset()
