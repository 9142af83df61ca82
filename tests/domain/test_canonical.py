"""The canonical form: what is absent, what is dropped, how paths are built, and what has none."""

import pytest

from atlas.domain.canonical import CanonicalError, canonical_item
from atlas.domain.differ import diff
from tests.domain import graph
from tests.domain.graph import GROUP, KEY

BIG = 2**63


def properties(raw, item_type="configurationPolicy"):
    return dict(canonical_item(item_type, raw, KEY).properties)


def of(**more):
    return properties({"id": "1", **more}, "somethingNew")


@pytest.mark.parametrize("nothing", [None, "", [], {}, [None], [""], {"a": None}, "0001-01-01T00:00:00Z"])
def test_null_empty_and_the_sentinel_date_are_absence(nothing):
    assert of(state=nothing) == {}


def test_false_and_zero_are_values():
    assert of(flag=False, count=0) == {"count": 0, "flag": False}


def test_true_and_one_are_two_values():
    assert of(value=True) == {"value": True}
    assert len(diff(of(value=True), of(value=1))) == 1
    assert len(diff(of(value=[True]), of(value=[1]))) == 1


def test_numbers_beyond_64_bits_and_fractions_are_tagged_and_whole_doubles_are_integers():
    assert of(a=BIG, b=-BIG - 1, c=BIG - 1, d=0.1, e=2.0, f=-0.0) == {
        "a": f"int:{BIG}", "b": f"int:{-BIG - 1}", "c": BIG - 1, "d": "f64:0.1", "e": 2, "f": 0,
    }  # fmt: skip


def test_server_managed_properties_annotations_and_actions_are_dropped():
    assert properties(graph.policy()) == {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy",
        "name": "Baseline - Encryption - v1.0",
        "platforms": "windows10",
        "roleScopeTagIds/[0]": "0",
        "technologies": "mdm",
    }


def test_below_the_root_a_version_is_a_setting():
    assert of(version=3, nested={"version": 3}) == {"nested/version": 3}


def test_settings_are_keyed_by_the_path_of_their_definitions():
    raw = graph.policy(
        graph.choice("a_choice", "1", graph.simple("a_child", 7), graph.choice("a_child_choice", "0")),
        graph.simple("a_number", 21),
        graph.group_rows("a_group", [graph.choice("a_group_member", "x")]),
    )
    content = {path: leaf for path, leaf in properties(raw).items() if path.startswith("settings/")}
    (group,) = [path for path in content if "a_group" in path]
    assert content == {
        "settings/a_choice": "a_choice_1",
        "settings/a_choice/a_child": 7,
        "settings/a_choice/a_child_choice": "a_child_choice_0",
        "settings/a_number": 21,
        group: "a_group_member_x",
    }


def test_the_index_of_a_setting_means_nothing():
    raw = graph.policy(graph.simple("a", 1))
    raw["settings"][0]["id"] = "17"
    assert properties(raw) == properties(graph.policy(graph.simple("a", 1)))


def test_repeated_rows_are_kept_apart():
    one = properties(graph.policy(graph.group_rows("g", [graph.simple("m", 1)], [graph.simple("m", 1)])))
    other = properties(graph.policy(graph.group_rows("g", [graph.simple("m", 1)])))
    assert len(one) == len(other) + 1
    assert [change.kind for change in diff(one, other)] == ["REMOVED"]


def test_a_definition_that_stands_twice_is_not_lost():
    content = properties(graph.policy(graph.simple("m", 1), graph.simple("m", 2)))
    assert content["settings/m/[%=1]"] == 1
    assert content["settings/m/[%=2]"] == 2


@pytest.mark.parametrize(
    ("empty", "filled"),
    [
        (graph.simple("a", ""), graph.simple("a", "x")),
        (graph.simple("a", None), graph.simple("a", 1)),
        ({"settingDefinitionId": "a", "choiceSettingValue": {"value": "", "children": []}}, graph.choice("a", "1")),
        (graph.simple_rows("a"), graph.simple_rows("a", "x")),
        (graph.simple_rows("a", ""), graph.simple_rows("a", "x")),
        (graph.simple_rows("a", "x"), graph.simple_rows("a", "x", "")),
        (graph.group_rows("a"), graph.group_rows("a", [graph.simple("b", 1)])),
        (graph.group_rows("a", []), graph.group_rows("a", [], [])),
        (graph.group_rows("a", [graph.simple("b", "")]), graph.group_rows("a", [graph.simple("b", 1)])),
        ({"settingDefinitionId": "a", "groupSettingValue": {"children": []}}, graph.choice("a", "1")),
        (graph.choice("a", "1", graph.simple("b", "")), graph.choice("a", "1", graph.simple("b", "x"))),
    ],
)
def test_a_setting_with_nothing_in_it_is_there(empty, filled):
    kept = graph.simple("z", 1)
    without, with_empty, with_filled = (properties(graph.policy(kept, *more)) for more in ([], [empty], [filled]))
    assert {change.kind for change in diff(without, with_empty)} == {"ADDED"}
    assert {change.kind for change in diff(with_empty, without)} == {"REMOVED"}
    assert diff(with_empty, with_filled)
    assert properties(graph.policy(empty, kept)) == with_empty


