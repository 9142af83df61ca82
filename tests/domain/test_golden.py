"""Golden vectors: the canonical form, the scope key, the fingerprint and the tenant key, fixed to the last byte.

A failure here means that stored hashes no longer compare. A change that is meant is a new prefix or version.
"""

from dataclasses import fields
from uuid import UUID

import pytest

from atlas.domain import profile_tables, severity_rules
from atlas.domain.canonical import FORM, canonical_item, encode_body
from atlas.domain.engine import ENGINE
from atlas.domain.enumerations import ENUMERATION_SHAPE
from atlas.domain.fingerprint import fingerprint
from atlas.domain.identity import item_id
from atlas.domain.keys import derive_tenant_key
from atlas.domain.profiles import PROFILES
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import ChangeType, FindingKind, SyncSource
from tests.domain import graph
from tests.domain.graph import KEY
from tests.domain.tables import digest

ENCRYPTION = "device_vendor_msft_bitlocker_requiredeviceencryption"
POLICY = graph.policy(
    graph.choice(ENCRYPTION, "1", graph.simple("device_vendor_msft_bitlocker_length", 256)),
    graph.simple("device_vendor_msft_policy_config_text", "free text"),
    graph.simple("device_vendor_msft_policy_config_secret", "hunter2", "Secret"),
    graph.simple_rows("device_vendor_msft_policy_config_sites", "b.example", "a.example", "a.example"),
    graph.group_rows(
        "device_vendor_msft_policy_config_rules",
        [graph.simple("rules_port", 443), graph.choice("rules_action", "block")],
        [graph.simple("rules_port", 80), graph.choice("rules_action", "allow")],
    ),
    description="What it is for, in ünïcode",
    assignments=[graph.assignment(filter_id=graph.GROUP, filter_type="exclude")],
)
NUMBERS = {
    "id": "n",
    "displayName": "str:quoted",
    "a": 0.1,
    "b": 2**64,
    "c": -0.0,
    "d": 1e21,
    "e": False,
    "f": [3, 1, 2],
}
CONFIGURATION = graph.custom_configuration(graph.oma("./Vendor/MSFT/A", "secret"), graph.oma("./Vendor/MSFT/B", 1))
EMPTY = {"id": "1", "displayName": "A", "settings": [{"settingInstance": {
    "settingDefinitionId": "prefix", "simpleSettingValue": {"value": ""}}}], "recoveryCode": 4711}  # fmt: skip
VECTORS = {
    "policy": (
        "configurationPolicy",
        POLICY,
        "0efa893214f0076b39be0980f1a5b76b266d3720e9f2e328c64d27357af21d98",
        "c69e1c2e2e8c4a3d93c2a18fedcc8a8265a8735a9418b20ca4921226d298b9d5",
    ),
    "compliance": (
        "deviceCompliancePolicy",
        graph.compliance(),
        "63ec30a20dbd93d8bf27e72c81701ea47c33f22e147cc1ef19770212a977a0dd",
        "1c8f536ce6c80bc8a3aba149cb1f85717b4797d9a58540ea041e8b49932fd410",
    ),
    "configuration": (
        "deviceConfiguration",
        CONFIGURATION,
        "d1abee731c0f1b6949eec393c8aab3f98cbbac6def43bdda120c4dd72db6c640",
        "2f457450d3c9e44b8c84813ddfb61814962fbcacc718b1c929b46f7815efef73",
    ),
    "numbers": (
        "somethingNew",
        NUMBERS,
        "7ac143e510961579f0f0800b02017df05e84c790aae21c11880efec068717728",
        "43e169f01ef43e79620f7e23abe2a35faad8d5d25722226f38124d463f393b97",
    ),
}


@pytest.mark.parametrize("profiles", PROFILES, ids=lambda profiles: profiles.version)
@pytest.mark.parametrize("name", VECTORS)
def test_the_canonical_form_is_what_it_was(name, profiles):
    item_type, raw, of_content, of_settings = VECTORS[name]
    item, form = canonical_item(item_type, raw, KEY, profiles=profiles), f"c1.{profiles.version}.f7d7d318"
    assert (item.hash, item.settings_hash) == (f"{form}:{of_content}", f"{form}:{of_settings}")


def test_what_stands_under_no_version_but_its_own_is_what_it_was():
    found = {
        profiles.version: canonical_item("configurationPolicy", EMPTY, KEY, profiles=profiles).hash.split(":")[1]
        for profiles in PROFILES
    }
    assert found == {
        "p2": "e3f3fe7209dad99cb28c2c348b08a9461a6eac0c015d5f6135d41abf4e7b2fdf",
        "p1": "b08c9cf41b4203f0c90cb0f180386285adf605f9a3a83da178319fe61a55177f",
    }
    item = canonical_item("configurationPolicy", EMPTY, KEY)
    assert item.hash.startswith(f"{FORM}.{KEY.id}:")


