"""The settings of the Settings Catalog: instances keyed by the path of their definition ids, children included."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from atlas.domain import profiles
from atlas.domain.content import Context, check_depth, walk, walk_property
from atlas.domain.paths import Content, escape, place, place_rows
from atlas.domain.redaction import (
    canonical_subtree,
    digest,
    is_empty,
    may_show_choice,
    scalar,
)

Instance: TypeAlias = Mapping[str, Any]
_ReadValue: TypeAlias = Callable[[Context, Any, str, str, int], Content]

_HIDDEN_KIND = "deviceManagementConfigurationSecretSettingValue"
# Ids of the template that a policy was made from: the policy's own `templateReference` says which.
_TEMPLATE_IDS = frozenset({"@odata.type", "settingDefinitionId", "settingInstanceTemplateReference"})
_VALUE_SCAFFOLD = frozenset({"@odata.type", "value", "children", "settingValueTemplateReference"})


def is_setting(row: Any) -> bool:
    """Is this an entry of `settings` as configurationPolicies and compliancePolicies have them?"""
    return isinstance(row, dict) and is_instance(row.get("settingInstance"))


def is_instance(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("settingDefinitionId"), str)


def walk_settings(context: Context, rows: Sequence[Mapping[str, Any]], path: str, depth: int) -> Content:
    """The content of a `settings` array. The entries' own `id` is only their index, and dropped."""
    return walk_siblings(context, [row["settingInstance"] for row in rows], path, depth)


def walk_siblings(context: Context, instances: Sequence[Any], path: str, depth: int) -> Content:
    """Instances that stand side by side, each under its definition id; one that is there twice becomes rows."""
    check_depth(depth, path)
    by_definition: defaultdict[str, list[Content]] = defaultdict(list)
    content: Content = {}
    for instance in instances:
        if is_instance(instance):
            segment = escape(instance["settingDefinitionId"])
            by_definition[segment].append(walk_instance(context, instance, f"{path}/{segment}", depth + 1))
        else:
            place(content, "@unknown", walk(context, instance, "", f"{path}/@unknown", path, depth + 1))
    for segment, found in by_definition.items():
        if len(found) == 1:
            place(content, segment, found[0])
        else:
            rows: Content = {}
            place_rows(rows, [("", row) for row in found])
            place(content, segment, rows)
    return content


def walk_instance(context: Context, instance: Instance, path: str, depth: int) -> Content:
    """One setting: its value at the place itself, its children and rows below."""
    definition_id = instance["settingDefinitionId"]
    content: Content = {}
    for name, value in instance.items():
        if name in _TEMPLATE_IDS or is_empty(value):
            continue
        if name in _VALUES and isinstance(value, dict):
            content.update(_VALUES[name](context, value, definition_id, path, depth + 1))
        elif name in _COLLECTIONS and isinstance(value, list):
            read = _COLLECTIONS[name]
            rows = [read(context, row, definition_id, f"{path}/[]", depth + 1) for row in value]
            _place_collection(content, rows, definition_id)
        else:
            segment, inner = walk_property(context, name, value, "settings", path, path, depth + 1)
            # The general rule's segment is marked, so that it is no definition id.
            place(content, f"@{segment.removeprefix('@')}", inner)
    return content


def _place_collection(content: Content, rows: list[Content], definition_id: str) -> None:
    if profiles.ORDERED_DEFINITIONS.search(definition_id):
        for index, row in enumerate(row for row in rows if row):
            place(content, f"#{index}", row)
    else:
        place_rows(content, [("", row) for row in rows])


def _choice(context: Context, value: Any, definition_id: str, path: str, depth: int) -> Content:
    content = _rest(context, value, path, depth)
    if not is_empty(chosen := _get(value, "value")):
        plain = scalar(chosen, path)
        shown = not isinstance(chosen, str) or may_show_choice(chosen, definition_id)
        content[""] = plain if shown else digest(context.key, context.item_type, path, plain)
    content.update(_children(context, value, path, depth))
    return content


def _simple(context: Context, value: Any, definition_id: str, path: str, depth: int) -> Content:
    content = _rest(context, value, path, depth)
    inner = _get(value, "value")
    if is_empty(inner):
        return content
    secret = _HIDDEN_KIND in str(_get(value, "@odata.type")) or not isinstance(inner, bool | int | float)
    if secret or profiles.SECRET_NUMBER.search(definition_id):
        hidden = canonical_subtree(inner, path, depth)
        if hidden is not None:
            content[""] = digest(context.key, context.item_type, path, hidden)
    else:
        content[""] = scalar(inner, path)
    return content


def _group(context: Context, value: Any, _definition_id: str, path: str, depth: int) -> Content:
    return {**_rest(context, value, path, depth), **_children(context, value, path, depth)}


def _children(context: Context, value: Any, path: str, depth: int) -> Content:
    children = _get(value, "children")
    return {} if is_empty(children) else walk_siblings(context, _as_list(children), path, depth + 1)


def _rest(context: Context, value: Any, path: str, depth: int) -> Content:
    content: Content = {}
    if not isinstance(value, dict):
        return content
    for name, inner in value.items():
        if name not in _VALUE_SCAFFOLD and inner is not None and not name.endswith("@odata.type"):
            segment, rest = walk_property(context, name, inner, "settings", path, path, depth + 1)
            place(content, f"@{segment.removeprefix('@')}", rest)
    reference = value.get("settingValueTemplateReference")
    if isinstance(reference, dict) and reference.get("useTemplateDefault") is True:
        content["@useTemplateDefault"] = True
    return content


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


_VALUES: Mapping[str, _ReadValue] = {
    "choiceSettingValue": _choice,
    "simpleSettingValue": _simple,
    "groupSettingValue": _group,
}
_COLLECTIONS: Mapping[str, _ReadValue] = {
    "choiceSettingCollectionValue": _choice,
    "simpleSettingCollectionValue": _simple,
    "groupSettingCollectionValue": _group,
}
