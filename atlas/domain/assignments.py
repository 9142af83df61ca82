"""To whom an object applies: assignments keyed by the kind of target, the target's id and the intent."""

from collections.abc import Mapping, Sequence
from typing import Any

from atlas.domain.content import Context, Place, add_leaf, check_depth, find, walk_property, walk_row
from atlas.domain.paths import Content, escape, place_rows
from atlas.domain.profile_tables import EMPTY_GUID, SHOWN_SHAPE
from atlas.domain.properties import Property, property_of
from atlas.domain.redaction import is_empty

_FAMILIES = {
    "groupAssignmentTarget": "group",
    "exclusionGroupAssignmentTarget": "group",
    "allLicensedUsersAssignmentTarget": "allUsers",
    "allDevicesAssignmentTarget": "allDevices",
    "configurationManagerCollectionAssignmentTarget": "collection",
    "scopeTagGroupAssignmentTarget": "scopeTagGroup",
}
_IDS = ("groupId", "collectionId", "targetId", "entraObjectId")
_FILTER_ID = "deviceAndAppManagementAssignmentFilterId"
_FILTER_TYPE = "deviceAndAppManagementAssignmentFilterType"
# Names that an assignment's content has of its own: the same names in the raw row are marked.
_TOLD = frozenset({"target", "mode", "intent", "assignmentFilter", "assignmentFilterType"})
_READ_HERE = frozenset({"@odata.type", _FILTER_ID, _FILTER_TYPE, *_IDS})


def walk_assignments(context: Context, rows: Sequence[Any], found: Property, place: Place, into: Content) -> None:
    """Add the content of `assignments`: each `target`, its `mode` (include or exclude), its filter, and the rest."""
    place_rows(into, place.at, [_row(context, row, found, place.row()) for row in rows if not is_empty(row)])


def _row(context: Context, row: Any, found: Property, place: Place) -> tuple[str, Content]:
    check_depth(place)
    target = row.get("target") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(target, dict):
        return "", walk_row(context, row, found, place)
    content = _target(context, target, place)
    for name, value in row.items():
        if name not in {"target", "@odata.type", "intent"}:
            inner: Content = {}
            walk_property(context, value, find(context, name, place), place, row, inner)
            content.update((f"@{path}" if name in _TOLD else path, leaf) for path, leaf in inner.items())
    key = str(content["target"])
    intent = row.get("intent")
    if isinstance(intent, str) and intent:
        add_leaf(context, intent, property_of(context.profile, "intent"), place.below("intent"), content)
        key = f"{key},{escape(str(content['intent']))}"
    return key, content


def _target(context: Context, target: Mapping[str, Any], place: Place) -> Content:
    kind = str(target.get("@odata.type") or "").removeprefix("#microsoft.graph.")
    family = _FAMILIES.get(kind, escape(kind[:100]) if SHOWN_SHAPE.fullmatch(kind) else "unknown")
    found = [target[name] for name in _IDS if isinstance(target.get(name), str) and target[name]]
    shown = [escape(part) for part in found if SHOWN_SHAPE.fullmatch(part)]
    content: Content = {
        "target": ":".join([family, *shown]),
        "mode": "exclude" if kind.startswith("exclusion") else "include",
    }
    filter_id, filter_type = target.get(_FILTER_ID), target.get(_FILTER_TYPE)
    for name, told, nothing in (
        ("assignmentFilter", filter_id, EMPTY_GUID),
        ("assignmentFilterType", filter_type, "none"),
    ):
        if isinstance(told, str) and told not in {"", nothing}:
            add_leaf(context, told, property_of(context.profile, name), place.below(name), content)
    below = place.below("target")
    for name, value in target.items():
        if name not in _READ_HERE:
            walk_property(context, value, find(context, name, below), below, target, content)
    return content
