"""What a caller may write into an argument, checked before the database sees it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from atlas.schema.errors import Code, CodedError
from atlas.store.filters import TextFilter, TimeFilter

MOST_VALUES = 100
LONGEST_TEXT = 2000


def bad_user_input(message: str) -> CodedError:
    """A top-level error: the document itself asks for something that cannot be."""
    return CodedError(Code.BAD_USER_INPUT, message)


def bad_cursor() -> CodedError:
    return CodedError(
        Code.BAD_CURSOR,
        "This cursor is not of this list in this order. Take cursors from pageInfo or edges, and keep orderBy.",
    )


def is_storable(value: str) -> bool:
    """PostgreSQL's text holds neither NUL nor a lone surrogate."""
    if "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text(value: str, name: str) -> str:
    """The text of the argument `name`; raises BAD_USER_INPUT where no text of Atlas could equal it."""
    if len(value) > LONGEST_TEXT:
        raise bad_user_input(f"{name} is longer than {LONGEST_TEXT} characters.")
    if not is_storable(value):
        raise bad_user_input(f"{name} holds a NUL character or half a surrogate pair. Remove it.")
    return value


@strawberry.input(description="Conditions on a text. All that are given must hold; upper and lower case differ.")
class StringFilter:
    eq: str | None = strawberry.field(default=None, description="Equals this text.")
    in_: list[str] | None = strawberry.field(
        default=None, name="in", description="Is one of these texts, at most 100; none of none."
    )
    starts_with: str | None = strawberry.field(
        default=None, description="Begins with this text; every text begins with an empty one."
    )


@strawberry.input(description="A span of time. Both ends may be left open.")
class DateTimeFilter:
    gte: datetime | None = strawberry.field(default=None, description="At this time or later.")
    lt: datetime | None = strawberry.field(default=None, description="Before this time.")


def text_filter(given: StringFilter | None, name: str) -> TextFilter | None:
    """The filter for the store; None where nothing is asked."""
    if given is None:
        return None
    if given.in_ is not None and len(given.in_) > MOST_VALUES:
        raise bad_user_input(f"{name}.in holds more than {MOST_VALUES} values.")
    return TextFilter(
        eq=None if given.eq is None else text(given.eq, f"{name}.eq"),
        any_of=None if given.in_ is None else tuple(text(value, f"{name}.in") for value in given.in_),
        starts_with=None if given.starts_with is None else text(given.starts_with, f"{name}.startsWith"),
    )


def time_filter(given: DateTimeFilter | None) -> TimeFilter | None:
    return None if given is None else TimeFilter(gte=given.gte, lt=given.lt)


def one_of(given: Sequence[Any] | None) -> tuple[str, ...] | None:
    """A list of enum values as the store's texts. An empty list is kept: nothing is one of none."""
    return None if given is None else tuple(value.value for value in dict.fromkeys(given))


First = Annotated[int | None, strawberry.argument(description="How many from the beginning, 1 to 100.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 100; instead of first.")]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
