"""Labels from a table: which ids a property names in its path and its value, and how a change reads with their labels.

A label is what the source calls a thing. Where none is known, the one that is made from the id stands (`labels`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.labels import label_of
from atlas.domain.paths import is_row, segments, unescape
from atlas.domain.redaction import Leaf
from atlas.domain.vocabulary import LabelKind

Named: TypeAlias = tuple[LabelKind, str]
"""A thing that has a label: its kind, and its id in the source."""

Labels: TypeAlias = Mapping[Named, str]

LONGEST = 400
"""So many characters of a label are kept."""

LONGEST_ID = 1_000

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP_ROW = re.compile(rf"\[group:({_GUID})[,%\]]")
_GROUP_TARGET = re.compile(rf"group:({_GUID})")
_ID = re.compile(_GUID)
_TAG = re.compile(r"[0-9]{1,9}")
# Properties by their name, or of a row by that of its array, whose value is an id.
_VALUES = {
    "assignmentFilter": (LabelKind.FILTER, _ID),
    "roleScopeTagIds": (LabelKind.SCOPE_TAG, _TAG),
    "roleScopeTags": (LabelKind.SCOPE_TAG, _TAG),
    **dict.fromkeys(
        ("includeGroups", "excludeGroups", "members", "scopeMembers", "resourceScopes"), (LabelKind.GROUP, _ID)
    ),
}
_BEGINS = ("settings/", "assignments/", "conditions/users/", "roleScopeTag", "members/", "scopeMembers/", "resourceSc")


def clean_label(text: object) -> str | None:
    """What is kept of a name that a source gives: one printable line that is not too long; None for no name."""
    if not isinstance(text, str):
        return None
    line = " ".join(text.split())
    printable = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)
    return printable[:LONGEST].rstrip() or None


def names_in(properties: Mapping[str, Leaf]) -> set[Named]:
    """All that the properties of an object name and a source can be asked for. An option comes with its setting."""
    found: set[Named] = set()
    for path, leaf in properties.items():
        if path.startswith(_BEGINS):
            found.update(_names(path, leaf))
    return {one for one in found if one[0] is not LabelKind.OPTION and len(one[1]) <= LONGEST_ID}


def names_of(changes: Iterable[PropertyChange]) -> frozenset[Named]:
    """All that these changes name."""
    return frozenset(
        named
        for change in changes
        if change.path.startswith(_BEGINS)
        for value in (_value(change.before), _value(change.after))
        for named in _names(change.path, value)
    )


def with_labels(change: PropertyChange, labels: Labels) -> PropertyChange:
    """The change as it reads with these labels."""
    if not change.path.startswith(_BEGINS):
        return change
    parts = segments(change.path)
    return replace(
        change,
        label=_path_label(change, parts, labels),
        before=_with_label(change.before, parts, labels),
        after=_with_label(change.after, parts, labels),
    )


def _names(path: str, value: object) -> Iterator[Named]:
    parts = segments(path)
    for named in (_named_by_path(parts), _named_by_value(parts, value)):
        if named is not None:
            yield named


def _named_by_path(parts: list[str]) -> Named | None:
    """The setting that a path leads to, or the group that an assignment is for."""
    if parts[0] == "settings":
        definition = _definition(parts)
        return None if definition is None else (LabelKind.SETTING, definition)
    group = _GROUP_ROW.match(parts[1]) if parts[0] == "assignments" and len(parts) > 1 else None
    return None if group is None else (LabelKind.GROUP, group[1].lower())


def _named_by_value(parts: list[str], value: object) -> Named | None:
    if not isinstance(value, str):
        return None
    if parts[0] == "settings":
        definition = _definition(parts)
        return (LabelKind.OPTION, value) if definition and value.startswith(f"{definition}_") else None
    if parts[0] == "assignments" and parts[-1] == "target":
        group = _GROUP_TARGET.fullmatch(value)
        return None if group is None else (LabelKind.GROUP, group[1].lower())
    kind, shape = _VALUES.get(parts[-2] if is_row(parts[-1]) and len(parts) > 1 else parts[-1], (None, _ID))
    return (kind, value.lower()) if kind is not None and shape.fullmatch(value) else None


def _definition(parts: list[str]) -> str | None:
    """The id of the last definition on a path. Rows and annotations are none, and an annotation ends them."""
    last = None
    for part in parts[1:]:
        if part.startswith("@"):
            break
        if part[:1] not in {"[", "#"}:
            last = part
    return None if last is None else unescape(last)


def _path_label(change: PropertyChange, parts: list[str], labels: Labels) -> str:
    named = _named_by_path(parts)
    label = None if named is None else labels.get(named)
    if named is None or label is None:
        return change.label
    if named[0] is LabelKind.GROUP:
        row = unescape(parts[1][1:-1])
        return " > ".join(label if told == row else told for told in change.label.split(" > "))
    # Where a setting belongs is told by its id alone: "Require encryption" may be of many things.
    head = next((parts[:number] for number, part in enumerate(parts) if part.startswith("@")), parts)
    made = label_of("/".join(head))
    if head is not parts and not change.label.startswith(made):
        return change.label
    area = made.rpartition(" > ")[0]
    notes = "" if head is parts else change.label[len(made) :]
    return f"{area} > {label}{notes}" if area else f"{label}{notes}"


def _with_label(value: Evidence | None, parts: list[str], labels: Labels) -> Evidence | None:
    if value is None:
        return None
    named = _named_by_value(parts, value.value)
    label = None if named is None else labels.get(named)
    return value if label is None else replace(value, label=label)


def _value(value: Evidence | None) -> object:
    return None if value is None else value.value
