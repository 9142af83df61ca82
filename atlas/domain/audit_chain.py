"""The chain of the audit record: how an event is encoded and hashed, and how the first broken link is found."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

LABEL = "atlas.audit.1"
GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """An audit event as it is hashed: `before` and `after` are the text of their jsonb, as PostgreSQL prints it."""

    tenant_id: UUID
    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    target_type: str
    target_id: UUID
    before: str | None
    after: str | None
    reason: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is stored. `record` is None where the event that it names is not there."""

    seq: int
    event_id: UUID
    previous: bytes
    hash: bytes
    record: Record | None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a chain: the hash of a link says everything up to it."""

    seq: int = 0
    hash: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a tenant's chain stood at a time, to be kept where whoever can write the database cannot."""

    tenant_id: UUID
    position: Position
    at: datetime

    def to_json(self) -> str:
        """One line, without its end."""
        return json.dumps(
            {
                "version": _VERSION,
                "tenant": str(self.tenant_id),
                "seq": self.position.seq,
                "hash": self.position.hash.hex(),
                "at": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            }
        )


class Fault(StrEnum):
    """What is wrong with a link."""

    CHANGED = "CHANGED"
    MISSING = "MISSING"
    REORDERED = "REORDERED"
    UNCHAINED = "UNCHAINED"
    UNLINKED = "UNLINKED"
    HEAD = "HEAD"
    CHECKPOINT = "CHECKPOINT"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that does not hold. `seq` is None for an event that was never linked."""

    fault: Fault
    seq: int | None
    event_id: UUID | None
    message: str


def encode(record: Record, seq: int, previous: bytes) -> bytes:
    """The fields in their order, each as its length in bytes, a colon, its text and a comma; null is `-,`.

    `at` is counted in microseconds from 1970 in UTC, an id is written with hyphens, a hash in hexadecimal.
    """
    fields = (
        LABEL,
        str(record.tenant_id),
        str(seq),
        previous.hex(),
        str(record.id),
        str((record.at - _EPOCH) // timedelta(microseconds=1)),
        None if record.actor_id is None else str(record.actor_id),
        record.action,
        record.target_type,
        str(record.target_id),
        record.before,
        record.after,
        record.reason,
        record.request_id,
    )
    return b"".join(_field(value) for value in fields)


def link_hash(record: Record, seq: int, previous: bytes) -> bytes:
    return hashlib.sha256(encode(record, seq, previous)).digest()


def walk(
    position: Position, links: Sequence[Link], checkpoints: Mapping[int, Checkpoint]
) -> tuple[Position, Broken | None]:
    """Follows the chain from a position through the next links, in their order, to their end or to the first fault."""
    for link in links:
        broken = _fault_of(position, link, links)
        kept = checkpoints.get(link.seq)
        if broken is None and kept is not None and kept.position.hash != link.hash:
            broken = _rewritten(link, kept, checkpoints)
        if broken is not None:
            return position, broken
        position = Position(link.seq, link.hash)
    return position, None


def missing(seq: int, event_id: UUID | None = None, why: str = "it was taken out of the chain") -> Broken:
    return Broken(Fault.MISSING, seq, event_id, f"Record {seq} is missing: {why}.")


def parse_checkpoint(line: str) -> Checkpoint:
    """Reads what `Checkpoint.to_json` wrote. Raises ValueError where it is none, or of a later version."""
    told = json.loads(line)
    if not isinstance(told, dict) or told.get("version") != _VERSION:
        raise ValueError(f"no checkpoint of version {_VERSION}")
    try:
        seq, digest = told["seq"], bytes.fromhex(told["hash"])
        at = datetime.fromisoformat(told["at"])
        tenant_id = UUID(told["tenant"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("a field is missing") from error
    if type(seq) is not int or seq < 1 or len(digest) != len(GENESIS) or at.tzinfo is None:
        raise ValueError("a field is out of its range")
    return Checkpoint(tenant_id, Position(seq, digest), at)


def _fault_of(position: Position, link: Link, window: Sequence[Link]) -> Broken | None:
    seq = position.seq + 1
    if link.seq != seq:
        return missing(seq)
    if link.record is None:
        return missing(seq, link.event_id, "its link is there and its event is not")
    if link_hash(link.record, seq, link.previous) != link.hash:
        place = _place_of(link, window)
        if place is not None:
            message = f"Record {seq} stands in the wrong place: it was written as record {place}."
            return Broken(Fault.REORDERED, seq, link.event_id, message)
        message = f"Record {seq} is not what was written: its hash is another."
        return Broken(Fault.CHANGED, seq, link.event_id, message)
    if link.previous != position.hash:
        message = f"Record {seq} names another predecessor than record {seq - 1}: one of the two was written anew."
        return Broken(Fault.UNCHAINED, seq, link.event_id, message)
    return None


def _place_of(link: Link, window: Sequence[Link]) -> int | None:
    """The place among these where the event, or the link with it, fits."""
    if link.record is None:
        return None
    for other in window:
        if other.seq != link.seq and (
            link_hash(link.record, other.seq, other.previous) == other.hash
            or link_hash(link.record, other.seq, link.previous) == link.hash
        ):
            return other.seq
    return None


def _rewritten(link: Link, kept: Checkpoint, checkpoints: Mapping[int, Checkpoint]) -> Broken:
    """The chain fits itself and not the checkpoint, so it was written anew somewhere behind the one before."""
    first = max((seq for seq in checkpoints if seq < link.seq), default=0) + 1
    at = kept.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = f"record {link.seq}" if first == link.seq else f"one of the records {first} to {link.seq}"
    message = f"Record {link.seq} is not the one that the checkpoint of {at} saw: {where} was written anew."
    return Broken(Fault.CHECKPOINT, link.seq, link.event_id, message)


def _field(value: str | None) -> bytes:
    if value is None:
        return b"-,"
    data = value.encode()
    return b"%d:%s," % (len(data), data)