def test_a_setting_that_is_empty_is_told_as_such():
    (change,) = diff(properties(graph.policy()), properties(graph.policy(graph.simple("device_vendor_prefix", ""))))
    assert change.after is not None
    assert (change.after.redacted, change.after.value, change.after.label) == (False, "", "Empty")
    filled = properties(graph.policy(graph.simple("device_vendor_prefix", "x")))
    (change,) = diff(properties(graph.policy(graph.simple("device_vendor_prefix", ""))), filled)
    assert (change.kind, change.path) == ("MODIFIED", "settings/device_vendor_prefix")


def test_order_counts_where_the_profiles_say_so():
    one, other = of(dnsServers=["a", "b"]), of(dnsServers=["b", "a"])
    assert set(one) == {"dnsServers/#0", "dnsServers/#1"}
    assert len(diff(one, other)) == 2
    suites = "device_vendor_msft_policy_config_cryptography_tlsciphersuites"
    ordered = [properties(graph.policy(graph.simple_rows(suites, *values))) for values in ("ab", "ba")]
    assert len(diff(*ordered)) == 2


def test_assignments_are_keyed_by_target_and_intent_with_mode_and_filter_as_values():
    rows = [
        graph.assignment(filter_id=GROUP, filter_type="include"),
        graph.assignment("exclusionGroupAssignmentTarget", "00000002-0000-4000-8000-000000000000"),
        graph.assignment("allDevicesAssignmentTarget", None, intent="required"),
    ]
    content = properties({"id": "1", "assignments": rows}, "mobileApp")
    one, two = f"assignments/[group:{GROUP}]", "assignments/[group:00000002-0000-4000-8000-000000000000]"
    assert content == {
        f"{one}/assignmentFilter": GROUP,
        f"{one}/assignmentFilterType": "include",
        f"{one}/mode": "include",
        f"{one}/source": "direct",
        f"{one}/target": f"group:{GROUP}",
        f"{two}/mode": "exclude",
        f"{two}/source": "direct",
        f"{two}/target": "group:00000002-0000-4000-8000-000000000000",
        "assignments/[allDevices,required]/intent": "required",
        "assignments/[allDevices,required]/mode": "include",
        "assignments/[allDevices,required]/source": "direct",
        "assignments/[allDevices,required]/target": "allDevices",
    }


def test_the_empty_guid_is_no_filter_and_no_assignments_are_absence():
    empty = "00000000-0000-0000-0000-000000000000"
    plain = {"id": "1", "assignments": [graph.assignment()]}
    assert properties(plain) == properties({"id": "1", "assignments": [graph.assignment(filter_id=empty)]})
    assert properties({"id": "1", "assignments": []}) == properties({"id": "1"}) == {}


def test_include_that_becomes_exclude_is_one_change():
    one = properties({"id": "1", "assignments": [graph.assignment()]})
    other = properties({"id": "1", "assignments": [graph.assignment("exclusionGroupAssignmentTarget")]})
    (change,) = diff(one, other)
    assert (change.path, change.after.value) == (f"assignments/[group:{GROUP}]/mode", "exclude")


def test_the_definition_of_a_template_value_is_read_from_a_link_too():
    link = "https://graph.microsoft.com/beta/deviceManagement/groupPolicyDefinitions('d-1')"
    linked = {"id": "1", "definitionValues": [{"enabled": True, "definition@odata.bind": link}]}
    told = {"id": "1", "definitionValues": [{"enabled": True, "definition": {"id": "d-1", "explainText": "long"}}]}
    kind = "groupPolicyConfiguration"
    assert properties(linked, kind) == properties(told, kind)
    assert properties(linked, kind) == {
        "definitionValues/[d-1]/definition/id": "d-1",
        "definitionValues/[d-1]/enabled": True,
    }


