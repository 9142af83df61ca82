"""The search: every spelling of what is hunted, in every layer of what was collected."""

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tests.secrets.canaries import Mint

_LAYERS = 4
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret could have come to rest; `said` names the canaries that its reader put there himself."""

    name: str
    parts: Sequence[bytes]
    said: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Hit:
    place: str
    canary: str
    spelling: str


@dataclass(frozen=True, slots=True)
class Hunted:
    """What is searched for: the marks that every canary of the mints has, and secrets as a whole, by their name."""

    mints: tuple[Mint, ...]
    whole: Mapping[str, str | bytes]

    @property
    def marks(self) -> list[tuple[str, bytes]]:
        marks = [mark for mint in self.mints for mark in (mint.marker, mint.digits)]
        return [pair for mark in marks for pair in spellings(mark).items()]


@cache
def spellings(secret: str | bytes) -> dict[str, bytes]:
    """The secret as it may come to be written, by the name of the spelling."""
    texts: dict[str, bytes] = {"raw": secret} if isinstance(secret, bytes) else _texts(secret)
    found = dict(texts)
    for name, data in texts.items():
        found[f"hex of {name}"] = data.hex().encode()
        found[f"HEX of {name}"] = data.hex().upper().encode()
        for shift in range(3):
            found |= _base64(name, data, shift)
    if isinstance(secret, str):
        found["JSON escapes"] = "".join(f"\\u{ord(one):04x}" for one in secret).encode()
        found["percent"] = "".join(f"%{ord(one):02X}" for one in secret).encode()
        found["URL"] = quote(secret, safe="").encode()
    return found


def _texts(secret: str) -> dict[str, bytes]:
    return {
        "UTF-8": secret.encode(),
        "UTF-16LE": secret.encode("utf-16-le"),
        "UTF-16BE": secret.encode("utf-16-be"),
        "upper case": secret.upper().encode(),
        "lower case": secret.lower().encode(),
    }


def _base64(name: str, data: bytes, shift: int) -> dict[str, bytes]:
    """The characters that `shift` bytes before the data, whatever they are, and any bytes behind it leave alone."""
    first = -(-shift * 8 // 6)
    last = (shift + len(data)) * 8 // 6
    padded = b"\0" * shift + data
    return {
        f"base64 of {name}, {shift} bytes on": base64.b64encode(padded)[first:last],
        f"base64url of {name}, {shift} bytes on": base64.urlsafe_b64encode(padded)[first:last],
    }


def search(places: Iterable[Place], hunted: Hunted) -> list[Hit]:
    """Every canary and every whole secret that stands in the places, and every piece of a canary with its mark."""
    marks = hunted.marks
    whole = [(name, *pair) for name, secret in hunted.whole.items() for pair in spellings(secret).items()]
    hits: list[Hit] = []
    for place in places:
        haystack = b"\n".join(layer for part in place.parts for layer in unfold(part))
        hits += [Hit(place.name, name, spelling) for name, spelling, needle in whole if needle in haystack]
        marked = {spelling for spelling, needle in marks if needle in haystack}
        if marked:
            hits += [hit for hit in _named(place, haystack, marked, hunted) if hit.canary not in place.said]
    return hits


def _named(place: Place, haystack: bytes, marked: AbstractSet[str], hunted: Hunted) -> list[Hit]:
    """The canaries whose marks were found; a mark that is left when they are taken away is of a piece of one."""
    # A text has its mark twice, and in base64 the second may be spelled differently from the first.
    in_base64 = any("base64" in spelling for spelling in marked)
    hits = []
    for mint in hunted.mints:
        for canary in mint.made.values():
            for spelling, needle in spellings(canary.value).items():
                if (spelling in marked or (in_base64 and "base64" in spelling)) and needle in haystack:
                    hits.append(Hit(place.name, canary.name, spelling))
                    haystack = haystack.replace(needle, b" ")
    left = {spelling for spelling, needle in hunted.marks if needle in haystack}
    return hits + [Hit(place.name, "a piece of a canary", spelling) for spelling in sorted(left)]


def unfold(data: bytes, layers: int = _LAYERS) -> Iterator[bytes]:
    """The data, and what it holds when it is decompressed or decoded, to the innermost layer."""
    yield data
    if layers and data:
        for inner in _inner(data):
            yield from unfold(inner, layers - 1)


def _inner(data: bytes) -> Iterator[bytes]:
    if (inflated := _inflated(data)) is not None:
        yield inflated
    elif (texts := _texts_in_json(data)) is not None:
        yield b"\n".join(texts)
        # What is long enough to be a payload may have layers of its own.
        yield from (text for text in texts if len(text) >= 16)
    elif _HEX.fullmatch(data):
        yield bytes.fromhex(data.decode())
    else:
        yield from map(_of_base64, _BASE64.findall(data))
        if _PERCENT.search(data):
            yield unquote_to_bytes(data)


def _of_base64(data: bytes) -> bytes:
    whole = data[: len(data) - (len(data) % 4 == 1)]
    return base64.b64decode(whole.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(whole) % 4))


def _inflated(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else zlib.decompress(data) if data[:1] == b"x" else None
    except (zlib.error, OSError, EOFError):
        return None


def _texts_in_json(data: bytes) -> list[bytes] | None:
    """All texts and numbers of a JSON document, escapes resolved; None where it is none."""
    if data[:1] not in b'{["':
        return None
    try:
        return list(_texts_of(json.loads(data)))
    except ValueError:
        return None


def _texts_of(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key.encode("utf-8", "surrogatepass")
            yield from _texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_of(inner)
    elif isinstance(value, str):
        yield value.encode("utf-8", "surrogatepass")
    elif value is not None:
        yield str(value).encode()
