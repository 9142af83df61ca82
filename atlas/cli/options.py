"""The options that commands share, and how their values are read."""

import re
from datetime import MAXYEAR, UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

_WHO = "Where and who"

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="ATLAS_HOME",
        metavar="DIR",
        show_default=False,
        rich_help_panel=_WHO,
        help="Where the embedded services keep their data; your data folder where none is named.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="ATLAS_TOKEN",
        metavar="TOKEN",
        show_default=False,
        rich_help_panel=_WHO,
        help="Who acts. Only in the embedded home it may be left out: then you act, as its owner.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="NAME", show_default=False, help="The tenant's name or id.")]

_SPAN = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str | timedelta) -> timedelta:
    """A length of time such as `30d`."""
    if isinstance(text, timedelta):
        return text
    form = _SPAN.fullmatch(text.strip())
    if form is None or int(form[1]) == 0:
        raise typer.BadParameter("A length of time is a number and s, m, h, d or w, e.g. 12h or 30d.")
    length = timedelta(**{_UNITS[form[2]]: int(form[1])})
    if length > timedelta(days=3660):
        raise typer.BadParameter("At most 3660d.")
    return length


def moment(text: str | datetime) -> datetime:
    """A time to come, e.g. `2027-01-31T09:00:00Z` or `2027-01-31`; without an offset it is local."""
    if isinstance(text, datetime):
        return text
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter("A time is written as 2027-01-31 or 2027-01-31T09:00:00Z.") from None
    try:
        told = (told if told.tzinfo is not None else told.astimezone()).astimezone(UTC)
    except (OverflowError, ValueError):
        raise typer.BadParameter("This names no time: check the year and the offset.") from None
    if told.year == MAXYEAR:  # As the schema has it: the last moment of the calendar is kept as infinity.
        raise typer.BadParameter(f"Name a time before the year {MAXYEAR}.")
    if told <= datetime.now(UTC):
        raise typer.BadParameter("This time lies in the past. Name a time to come.")
    return told


def identifier(text: str | UUID) -> UUID:
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text.strip())
    except ValueError:
        raise typer.BadParameter("An id is a UUID such as 8c2f3b5e-0d1a-4f6b-9a3e-5d7c1b2a4e6f.") from None


def option(parser: Any, *names: str, **more: Any) -> Any:
    """A `typer.Option` that is read by a function of this module."""
    return typer.Option(*names, parser=parser, show_default=False, **more)


ExpiresAt = Annotated[
    datetime | None,
    option(moment, "--expires-at", metavar="TIME", help="Until when, e.g. 2027-01-31; else for good."),
]


def choice(vocabulary: type[StrEnum], *names: str, help: str) -> Any:  # noqa: A002
    """An option whose value is a word of a vocabulary, in capitals or not."""

    def read(text: str) -> StrEnum:
        try:
            return vocabulary(text.strip().upper())
        except ValueError:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(vocabulary)}.") from None

    return option(read, *names, metavar="|".join(vocabulary), help=help)


def words(values: list[str] | None) -> list[str] | None:
    """The words of an option that is repeated, or that lists them with commas; None where it was not given."""
    if not values:
        return None
    found = [word.strip() for value in values for word in value.split(",") if word.strip()]
    if not found:
        raise typer.BadParameter("Name at least one.")
    return list(dict.fromkeys(found))
