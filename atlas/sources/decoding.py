"""From the bytes of a file to JSON values, strictly: what two readers could understand differently is refused."""

import json
import math
import re
from typing import Any

MAX_DEPTH = 100
MAX_INTEGER_DIGITS = 100

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class UnreadableError(Exception):
    """Why a file gave nothing. `message` names the reason and the mend, never the content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def decode(data: bytes) -> Any:
    """The JSON value in `data`: UTF-8, UTF-16 or UTF-32, with or without a byte-order mark.

    Raises UnreadableError for bytes that are no text of these encodings, for text that is not JSON of RFC 8259 or
    nests deeper than MAX_DEPTH, for a key that stands twice in an object, and for numbers that no double can hold.
    """
    text = _text(data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UnreadableError(
            "BAD_JSON", f"It is not valid JSON ({where}), perhaps cut short. Export it again."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    if _nests_deeper(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(text) is not None:
        _refuse_lone_surrogates(value)
    return value


def _text(data: bytes) -> str:
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise UnreadableError(
            "BAD_ENCODING", "It is neither UTF-8 nor UTF-16 text. Save it as UTF-8 or export it again."
        ) from None
    if not text.strip(" \t\r\n"):
        raise UnreadableError("EMPTY_FILE", "It is empty. Export it again.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise UnreadableError(
            "DUPLICATE_KEY", "An object in it has the same key twice, so its value is not certain. Export it again."
        )
    return made


def _bad_number() -> UnreadableError:
    return UnreadableError(
        "BAD_NUMBER", "It holds a number that JSON or a double cannot hold, such as NaN. Export it again."
    )


def _no_constant(_: str) -> Any:
    raise _bad_number()


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _bad_number()
    return number


def _bounded(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise _bad_number()
    return int(digits)


def _too_deep() -> UnreadableError:
    return UnreadableError("TOO_DEEP", f"It nests more than {MAX_DEPTH} levels deep, which no policy does.")


def _nests_deeper(value: Any, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UnreadableError(
            "BAD_ENCODING", "It holds half of a surrogate pair, which is no text. Export it again."
        ) from None
