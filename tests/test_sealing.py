"""A sealed credential opens with its key, for its tenant, purpose and connection, and in no other way."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from atlas.domain.errors import OperatorError
from atlas.domain.keys import derive_tenant_key
from atlas.sealing import (
    LONGEST,
    Binding,
    Purpose,
    SealingKey,
    is_under,
    read_sealing_key,
    seal,
    seal_for,
    sealing_key,
    unseal,
)
from atlas.settings import Settings

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SECRET = b"the client secret of an application"
BINDING = Binding(UUID(int=1), Purpose.GRAPH_CREDENTIAL, UUID(int=2))


def refusal(sealed: bytes, binding: Binding = BINDING, *keys: bytes) -> str:
    with pytest.raises(OperatorError) as refused:
        unseal(keys or (KEY,), sealed, binding)
    assert refused.value.mend
    assert SECRET.decode() not in str(refused.value)
    return refused.value.code


@given(st.binary(min_size=1, max_size=200))
def test_what_was_sealed_comes_back(secret: bytes) -> None:
    sealed = seal(KEY, secret, BINDING)
    assert unseal([KEY], sealed, BINDING) == secret


def test_a_secret_sealed_twice_looks_different_and_is_nowhere_in_it() -> None:
    one, two = seal(KEY, SECRET, BINDING), seal(KEY, SECRET, BINDING)
    assert one != two
    assert SECRET not in one
    assert len(one) == 1 + 8 + 12 + len(SECRET) + 16


def test_of_several_keys_the_one_that_sealed_it_opens_it() -> None:
    sealed = seal(KEY, SECRET, BINDING)
    assert unseal([OTHER_KEY, KEY], sealed, BINDING) == SECRET
    assert refusal(sealed, BINDING, OTHER_KEY) == "SEALED_BY_ANOTHER_KEY"


def test_it_opens_for_no_other_tenant_and_no_other_connection() -> None:
    sealed = seal(KEY, SECRET, BINDING)
    assert refusal(sealed, replace(BINDING, tenant_id=uuid4())) == "SEALED_BY_ANOTHER_KEY"
    assert refusal(sealed, replace(BINDING, object_id=uuid4())) == "SEALED_DAMAGED"


@given(st.integers(0, len(seal(KEY, SECRET, BINDING)) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_noticed(at: int, change: int) -> None:
    sealed = bytearray(seal(KEY, SECRET, BINDING))
    sealed[at] ^= change
    assert refusal(bytes(sealed)) == ("SEALED_BY_ANOTHER_KEY" if 1 <= at < 9 else "SEALED_DAMAGED")


@given(st.binary(max_size=60))
def test_what_is_no_envelope_is_damaged_or_of_another_key(garbage: bytes) -> None:
    assert refusal(garbage) in {"SEALED_DAMAGED", "SEALED_BY_ANOTHER_KEY"}


@pytest.mark.parametrize("length", [0, LONGEST + 1])
def test_a_secret_of_no_or_too_many_bytes_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="1 to"):
        seal(KEY, b"x" * length, BINDING)


def test_the_key_of_a_tenants_digests_opens_nothing() -> None:
    sealed = seal(KEY, SECRET, BINDING)
    assert refusal(sealed, BINDING, derive_tenant_key(KEY, BINDING.tenant_id).secret) == "SEALED_BY_ANOTHER_KEY"


def test_an_envelope_of_the_first_version_opens_for_ever() -> None:
    kept = bytes.fromhex(
        "016ce38c7345af52a8939e6027e399b0df28ce13375818156a91c2c30cb11ea52f4beac6"
        "0d8e8a4459c8c71b7b23b5b9cdca4647eb1a584e39f4417402cb8ee36f7634b42c487068"
    )
    assert unseal([KEY], kept, BINDING) == SECRET


FOR_KEY = sealing_key(KEY)


@given(st.binary(min_size=1, max_size=200))
def test_what_was_sealed_by_the_public_key_opens_by_the_deployment_key(secret: bytes) -> None:
    sealed = seal_for(FOR_KEY, secret, BINDING)
    assert unseal([OTHER_KEY, KEY], sealed, BINDING) == secret
    assert len(sealed) == 1 + 8 + 32 + len(secret) + 16


def test_the_public_key_is_the_same_each_time_and_tells_nothing_of_the_deployment_key() -> None:
    assert sealing_key(KEY) == FOR_KEY
    assert sealing_key(OTHER_KEY) != FOR_KEY
    assert KEY not in FOR_KEY.public
    assert seal_for(FOR_KEY, SECRET, BINDING) != seal_for(FOR_KEY, SECRET, BINDING)
    assert SECRET not in seal_for(FOR_KEY, SECRET, BINDING)


def test_whoever_has_the_public_key_alone_opens_nothing() -> None:
    sealed = seal_for(FOR_KEY, SECRET, BINDING)
    assert refusal(sealed, BINDING, FOR_KEY.public) == "SEALED_BY_ANOTHER_KEY"
    assert refusal(sealed, BINDING, OTHER_KEY) == "SEALED_BY_ANOTHER_KEY"


def test_what_the_public_key_sealed_opens_for_no_other_tenant_and_no_other_connection() -> None:
    sealed = seal_for(FOR_KEY, SECRET, BINDING)
    assert refusal(sealed, replace(BINDING, tenant_id=uuid4())) == "SEALED_DAMAGED"
    assert refusal(sealed, replace(BINDING, object_id=uuid4())) == "SEALED_DAMAGED"


@given(st.integers(0, len(seal_for(FOR_KEY, SECRET, BINDING)) - 1), st.integers(1, 255))
def test_one_changed_byte_of_what_the_public_key_sealed_is_noticed(at: int, change: int) -> None:
    sealed = bytearray(seal_for(FOR_KEY, SECRET, BINDING))
    sealed[at] ^= change
    assert refusal(bytes(sealed)) in {"SEALED_BY_ANOTHER_KEY", "SEALED_DAMAGED"}


def test_of_both_forms_it_is_known_which_key_sealed_them() -> None:
    for sealed in (seal(KEY, SECRET, BINDING), seal_for(FOR_KEY, SECRET, BINDING)):
        assert is_under(KEY, sealed, BINDING)
        assert not is_under(OTHER_KEY, sealed, BINDING)


def test_a_sealing_key_is_read_as_it_is_written() -> None:
    assert read_sealing_key(str(FOR_KEY)) == FOR_KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.hex(),
        str(FOR_KEY)[:-1],
        f"{FOR_KEY} ",
        str(FOR_KEY).removeprefix("atlas-seals-"),
        str(SealingKey(bytes(32))),
    ],
)
def test_what_is_no_sealing_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_sealing_key(text)
    if text:
        with pytest.raises(ValidationError) as refused:
            Settings(sealing_key=text)
        assert "atlas keys sealing" in str(refused.value)
