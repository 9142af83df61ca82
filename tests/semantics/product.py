"""What Atlas finds between two readings: its own canonical form, identity, differ and recreation, and no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from atlas.domain.canonical import Item, canonical_item
from atlas.domain.differ import diff
from atlas.domain.evidence import PropertyChange
from atlas.domain.identity import Held, plain_id, separate_duplicates
from atlas.domain.keys import derive_tenant_key
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.recreation import Candidate, link

KEY = derive_tenant_key(b"a deployment key of the semantics", UUID(int=3))

Reading = Sequence[tuple[str, dict[str, Any]]]
Identity = tuple[str, str, str | None]
"""Item type, id in the source, and name: several objects may have one id."""


@dataclass(frozen=True)
class Found:
    """The findings by the object's identity before and after, and by what was removed the recreations: what came in its
    place, and whether that is identical.
    """

    changes: list[tuple[Identity | None, Identity | None, str, tuple[PropertyChange, ...]]]
    recreated: dict[Identity, tuple[Identity, bool]]


def found(before: Reading, after: Reading, profiles: Profiles = PROFILES[0]) -> Found:
    held, _ = separate_duplicates([canonical_item(kind, raw, KEY, None, profiles) for kind, raw in before], {})
    old = {(item.item_type, item.external_id): item for item in held}
    items, _ = separate_duplicates(
        [canonical_item(kind, raw, KEY, None, profiles) for kind, raw in after],
        {key: Held(item.hash, item.display_name, item.settings_hash) for key, item in old.items()},
    )
    new = {(item.item_type, item.external_id): item for item in items}
    changes = []
    for key in old.keys() | new.keys():
        one, other = old.get(key), new.get(key)
        if one is None or other is None or one.hash != other.hash:
            kind = "ADDED" if one is None else "REMOVED" if other is None else "MODIFIED"
            told = diff(one and one.properties, other and other.properties)
            changes.append((one and _identity(one), other and _identity(other), kind, told))
    removed = [_candidate(old[key]) for key in old.keys() - new.keys()]
    added = [_candidate(new[key]) for key in new.keys() - old.keys()]
    links = {_identity(one.removed): (_identity(one.added), one.identical) for one in link(removed, added)}
    return Found(changes, links)


def _identity(item: Item | Candidate) -> Identity:
    return item.item_type, plain_id(item.external_id), item.display_name


def _candidate(item: Item) -> Candidate:
    return Candidate(item.item_type, item.external_id, item.display_name, item.settings_hash, item.properties)
