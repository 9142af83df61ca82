"""A sealed credential opens with its key, for its tenant, purpose and connection, and in no other way."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.errors import OperatorError
from atlas.domain.keys import derive_tenant_key
from atlas.sealing import LONGEST, Binding, Purpose, seal, unseal

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
