"""What may be shown of a value, and the keyed digest that stands for all the rest."""

import hmac
import json
import math
from typing import Any, TypeAlias

import orjson

from atlas.domain.errors import OperatorError
from atlas.domain.keys import TenantKey
from atlas.domain.profile_tables import SENTINEL_DATE, SHOWN_SHAPE

Leaf: TypeAlias = bool | int | str

DIGEST = "hd1:"
FLOAT = "f64:"
BIG_INTEGER = "int:"
_QUOTED = "str:"
_TAGS = (DIGEST, FLOAT, BIG_INTEGER, _QUOTED)
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_EXACT_FLOAT = 2**53


class CanonicalError(OperatorError, ValueError):
    """An object that has no canonical form. The message names the place and never the value."""

    def __init__(self, message: str) -> None:
        OperatorError.__init__(self, "NOT_CANONICAL", message, "Export the object again, or leave it out of the sync.")


def scalar(value: Any, path: str) -> Leaf:
    """A JSON scalar as a leaf, unredacted: text that looks like a tag is quoted, so that no tag can be forged."""
    if isinstance(value, str):
        return _QUOTED + value if value.startswith(_TAGS) else value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _integer(value, path)
    if isinstance(value, float):
        return _float(value, path)
    raise CanonicalError(f"The value at {path} is of the type {type(value).__name__}, which JSON does not have.")


def _integer(value: int, path: str) -> Leaf:
    if _LEAST <= value <= _GREATEST:
        return int(value)
    try:
        return f"{BIG_INTEGER}{value}"
    except ValueError as error:
        raise CanonicalError(f"The number at {path} has too many digits.") from error


def _float(value: float, path: str) -> Leaf:
    if not math.isfinite(value):
        raise CanonicalError(f"The number at {path} is not finite.")
    # Graph writes a whole double as 1 or as 1.0, and means the same.
    if value.is_integer() and abs(value) <= _EXACT_FLOAT:
        return int(value)
    return f"{FLOAT}{value!r}"


def digest(key: TenantKey, item_type: str, path: str, value: object) -> str:
    """The keyed digest of a leaf or of a whole canonical subtree, bound to the item type and the path."""
    message = [item_type, path, value]
    try:
        data = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # Lone surrogates are no UTF-8; JSON's own escapes still tell them apart.
        data = b"\x00" + json.dumps(message, sort_keys=True).encode("ascii")
    return f"{DIGEST}{key.id}:{hmac.digest(key.secret, data, 'sha256').hex()}"


def is_digest(leaf: Leaf) -> bool:
    return isinstance(leaf, str) and leaf.startswith(DIGEST)


def shown_value(leaf: Leaf) -> bool | int | float | str:
    """The value that a leaf which is not a digest stands for; an integer beyond 2^63 as its digits."""
    if not isinstance(leaf, str):
        return leaf
    if leaf.startswith(FLOAT):
        return float(leaf[len(FLOAT) :])
    if leaf.startswith(_QUOTED):
        return leaf[len(_QUOTED) :]
    return leaf.removeprefix(BIG_INTEGER)


def may_show_choice(value: str, definition_id: str) -> bool:
    """A choice is the id of an option: it begins with its definition's id, or it looks like an id."""
    if value.startswith(definition_id):
        return is_encodable(value)
    return SHOWN_SHAPE.fullmatch(value) is not None and " " not in value


def is_encodable(value: str) -> bool:
    """Is this text that UTF-8 can tell? A lone surrogate is not."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def canonical_subtree(value: Any, path: str, depth: int) -> Any:
    """A subtree that will be digested whole: empties pruned, arrays in an order of their own, scalars as leaves.

    None where nothing is left of it.
    """
    if depth > MAX_DEPTH:
        raise CanonicalError(f"The object is nested more than {MAX_DEPTH} levels deep at {path[:200]}.")
    if is_empty(value):
        return None
    if isinstance(value, dict):
        pairs = ((str(k), canonical_subtree(v, path, depth + 1)) for k, v in value.items() if "@odata." not in str(k))
        return {k: v for k, v in pairs if v is not None} or None
    if isinstance(value, list):
        parts = [part for item in value if (part := canonical_subtree(item, path, depth + 1)) is not None]
        return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True)) or None
    return scalar(value, path)


MAX_DEPTH = 64


def is_empty(value: Any) -> bool:
    """null, "", [] and {} and the date that means none are all absence; false and 0 are values."""
    if value:
        return isinstance(value, str) and value.startswith(SENTINEL_DATE)
    return value is None or isinstance(value, str | dict | list)
