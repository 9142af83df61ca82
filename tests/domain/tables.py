"""Tables of rules spelled out, so that a digest tells whether one of them was edited."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def spelled(value: Any) -> Any:
    """The value as plain JSON, whatever order its sets and mappings have."""
    if isinstance(value, re.Pattern):
        return [value.pattern, int(value.flags)]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: spelled(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): spelled(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(spelled(one) for one in value)
    if isinstance(value, tuple | list):
        return [spelled(one) for one in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"A table holds {type(value).__name__}, which is not spelled out here.")


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(spelled(value), sort_keys=True).encode()).hexdigest()
