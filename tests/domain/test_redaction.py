"""Nothing secret is shown, whatever its type and wherever it stands; what is shown cannot be taken for a digest."""

import pytest

from atlas.domain.canonical import canonical_item, encode_body
from atlas.domain.differ import diff
from atlas.domain.evidence import evidence
from atlas.domain.labels import label_of
from atlas.domain.redaction import is_digest
from tests.domain import graph
from tests.domain.graph import KEY, OTHER_KEY

CANARY = "CANARY-7f3a91"
NUMBER = 739_184_652_091

SECRET_PROPERTIES = (
    "preSharedKey", "wifiPassword", "sharedSecret", "adminAccountPassword", "deviceAccountPassword",
    "adDomainPassword", "token", "tokenValue", "enrollmentToken", "qrCodeContent", "qrCodeImage",
    "encryptedPfxPassword", "encryptedPfxBlob", "activationCodes", "scriptContent", "detectionScriptContent",
    "remediationScriptContent", "payload", "payloadJson", "configurationXml", "encodedSettingXml", "customXml",
    "officeConfigurationXml", "customData", "installCommandLine", "uninstallCommandLine", "userPrincipalName",
    "emailAddress", "phoneNumber", "notificationMessageCCList", "appleIdentifier", "contactITName",
    "contactITPhoneNumber", "contactITEmailAddress", "contactITNotes",
)  # fmt: skip
SHAPES = {
    "text": CANARY,
    "a number": NUMBER,
    "a list": [CANARY, NUMBER],
    "an object": {CANARY: {"name": CANARY, "displayName": CANARY, "platform": CANARY, "value": NUMBER}},
    "rows": [{"name": CANARY, "templateId": CANARY, "count": NUMBER, "on": True}],
}


def told(item_type, raw):
    """Everything that Atlas keeps or says of an object: the body, and the changes it came by."""
    item = canonical_item(item_type, raw, KEY)
    changes = [change.to_json() for change in diff(None, item.properties)]
    labels = [label_of(path) for path in item.properties]
    return f"{encode_body(item.properties).decode()}{changes}{labels}{item.display_name}{item!r}"


def is_leaked(text):
    return CANARY in text or str(NUMBER) in text


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SECRET_PROPERTIES)
def test_a_secret_property_is_never_shown(name, shape):
    for raw in (
        graph.custom_configuration(**{name: SHAPES[shape]}),
        graph.custom_configuration(nested={"deeper": [{name: SHAPES[shape]}]}),
        graph.policy(**{name: SHAPES[shape]}),
        graph.policy(assignments=[graph.assignment(**{name: SHAPES[shape]})]),
    ):
        assert not is_leaked(told("deviceConfiguration", raw))
        assert is_leaked(told("deviceConfiguration", {**raw, "displayName": f"{CANARY} {NUMBER}"}))


@pytest.mark.parametrize("value", [CANARY, NUMBER, True, 1.5e300, [CANARY], {"value": NUMBER}])
def test_an_oma_value_is_never_shown(value):
    item = canonical_item("deviceConfiguration", graph.custom_configuration(graph.oma("./Device/A", value)), KEY)
    assert is_digest(item.properties["omaSettings/[.%2FDevice%2FA]/value"])


@pytest.mark.parametrize("value", [CANARY, NUMBER, True])
@pytest.mark.parametrize("name", ["value", "values"])
def test_a_presentation_value_is_never_shown(name, value):
    rows = [{"id": "1", "presentation": {"id": "p"}, name: value}]
    raw = {"id": "g", "displayName": "G", "definitionValues": [{"definition": {"id": "d"}, "presentationValues": rows}]}
    item = canonical_item("groupPolicyConfiguration", raw, KEY)
    assert is_digest(item.properties[f"definitionValues/[d]/presentationValues/[p]/{name}"])


@pytest.mark.parametrize("value", [CANARY, NUMBER])
def test_a_secret_setting_value_is_never_shown(value):
    raw = graph.policy(
        graph.simple("device_x_secret", value, "Secret"),
        graph.simple("device_x_text", CANARY),
        graph.simple_rows("device_x_rows", CANARY, CANARY + "2"),
        graph.group_rows("device_x_group", [graph.simple("device_x_group_psk", value)]),
    )
    assert not is_leaked(told("configurationPolicy", raw))


