"""Sealing: a tenant's credential at rest, which only whoever holds the deployment key can open again."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from atlas.domain.errors import OperatorError

VERSION = b"\x01"
LONGEST = 16_384

_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD = len(VERSION) + _ID_BYTES + _NONCE_BYTES
_SALT = b"atlas/sealing/v1"


class Purpose(StrEnum):
    """What a sealed secret is for; each purpose has keys of its own."""

    GRAPH_CREDENTIAL = "graph-credential"


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a sealed secret belongs: it opens for this tenant, purpose and object, and nowhere else."""

    tenant_id: UUID
    purpose: Purpose
    object_id: UUID

    @property
    def bound(self) -> bytes:
        """The associated data: two ids of 16 bytes each, then the purpose."""
        return VERSION + self.tenant_id.bytes + self.object_id.bytes + self.purpose.encode()


@dataclass(frozen=True, slots=True)
class _Key:
    id: bytes
    secret: bytes = field(repr=False)


def seal(deployment_key: bytes, secret: bytes, binding: Binding) -> bytes:
    """AES-256-GCM under a key derived for the binding's tenant and purpose.

    The envelope is a version (1 byte), the id of the key (8), a random nonce (12), the ciphertext, and a tag (16).
    """
    if not 1 <= len(secret) <= LONGEST:
        raise ValueError(f"a secret to seal has 1 to {LONGEST} bytes")
    key, nonce = _derive(deployment_key, binding), os.urandom(_NONCE_BYTES)
    return VERSION + key.id + nonce + AESGCM(key.secret).encrypt(nonce, secret, binding.bound)


def unseal(deployment_keys: Sequence[bytes], sealed: bytes, binding: Binding) -> bytes:
    """What was sealed for this binding under one of these keys.

    Raises `OperatorError` SEALED_DAMAGED where it is no envelope, was changed, or belongs elsewhere, and
    SEALED_BY_ANOTHER_KEY where none of the keys made it.
    """
    if len(sealed) < _HEAD + _TAG_BYTES or not sealed.startswith(VERSION):
        raise _damaged()
    key_id, nonce = sealed[len(VERSION) : _HEAD - _NONCE_BYTES], sealed[_HEAD - _NONCE_BYTES : _HEAD]
    key = next((one for one in (_derive(key, binding) for key in deployment_keys) if one.id == key_id), None)
    if key is None:
        raise OperatorError(
            "SEALED_BY_ANOTHER_KEY",
            "A stored credential was sealed under another deployment key, or belongs to another tenant.",
            "Give Atlas the key that it was sealed under, or connect again: `atlas graph connect`.",
        )
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed[_HEAD:], binding.bound)
    except InvalidTag as error:
        raise _damaged() from error


def is_under(deployment_key: bytes, sealed: bytes, binding: Binding) -> bool:
    """Was it sealed under this key? What is no envelope was not."""
    return sealed.startswith(VERSION + _derive(deployment_key, binding).id)


def _derive(deployment_key: bytes, binding: Binding) -> _Key:
    """The key of one tenant and purpose (HKDF-SHA256, RFC 5869), and its id, which tells nothing of it."""
    info = binding.purpose.encode() + b"/" + binding.tenant_id.bytes
    secret = HKDF(SHA256(), 32, _SALT, info).derive(deployment_key)
    return _Key(hashlib.sha256(_SALT + b"/id/" + secret).digest()[:_ID_BYTES], secret)


def _damaged() -> OperatorError:
    return OperatorError(
        "SEALED_DAMAGED",
        "A stored credential cannot be opened: it was changed, or belongs to another connection.",
        "Connect again: `atlas graph remove`, then `atlas graph connect`.",
    )
