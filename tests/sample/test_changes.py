"""The sample shows each kind of change that its table tells of, and no other."""

from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from atlas.domain.canonical import Item, canonical_item
from atlas.domain.differ import diff
from atlas.domain.keys import derive_tenant_key
from atlas.sample import EXPORTS
from atlas.sources.folder import read_folder

KEY = derive_tenant_key(b"a deployment key of the tests", UUID(int=7))


def items_of(path: Path) -> list[Item]:
    return [canonical_item(found.item_type, found.raw, KEY, found.external_id) for found in read_folder(path).objects]


JANUARY, FEBRUARY = (items_of(path) for path in EXPORTS)


def identity(item: Item) -> tuple[str, str]:
    return item.item_type, item.external_id


def names(items: list[Item]) -> list[str]:
    return sorted(item.display_name for item in items)


def changed() -> dict[str, list[tuple[str, str]]]:
    """For each object that changed: what of it did, as (kind, path)."""
    before = {identity(item): item for item in JANUARY}
    same = {(*identity(item), item.hash) for item in JANUARY}
    found: dict[str, list[tuple[str, str]]] = {}
    for item in FEBRUARY:
        old = before.get(identity(item))
        # The second object under the shared id has no predecessor of its own.
        if old is None or (*identity(item), item.hash) in same or item.display_name == "Win - LAPS - Kiosks":
            continue
        changes = diff(old.properties, item.properties)
        found[item.display_name] = sorted((change.kind.value, change.path) for change in changes)
    return found


def test_what_is_modified_is_what_the_table_tells():
    found = changed()
    assert sorted(found) == [
        "Android - App protection",
        "CA - Administrators need MFA",
        "Win - Attack surface reduction",
        "Win - Clinic Wi-Fi",
        "Win - Defender Antivirus",
        "Win - Edge - Standard",
        "Win - Remove consumer apps",
        "Win - Update ring - Broad",
        "Win - Update ring - Pilot",
        "iOS - Compliance",
        "mac - Clinic Wi-Fi",
        "mac - FileVault",
    ]


def test_each_setting_and_secret_that_changed_is_one_change():
    found = changed()
    for name, end in [
        ("Android - App protection", "minimumPinLength"),
        ("CA - Administrators need MFA", "state"),
        ("Win - Attack surface reduction", "localsecurityauthoritysubsystem"),
        ("Win - Clinic Wi-Fi", "preSharedKey"),
        ("Win - Defender Antivirus", "puaprotection"),
        ("Win - Edge - Standard", "name"),
        ("Win - Remove consumer apps", "scriptContent"),
        ("Win - Update ring - Broad", "qualityUpdatesDeferralPeriodInDays"),
        ("iOS - Compliance", "osMinimumVersion"),
        ("mac - Clinic Wi-Fi", "com.apple.wifi.managed_password"),
    ]:
        [(kind, path)] = found[name]
        assert (kind, end in path) == ("MODIFIED", True), (name, path)


def test_assignments_that_moved_are_told_as_assignments():
    found = changed()
    assert {kind for kind, _ in found["Win - Update ring - Pilot"]} == {"ADDED"}
    assert found["mac - FileVault"] == [("MODIFIED", "assignments/[allDevices,apply]/target")]
    assert all(path.startswith("assignments/[group:") for _, path in found["Win - Update ring - Pilot"])


def test_what_came_and_went_is_what_the_table_tells():
    before, after = ({identity(item) for item in items} for items in (JANUARY, FEBRUARY))
    came = [item for item in FEBRUARY if identity(item) not in before]
    went = [item for item in JANUARY if identity(item) not in after]
    assert names(came) == ["Win - Password and lock", "Win - Recall off"]
    assert names(went) == ["Win - Password and lock", "Win - Removable storage"]
    shared = [item for item in FEBRUARY if [identity(other) for other in FEBRUARY].count(identity(item)) > 1]
    assert names(shared) == ["Win - LAPS", "Win - LAPS - Kiosks"]
    [recreated] = {item.hash for item in came} & {item.hash for item in went}
    assert recreated


@pytest.mark.parametrize("name", ["Win - Firewall", "iOS - App protection", "Win - Compliance"])
def test_what_only_came_in_another_order_is_no_change(name: str):
    before, after = (
        [
            told(one.raw)
            for one in read_folder(path).objects
            if name in {one.raw.get("name"), one.raw.get("displayName")}
        ]
        for path in EXPORTS
    )
    assert len(before) == 1
    assert before != after
    assert unordered(before) == unordered(after)
    hashes = [[item.hash for item in items if item.display_name == name] for items in (JANUARY, FEBRUARY)]
    assert hashes[0] == hashes[1]


def told(value: Any) -> Any:
    """Without what a source counts anew at each export: the ids of settings are their places."""
    if isinstance(value, dict):
        return {name: told(one) for name, one in value.items() if name not in {"id", "lastModifiedDateTime"}}
    return [told(one) for one in value] if isinstance(value, list) else value


def unordered(value: Any) -> Any:
    """The same value with every array in an order of its own."""
    if isinstance(value, dict):
        return {name: unordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted(map(unordered, value), key=lambda one: orjson.dumps(one, option=orjson.OPT_SORT_KEYS))
    return value


def test_no_secret_of_the_sample_is_in_its_canonical_form():
    raw = b"".join(path.read_bytes() for folder in EXPORTS for path in folder.rglob("*.json"))
    for secret in ("Sample-Amber-Kettle-0", "Sample-Copper-Lantern-0", "R2V0LUFwcHhQYWNrYWdl"):
        assert secret.encode() in raw
        assert secret not in repr([*JANUARY, *FEBRUARY])