@pytest.mark.parametrize(
    "kind",
    ["deviceManagementConfigurationSecretSettingValue", "groupPolicyPresentationValueText", "omaSettingInteger"],
)
def test_a_secret_kind_is_known_wherever_it_stands(kind):
    hidden = {"@odata.type": f"#microsoft.graph.{kind}", "value": NUMBER, "values": [NUMBER]}
    for raw in ({"id": "1", "odd": hidden}, {"id": "1", "settings": [{"x": hidden}, {}]}):
        assert not is_leaked(told("somethingNew", raw))
    assert is_leaked(told("somethingNew", {"id": "1", "odd": {**hidden, "@odata.type": "#microsoft.graph.other"}}))


def test_a_number_that_opens_something_is_not_shown():
    raw = graph.custom_configuration(numericPin=NUMBER, unlockCode=NUMBER, devicePasscode=NUMBER, wlanPsk=NUMBER)
    assert not is_leaked(told("deviceConfiguration", raw))
    assert is_leaked(told("deviceConfiguration", graph.custom_configuration(minimumPinLength=NUMBER)))


@pytest.mark.parametrize(
    "name", ["recoveryCode", "backupCodes", "otp", "totp", "one_time_code", "adminOtp", "verificationCode"]
)
def test_a_number_that_opens_something_is_hidden_in_every_type(name):
    for raw in ({name: NUMBER}, {"rows": [{"name": name, "value": NUMBER}]}, graph.policy(graph.simple(name, NUMBER))):
        assert not is_leaked(told("configurationPolicy", {**raw, "id": "1"}))


@pytest.mark.parametrize("name", ["countryCode", "bootp", "errorCode", "otpLength", "dhcpbootp"])
def test_a_number_that_opens_nothing_is_shown(name):
    assert is_leaked(told("somethingNew", {"id": "1", name: NUMBER}))


def test_what_no_table_knows_is_a_digest_when_it_is_text():
    item = canonical_item("somethingNew", {"id": "1", "freeText": CANARY, "flag": True, "count": 3}, KEY)
    assert is_digest(item.properties["freeText"])
    assert (item.properties["flag"], item.properties["count"]) == (True, 3)


def test_a_description_is_a_digest_and_a_name_is_shown():
    item = canonical_item("configurationPolicy", graph.policy(description=CANARY, name="A name"), KEY)
    assert is_digest(item.properties["description"])
    assert item.properties["name"] == "A name"


def test_a_choice_that_is_no_id_is_a_digest():
    setting = graph.choice("device_x", "1")
    setting["choiceSettingValue"]["value"] = "not an id, but text"
    item = canonical_item("configurationPolicy", graph.policy(setting), KEY)
    assert is_digest(item.properties["settings/device_x"])


def test_text_under_a_shown_name_that_is_no_word_of_a_vocabulary_is_a_digest():
    item = canonical_item("deviceConfiguration", graph.custom_configuration(state="<secret>é</secret>"), KEY)
    assert is_digest(item.properties["state"])


@pytest.mark.parametrize("name", ["hd1:00000000:abc", "f64:1.5", "int:9", "str:x", "str:hd1:0"])
def test_a_shown_name_that_looks_like_a_tag_is_shown_as_it_is(name):
    item = canonical_item("configurationPolicy", graph.policy(name=name), KEY)
    shown = evidence(item.properties["name"], "name")
    assert (shown.redacted, shown.value, shown.digest) == (False, name, None)


def test_a_tag_is_not_equal_to_the_text_that_looks_like_it():
    number = canonical_item("x", {"id": "1", "count": 0.5}, KEY)
    text = canonical_item("x", {"id": "1", "name": "f64:0.5"}, KEY)
    assert number.properties["count"] == "f64:0.5"
    assert text.properties["name"] == "str:f64:0.5"


def test_a_digest_tells_the_key_and_is_another_under_another_key():
    raw = {"id": "1", "freeText": "the same"}
    one = canonical_item("x", raw, KEY).properties["freeText"]
    other = canonical_item("x", raw, OTHER_KEY).properties["freeText"]
    assert str(one).split(":")[:2] == ["hd1", KEY.id]
    assert one != other
    assert canonical_item("x", raw, KEY).properties["freeText"] == one


def test_equal_secrets_have_unequal_digests_on_two_paths_in_two_rows_and_in_two_types():
    raw = graph.custom_configuration(graph.oma("./A", "s"), graph.oma("./B", "s"), payload="s", customData="s")
    item = canonical_item("deviceConfiguration", raw, KEY)
    other = canonical_item("mobileApp", raw, KEY)
    digests = [leaf for content in (item, other) for leaf in content.properties.values() if is_digest(leaf)]
    assert len(set(digests)) == len(digests) == 10


def test_the_key_is_not_told_by_its_repr():
    assert repr(KEY.secret) not in repr(KEY)
    assert KEY.secret.hex() not in repr(KEY)
