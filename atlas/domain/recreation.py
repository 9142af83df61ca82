"""Links an object that was removed with one that was added in its place: the same thing under a new id."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from atlas.domain.alignment import leaves_of
from atlas.domain.canonical import settings_of
from atlas.domain.profile_tables import SCAFFOLDING_PROPERTIES
from atlas.domain.redaction import Leaf

_LEAST_SIMILARITY = 0.5
# More pairs than this under one key say that the key tells nothing; they are compared one by one in order of name only.
_MOST_COMPARISONS = 10_000
_VERSION = re.compile(r"[\s\-_(]+v?\d+(\.\d+)*\)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """One end of a possible recreation: an object that was removed, or one that was added."""

    item_type: str
    external_id: str
    display_name: str
    settings_hash: str
    properties: Mapping[str, Leaf] = field(repr=False)

    @cached_property
    def settings(self) -> frozenset[tuple[str, type, Leaf, int]]:
        """Each with a number, so that of those that are equal each counts."""
        counted = leaves_of(settings_of(self.properties).items()).items()
        return frozenset((*leaf, number) for leaf, times in counted for number in range(times))


@dataclass(frozen=True, slots=True)
class Recreation:
    """A removed and an added object: linked, never merged. `similarity` is 0 to 1, and 1 for identical settings."""

    removed: Candidate
    added: Candidate
    similarity: float
    identical: bool


def link(removed: Sequence[Candidate], added: Sequence[Candidate]) -> list[Recreation]:
    """One to one, the best match first; ordered by the removed object. The order of arrival means nothing.

    Identical settings go before the same name, that before more settings in common, and that before the same base name.
    """
    found = {
        (one.item_type, one.external_id, other.external_id): Recreation(
            one, other, 1.0 if one.settings_hash == other.settings_hash else similarity(one, other),
            one.settings_hash == other.settings_hash,
        )
        for key in (_by_settings, _by_name, _by_base_name)
        for one, other in _pairs(removed, added, key)
    }  # fmt: skip
    taken: set[tuple[str, str]] = set()
    links = []
    for recreation in sorted(found.values(), key=_rank):
        one, other = recreation.removed, recreation.added
        ends = {
            ("removed", one.item_type + "\0" + one.external_id),
            ("added", other.item_type + "\0" + other.external_id),
        }
        if recreation.similarity >= _LEAST_SIMILARITY and not ends & taken:
            taken |= ends
            links.append(recreation)
    return sorted(links, key=lambda entry: (entry.removed.item_type, entry.removed.external_id))


def similarity(one: Candidate, other: Candidate) -> float:
    """The share of settings that are equal among those that either has, rounded to 4 digits."""
    same = len(one.settings & other.settings)
    either = len(one.settings) + len(other.settings) - same
    return round(same / either, 4) if either else 1.0


def base_name(display_name: str) -> str:
    """A name without what marks its version: "Edge - Security - v3.5" is "edge - security"."""
    return _VERSION.sub("", display_name).strip().casefold() or display_name.strip().casefold()


def _rank(recreation: Recreation) -> tuple[object, ...]:
    one, other = recreation.removed, recreation.added
    same_name = one.display_name == other.display_name
    same_base = base_name(one.display_name) == base_name(other.display_name)
    return (
        not recreation.identical, not same_name, -recreation.similarity, not same_base,
        one.item_type, one.external_id, other.external_id,
    )  # fmt: skip


def _by_settings(candidate: Candidate) -> tuple[str, str] | None:
    # Objects that hold no setting of their own are all alike, and none is another's recreation for it.
    own = any(path.partition("/")[0] not in SCAFFOLDING_PROPERTIES for path in settings_of(candidate.properties))
    return (candidate.item_type, candidate.settings_hash) if own else None


def _by_name(candidate: Candidate) -> tuple[str, str]:
    # "Site 1" to "Site 120" have one base name, and each is its own.
    return candidate.item_type, candidate.display_name


def _by_base_name(candidate: Candidate) -> tuple[str, str]:
    return candidate.item_type, base_name(candidate.display_name)


def _pairs(
    removed: Iterable[Candidate], added: Iterable[Candidate], key: Callable[[Candidate], tuple[str, str] | None]
) -> list[tuple[Candidate, Candidate]]:
    buckets: defaultdict[tuple[str, str] | None, tuple[list[Candidate], list[Candidate]]] = defaultdict(
        lambda: ([], [])
    )
    for side, candidates in enumerate((removed, added)):
        for candidate in sorted(candidates, key=lambda entry: (entry.display_name, entry.external_id)):
            buckets[key(candidate)][side].append(candidate)
    pairs: list[tuple[Candidate, Candidate]] = []
    for bucket, (ones, others) in buckets.items():
        if bucket is None:
            continue
        if len(ones) * len(others) <= _MOST_COMPARISONS:
            pairs += [(one, other) for one in ones for other in others]
        else:
            pairs += zip(ones, others, strict=False)
    return pairs
