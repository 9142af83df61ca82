"""Tenant keys, scope keys and fingerprints: made of exactly what they should be made of."""

import hmac
import itertools
from uuid import UUID

import orjson
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from atlas.domain.canonical import canonical_item
from atlas.domain.fingerprint import fingerprint
from atlas.domain.keys import derive_tenant_key
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import ChangeType, FindingKind, SyncSource
from tests.domain.graph import KEY

DEPLOYMENT = bytes(range(32))


def test_the_tenant_key_is_hkdf():
    tenant = UUID(int=5)
    info = b"atlas/tenant-key/v1/expand/" + tenant.bytes
    expected = HKDF(SHA256(), 32, b"atlas/tenant-key/v1/extract", info).derive(DEPLOYMENT)
    assert derive_tenant_key(DEPLOYMENT, tenant).secret == expected


def test_each_tenant_and_each_deployment_has_a_key_of_its_own():
    keys = [derive_tenant_key(key, UUID(int=tenant)) for key in (DEPLOYMENT, b"x" * 32) for tenant in range(50)]
    assert len({key.secret for key in keys}) == len({key.id for key in keys}) == 100


def test_a_deployment_key_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="15 bytes"):
        derive_tenant_key(b"x" * 15, UUID(int=1))


def test_a_digest_is_an_hmac_of_the_type_the_path_and_the_value():
    message = orjson.dumps(["somethingNew", "nested/freeText", "the value"])
    expected = f"hd1:{KEY.id}:{hmac.new(KEY.secret, message, 'sha256').hexdigest()}"
    item = canonical_item("somethingNew", {"id": "1", "nested": {"freeText": "the value"}}, KEY)
    assert item.properties["nested/freeText"] == expected


def test_item_types_of_a_selection_are_a_set():
    keys = {scope_key(Selection(SyncSource.GRAPH, item_types=types)) for types in itertools.permutations("abca")}
    assert len(keys) == 1


def test_whatever_is_selected_otherwise_is_another_scope():
    selections = [
        Selection(SyncSource.FOLDER),
        Selection(SyncSource.GRAPH),
        Selection(SyncSource.FOLDER, layout="other"),
        Selection(SyncSource.FOLDER, item_types=()),
        Selection(SyncSource.FOLDER, item_types=("a",)),
        Selection(SyncSource.FOLDER, item_types=("a", "b")),
        Selection(SyncSource.FOLDER, item_types=("a,b",)),
    ]
    assert len({scope_key(selection) for selection in selections}) == len(selections)


def test_the_fingerprint_depends_on_each_of_its_parts():
    parts = {
        "kind": FindingKind.DRIFT, "scope_key": "s1:a", "item_type": "t", "external_id": "1",
        "change_type": ChangeType.MODIFIED, "baseline_hash": "c1:a", "current_hash": "c1:b",
    }  # fmt: skip
    others = {
        "kind": FindingKind.DATA_QUALITY, "scope_key": "s1:b", "item_type": "u", "external_id": "2",
        "change_type": None, "baseline_hash": None, "current_hash": "c1:a",
    }  # fmt: skip
    changed = [fingerprint(**{**parts, name: other}) for name, other in others.items()]
    assert len({fingerprint(**parts), *changed}) == 8
    assert fingerprint(**{**parts, "item_type": "t1", "external_id": ""}) != fingerprint(
        **{**parts, "item_type": "t", "external_id": "1"}
    )
