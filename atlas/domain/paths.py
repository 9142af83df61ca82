"""Paths of canonical content: segments joined by `/`, a row of an array as `[its key]`, an ordered row as `#n`.

A segment is percent-escaped, so that no property name can be taken for a row, an annotation or two segments.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import orjson

from atlas.domain.redaction import DIGEST, Leaf

Content: TypeAlias = dict[str, Leaf]
"""Leaves by their path from where they were found; "" is the place itself."""

REPEATED = "%="
"""Begins the key of a setting that stands several times at one place; one that stands there once has no key.

No key begins so by itself, because a `%` in an id or a value is escaped.
"""

_RESERVED = re.compile(r"[%/\[\]#@\x00-\x1f\x7f\ud800-\udfff]")
_KEY_LENGTH = 12
_LONGEST_KEY = 120


@lru_cache(maxsize=16_384)
def escape(segment: str) -> str:
    """A property name or an id as one segment."""
    if not segment:
        return "%"
    if segment.isidentifier():
        return segment
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", segment)


def unescape(segment: str) -> str:
    """What `escape` was given, as far as a person wants to read it."""
    return re.sub(
        r"%(D[89A-F][0-9A-F]{2}|[0-9A-F]{2})", lambda match: chr(int(match[1], 16)), "" if segment == "%" else segment
    )


def is_row(segment: str) -> bool:
    return segment.startswith("[")


def place(into: Content, at: str, content: Mapping[str, Leaf]) -> None:
    """Add content at a path."""
    for path, leaf in content.items():
        into[f"{at}/{path}" if path else at] = leaf


def place_ordered(into: Content, at: str, rows: Iterable[Content]) -> None:
    """Add the rows of an array whose order means something."""
    start = f"{at}/" if at else ""
    for index, row in enumerate(row for row in rows if row):
        place(into, f"{start}#{index}", row)


def place_rows(into: Content, at: str, rows: Sequence[tuple[str, Content]], mark: str = "") -> None:
    """Add the rows of an order-free array: a multiset, so equal rows are kept apart and arrival order is forgotten.

    Each row comes with its natural key, or with "". A row without one is keyed by a digest of its own redacted
    content, so that the other rows do not move when one changes; the differ pairs what is left over.
    """
    start = f"{at}/[{mark}" if at else f"[{mark}"
    filled = [(key, content) for key, content in rows if content]
    natural = Counter(key for key, _ in filled if key)
    keyed = [(key if natural[key] == 1 else _content_key(key, row), row) for key, row in filled]
    if len({key for key, _ in keyed}) == len(keyed):
        for key, row in keyed:
            place(into, f"{start}{key}]", row)
        return
    seen: Counter[str] = Counter()
    for key, row in sorted(keyed, key=lambda pair: (pair[0], encode(pair[1]))):
        seen[key] += 1
        # `%` stands nowhere else before a `:`, so the ordinal cannot be a part of a key.
        place(into, f"{start}{key}]" if seen[key] == 1 else f"{start}{key}%:{seen[key]}]", row)


def _content_key(natural: str, row: Content) -> str:
    if natural:
        return f"{natural}%+{_short_hash(encode(row))}"
    if len(row) == 1 and "" in row:
        return scalar_key(row[""])
    return _short_hash(encode(row))


def scalar_key(leaf: Leaf) -> str:
    """The key of a row that is one leaf: the shown value itself where it is short, else a digest."""
    text = leaf if isinstance(leaf, str) else str(leaf).lower()
    if text.startswith(DIGEST):
        return text[-_KEY_LENGTH:]
    return escape(text) if len(text) <= _LONGEST_KEY else _short_hash(text.encode())


def encode(content: Mapping[str, Leaf]) -> bytes:
    """The one encoding of content: JSON with sorted keys. Its leaves hold no float, which is what makes it stable."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def segments(path: str) -> list[str]:
    return path.split("/")


def join(parts: Iterable[str]) -> str:
    return "/".join(parts)


def _short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_KEY_LENGTH]