def test_names_with_separators_are_escaped_and_do_not_collide():
    assert of(**{"a/b": 1, "a": {"b": 2}}) == {"a%2Fb": 1, "a/b": 2}
    assert of(a={"[x]": 1, "": 2, "#0": 3, "@x": 4, "%": 5}) == {
        "a/%": 2, "a/%230": 3, "a/%25": 5, "a/%40x": 4, "a/%5Bx%5D": 1,
    }  # fmt: skip


def test_display_name_id_and_platform_are_read():
    item = canonical_item("configurationPolicy", graph.policy(), KEY)
    assert (item.display_name, item.external_id, item.platform) == (
        "Baseline - Encryption - v1.0", "11111111-1111-4111-8111-111111111111", "windows10",
    )  # fmt: skip
    assert canonical_item("x", {"id": "1"}, KEY, "given").external_id == "given"
    assert canonical_item("x", {"id": "1"}, KEY).display_name == "1"
    assert "\x00" not in canonical_item("x", {"id": "1", "name": "a\x00b"}, KEY).display_name


@pytest.mark.parametrize(
    ("kind", "platform"),
    [
        ("windows10CompliancePolicy", "windows10"),
        ("iosManagedAppProtection", "iOS"),
        ("macOSGeneralDeviceConfiguration", "macOS"),
        ("androidManagedAppProtection", "android"),
        ("aospDeviceOwnerCompliancePolicy", "android"),
        ("roleScopeTag", None),
    ],
)
def test_the_platform_is_told_by_the_kind_of_object(kind, platform):
    assert canonical_item("x", {"id": "1", "@odata.type": f"#microsoft.graph.{kind}"}, KEY).platform == platform


def test_a_name_that_stands_twice_is_one_property():
    one = of(name="A", displayName="A")
    other = of(name="B", displayName="B")
    (change,) = diff(one, other)
    assert change.path == "name"


def test_settings_hash_leaves_out_what_an_object_is_called():
    one = canonical_item("configurationPolicy", graph.policy(graph.simple("a", 1)), KEY)
    other = canonical_item(
        "configurationPolicy", graph.policy(graph.simple("a", 1), id="2", name="B", description="b"), KEY
    )
    assert one.settings_hash == other.settings_hash
    assert one.hash != other.hash


def test_unicode_is_kept_as_it_came():
    item = canonical_item("x", {"id": "1", "name": "Größe 大 🔒 e\u0301"}, KEY)
    assert item.properties["name"] == "Größe 大 🔒 e\u0301"


def test_a_lone_surrogate_is_a_digest_in_a_value_and_escaped_in_a_name():
    content = of(name="a\ud800", **{"b\udfff": 1})
    assert str(content["name"]).startswith("hd1:")
    assert content["b%DFFF"] == 1
    assert content["name"] != of(name="a\ud801")["name"]


def nested(levels, value):
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"id": "1", "a": float("nan")}, "not finite"),
        ({"id": "1", "a": [{"b": float("inf")}]}, "not finite"),
        ({"id": "1", "payload": {"b": float("-inf")}}, "not finite"),
        ({"id": "1", "a": 10**5000}, "too many digits"),
        ({"id": "1", "a": b"bytes"}, "the type bytes"),
        ({"id": "1", "a": {3: 4}}, "property name"),
        ({"id": "1", 3: 4}, "property name"),
        ({"id": "1", "a": nested(100_000, 1)}, "levels deep"),
        ({"id": "1", "payload": nested(100_000, 1)}, "levels deep"),
        ({}, "no id"),
        ({"id": None}, "no id"),
        ({"id": "  "}, "no id"),
        ({"id": 7}, "no id"),
        ({"id": "x" * 600}, "longer than"),
        ({"id": "a\x00b"}, "control characters"),
        ([], "not a JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_canonical_form_is_refused_and_the_value_is_not_told(raw, message):
    with pytest.raises(CanonicalError, match=message) as refused:
        canonical_item("x", raw, KEY)
    assert refused.value.code == "NOT_CANONICAL"
    assert refused.value.mend
    assert len(str(refused.value)) < 600


def test_settings_nested_too_deep_are_refused():
    setting = graph.choice("d", "0")
    for _ in range(2_000):
        setting = graph.choice("d", "0", setting)
    with pytest.raises(CanonicalError, match="levels deep"):
        canonical_item("configurationPolicy", graph.policy(setting), KEY)


def test_the_raw_object_is_left_as_it_was():
    raw = graph.policy(graph.group_rows("g", [graph.simple("m", 1)]), assignments=[graph.assignment()])
    before = repr(raw)
    canonical_item("configurationPolicy", raw, KEY)
    assert repr(raw) == before
