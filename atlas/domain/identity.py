"""Identity of an inventory item: its row id, and what is done when several objects come under one id."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from uuid import UUID, uuid5

import orjson

from atlas.domain.canonical import Item

_SEPARATOR = "~"
_DERIVED = re.compile(r"(.*)~[0-9a-f]{8}")

Key = tuple[str, str]
"""(item type, external id)"""


@dataclass(frozen=True, slots=True)
class Held:
    """An object as the scope holds it now, under its (item type, external id)."""

    hash: str
    display_name: str
    settings_hash: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Different objects that came under one (item type, external id) in one run.

    `external_id` is the one in the source; `kept_hash` and `kept_name` are of the object that stands under it, or
    of the first of the others where none does any more; `others` are (external id given, display name, content
    hash) of the rest, by external id.
    """

    item_type: str
    external_id: str
    kept_hash: str
    kept_name: str
    others: tuple[tuple[str, str, str], ...]


def item_id(scope_id: UUID, item_type: str, external_id: str) -> UUID:
    """The id of an inventory item: the same in every run of its scope."""
    return uuid5(scope_id, orjson.dumps([item_type, external_id]).decode())


def plain_id(external_id: str) -> str:
    """The id in the source of an object whose key was derived because others shared it; any other id as it is."""
    derived = _DERIVED.fullmatch(external_id)
    return derived[1] if derived else external_id


def separate_duplicates(items: Sequence[Item], held: Mapping[Key, Held]) -> tuple[list[Item], list[Duplicate]]:
    """Give each object an external id of its own; both lists come in order of (item type, external id).

    `held` is what the scope holds now, at least under each id that several objects share and under what was
    derived from it. Objects of one id are first recognised among what is held: by their content, then by name and
    settings, by name, by settings, and where one object and one key are left, they are each other's. Of the rest
    one takes the plain id where nobody has it, and another is keyed `<id>~<8 hex>` by its name (by name and
    settings where the names are equal too). Objects that are equal to the last byte are one. The order of arrival
    means nothing.
    """
    groups: defaultdict[Key, dict[str, Item]] = defaultdict(dict)
    for item in items:
        groups[item.item_type, item.external_id][item.hash] = item
    before: defaultdict[Key, dict[str, Held]] = defaultdict(dict)
    for (item_type, external_id), one in sorted(held.items()):
        # An id of the source may look as if it were derived from another.
        plain = external_id if (item_type, external_id) in groups else plain_id(external_id)
        before[item_type, plain][external_id] = one
    kept: list[Item] = []
    duplicates: list[Duplicate] = []
    for key, group in sorted(groups.items()):
        known = before.get(key, {})
        if len(group) == 1 and not known.keys() - {key[1]}:
            kept += group.values()
            continue
        first, *others = _separate(sorted(group.values(), key=_order), known, groups)
        kept += [first, *others]
        if others:
            told = tuple((other.external_id, other.display_name, other.hash) for other in others)
            duplicates.append(Duplicate(*key, first.hash, first.display_name, told))
    return sorted(kept, key=lambda item: (item.item_type, item.external_id)), duplicates


def _separate(group: Sequence[Item], held: Mapping[str, Held], came: Container[Key]) -> list[Item]:
    """The objects of one id under ids of their own, by these; no id that others `came` under is made up."""
    own = _recognised(group, held)
    plain, used, names = group[0].external_id, set(own.values()), Counter(item.display_name for item in group)
    for item in group:
        if item.hash in own:
            continue
        free = (
            key
            for key in _own_keys(item, alone=names[item.display_name] == 1)
            if key not in held and key not in used and (item.item_type, key) not in came
        )
        own[item.hash] = next(free) if plain in used else plain
        used.add(own[item.hash])
    return sorted((replace(item, external_id=own[item.hash]) for item in group), key=lambda item: item.external_id)


def _recognised(group: Sequence[Item], held: Mapping[str, Held]) -> dict[str, str]:
    """Content hash -> the id that is held, of the objects that are one of those held under it.

    What tells most goes first, and what tells one object from all others goes before what several have in common.
    """
    own: dict[str, str] = {}
    for sign, only_one in _SIGNS:
        items, keys, used = defaultdict[object, list[str]](list), defaultdict[object, list[str]](list), {*own.values()}
        for item in group:
            if item.hash not in own:
                items[sign(item)].append(item.hash)
        for key, one in held.items():
            if key not in used:
                keys[sign(one)].append(key)
        for value, hashes in items.items():
            if not only_one or len(hashes) == len(keys[value]) == 1:
                own |= zip(hashes, keys[value], strict=False)
    return own


_SIGNS: Sequence[tuple[Callable[[Item | Held], object], bool]] = (
    (lambda one: one.hash, False),
    (lambda one: (one.display_name, one.settings_hash), False),
    (lambda one: one.display_name, True),
    (lambda one: one.settings_hash, True),
    (lambda one: one.display_name, False),
    (lambda one: one.settings_hash, False),
    # One object and one id that are left are each other's, whatever became of it.
    (lambda _: None, True),
)


def _own_keys(item: Item, *, alone: bool) -> Iterator[str]:
    """Ids to give to an object, the best first: by its name if it has that alone, by its settings too, by all of it."""
    if alone:
        yield _key(item, item.display_name)
    yield _key(item, item.display_name, item.settings_hash)
    for number in count():
        yield _key(item, item.display_name, item.hash, *[str(number)] * (number > 0))


def _key(item: Item, *parts: str) -> str:
    return f"{item.external_id}{_SEPARATOR}{hashlib.sha256(orjson.dumps(parts)).hexdigest()[:8]}"


def _order(item: Item) -> tuple[str, str, str]:
    return item.display_name, item.settings_hash, item.hash
