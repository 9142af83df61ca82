"""What may happen to an object between two readings, and what Atlas must then say, known by construction."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.semantics.objects import guid, word
from tests.semantics.trees import K, Noise, Nothing, Path, Rows, V, get, leaves, names, parts, with_part

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMES = ("name", "displayName")
BESIDE_SETTINGS = ("description", "roleScopeTagIds", "assignments")


@dataclass(frozen=True)
class Change:
    """One property: `before` and `after` are told only where evidence may show them."""

    kind: str
    where: str = ""
    before: Any = None
    after: Any = None
    hidden: bool = False


@dataclass(frozen=True)
class Mutation:
    """What became of one object: its tree before and after (None: not there), and the changes to be found.

    `how` is the change type of the finding, "NONE" where there must be none, or "RECREATED", which has changes where
    the object is not what it was. All properties of what came or went are told as changes; `may` are those that a
    reader may take for what the object is, and tell or not.
    """

    label: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    how: str
    changes: tuple[Change, ...] = field(default=())
    may: tuple[Change, ...] = field(default=())


Mutate = Callable[[dict[str, Any], Random], Mutation | None]


def modified(label: str, before: Any, after: Any, *changes: Change) -> Mutation:
    return Mutation(label, before, after, "MODIFIED", changes)


def values(tree: Any) -> list[tuple[Path, V]]:
    found = [(path, part) for path, part in parts(tree) if isinstance(part, V)]
    return [(path, part) for path, part in found if path[0] not in NAMES]


def rows(tree: Any) -> list[tuple[Path, Rows]]:
    found = [(path, part) for path, part in parts(tree) if isinstance(part, Rows)]
    return [(path, part) for path, part in found if path[0] != "assignments"]


def another(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + random.randint(1, 99)
    if value in {"All", "None"}:
        return "None" if value == "All" else "All"
    if GUID.fullmatch(value):
        return guid(random)
    if not value:
        return f"{word(random)} é"
    return f"{value}7" if value[-1].isdigit() else f"{value}z"


def other_json(part: V, random: Random) -> str:
    """The JSON text of another value: what is hidden stays so, and a switch stays a switch."""
    if part.hidden:
        return json.dumps({"other": word(random)})
    return json.dumps(another(json.loads(part.value), random))


def where(path: Path, part: V) -> str:
    return part.where or names(path)[-1]


def whole(kind: str, tree: Any, place: str = "") -> list[Change]:
    """The changes that a part comes as (ADDED), or goes as: what its values were, and of the rest how many."""
    told = []
    for path, part in parts(tree):
        if isinstance(part, V):
            at = part.where or (names(path) or [place])[-1]
            ends = (None, part.value) if kind == "ADDED" else (part.value, None)
            told.append(Change(kind, at, *ends, hidden=part.hidden))
        elif isinstance(part, K):
            told += [Change(kind, place)] * part.leaves
    return told


def scaffolding(kind: str, tree: Any, name: str = "") -> tuple[Change, ...]:
    """What stands in a tree without a mark, as changes that may be told."""
    if isinstance(tree, dict):
        return tuple(one for key, inner in tree.items() for one in scaffolding(kind, inner, key))
    if isinstance(tree, Rows):
        return tuple(one for inner in tree.rows for one in scaffolding(kind, inner, name))
    return () if isinstance(tree, V | K | Noise | Nothing) else (Change(kind, name),)


def value(tree: Any, random: Random) -> Mutation | None:
    """One value is another."""
    return changed(tree, *random.choice(values(tree)), random)


def changed(tree: Any, path: Path, part: V, random: Random) -> Mutation:
    new = other_json(part, random) if names(path)[-1] == "valueJson" else another(part.value, random)
    change = Change("MODIFIED", where(path, part), part.value, new, part.hidden)
    return modified("value", tree, with_part(tree, path, V(new, part.hidden, part.where)), change)


def _optional(tree: Any) -> list[tuple[Path, V]]:
    # A property of an object: a value of the Settings Catalog or of a row does not go by itself.
    found = [(path, part) for path, part in values(tree) if isinstance(path[-1], str) and not part.where]
    return [(path, part) for path, part in found if not any(isinstance(step, int) for step in path)]


def remove(tree: Any, random: Random) -> Mutation | None:
    """A property is not there any more, or is null, or empty."""
    found = _optional(tree)
    if not found:
        return None
    path, part = random.choice(found)
    change = Change("REMOVED", where(path, part), part.value, None, part.hidden)
    return modified("remove", tree, with_part(tree, path, Nothing()), change)


def add(tree: Any, random: Random) -> Mutation | None:
    """The other way round."""
    found = remove(tree, random)
    if found is None:
        return None
    (gone,) = found.changes
    return modified("add", found.after, found.before, Change("ADDED", gone.where, None, gone.before, gone.hidden))


def _place(path: Path) -> str:
    # The Settings Catalog is told by definition ids, not by the names of Graph's scaffolding.
    return "settings" if path[0] in {"settings", "settingInstance"} else names(path)[-1]


def _with_row(tree: Any, path: Path, row: Any) -> Any:
    held = get(tree, path)
    return with_part(tree, path, Rows([*held.rows, row], held.new, held.ordered))


def row(tree: Any, random: Random) -> Mutation | None:
    """A row comes, or goes."""
    found = [(path, part) for path, part in rows(tree) if part.new is not None]
    if not found:
        return None
    path, part = random.choice(found)
    made = part.new(random)
    if isinstance(made, V) and made.value in [held.value for held in part.rows]:
        return None
    longer = _with_row(tree, path, made)
    come = random.random() < 0.5
    changes = whole("ADDED" if come else "REMOVED", made, _place(path))
    return modified("nested row", *((tree, longer) if come else (longer, tree)), *changes)


def repeated(tree: Any, random: Random) -> Mutation | None:
    """A second row, or a second setting, that is equal to one that is there: a map would keep the last alone."""
    found = [(path, part) for path, part in rows(tree) if part.rows and leaves(part.rows[0]) and not part.ordered]
    if not found:
        return None
    path, part = random.choice(found)
    made = random.choice(part.rows)
    if not leaves(made):
        return None
    longer = _with_row(tree, path, made)
    come = random.random() < 0.5
    changes = whole("ADDED" if come else "REMOVED", made, _place(path))
    return modified("repeated row", *((tree, longer) if come else (longer, tree)), *changes)


def repeated_value(tree: Any, random: Random) -> Mutation | None:
    """Of two equal rows one has another value."""
    doubled = repeated(tree, random)
    if doubled is None:
        return None
    before = max((doubled.before, doubled.after), key=leaves)
    shorter = min((doubled.before, doubled.after), key=leaves)
    path = next(path for path, part in rows(before) if len(part.rows) != len(get(shorter, path).rows))
    last = (*path, len(get(before, path).rows) - 1)
    inside = [(p, part) for p, part in values(before) if p[: len(last)] == last]
    if not inside:
        return None
    at, part = random.choice(inside)
    new = other_json(part, random) if names(at)[-1] == "valueJson" else another(part.value, random)
    change = Change("MODIFIED", where(at, part), part.value, new, part.hidden)
    return modified("repeated row", before, with_part(before, at, V(new, part.hidden, part.where)), change)


def order(tree: Any, random: Random) -> Mutation | None:
    """Everything that has no order is in another, all that the server makes up is another: nothing changed."""
    found = [(path, part) for path, part in rows(tree) if part.ordered and len(part.rows) > 1]
    if not found or random.random() < 0.5:
        return Mutation("order", tree, tree, "NONE")
    path, part = random.choice(found)
    turned = Rows(part.rows[::-1], part.new, ordered=True)
    ends = [(one, other) for one, other in zip(part.rows, turned.rows, strict=True) if one.value != other.value]
    changes = [Change("MODIFIED", names(path)[-1], one.value, other.value, one.hidden) for one, other in ends]
    return modified("order", tree, with_part(tree, path, turned), *changes)


def rename(tree: Any, random: Random) -> Mutation | None:
    name = next(name for name in NAMES if name in tree)
    old, new = tree[name].value, f"{word(random)} {word(random)}"
    return modified("rename", tree, {**tree, name: V(new)}, Change("MODIFIED", name, old, new))


def recreate(tree: Any, random: Random) -> Mutation | None:
    return Mutation("recreate", tree, {**tree, "id": guid(random)}, "RECREATED")


def come(tree: Any, random: Random) -> Mutation | None:
    return Mutation("object", None, tree, "ADDED", tuple(whole("ADDED", tree)), scaffolding("ADDED", tree))


def go(tree: Any, random: Random) -> Mutation | None:
    return Mutation("object", tree, None, "REMOVED", tuple(whole("REMOVED", tree)), scaffolding("REMOVED", tree))


def crowd(tree: Any, random: Random, size: int) -> list[Mutation]:
    """Objects that differ by their names alone, and all come back under other ids, the last with another value."""
    name = next(name for name in NAMES if name in tree)
    made = []
    for number in range(1, size + 1):
        one = {**tree, "id": guid(random), name: V(f"{tree[name].value} {number}")}
        changes: tuple[Change, ...] = ()
        after = one
        settings = [(path, part) for path, part in values(one) if path[0] not in BESIDE_SETTINGS]
        if number == size and len(settings) >= 8:
            mutation = changed(one, *random.choice(settings), random)
            after, changes = mutation.after or one, mutation.changes
        made.append(Mutation("crowd", one, {**after, "id": guid(random)}, "RECREATED", changes))
    return made


def assignment(tree: Any, random: Random) -> Mutation | None:
    """A target comes or goes, is excluded instead of included, or has another filter."""
    held = tree.get("assignments")
    if held is None:
        return None
    made = held.new(random)
    longer = _with_row(tree, ("assignments",), made)
    way = random.choice(("come", "go", "exclude", "filter"))
    if way in {"come", "go"}:
        kind = "ADDED" if way == "come" else "REMOVED"
        ends = (tree, longer) if way == "come" else (longer, tree)
        return modified("assignment", *ends, *whole(kind, made, "assignments"))
    at = ("assignments", len(held.rows), "target")
    if way == "exclude":
        sides = ("#microsoft.graph.groupAssignmentTarget", "#microsoft.graph.exclusionGroupAssignmentTarget")
        one, other = (with_part(longer, (*at, "@odata.type"), K(side)) for side in sides)
        return modified("assignment", one, other, Change("MODIFIED", "mode", "include", "exclude"))
    filters = guid(random), guid(random)
    typed = with_part(longer, (*at, "deviceAndAppManagementAssignmentFilterType"), V("include"))
    one, other = (with_part(typed, (*at, "deviceAndAppManagementAssignmentFilterId"), V(f)) for f in filters)
    return modified("assignment", one, other, Change("MODIFIED", "assignmentFilter", *filters))


MUTATIONS: tuple[Mutate, ...] = (
    value,
    value,
    remove,
    add,
    row,
    row,
    repeated,
    repeated_value,
    order,
    rename,
    recreate,
    come,
    go,
    assignment,
    assignment,
)
