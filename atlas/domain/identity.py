"""Identity of an inventory item: its row id, and what is done when two objects come under one id."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

import orjson

from atlas.domain.canonical import Item

_SEPARATOR = "~"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Different objects that came under one (item type, external id) in one run.

    `kept_hash` is the content that stands under the plain id; `others` are (external id given, display name,
    content hash) of the rest, by external id.
    """

    item_type: str
    external_id: str
    kept_hash: str
    others: tuple[tuple[str, str, str], ...]


def item_id(scope_id: UUID, item_type: str, external_id: str) -> UUID:
    """The id of an inventory item: the same in every run of its scope."""
    return uuid5(scope_id, orjson.dumps([item_type, external_id]).decode())


def plain_id(external_id: str) -> str:
    """The id in the source of an object whose key was derived because others shared it; any other id as it is."""
    plain, separator, _ = external_id.rpartition(_SEPARATOR)
    return plain if separator else external_id


def separate_duplicates(
    items: Sequence[Item], open_hashes: Mapping[tuple[str, str], str]
) -> tuple[list[Item], list[Duplicate]]:
    """Give each object an external id of its own; both lists come in order of (item type, external id).

    `open_hashes` is the content that the scope holds now, by (item type, external id). Of the objects under one
    id, the one whose content is already open keeps it; another is keyed `<id>~<8 hex>` by its name (by name
    and settings where the names are equal too), so that it stays itself when a value in it changes. Objects
    that are equal to the last byte are one. The order of arrival means nothing.
    """
    groups: defaultdict[tuple[str, str], dict[str, Item]] = defaultdict(dict)
    for item in items:
        groups[item.item_type, item.external_id][item.hash] = item
    separated_before = {
        (kind, external_id.rpartition(_SEPARATOR)[0]) for kind, external_id in open_hashes if _SEPARATOR in external_id
    }
    kept: list[Item] = []
    duplicates: list[Duplicate] = []
    for (item_type, external_id), group in sorted(groups.items()):
        if len(group) == 1 and (item_type, external_id) not in separated_before:
            kept += group.values()
            continue
        plain, others = _separate(sorted(group.values(), key=_order), open_hashes)
        kept += others if plain is None else [plain, *others]
        if plain is not None and others:
            told = tuple((other.external_id, other.display_name, other.hash) for other in others)
            duplicates.append(Duplicate(item_type, external_id, plain.hash, told))
    return sorted(kept, key=lambda item: (item.item_type, item.external_id)), duplicates


def _separate(group: Sequence[Item], open_hashes: Mapping[tuple[str, str], str]) -> tuple[Item | None, list[Item]]:
    """The object that keeps the plain id, if one does, and the rest under ids of their own."""
    keyed = {item.hash: replace(item, external_id=key) for item, key in zip(group, _own_keys(group), strict=True)}
    plain_hash = open_hashes.get((group[0].item_type, group[0].external_id))

    def claim(item: Item) -> tuple[bool, bool]:
        # First the content that is open under the plain id, then an object that is not open under its own.
        own = keyed[item.hash]
        return item.hash != plain_hash, (own.item_type, own.external_id) in open_hashes

    plain = min(group, key=claim)
    own = keyed[plain.hash]
    if len(group) == 1 and plain.hash != plain_hash and _stays_apart(own, plain_hash, open_hashes):
        return None, [own]
    return plain, sorted((keyed[item.hash] for item in group if item is not plain), key=lambda item: item.external_id)


def _stays_apart(own: Item, plain_hash: str | None, open_hashes: Mapping[tuple[str, str], str]) -> bool:
    # The other object of a former pair is gone: the one that is left is still the one that it was.
    open_hash = open_hashes.get((own.item_type, own.external_id))
    return open_hash == own.hash or (open_hash is not None and plain_hash is None)


def _own_keys(group: Sequence[Item]) -> Iterable[str]:
    names = Counter(item.display_name for item in group)
    keys = [
        _key(item, [item.display_name])
        if names[item.display_name] == 1
        else _key(item, [item.display_name, item.settings_hash])
        for item in group
    ]
    # Equal names and settings differ in no more than a description or a priority.
    repeated = Counter(keys)
    return [
        key if repeated[key] == 1 else _key(item, [item.display_name, item.hash])
        for key, item in zip(keys, group, strict=True)
    ]


def _key(item: Item, parts: list[str]) -> str:
    return f"{item.external_id}{_SEPARATOR}{hashlib.sha256(orjson.dumps(parts)).hexdigest()[:8]}"


def _order(item: Item) -> tuple[str, str, str]:
    return item.display_name, item.settings_hash, item.hash
