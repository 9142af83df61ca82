"""Sealing: a tenant's credential at rest, which only whoever holds the deployment key can open again.

Whoever holds the key seals with it; the API, which must not be able to open what it stores, with the public half of a
pair of keys that is derived from it.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from atlas.domain.errors import OperatorError

VERSION = b"\x01"
PUBLIC_VERSION = b"\x02"
LONGEST = 16_384

_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEAD = len(VERSION) + _ID_BYTES + _NONCE_BYTES
_SALT = b"atlas/sealing/v1"

# RFC 9180: X25519, HKDF-SHA256, AES-256-GCM. What it makes is a public key (32), the ciphertext, and a tag (16).
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PUBLIC_BYTES = 32
_PUBLIC_HEAD = len(PUBLIC_VERSION) + _ID_BYTES
_PREFIX = "atlas-seals-"


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
class SealingKey:
    """What seals and opens nothing: the public half of the deployment's pair, 32 bytes. It is no secret."""

    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(_SALT + b"/public/" + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        return _PREFIX + base64.urlsafe_b64encode(self.public).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class _Key:
    id: bytes
    secret: bytes = field(repr=False)


def seal(deployment_key: bytes, secret: bytes, binding: Binding) -> bytes:
    """AES-256-GCM under a key derived for the binding's tenant and purpose.

    The envelope is a version (1 byte), the id of the key (8), a random nonce (12), the ciphertext, and a tag (16).
    """
    _check_length(secret)
    key, nonce = _derive(deployment_key, binding), os.urandom(_NONCE_BYTES)
    return VERSION + key.id + nonce + AESGCM(key.secret).encrypt(nonce, secret, binding.bound)


def sealing_key(deployment_key: bytes) -> SealingKey:
    """The public key of this deployment key, always the same."""
    return SealingKey(_private(deployment_key).public_key().public_bytes_raw())


def read_sealing_key(text: str) -> SealingKey:
    """What `str` makes of a sealing key. Raises `ValueError` where it is none."""
    try:
        public = base64.b64decode(text.removeprefix(_PREFIX) + "=", altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no sealing key") from error
    key = SealingKey(public)
    if len(public) != _PUBLIC_BYTES or str(key) != text:
        raise ValueError("no sealing key")
    # Some points of the curve are no key of anybody's, and say so when they are used.
    _SUITE.encrypt(b"x", X25519PublicKey.from_public_bytes(public))
    return key


def seal_for(key: SealingKey, secret: bytes, binding: Binding) -> bytes:
    """Seals so that only the deployment key opens it: HPKE (RFC 9180), bound as `seal` binds.

    The envelope is a version (1 byte), the id of the public key (8), and what HPKE makes.
    """
    _check_length(secret)
    public = X25519PublicKey.from_public_bytes(key.public)
    return PUBLIC_VERSION + key.id + _SUITE.encrypt(secret, public, info=_info(binding))


def unseal(deployment_keys: Sequence[bytes], sealed: bytes, binding: Binding) -> bytes:
    """What was sealed for this binding under one of these keys, or their public halves.

    Raises `OperatorError` SEALED_DAMAGED where it is no envelope, was changed, or belongs elsewhere, and
    SEALED_BY_ANOTHER_KEY where none of the keys made it.
    """
    if sealed.startswith(PUBLIC_VERSION) and len(sealed) > _PUBLIC_HEAD + _PUBLIC_BYTES + _TAG_BYTES:
        return _unseal_for(deployment_keys, sealed, binding)
    if len(sealed) < _HEAD + _TAG_BYTES or not sealed.startswith(VERSION):
        raise _damaged()
    key_id, nonce = sealed[len(VERSION) : _HEAD - _NONCE_BYTES], sealed[_HEAD - _NONCE_BYTES : _HEAD]
    key = next((one for one in (_derive(key, binding) for key in deployment_keys) if one.id == key_id), None)
    if key is None:
        raise _of_another_key()
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed[_HEAD:], binding.bound)
    except InvalidTag as error:
        raise _damaged() from error


def _unseal_for(deployment_keys: Sequence[bytes], sealed: bytes, binding: Binding) -> bytes:
    key_id = sealed[len(PUBLIC_VERSION) : _PUBLIC_HEAD]
    key = next((one for one in deployment_keys if sealing_key(one).id == key_id), None)
    if key is None:
        raise _of_another_key()
    try:
        return _SUITE.decrypt(sealed[_PUBLIC_HEAD:], _private(key), info=_info(binding))
    except InvalidTag as error:
        raise _damaged() from error


def is_under(deployment_key: bytes, sealed: bytes, binding: Binding) -> bool:
    """Was it sealed under this key, or its public half? What is no envelope was not."""
    return sealed.startswith(
        (VERSION + _derive(deployment_key, binding).id, PUBLIC_VERSION + sealing_key(deployment_key).id)
    )


def _check_length(secret: bytes) -> None:
    if not 1 <= len(secret) <= LONGEST:
        raise ValueError(f"a secret to seal has 1 to {LONGEST} bytes")


def _private(deployment_key: bytes) -> X25519PrivateKey:
    derived = HKDF(SHA256(), 32, _SALT, b"x25519").derive(deployment_key)
    return X25519PrivateKey.from_private_bytes(derived)


def _info(binding: Binding) -> bytes:
    return _SALT + b"/for/" + binding.bound


def _derive(deployment_key: bytes, binding: Binding) -> _Key:
    """The key of one tenant and purpose (HKDF-SHA256, RFC 5869), and its id, which tells nothing of it."""
    info = binding.purpose.encode() + b"/" + binding.tenant_id.bytes
    secret = HKDF(SHA256(), 32, _SALT, info).derive(deployment_key)
    return _Key(hashlib.sha256(_SALT + b"/id/" + secret).digest()[:_ID_BYTES], secret)


def _of_another_key() -> OperatorError:
    return OperatorError(
        "SEALED_BY_ANOTHER_KEY",
        "A stored credential was sealed under another deployment key, or belongs to another tenant.",
        "Give Atlas the key that it was sealed under, or connect again: `atlas graph connect`.",
    )


def _damaged() -> OperatorError:
    return OperatorError(
        "SEALED_DAMAGED",
        "A stored credential cannot be opened: it was changed, or belongs to another connection.",
        "Connect again: `atlas graph remove`, then `atlas graph connect`.",
    )