def test_the_body_is_what_it_was():
    body = encode_body(canonical_item("somethingNew", NUMBERS, KEY).properties)
    assert body == (
        b'{"a":"f64:0.1","b":"int:18446744073709551616","c":0,"d":"f64:1e+21","displayName":"str:str:quoted",'
        b'"e":false,"f/[1]":1,"f/[2]":2,"f/[3]":3}'
    )


def test_the_tenant_key_is_what_it_was():
    key = derive_tenant_key(bytes(range(32)), UUID("00000000-0000-4000-8000-00000000000a"))
    assert (key.id, key.secret.hex()) == (
        "6b322df8",
        "3ec586acbfa8c0c4bacf7126420671fe8a18c63c88f85a786645228d85a34505",
    )


def test_the_scope_key_is_what_it_was():
    selection = Selection(SyncSource.FOLDER)
    assert selection.canonical == '{"itemTypes":null,"layout":"default","source":"FOLDER"}'
    assert scope_key(selection) == "s1:8a404248df65f877ebfdf19e3ec802c0a5c1a5e9c01976b6d76c244ab1ef3b7c"
    assert (
        scope_key(Selection(SyncSource.GRAPH, item_types=("b", "a", "b")))
        == "s1:b7b99b5f3465238632fa157619be0b0e63908fe4d7b7e519b2218436dbfa0f18"
    )


def test_the_fingerprint_is_what_it_was():
    found = fingerprint(
        kind=FindingKind.DRIFT, scope_key="s1:0", item_type="configurationPolicy", external_id="1",
        change_type=ChangeType.ADDED, baseline_hash=None, current_hash="c1:0",
    )  # fmt: skip
    assert found == "f1:13884d93c569634ec6c5aaf336a0b9acf5f24bd0da7855042c17f0afecb33f84"


def test_the_item_id_is_what_it_was():
    assert item_id(UUID(int=1), "configurationPolicy", "1") == UUID("c1690e97-e721-574e-b8bf-074998fbfa62")


def test_the_engine_names_its_three_versions():
    assert ENGINE == "c1.p2.r2"


def test_the_rules_of_severity_are_what_they_were_under_their_version():
    """Fails where a table of `severity_rules` was edited. What to do: give `RULES_VERSION` a new value, and put it here
    with the digest that is told. Pairs that are asked for again are then generated anew, under the new rules. Before
    the first release the digest alone may change.
    """
    tables = {name: value for name, value in vars(severity_rules).items() if name.isupper() and name != "RULES_VERSION"}
    assert len(tables) > 20
    assert (severity_rules.RULES_VERSION, digest(tables)) == (
        "r2",
        "30e8fa8816353cb23c391912b69df9e3f8ef62be6de6f1ac59755d9f13e7722f",
    )


def test_the_tables_of_the_profiles_are_what_they_were_under_their_version():
    """Fails where a table of `profiles`, `profile_tables` or `enumerations` was edited in place: what is recorded under
    the version would no longer compare. What to do: take the edit back, and make it a new entry at the head of
    `PROFILES` (`Profiles.revised`); then add its digest here. Before the first release the digest alone may change.
    """
    assert {profiles.version: digest(profiles) for profiles in PROFILES} == {
        "p2": "bbbdfb5c8f72bf246e7530a1a51c4cd4c1bf96f4f97de47856e9e3255ca54458",
        "p1": "8a0017493ab7da28a58a66edc49a8335212e96c8b048bc44bc70ed5b37adb5c2",
    }


def test_what_belongs_to_the_form_itself_is_what_it_was():
    """As above, for the constants of `profile_tables` that all versions share: a change of one is a new form."""
    of_versions = {"FIRST_TABLES", "SECOND_TABLES", *(field.name.upper() for field in fields(profile_tables.Tables))}
    names = [name for name in dir(profile_tables) if name.isupper() and name[0] != "_" and name not in of_versions]
    assert len(names) > 9
    tables = {name: getattr(profile_tables, name) for name in names} | {"enumeration": ENUMERATION_SHAPE}
    assert (FORM.split(".")[0], digest(tables)) == (
        "c1", "8e360de04a9c7d9efc64af3ba1bc493fd62c6820596f25d3a900b6acbba3b36d"
    )  # fmt: skip
