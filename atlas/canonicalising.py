"""A reading in canonical form, and what its objects were called under earlier profiles and keys."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from atlas.domain.canonical import CanonicalError, Item, canonical_item, form_of
from atlas.domain.keys import TenantKey
from atlas.domain.naming import Labels
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.vocabulary import CoverageStatus
from atlas.sources.model import Reading, SourceObject, UnitReading

Renamed = list[tuple[Item, Item]]
UnderOldForm = Callable[[str, AbstractSet[str]], Renamed | None]
OldNames = Callable[[AbstractSet[str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Inventory:
    """A reading in canonical form: what a run records.

    `form` is the prefix of its hashes. `under_old_form` gives the items of some types under an older prefix, each
    beside what it is now, or None where that form or key is not known any more; `old_names` what the contents of
    some hashes were called under earlier keys. `labels` are those that the source gave.
    """

    items: tuple[Item, ...]
    units: tuple[UnitReading, ...]
    problems: tuple[str, ...]
    form: str
    under_old_form: UnderOldForm
    old_names: OldNames
    labels: Labels


def canonicalise(
    reading: Reading, key: TenantKey, *previous: TenantKey, profiles: Sequence[Profiles] = PROFILES
) -> Inventory:
    """Every object of a reading in canonical, redacted form. One that cannot be told makes its type incomplete.

    `previous` are earlier keys, and `profiles` all versions that are known, the present one first.
    """
    present, *earlier = [(one, version) for one in (key, *previous) for version in profiles]
    items: list[Item] = []
    sources: list[SourceObject] = []
    failed: dict[str, str] = {}
    problems = [f"{problem.origin}: {problem.message}" for problem in reading.problems]
    for source in reading.objects:
        try:
            items.append(_item(source, *present))
            sources.append(source)
        except CanonicalError as error:
            problems.append(f"{source.origin}: {error}")
            failed.setdefault(source.item_type, f"{source.origin}: {error}")
    units = [
        replace(unit, status=CoverageStatus.FAILED, error_code="NOT_CANONICAL", message=failed[unit.item_type])
        if unit.item_type in failed and unit.status == CoverageStatus.COMPLETE
        else unit
        for unit in reading.units
    ]

    def under_old_form(form: str, item_types: AbstractSet[str]) -> Renamed | None:
        old = next((one for one in earlier if form_of(*one) == form), None)
        if old is None:
            return None
        return [
            (_item(source, *old), item)
            for source, item in zip(sources, items, strict=True)
            if item.item_type in item_types
        ]

    def old_names(hashes: AbstractSet[str]) -> dict[str, str]:
        wanted = [(source, item) for source, item in zip(sources, items, strict=True) if item.hash in hashes]
        return without_doubt([(_item(source, *old).hash, item.hash) for old in earlier for source, item in wanted])

    return Inventory(
        tuple(items), tuple(units), tuple(problems), form_of(*present), under_old_form, old_names, reading.labels
    )


def _item(source: SourceObject, key: TenantKey, profiles: Profiles) -> Item:
    return canonical_item(source.item_type, source.raw, key, source.external_id, profiles)


def without_doubt(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Old hash -> new hash, of the contents that are still one under the new form.

    Better profiles may tell apart what was one content under the old ones; what was decided of that is of neither.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for old, new in names:
        found[old].add(new)
    return {old: next(iter(new)) for old, new in found.items() if len(new) == 1}
