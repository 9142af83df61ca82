"""The tenant key: what makes a digest of redacted evidence worthless outside its tenant."""

import hashlib
import hmac
from dataclasses import dataclass, field
from uuid import UUID

_EXTRACT_LABEL = b"atlas/tenant-key/v1/extract"
_EXPAND_LABEL = b"atlas/tenant-key/v1/expand/"
_ID_LABEL = b"atlas/tenant-key/v1/id/"
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A tenant's redaction key: 32 secret bytes, and the id by which a digest says which key made it."""

    id: str
    secret: bytes = field(repr=False)


def derive_tenant_key(deployment_key: bytes, tenant_id: UUID) -> TenantKey:
    """The key of one tenant, derived from the deployment's by HKDF-SHA256 (RFC 5869) with labels of its own.

    Raises ValueError when the deployment key is shorter than 16 bytes.
    """
    if len(deployment_key) < _SHORTEST:
        raise ValueError(f"The deployment key has {len(deployment_key)} bytes; it needs {_SHORTEST} or more.")
    extracted = hmac.digest(_EXTRACT_LABEL, deployment_key, "sha256")
    secret = hmac.digest(extracted, _EXPAND_LABEL + tenant_id.bytes + b"\x01", "sha256")
    return TenantKey(hashlib.sha256(_ID_LABEL + secret).hexdigest()[:8], secret)
