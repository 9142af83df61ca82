"""Pairs the rows that went with the rows that came, so that a row that changed is told as its changed properties.

A row of an order-free array is keyed by its own content (`paths.place_rows`). Equal rows therefore meet by their
key and never come here; only what is left over is compared, row with row, within one array.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from atlas.domain.paths import REPEATED
from atlas.domain.redaction import Leaf

Rows: TypeAlias = dict[str, list[str]]
"""Paths by the key of the row that holds them."""

Leaves: TypeAlias = Counter[tuple[str, type, Leaf]]
"""How often a leaf of a type stands at a path, whichever the rows on the way to it are."""

# Above this many comparisons in one array, rows are told as removed and added: the differ stays linear.
_MOST_COMPARISONS = 10_000
_LEAST_LIKENESS = 0.5
_FIRST_REPEATED = f"/[{REPEATED}"


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two contents: its leaves, and the rows that it has, by full prefix."""

    leaves: Mapping[str, Leaf]
    rows: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Row:
    """A left-over row: its key, and what stands in it."""

    key: str
    leaves: Leaves


def align(
    removed: Iterable[str], added: Iterable[str], before: Mapping[str, Leaf], after: Mapping[str, Leaf]
) -> dict[str, str]:
    """For each removed path in a row that was paired: its path in the row as it is now, there or not."""
    gone, come = list(removed), list(added)
    if not any(_FIRST_REPEATED in path for path in (*gone, *come)):
        gone, come = [path for path in gone if "[" in path], [path for path in come if "[" in path]
    renamed: dict[str, str] = {}
    if gone and come:
        old, new = _Side(before, _row_prefixes(before)), _Side(after, _row_prefixes(after))
        _level(gone, come, ("", ""), (old, new), renamed)
    return renamed


def _level(
    gone: Iterable[str],
    come: Iterable[str],
    prefixes: tuple[str, str],
    sides: tuple[_Side, _Side],
    renamed: dict[str, str],
) -> None:
    """Align what stands below two prefixes that are the same place before and after."""
    was, now = prefixes
    if was != now:
        renamed.update((path, now + path[len(was) :]) for path in gone)
    repeated = _repeated(gone, was) | _repeated(come, now)
    arrived = _by_array(come, now, repeated)
    for array, rows in _by_array(gone, was, repeated).items():
        if array not in arrived:
            continue
        others = arrived[array]
        pairs = [(key, key) for key in rows if now + array + key in sides[1].rows]
        left = [_row(key, rows[key], was + array, sides[0]) for key in rows if now + array + key not in sides[1].rows]
        right = [
            _row(key, others[key], now + array, sides[1]) for key in others if was + array + key not in sides[0].rows
        ]
        for key, other in pairs + _pair(left, right):
            below = (was + array + key, now + array + other)
            _level(rows[key], others.get(other, ()), below, sides, renamed)


def _repeated(paths: Iterable[str], prefix: str) -> set[str]:
    """The settings below a prefix that stand there several times, before or after."""
    found = set()
    for path in paths:
        start = path.find("[", len(prefix))
        if start >= 0 and path.startswith(_FIRST_REPEATED, start - 1):
            found.add(path[len(prefix) : start - 1])
    return found


def _by_array(paths: Iterable[str], prefix: str, repeated: AbstractSet[str]) -> dict[str, Rows]:
    """Paths below a prefix by the first array on their way, then by the row in it.

    A setting that stands once where it stood, or will stand, several times is a row too: the one without a key.
    """
    found: defaultdict[str, Rows] = defaultdict(dict)
    for path in paths:
        rest = path[len(prefix) :]
        setting = _within(rest, repeated) if repeated else None
        if setting is not None:
            end = rest.index("]", len(setting)) + 1 if rest.startswith(_FIRST_REPEATED, len(setting)) else len(setting)
            found[setting].setdefault(rest[len(setting) : end], []).append(path)
        elif (start := rest.find("[")) >= 0:
            end = rest.index("]", start) + 1
            found[rest[:start]].setdefault(rest[start:end], []).append(path)
    return found


def _within(path: str, places: AbstractSet[str]) -> str | None:
    """The first of the places that a path leads to or through."""
    end = path.find("/")
    while end >= 0:
        if path[:end] in places:
            return path[:end]
        end = path.find("/", end + 1)
    return path if path in places else None


