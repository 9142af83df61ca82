"""What came back over HTTP, judged: the JSON of an answer, or the error that it stands for. No text of it gets out."""

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from atlas.sources.decoding import UnreadableError, decode
from atlas.sources.graph.errors import GraphError, status_error

Body = Mapping[str, Any]

# How Graph says, with one status or another, that a tenant has no licence for what was asked.
_LICENCE_CODES: Final = frozenset(
    {"aadpremiumlicenserequired", "authentication_requestfromnonpremiumtenantorb2ctenant", "tenantnotlicensed"}
)
_LICENCE_WORDS: Final = re.compile(
    r"not applicable to target tenant|not licensed|premium licen[sc]e|tenant is not a b2c tenant and doesn.t have"
    r"|does(?: not|n't) have (?:a |an |the )?(?:\w+ ){0,3}licen[sc]e|licen[sc]e (?:is )?required|non-premium tenant",
    re.IGNORECASE,
)
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_JUDGED_ERROR_BYTES = 64 * 1024
_MOST_OBJECTS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Collection:
    """One page of a collection. `count` is what Graph says of the whole, where it does; `next_link` as it came."""

    values: tuple[Body, ...]
    next_link: str | None
    count: int | None


async def body_of(data: bytes) -> Body:
    """The JSON object of an answer. Raises GraphError for anything else; large bodies do not hold up the loop."""
    wrong = None
    try:
        value = decode(data) if len(data) < 64 * 1024 else await asyncio.to_thread(decode, data)
    except UnreadableError as error:
        wrong = error.code
    if wrong is not None:
        # Raised here, it has no context: the error of a codec holds all that it was given.
        raise malformed(f"It is no JSON that can be trusted ({wrong}).")
    if not isinstance(value, dict):
        raise malformed("It is no JSON object.")
    return value


def malformed(reason: str) -> GraphError:
    return GraphError("MALFORMED", f"The answer of Graph could not be read. {reason} Sync again.", status=200)


def collection_of(body: Body, name: str = "") -> Collection:
    """The page that a body holds, or that a property `name` of an object holds. Raises GraphError for no list."""
    values = body.get(name or "value")
    link = body.get(f"{name}@odata.nextLink")
    count = body.get(f"{name}@odata.count")
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise malformed("It holds no list of objects.")
    if link is not None and not isinstance(link, str):
        raise malformed("Its link to the next page is no text.")
    counted = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
    if counted is not None and counted > _MOST_OBJECTS:
        raise malformed("It tells of more objects than there can be.")
    return Collection(tuple(values), link or None, counted)


def moment_of(value: Any) -> datetime | None:
    """The moment that a property of Graph tells, in UTC; None where it tells none, or one beyond the calendar."""
    try:
        told = datetime.fromisoformat(value) if isinstance(value, str) else None
        return told.astimezone(UTC) if told is not None and told.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def error_of(status: int, headers: Mapping[str, Any], data: bytes | Body | None) -> GraphError:
    """The error of an answer that is not 200. Its body is only asked whether it is about a licence."""
    told = {str(name).lower(): str(value) for name, value in headers.items()}
    request_id = told.get("request-id", "")
    return status_error(
        status,
        unlicensed=status in {400, 403, 404} and _tells_of_licence(data),
        retry_after=seconds(told.get("retry-after")),
        request_id=request_id if _GUID.fullmatch(request_id) else None,
    )


def _tells_of_licence(data: bytes | Body | None) -> bool:
    if isinstance(data, bytes):
        try:
            data = orjson.loads(data[:_JUDGED_ERROR_BYTES])
        except orjson.JSONDecodeError:
            return False
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return False
    told = [error, error.get("innerError") if isinstance(error.get("innerError"), dict) else {}]
    return any(
        str(one.get("code")).lower() in _LICENCE_CODES or _LICENCE_WORDS.search(str(one.get("message"))) is not None
        for one in told
        if one
    )


def seconds(retry_after: str | None) -> float | None:
    """`Retry-After`, which is a number of seconds or a date, in seconds from now; None where it is neither."""
    if retry_after is None:
        return None
    try:
        number = float(retry_after)
    except ValueError:
        try:
            at = parsedate_to_datetime(retry_after)
            number = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, number) if math.isfinite(number) else None
