"""Atoms: what a value says, in a spelling that does not depend on where it was found, a row or an answer."""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)")
_MARK = re.compile(r"(?:alpha|beta)-[0-9a-f]{8}")
_PACKED = re.compile(r"[A-Za-z0-9_-]{8,}")
# A shorter text says nothing of whose it is.
_SHORTEST = 6


def atoms(value: Any) -> frozenset[str]:
    """Every text of a JSON value, and the ids, times and marks inside the texts: also inside ids and cursors."""
    return frozenset().union(*(_of_text(text) for text in set(_texts(value))))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


@lru_cache(100_000)
def _of_text(text: str) -> frozenset[str]:
    """The same texts come again and again, in the answers to everybody."""
    return frozenset((*_inside(text), *_inside(unpacked(text) or "")))


def _inside(text: str) -> Iterator[str]:
    if len(text) >= _SHORTEST:
        yield text
    for found in _UUID.findall(text):
        yield found.replace("-", "")
    for found in _TIME.findall(text):
        yield _moment(found)
    yield from _MARK.findall(text)


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="microseconds")


def unpacked(text: str) -> str | None:
    """What a global id or a cursor says; None for what is neither."""
    if not _PACKED.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None


def inflated(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON, with what it holds compressed (a bytea, in hexadecimal) as the JSON that it stands for."""
    return {name: _inflated(value) for name, value in row.items()}


def _inflated(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("\\x"):
        return value
    try:
        return json.loads(zlib.decompress(bytes.fromhex(value[2:])))
    except zlib.error:
        return value
