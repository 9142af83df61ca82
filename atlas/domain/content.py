"""The general rule: any Graph value to its canonical content, by what the profiles say of its properties."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from atlas.domain.keys import TenantKey
from atlas.domain.paths import Content, escape, place_ordered, place_rows
from atlas.domain.profile_tables import EMPTY_GUID, NAMES_OF_VALUES, SECRET_KIND_VALUES, SECRET_KINDS, SHOWN_SHAPE
from atlas.domain.profiles import Profile
from atlas.domain.properties import Property, is_server_managed, opens_something, property_of, shape_at
from atlas.domain.redaction import (
    MAX_DEPTH,
    CanonicalError,
    canonical_subtree,
    digest,
    is_empty,
    is_encodable,
    scalar,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for a whole object while its content is made."""

    item_type: str
    key: TenantKey
    profile: Profile


class Place(NamedTuple):
    """Where a value stands. `at` is its path in the content, from the row that it is in or from the root; `path`
    the place without row keys, by which the profiles are asked; `bound` the same with the natural keys of rows that
    hold secrets, to which digests are bound.
    """

    at: str
    path: str
    bound: str
    depth: int

    def below(self, segment: str) -> "Place":
        at, path, bound, depth = self
        if not path:
            return Place(segment, segment, segment, depth + 1)
        down = f"{path}/{segment}"
        return Place(
            down if at == path else f"{at}/{segment}" if at else segment,
            down,
            down if bound == path else f"{bound}/{segment}",
            depth + 1,
        )

    def row(self, salt: str = "") -> "Place":
        """A row of the array that stands here; its content is made by itself, before the row has a key."""
        return Place("", f"{self.path}/[]", f"{self.bound}/[{salt}]", self.depth + 1)


ROOT: Final = Place("", "", "", 0)


def walk(context: Context, value: Any, found: Property, place: Place, into: Content) -> None:
    """Add the content of one value of a property. Raises CanonicalError."""
    if is_empty(value):
        return
    if isinstance(value, dict):
        check_depth(place)
        walk_object(context, value, found, place, into)
    elif isinstance(value, list):
        check_depth(place)
        walk_array(context, value, found, place, into)
    elif value != EMPTY_GUID or not found.empty_guid_means_none:
        add_leaf(context, value, found, place, into)


def check_depth(place: Place) -> None:
    if place.depth > MAX_DEPTH:
        raise CanonicalError(f"The object is nested more than {MAX_DEPTH} levels deep at {place.path[:200]}.")


def add_leaf(context: Context, value: Any, found: Property, place: Place, into: Content) -> None:
    """Add a scalar, shown or digested."""
    plain = scalar(value, place.path)
    shown = _may_show(context, value, found, place.path)
    into[place.at] = plain if shown else digest(context.key, context.item_type, place.bound, plain)


def _may_show(context: Context, value: Any, found: Property, path: str) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return not found.secret_number
    if path in {"name", "displayName"}:
        return is_encodable(value)
    shape = shape_at(context.profile, found, path)
    return shape is not None and shape.fullmatch(value) is not None


def walk_object(context: Context, value: Mapping[Any, Any], holder: Property, place: Place, into: Content) -> None:
    """Add the content of an object; `holder` is the property that it, or the array around it, stands in."""
    hidden = holder.hides
    if is_secret_kind(str(value.get("@odata.type"))):
        hidden |= SECRET_KIND_VALUES
    # What is called a password may be a switch, and a switch opens nothing.
    hidden_unless_switch = SECRET_KIND_VALUES if _is_named_secret(context, value) else frozenset()
    for name, inner in (_plain_value(value) if "valueJson" in value else value).items():
        if inner is None:
            continue
        found = find(context, name, place)
        if found.dropped or (holder.keeps is not None and name not in holder.keeps):
            continue
        if name in hidden or (name in hidden_unless_switch and not isinstance(inner, bool)):
            hide(context, inner, place.below(found.segment), into)
        else:
            walk_property(context, inner, found, place, value, into)


