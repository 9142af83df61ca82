"""To whom an object applies: assignments keyed by the kind of target, the target's id and the intent."""

from collections.abc import Mapping, Sequence
from typing import Any

from atlas.domain import profiles
from atlas.domain.content import Context, check_depth, leaf, walk, walk_property
from atlas.domain.paths import Content, escape, place, place_rows
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
_TOLD = frozenset({"target", "mode", "intent", "assignmentFilter", "assignmentFilterType"})
_READ_HERE = frozenset({"@odata.type", _FILTER_ID, _FILTER_TYPE, *_IDS})


def walk_assignments(context: Context, rows: Sequence[Any], depth: int) -> Content:
    """The content of `assignments`: each `target`, its `mode` (include or exclude), its filter, and the rest."""
    content: Content = {}
    place_rows(content, [_row(context, row, depth + 1) for row in rows if not is_empty(row)])
    return content


def _row(context: Context, row: Any, depth: int) -> tuple[str, Content]:
    path = "assignments/[]"
    check_depth(depth, path)
    target = row.get("target") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(target, dict):
        return "", walk(context, row, "assignments", path, path, depth)
    content = _target(context, target, path, depth)
    for name, value in row.items():
        if name not in {"target", "@odata.type", "intent"}:
            segment, inner = walk_property(context, name, value, "assignments", path, path, depth)
            place(content, f"@{segment}" if segment in _TOLD else segment, inner)
    key = content.get("target", "")
    intent = row.get("intent")
    if isinstance(intent, str) and intent:
        content["intent"] = leaf(context, intent, "intent", f"{path}/intent", f"{path}/intent")
        key = f"{key},{escape(str(content['intent']))}"
    return str(key), content


def _target(context: Context, target: Mapping[str, Any], path: str, depth: int) -> Content:
    kind = str(target.get("@odata.type") or "").removeprefix("#microsoft.graph.")
    family = _FAMILIES.get(kind, escape(kind[:100]) if profiles.SHOWN_SHAPE.fullmatch(kind) else "unknown")
    found = [str(target[name]) for name in _IDS if isinstance(target.get(name), str) and target[name]]
    shown = [escape(part) for part in found if profiles.SHOWN_SHAPE.fullmatch(part)]
    content: Content = {
        "target": ":".join([family, *shown]),
        "mode": "exclude" if kind.startswith("exclusion") else "include",
    }
    below = f"{path}/target"
    filter_id, filter_type = target.get(_FILTER_ID), target.get(_FILTER_TYPE)
    if isinstance(filter_id, str) and filter_id not in {"", profiles.EMPTY_GUID}:
        here = f"{path}/assignmentFilter"
        content["assignmentFilter"] = leaf(context, filter_id, "assignmentFilter", here, here)
    if isinstance(filter_type, str) and filter_type not in {"", "none"}:
        here = f"{path}/assignmentFilterType"
        content["assignmentFilterType"] = leaf(context, filter_type, "assignmentFilterType", here, here)
    for name, value in target.items():
        if name not in _READ_HERE:
            segment, inner = walk_property(context, name, value, "target", below, below, depth + 1)
            place(content, f"target/{segment}", inner)
    return content
