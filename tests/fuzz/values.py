"""What random documents are made of: ids, cursors and names that exist, those of another tenant, and hostile texts."""

import base64
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from atlas.schema.ids import decode_id, encode_id

HOSTILE_TEXTS = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202etxt", "\ufeff", "😀" * 40, "é" * 300,
    "' or 1=1 --", "'; drop table atlas.findings; --", "%' union select hash from atlas.api_tokens --",
    "\\'); select 1", "\r\nSet-Cookie: a=b",
    "$1", "{{7*7}}", "${jndi:ldap://127.0.0.1/x}", "../../etc/passwd", "<script>alert(1)</script>",
    "null", "true", "NaN", "-0", "1e400", "0x7f", "[]", "{}", "%00", "%", "_", "\\", '"""', "A" * 4000,
)  # fmt: skip
HOSTILE_NUMBERS = (0, -1, 1, 2, 3, 50, 100, 101, 1000, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63, 10**30, 10**400)
HOSTILE_TIMES = (
    "2026-11-24T12:00:00Z", "2026-11-24", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-02-30T00:00:00Z",
    "2026-11-24T12:00:00+99:99", "10000-01-01T00:00:00Z", "-2026-01-01T00:00:00Z", "now", "infinity", "",
)  # fmt: skip
_ID_TYPES = (
    "Tenant", "Scope", "SyncRun", "DriftRun", "Finding", "InventoryItem", "InventoryItemVersion", "AuditEvent",
    "Membership", "Principal", "Nothing",
)  # fmt: skip


@dataclass(slots=True)
class Pool:
    """What a tenant's answers held: global ids by type, and cursors."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)

    def take(self, value: Any, name: str = "") -> None:
        """Keeps what it finds in an answer. Principals are left out: a membership would change who may see what."""
        if isinstance(value, dict):
            for key, one in value.items():
                self.take(one, key)
        elif isinstance(value, list):
            for one in value:
                self.take(one, name)
        elif isinstance(value, str):
            self._keep(value, name)

    def _keep(self, value: str, name: str) -> None:
        decoded = decode_id(value)
        if decoded is None:
            if "ursor" in name and value not in self.cursors and len(self.cursors) < 400:
                self.cursors.append(value)
        elif decoded.type_name != "Principal":
            known = self.ids.setdefault(decoded.type_name, [])
            if value not in known and len(known) < 60:
                known.append(value)


@dataclass(frozen=True, slots=True)
class Material:
    """`own` is of the tenant that most documents ask, `foreign` of the other one; `words` are names of the former."""

    own: Pool
    foreign: Pool
    words: tuple[str, ...]
    principals: tuple[str, ...]

    def id(self, rng: random.Random, hostile: float, wanted: str | None = None) -> str:
        """An id of the type that is wanted, mostly; one of a principal is a spare one's."""
        if rng.random() < hostile:
            makers = (self._never_was, self._mangled, self._mixed, lambda rng: rng.choice(HOSTILE_TEXTS))
            return rng.choice(makers)(rng)
        if wanted == "Principal" or rng.random() < 0.03:
            return rng.choice(self.principals)
        pool = self.own if rng.random() < 0.7 else self.foreign
        type_name = wanted if wanted in pool.ids and rng.random() < 0.9 else rng.choice(sorted(pool.ids))
        return rng.choice(pool.ids[type_name])

    def cursor(self, rng: random.Random, hostile: float) -> str:
        pool = self.own if rng.random() < 0.6 else self.foreign
        if pool.cursors and rng.random() > hostile:
            return rng.choice(pool.cursors)
        if pool.cursors and rng.random() < 0.3:
            return _bitten(rng, rng.choice(pool.cursors))
        plain = rng.choice(("v1.0", "v1.9223372036854775808", "v1.-1", '["x"]', "[null,null]", '{"a":1}', "[" * 50))
        return rng.choice((base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode(), rng.choice(HOSTILE_TEXTS)))

    def _never_was(self, rng: random.Random) -> str:
        tenant = UUID(int=rng.getrandbits(128))
        return encode_id(rng.choice(_ID_TYPES), rng.choice((tenant, None)), UUID(int=rng.getrandbits(128)))

    def _mangled(self, rng: random.Random) -> str:
        return _bitten(rng, self._any(rng))

    def _mixed(self, rng: random.Random) -> str:
        """An object of one tenant, said to be of the other."""
        one, other = decode_id(self._any(rng)), decode_id(self._any(rng))
        if one is None or other is None:
            return ""
        return encode_id(one.type_name, other.tenant_id, one.key)

    def _any(self, rng: random.Random) -> str:
        pool = rng.choice((self.own, self.foreign))
        return rng.choice(pool.ids[rng.choice(sorted(pool.ids))])


def spare_principals(ids: Iterable[UUID]) -> tuple[str, ...]:
    """Principals that may be made members: nobody asks as one of them."""
    return (*(encode_id("Principal", None, one) for one in ids), encode_id("Principal", None, uuid4()))


def _bitten(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return rng.choice((text[:at], text[:at] + "A" + text[at + 1 :], text + "=", text[at:], text[:at] + " " + text[at:]))
