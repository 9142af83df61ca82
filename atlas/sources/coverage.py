"""How far each item type of a folder was read, told from the objects and from what failed."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.selection import meant
from atlas.domain.vocabulary import CoverageStatus, UserErrorCode
from atlas.sources.item_types import ITEM_TYPES, known_as
from atlas.sources.model import Problem, SourceObject, UnitReading
from atlas.sources.unlisted import as_graph_spells, is_configuration

NOT_COMPARED = "NOT_COMPARED"
TRUNCATION = frozenset({"MORE_PAGES", "SETTINGS_TRUNCATED"})

_VERSION = re.compile(r"graph\.microsoft\.[a-z.]+/(v1\.0|beta)/\$metadata")


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem and the item types it leaves incomplete: None stands for all that the reading has, () for none.

    With `unlisted`, every type that Atlas has no table of is left incomplete too.
    """

    problem: Problem
    item_types: tuple[str, ...] | None
    unlisted: bool = False

    def concerns(self, wanted: frozenset[str] | None) -> bool:
        return wanted is None or not self.item_types or not wanted.isdisjoint(self.item_types)

    def of(self, name: str) -> bool:
        return self.item_types is None or name in self.item_types or (self.unlisted and name not in ITEM_TYPES)


def wanted_types(names: Sequence[str] | None, *, by_full_name: bool = True) -> frozenset[str] | None:
    """The item types named, or None for all.

    One that Atlas has no table of is named in full, as in `microsoft.graph.policySet`, where `by_full_name` allows
    that. Raises RefusedError for a name that is neither, or is of no configuration.
    """
    if names is None:
        return None
    for name in names:
        if name not in ITEM_TYPES and not (by_full_name and _is_unlisted(name)):
            raise _unknown_type(name, by_full_name)
    return frozenset(names)


def require_spelling(wanted: frozenset[str] | None, there: Iterable[str]) -> None:
    """Raises OperatorError for a type without a table of which there is nothing but under another spelling.

    Graph has no two types whose names differ in case alone.
    """
    there = frozenset(there)
    spelled = {name.casefold(): name for name in there - ITEM_TYPES.keys()}
    for name in sorted((wanted or frozenset()) - there - ITEM_TYPES.keys()):
        if (other := spelled.get(name.casefold())) is not None:
            raise OperatorError("UNKNOWN_ITEM_TYPE", f"The folder holds no {name}.", f"It holds {other}: name that.")


def _is_unlisted(name: str) -> bool:
    return as_graph_spells(name) == name and is_configuration(name) and known_as(name) is None


def _unknown_type(name: str, by_full_name: bool) -> RefusedError:
    full = as_graph_spells(name)
    known = None if full is None else known_as(full)
    if known is not None:
        mend = f"Name it {known}."
    elif full is None or not by_full_name:
        others = " Name one without a table in full, as in microsoft.graph.policySet." if by_full_name else ""
        mend = meant(name) + others
    elif is_configuration(full):
        mend = f"Did you mean {full}?"
    else:
        mend = "Objects of this kind are no configuration by themselves, and are not compared."
    return RefusedError(UserErrorCode.INVALID_INPUT, f"There is no item type {name[:100]!r}. {mend}", ("itemTypes",))


def units_of(
    objects: Sequence[SourceObject], failures: Sequence[Failure], wanted: frozenset[str] | None
) -> tuple[UnitReading, ...]:
    """One unit for each type named, or else for each type that has an object or a failure, sorted by name.

    Of a type that Atlas has no table of, a failure alone makes none: a stray file is no sign of a type that was read.
    """
    observed = Counter(item.item_type for item in objects)
    names = wanted if wanted is not None else observed.keys() | _told(failures)
    versions = _versions(objects)
    return tuple(
        _unit(name, observed[name], versions.get(name, set()), _failures_of(name, observed[name], failures))
        for name in sorted(names)
    )


def _failures_of(name: str, observed: int, failures: Sequence[Failure]) -> list[Failure]:
    found = [failure for failure in failures if failure.of(name)]
    if found or observed or name in ITEM_TYPES:
        return found
    # It was named and nothing is told to be of it: what tells no type may be.
    return [failure for failure in failures if failure.problem.code == NOT_COMPARED]


def _told(failures: Iterable[Failure]) -> set[str]:
    return {name for failure in failures for name in failure.item_types or () if name in ITEM_TYPES}


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