# Kinds are few, and asked for at every object.
@lru_cache(maxsize=4_096)
def is_secret_kind(kind: str) -> bool:
    return SECRET_KINDS.search(kind) is not None


def find(context: Context, name: Any, place: Place) -> Property:
    if not isinstance(name, str):
        raise CanonicalError(f"A property name at {place.path or 'the root'} is not text.")
    return property_of(context.profile, name)


def walk_property(
    context: Context, value: Any, found: Property, holder: Place, siblings: Mapping[Any, Any], into: Content
) -> None:
    """Add one property of the object that stands at `holder`. One that is dropped or empty adds nothing."""
    if found.dropped or value is None or value == "":
        return
    if found.is_link:
        _add_reference(context, value, found.name.removesuffix("@odata.bind"), holder, into)
        return
    place = holder.below(found.segment)
    if found.by_path and (
        is_server_managed(context.profile, place.path)
        or not is_empty(siblings.get(context.profile.superseded.get(place.path)))
    ):
        return
    if found.secret:
        hide(context, value, place, into)
    else:
        walk(context, value, found, place, into)


def hide(context: Context, value: Any, place: Place, into: Content) -> None:
    """Add a value of which nothing is shown: one digest of all that lies beneath."""
    hidden = canonical_subtree(value, place.path, place.depth)
    if hidden is not None:
        into[place.at] = digest(context.key, context.item_type, place.bound, hidden)


def _is_named_secret(context: Context, row: Mapping[Any, Any]) -> bool:
    """Does an object of a name and a value say by the name that the value opens something?"""
    told = [row[name] for name in NAMES_OF_VALUES if name in row]
    return any(isinstance(name, str) and opens_something(context.profile.tables, name) for name in told)


def _plain_value(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """A setting of an intent tells its value twice, of which the JSON text is the one that is always there.

    A switch or a number is told as such; of all else the JSON is digested, whatever its spaces and its order.
    """
    if not isinstance(row["valueJson"], str):
        return row
    try:
        value = json.loads(row["valueJson"], parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return row
    rest = {name: inner for name, inner in row.items() if name not in {"value", "valueJson"}}
    return {**rest, "value" if isinstance(value, bool | int | float) else "valueJson": value}


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number of JSON.")


def _add_reference(context: Context, link: Any, name: str, holder: Place, into: Content) -> None:
    # An export of administrative templates says by a link alone which definition a value is for.
    if isinstance(link, str) and "('" in link:
        place = holder.below(escape(name)).below("id")
        add_leaf(context, _linked_id(link), property_of(context.profile, "id"), place, into)


def _linked_id(link: str) -> str:
    return link.rpartition("('")[2].partition("')")[0]


def walk_array(context: Context, value: list[Any], found: Property, place: Place, into: Content) -> None:
    """Add the content of an array: rows in order where order means something, else a multiset of rows."""
    if found.ordered:
        kept = (walk_row(context, row, found, place.row()) for row in value if not is_empty(row))
        place_ordered(into, place.at, kept)
        return
    rows = []
    for row in value:
        key = _natural_key(row, found) if found.rows_named_by else ""
        rows.append((key, walk_row(context, row, found, place.row(key if found.salts_rows else ""))))
    place_rows(into, place.at, rows)


def walk_row(context: Context, row: Any, found: Property, place: Place) -> Content:
    content: Content = {}
    walk(context, row, found, place, content)
    return content


def _natural_key(row: Any, found: Property) -> str:
    """What a row is about, as a key; "" where the profiles know none or the row does not have it."""
    if not isinstance(row, dict):
        return ""
    for names in found.rows_named_by:
        told = _dig(row, names)
        if isinstance(told, str) and told and SHOWN_SHAPE.fullmatch(told):
            return escape(told)
    return ""


def _dig(row: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    found: Any = row
    for name in names:
        if not isinstance(found, dict):
            return None
        link = found.get(f"{name}@odata.bind")
        if isinstance(link, str) and names[-1] == "id":
            return _linked_id(link)
        found = found.get(name)
    return found
