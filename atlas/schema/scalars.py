"""The scalars of the contract: DateTime in UTC, UUID and JSON."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_FINEST = 6  # Digits of a second that PostgreSQL and Python keep.


def serialize_datetime(value: datetime) -> str:
    """`2026-11-24T08:15:30.123456Z`, always in UTC and always as long, so that text sorts as time does."""
    if value.tzinfo is None:
        raise ValueError("a time without an offset is no point in time")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_datetime(value: object) -> datetime:
    """A time of RFC 3339, which has an offset, in UTC; finer than a microsecond is cut off."""
    form = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if form is None or not isinstance(value, str):
        raise GraphQLError("A DateTime is written as RFC 3339 has it, such as 2026-11-24T08:15:30Z.")
    fraction = form[1] or ""
    text = value.replace(fraction, fraction[: _FINEST + 1], 1) if fraction else value
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("This DateTime names no time: check the day, the hour and the offset.") from error


def parse_uuid(value: object) -> UUID:
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise GraphQLError("A UUID has 32 hexadecimal digits, such as 8f14e45f-ceea-467f-a0a6-1f2b3c4d5e6f.")
    return UUID(value)


def _as_it_is(value: Any) -> Any:
    return value


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A point in time as RFC 3339 has it, in UTC: 2026-11-24T08:15:30.123456Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=serialize_datetime,
        parse_value=parse_datetime,
    ),
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID in its usual spelling, 8-4-4-4-12 hexadecimal digits.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=str,
        parse_value=parse_uuid,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
}
