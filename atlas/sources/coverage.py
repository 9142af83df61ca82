"""How far each item type of a folder was read, told from the objects and from what failed."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import CoverageStatus, UserErrorCode
from atlas.sources.item_types import ITEM_TYPES
from atlas.sources.model import Problem, SourceObject, UnitReading

TRUNCATION = frozenset({"MORE_PAGES", "SETTINGS_TRUNCATED"})

_VERSION = re.compile(r"graph\.microsoft\.[a-z.]+/(v1\.0|beta)/\$metadata")


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem and the item types it leaves incomplete: None stands for all that the reading has, () for none."""

    problem: Problem
    item_types: tuple[str, ...] | None

    def concerns(self, wanted: frozenset[str] | None) -> bool:
        return wanted is None or not self.item_types or not wanted.isdisjoint(self.item_types)


def wanted_types(names: Sequence[str] | None) -> frozenset[str] | None:
    """The item types named, or None for all. Raises RefusedError for one that Atlas does not know."""
    if names is None:
        return None
    for name in names:
        if name not in ITEM_TYPES:
            raise _unknown_type(name)
    return frozenset(names)


def _unknown_type(name: str) -> RefusedError:
    by_folded = {known.casefold(): known for known in ITEM_TYPES}
    close = [by_folded[match] for match in difflib.get_close_matches(name[:100].casefold(), by_folded, n=3)]
    mend = f"Did you mean {', '.join(close)}?" if close else f"Known are {', '.join(sorted(ITEM_TYPES))}."
    return RefusedError(UserErrorCode.INVALID_INPUT, f"There is no item type {name[:100]!r}. {mend}", ("itemTypes",))


def units_of(
    objects: Sequence[SourceObject], failures: Sequence[Failure], wanted: frozenset[str] | None
) -> tuple[UnitReading, ...]:
    """One unit for each type named, or else for each type that has an object or a failure, sorted by name."""
    observed = Counter(item.item_type for item in objects)
    names = wanted if wanted is not None else observed.keys() | _told(failures)
    versions = _versions(objects)
    return tuple(
        _unit(name, observed[name], versions.get(name, set()), _failures_of(name, failures)) for name in sorted(names)
    )


def _told(failures: Iterable[Failure]) -> set[str]:
    return {name for failure in failures for name in failure.item_types or ()}


def _failures_of(name: str, failures: Iterable[Failure]) -> list[Failure]:
    return [failure for failure in failures if failure.item_types is None or name in failure.item_types]


def _unit(name: str, observed: int, versions: set[str], failures: list[Failure]) -> UnitReading:
    version = next(iter(versions)) if len(versions) == 1 else None
    if not failures:
        return UnitReading(name, CoverageStatus.COMPLETE, observed, None, version, None, None)
    truncated = all(failure.problem.code in TRUNCATION for failure in failures)
    status = CoverageStatus.TRUNCATED if truncated else CoverageStatus.FAILED
    first = next((f.problem for f in failures if truncated or f.problem.code not in TRUNCATION), failures[0].problem)
    others = f" And {len(failures) - 1} more." if len(failures) > 1 else ""
    message = f"{first.origin}: {first.message}{others}"
    return UnitReading(name, status, observed, None, version, first.code, message)


def _versions(objects: Iterable[SourceObject]) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for item in objects:
        context = item.raw.get("@odata.context")
        found = _VERSION.search(context) if isinstance(context, str) else None
        if found is not None:
            versions.setdefault(item.item_type, set()).add(found[1])
    return versions
