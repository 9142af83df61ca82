"""Raw Graph objects as trees in which each part says what it means; nothing here knows how Atlas reads them.

A tree is JSON with marks in it: what is a value, what names something, what the server makes up, which array has an
order. `plain` turns it into the JSON that an export holds, each time with other noise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

NOTHING = (None, "", [], {}, "absent")


@dataclass(frozen=True)
class V:
    """A configured value. `hidden`: evidence may not show it. `where`: what its path must name."""

    value: Any
    hidden: bool = False
    where: str = ""


@dataclass(frozen=True)
class K:
    """A name of what stands beside it; `leaves` is how many properties it comes and goes as."""

    value: Any
    leaves: int = 1


@dataclass(frozen=True)
class Noise:
    """What the server makes up: another at each reading."""

    make: Callable[[Random], Any]


@dataclass(frozen=True)
class Nothing:
    """Where nothing is set: null, an empty text, an empty list, an empty object, or no property at all."""


@dataclass(frozen=True)
class Rows:
    """An array. `new` makes another row that belongs in it; None where its rows are not ours to make."""

    rows: list[Any]
    new: Callable[[Random], Any] | None = None
    ordered: bool = False


Path = tuple[Any, ...]


def plain(tree: Any, random: Random) -> Any:
    """The JSON of a tree: arrays without an order shuffled, properties in any order, noise made anew."""
    if isinstance(tree, V | K):
        return tree.value
    if isinstance(tree, Noise):
        return tree.make(random)
    if isinstance(tree, Rows):
        rows = [plain(row, random) for row in tree.rows]
        if not tree.ordered:
            random.shuffle(rows)
        return rows
    if isinstance(tree, dict):
        pairs = []
        for name, inner in tree.items():
            value = random.choice(NOTHING) if isinstance(inner, Nothing) else plain(inner, random)
            if value != "absent":
                pairs.append((name, value))
        random.shuffle(pairs)
        return dict(pairs)
    return tree


def parts(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every mark of a tree with the way to it."""
    if isinstance(tree, V | K | Noise | Nothing):
        yield path, tree
    elif isinstance(tree, Rows):
        yield path, tree
        for index, row in enumerate(tree.rows):
            yield from parts(row, (*path, index))
    elif isinstance(tree, dict):
        for name, inner in tree.items():
            yield from parts(inner, (*path, name))


def get(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree.rows[step] if isinstance(tree, Rows) else tree[step]
    return tree


def with_part(tree: Any, path: Path, value: Any) -> Any:
    """The tree with another value at a path. Nothing is changed in place: what is elsewhere is shared."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(tree, Rows):
        rows = [with_part(row, rest, value) if index == step else row for index, row in enumerate(tree.rows)]
        return Rows(rows, tree.new, tree.ordered)
    return {**tree, step: with_part(tree.get(step), rest, value)}


def leaves(tree: Any) -> int:
    """As how many properties a part comes and goes."""
    marks = [mark for _, mark in parts(tree)]
    return sum(mark.leaves if isinstance(mark, K) else isinstance(mark, V) for mark in marks)


def names(path: Path) -> list[str]:
    return [step for step in path if isinstance(step, str)]
