"""Global ids: opaque, the same for ever, and with the tenant in them, so that a node is read under its tenant."""

import base64
import binascii
import re
from dataclasses import dataclass
from uuid import UUID

from strawberry import ID

_FORM = re.compile(r"([A-Z][A-Za-z]{1,40}):([0-9a-f]{32})?:([0-9a-f]{32})")
_LONGEST_ID = 200
_CURSOR = re.compile(r"v1\.(0|[1-9][0-9]{0,18})")
_GREATEST_SEQ = 2**63 - 1


@dataclass(frozen=True, slots=True)
class GlobalId:
    """What a global id says: an object's type, its tenant (None for a principal) and its key."""

    type_name: str
    tenant_id: UUID | None
    key: UUID


def encode_id(type_name: str, tenant_id: UUID | None, key: UUID) -> ID:
    """base64url without padding of `Type:<tenant hex or nothing>:<key hex>`."""
    tenant = "" if tenant_id is None else tenant_id.hex
    return ID(_pack(f"{type_name}:{tenant}:{key.hex}"))


def decode_id(value: str, type_name: str | None = None) -> GlobalId | None:
    """None for whatever `encode_id` never gives, or gives for another type: malformed looks the same as absent."""
    plain = _unpack(value)
    form = _FORM.fullmatch(plain) if plain is not None else None
    if form is None or (type_name is not None and form[1] != type_name):
        return None
    return GlobalId(form[1], UUID(hex=form[2]) if form[2] else None, UUID(hex=form[3]))


def decode_tenant_id(value: str) -> UUID | None:
    """The tenant that a `Tenant` id names."""
    decoded = decode_id(value, "Tenant")
    return decoded.key if decoded is not None and decoded.key == decoded.tenant_id else None


def encode_activity_cursor(seq: int) -> str:
    """Where the activity feed of a tenant stands: opaque outside, the number of its last event inside."""
    return _pack(f"v1.{seq}")


def decode_activity_cursor(cursor: str) -> int:
    """The number in a cursor of `encode_activity_cursor`; ValueError for anything else."""
    plain = _unpack(cursor)
    form = _CURSOR.fullmatch(plain) if plain is not None else None
    if form is None or int(form[1]) > _GREATEST_SEQ:
        raise ValueError("not a cursor of the activity feed")
    return int(form[1])


def _pack(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()


def _unpack(value: str) -> str | None:
    """One text has one spelling: what does not come out of `_pack` again is refused."""
    if len(value) > _LONGEST_ID or not value.isascii():
        return None
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain if _pack(plain) == value else None
