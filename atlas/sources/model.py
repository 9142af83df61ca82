"""What a source of inventory hands over: the objects it read, how far each item type was read, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from atlas.domain.naming import Labels
from atlas.domain.vocabulary import CoverageStatus


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object as the source gave it. `raw` is not redacted: it never leaves the memory of the process.

    `origin` is where it was read, for people: a path relative to the folder, followed by `#<index>` in a list.
    """

    item_type: str
    external_id: str
    raw: Mapping[str, Any]
    origin: str


@dataclass(frozen=True, slots=True)
class UnitReading:
    """How far one item type was read. Only a COMPLETE type may have its missing objects called removed."""

    item_type: str
    status: CoverageStatus
    observed: int
    expected: int | None
    api_version: str | None
    error_code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not read, and why. `message` names the reason and the mend, never the content."""

    origin: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one reading of a source gave, in an order that depends only on the source's content.

    `labels` are of what the objects name by ids, where the source tells them too.
    """

    objects: tuple[SourceObject, ...]
    units: tuple[UnitReading, ...]
    problems: tuple[Problem, ...]
    labels: Labels = field(default_factory=dict)
