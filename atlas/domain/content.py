"""The general rule: any Graph value to its canonical content, by what the profiles say of its properties."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atlas.domain import profiles
from atlas.domain.keys import TenantKey
from atlas.domain.paths import Content, escape, place, place_rows
from atlas.domain.redaction import (
    MAX_DEPTH,
    CanonicalError,
    Leaf,
    canonical_subtree,
    digest,
    is_empty,
    is_secret_property,
    may_show,
    scalar,
)


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for a whole object while its content is made."""

    item_type: str
    key: TenantKey
    profile: profiles.Profile


def walk(context: Context, value: Any, name: str, path: str, bound: str, depth: int) -> Content:
    """The content of one value under the property `name`.

    `path` is the place without row keys, by which profiles are asked; `bound` the same with the natural keys of
    rows that hold secrets, to which digests are bound. Raises CanonicalError.
    """
    check_depth(depth, path)
    if is_empty(value) or (value == profiles.EMPTY_GUID and name in profiles.EMPTY_GUID_MEANS_NONE):
        return {}
    if isinstance(value, dict):
        return walk_object(context, value, name, path, bound, depth)
    if isinstance(value, list):
        return walk_array(context, value, name, path, bound, depth)
    return {"": leaf(context, value, name, path, bound)}


def check_depth(depth: int, path: str) -> None:
    if depth > MAX_DEPTH:
        raise CanonicalError(f"The object is nested more than {MAX_DEPTH} levels deep at {path[:200]}.")


def leaf(context: Context, value: Any, name: str, path: str, bound: str) -> Leaf:
    """A scalar, shown or digested."""
    plain = scalar(value, path)
    if may_show(value, name, path, context.profile):
        return plain
    return digest(context.key, context.item_type, bound, plain)


def walk_object(context: Context, value: Mapping[Any, Any], holder: str, path: str, bound: str, depth: int) -> Content:
    """The content of an object; `holder` is the property, or the array, that it stands in."""
    content: Content = {}
    kept = profiles.TEMPLATE_REFERENCES.get(holder) if context.item_type == "groupPolicyConfiguration" else None
    of_secret_kind = profiles.SECRET_KINDS.search(str(value.get("@odata.type"))) is not None
    named_secret = _is_named_secret(value)
    for name, inner in value.items():
        if not isinstance(name, str):
            raise CanonicalError(f"A property name at {path or 'the root'} is not text.")
        if kept is not None and name not in kept:
            continue
        hidden = of_secret_kind or (named_secret and not isinstance(inner, bool))
        if hidden and name in profiles.SECRET_KIND_VALUES:
            place(content, *hide(context, name, inner, path, bound, depth))
        else:
            place(content, *walk_property(context, name, inner, holder, path, bound, depth))
    return content


def _is_named_secret(row: Mapping[Any, Any]) -> bool:
    """Does an object of a name and a value say by the name that the value opens something?"""
    told = (row.get(name) for name in profiles.NAMES_OF_VALUES)
    return any(isinstance(name, str) and profiles.SECRET_NUMBER.search(name) for name in told)


def walk_property(
    context: Context, name: str, value: Any, holder: str, path: str, bound: str, depth: int
) -> tuple[str, Content]:
    """One property of an object as its segment and its content, which is empty when the property is dropped."""
    if name.endswith("@odata.bind"):
        return _reference(context, name.removesuffix("@odata.bind"), value, path, bound)
    if value is None or (name != "@odata.type" and is_annotation(name)):
        return name, {}
    segment = name if name == "@odata.type" else escape(name)
    here = _below(path, segment)
    if is_server_managed(context.profile, name, here):
        return segment, {}
    if is_secret_property(name) or name in profiles.SECRET_IN_ROWS.get(holder, ()):
        return hide(context, name, value, path, bound, depth)
    return segment, walk(context, value, name, here, _below(bound, segment), depth + 1)


def hide(context: Context, name: str, value: Any, path: str, bound: str, depth: int) -> tuple[str, Content]:
    """A property of which nothing is shown: one digest of all that lies beneath."""
    segment = escape(name)
    hidden = canonical_subtree(value, _below(path, segment), depth + 1)
    if hidden is None:
        return segment, {}
    return segment, {"": digest(context.key, context.item_type, _below(bound, segment), hidden)}


def is_annotation(name: str) -> bool:
    """Is this what OData says about the data, or an action that it offers, and no data?"""
    return "@odata." in name or name.startswith("#microsoft.graph.")


def is_server_managed(profile: profiles.Profile, name: str, path: str) -> bool:
    return (
        name in profiles.SERVER_MANAGED
        or path in profiles.SERVER_MANAGED_AT_ROOT
        or path in profile.server_managed
        or name.endswith(profiles.SERVER_MANAGED_ENDINGS)
    )


def _reference(context: Context, name: str, value: Any, path: str, bound: str) -> tuple[str, Content]:
    # An export of administrative templates says by a link alone which definition a value is for.
    if not isinstance(value, str) or "('" not in value:
        return name, {}
    segment = escape(name) + "/id"
    here = _below(path, segment)
    return segment, {"": leaf(context, _linked_id(value), "id", here, _below(bound, segment))}


def _linked_id(link: str) -> str:
    return link.rpartition("('")[2].partition("')")[0]


def walk_array(context: Context, value: list[Any], name: str, path: str, bound: str, depth: int) -> Content:
    """The content of an array: rows in order where order means something, else a multiset of rows."""
    content: Content = {}
    if name in profiles.ORDERED or path in context.profile.ordered:
        kept = [row for row in value if not is_empty(row)]
        for index, row in enumerate(kept):
            place(content, f"#{index}", walk(context, row, name, f"{path}/[]", f"{bound}/[]", depth + 1))
        return content
    rows = []
    for row in value:
        natural = natural_key(row, name)
        salt = natural if name in profiles.SALTED_ROWS else ""
        rows.append((natural, walk(context, row, name, f"{path}/[]", f"{bound}/[{salt}]", depth + 1)))
    place_rows(content, rows)
    return content


def natural_key(row: Any, name: str) -> str:
    """What a row is about, as a key; "" where the profiles know none or the row does not have it."""
    if not isinstance(row, dict):
        return ""
    for names in profiles.NATURAL_KEYS.get(name, ()):
        found = _dig(row, names)
        if isinstance(found, str) and found and profiles.SHOWN_SHAPE.fullmatch(found):
            return escape(found)
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


def _below(path: str, segment: str) -> str:
    return f"{path}/{segment}" if path else segment