def _row_prefixes(leaves: Mapping[str, Leaf]) -> frozenset[str]:
    found: set[str] = set()
    for path in leaves:
        end = path.find("]") + 1
        while end:
            found.add(path[:end])
            end = path.find("]", end) + 1
    return frozenset(found)


def _row(key: str, paths: Iterable[str], prefix: str, side: _Side) -> _Row:
    start = len(prefix) + len(key)
    return _Row(key, leaves_of((path[start:], side.leaves[path]) for path in paths))


def leaves_of(content: Iterable[tuple[str, Leaf]]) -> Leaves:
    """What stands in (path, leaf) pairs. A row's key follows from its content, so it is left out."""
    return Counter((_without_keys(path), type(leaf), leaf) for path, leaf in content)


def _without_keys(path: str) -> str:
    if "[" not in path:
        return path
    parts = (part for part in path.split("/") if not part.startswith(f"[{REPEATED}"))
    return "/".join("[]" if part.startswith("[") else part for part in parts)


def _pair(left: list[_Row], right: list[_Row]) -> list[tuple[str, str]]:
    """One to one, equal content first, then the most alike; ties by key, so that arrival order means nothing."""
    left, right = sorted(left, key=lambda row: row.key), sorted(right, key=lambda row: row.key)
    pairs = [*_take(left, right, _equals(left, right))]
    if len(left) * len(right) <= _MOST_COMPARISONS:
        pairs += _take(left, right, _alike(left, right))
    return pairs + _take(left, right, _single_values(left, right))


def _take(left: list[_Row], right: list[_Row], candidates: Iterable[tuple[_Row, _Row]]) -> list[tuple[str, str]]:
    """The candidates of which neither row is taken yet, in their order; the rows are taken out of the lists."""
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for one, other in candidates:
        if one.key not in pairs and other.key not in taken:
            pairs[one.key] = other.key
            taken.add(other.key)
    left[:] = [row for row in left if row.key not in pairs]
    right[:] = [row for row in right if row.key not in taken]
    return list(pairs.items())


def _equals(left: Iterable[_Row], right: Iterable[_Row]) -> list[tuple[_Row, _Row]]:
    # The same content under another key: a natural key that stopped or began to be unique.
    by_content: defaultdict[frozenset[tuple[tuple[str, type, Leaf], int]], deque[_Row]] = defaultdict(deque)
    for row in right:
        by_content[frozenset(row.leaves.items())].append(row)
    found = ((row, by_content.get(frozenset(row.leaves.items()))) for row in left)
    return [(row, rows.popleft()) for row, rows in found if rows]


def _alike(left: Iterable[_Row], right: Iterable[_Row]) -> list[tuple[_Row, _Row]]:
    """Rows that share half of their leaves or more, or of which one holds all of the other; the most alike first."""
    scored = [(_likeness(one, other), one, other) for one in left for other in right]
    alike = sorted((entry for entry in scored if entry[0] > 0), key=_rank)
    return [(one, other) for _, one, other in alike]


def _likeness(one: _Row, other: _Row) -> float:
    """The share of their leaves that is the same; 0 where it says nothing."""
    same = (one.leaves & other.leaves).total()
    fewer, more = sorted((one.leaves.total(), other.leaves.total()))
    return same / more if same == fewer or same / more >= _LEAST_LIKENESS else 0.0


def _rank(scored: tuple[float, _Row, _Row]) -> tuple[float, str, str]:
    likeness, one, other = scored
    return -likeness, one.key, other.key


def _single_values(left: Iterable[_Row], right: Iterable[_Row]) -> list[tuple[_Row, _Row]]:
    """Rows of one leaf at the same place have nothing to be alike by: they are paired in order."""
    by_place: defaultdict[str, deque[_Row]] = defaultdict(deque)
    for row in right:
        if row.leaves.total() == 1:
            by_place[next(iter(row.leaves))[0]].append(row)
    found = ((row, by_place.get(next(iter(row.leaves))[0])) for row in left if row.leaves.total() == 1)
    return [(row, rows.popleft()) for row, rows in found if rows]
