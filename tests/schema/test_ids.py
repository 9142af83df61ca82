"""Global ids and cursors of the feed: one spelling each, and nothing else is one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.schema.ids import (
    GlobalId,
    decode_activity_cursor,
    decode_id,
    decode_tenant_id,
    encode_activity_cursor,
    encode_id,
)

TYPES = st.sampled_from(["Finding", "SyncRun", "Tenant", "Principal", "ApiToken"])


@given(TYPES, st.none() | st.uuids(), st.uuids())
def test_an_id_says_what_it_was_made_of(type_name: str, tenant_id: UUID | None, key: UUID) -> None:
    assert decode_id(encode_id(type_name, tenant_id, key)) == GlobalId(type_name, tenant_id, key)


@given(st.uuids(), st.uuids())
def test_an_id_of_another_type_is_none(tenant_id: UUID, key: UUID) -> None:
    assert decode_id(encode_id("SyncRun", tenant_id, key), "Finding") is None


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_other_text_is_no_id_and_no_error(value: str) -> None:
    assert decode_id(value) is None


@given(st.uuids(), st.uuids(), st.integers(0, 200), st.characters())
def test_an_id_has_one_spelling(tenant_id: UUID, key: UUID, position: int, character: str) -> None:
    id_ = encode_id("Finding", tenant_id, key)
    position %= len(id_)
    other = id_[:position] + character + id_[position + 1 :]
    decoded = decode_id(other)
    assert decoded is None or encode_id(decoded.type_name, decoded.tenant_id, decoded.key) == other
    assert decode_id(id_ + "=") is None
    assert decode_id(f" {id_}") is None
    assert decode_id(f"{id_}\n") is None


@given(st.uuids(), st.uuids())
def test_a_tenant_is_named_by_its_own_id_only(tenant_id: UUID, other: UUID) -> None:
    assert decode_tenant_id(encode_id("Tenant", tenant_id, tenant_id)) == tenant_id
    assert decode_tenant_id(encode_id("Tenant", None, tenant_id)) is None
    assert decode_tenant_id(encode_id("Finding", tenant_id, tenant_id)) is None
    if other != tenant_id:
        assert decode_tenant_id(encode_id("Tenant", other, tenant_id)) is None


def test_a_principal_has_one_id_in_every_tenant() -> None:
    key = UUID(int=7)
    assert encode_id("Principal", None, key) == "UHJpbmNpcGFsOjowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwNw"


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_of_the_feed_says_its_number(seq: int) -> None:
    assert decode_activity_cursor(encode_activity_cursor(seq)) == seq


@given(
    st.text() | st.integers(2**63).map(encode_activity_cursor) | st.integers(max_value=-1).map(encode_activity_cursor)
)
def test_any_other_text_is_no_cursor_of_the_feed(cursor: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        decode_activity_cursor(cursor)
