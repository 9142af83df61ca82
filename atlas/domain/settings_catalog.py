"""The settings of the Settings Catalog: instances keyed by the path of their definition ids, children included."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from atlas.domain.content import Context, Place, check_depth, find, hide, walk_property, walk_row
from atlas.domain.paths import REPEATED, Content, escape, place_ordered, place_rows
from atlas.domain.properties import opens_something, property_of
from atlas.domain.redaction import digest, is_empty, may_show_choice, scalar

Instance: TypeAlias = Mapping[str, Any]
_ReadValue: TypeAlias = Callable[[Context, Any, str, Place, Content], None]

_HIDDEN_KIND = "deviceManagementConfigurationSecretSettingValue"
_REFERENCE_KIND = "deviceManagementConfigurationReferenceSettingValue"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Ids of the template that a policy was made from: the policy's own `templateReference` says which.
_TEMPLATE_IDS = frozenset({"@odata.type", "settingDefinitionId", "settingInstanceTemplateReference"})
_VALUE_SCAFFOLD = frozenset({"@odata.type", "value", "children", "settingValueTemplateReference"})


def is_setting(row: Any) -> bool:
    """Is this an entry of `settings` as configurationPolicies and compliancePolicies have them?"""
    return isinstance(row, dict) and is_instance(row.get("settingInstance"))


def is_instance(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("settingDefinitionId"), str)


def walk_settings(context: Context, rows: Sequence[Mapping[str, Any]], place: Place, into: Content) -> None:
    """Add the content of a `settings` array. The entries' own `id` is only their index, and dropped."""
    walk_siblings(context, [row["settingInstance"] for row in rows], place, into)


def walk_siblings(context: Context, instances: Sequence[Any], place: Place, into: Content) -> None:
    """Add instances that stand side by side, each under its definition id; one that is there twice becomes rows."""
    check_depth(place)
    by_definition: dict[str, list[Instance]] = {}
    unknown = []
    for instance in instances:
        if is_instance(instance):
            by_definition.setdefault(instance["settingDefinitionId"], []).append(instance)
        else:
            unknown.append(instance)
    for definition_id, found in by_definition.items():
        below = place.below(escape(definition_id))
        if len(found) == 1:
            walk_instance(context, found[0], below, into)
            continue
        rows: list[tuple[str, Content]] = [("", {}) for _ in found]
        for instance, (_, row) in zip(found, rows, strict=True):
            walk_instance(context, instance, Place("", below.path, below.bound, below.depth), row)
        place_rows(into, below.at, rows, mark=REPEATED)
    if unknown:
        below = place.below("@unknown")
        nameless = property_of(context.profile, "")
        place_rows(into, below.at, [("", walk_row(context, row, nameless, below.row())) for row in unknown])


def walk_instance(context: Context, instance: Instance, place: Place, into: Content) -> None:
    """Add one setting: its value at the place itself, its children and rows below.

    That it is there is a value too: a device is told an empty text, and is told nothing of what is not configured.
    """
    definition_id, before = instance["settingDefinitionId"], len(into)
    for name, value in instance.items():
        if name in _TEMPLATE_IDS or is_empty(value):
            continue
        if name in _VALUES and isinstance(value, dict):
            _VALUES[name](context, value, definition_id, place, into)
        elif name in _COLLECTIONS and isinstance(value, list):
            _walk_collection(context, value, _COLLECTIONS[name], definition_id, place, into)
        else:
            _walk_other(context, name, value, instance, place, into)
    if len(into) == before and context.profile.tables.empty_settings:
        into[place.at] = ""


def _walk_collection(
    context: Context, values: Sequence[Any], read: _ReadValue, definition_id: str, place: Place, into: Content
) -> None:
    rows: list[Content] = [{} for _ in values]
    for value, row in zip(values, rows, strict=True):
        read(context, value, definition_id, place.row(), row)
        if not row and isinstance(value, dict) and context.profile.tables.empty_settings:
            row[""] = ""
    if context.profile.tables.ordered_definitions.search(definition_id):
        place_ordered(into, place.at, rows)
    else:
        place_rows(into, place.at, [("", row) for row in rows])


def _choice(context: Context, value: Any, definition_id: str, place: Place, into: Content) -> None:
    if not isinstance(value, dict):
        hide(context, value, place, into)
        return
    _walk_rest(context, value, place, into)
    if not is_empty(chosen := value.get("value")):
        plain = scalar(chosen, place.path)
        shown = not isinstance(chosen, str) or may_show_choice(chosen, definition_id)
        into[place.at] = plain if shown else digest(context.key, context.item_type, place.bound, plain)
    _walk_children(context, value, place, into)


def _simple(context: Context, value: Any, definition_id: str, place: Place, into: Content) -> None:
    if not isinstance(value, dict):
        hide(context, value, place, into)
        return
    _walk_rest(context, value, place, into)
    if is_empty(inner := value.get("value")):
        return
    if _is_shown(context, inner, str(value.get("@odata.type")), definition_id):
        into[place.at] = scalar(inner, place.path)
    else:
        hide(context, inner, place, into)


def _is_shown(context: Context, value: Any, kind: str, definition_id: str) -> bool:
    if _HIDDEN_KIND in kind or opens_something(context.profile.tables, definition_id):
        return False
    # A reference names a reusable group of settings.
    return isinstance(value, bool | int | float) or (
        _REFERENCE_KIND in kind and isinstance(value, str) and _GUID.fullmatch(value) is not None
    )


def _group(context: Context, value: Any, _definition_id: str, place: Place, into: Content) -> None:
    if not isinstance(value, dict):
        hide(context, value, place, into)
        return
    _walk_rest(context, value, place, into)
    _walk_children(context, value, place, into)


def _walk_children(context: Context, value: Mapping[str, Any], place: Place, into: Content) -> None:
    children = value.get("children")
    if children:
        walk_siblings(context, children if isinstance(children, list) else [children], place, into)


def _walk_rest(context: Context, value: Mapping[str, Any], place: Place, into: Content) -> None:
    if not value.keys() <= _VALUE_SCAFFOLD:
        for name, inner in value.items():
            if name not in _VALUE_SCAFFOLD and inner is not None and not str(name).endswith("@odata.type"):
                _walk_other(context, name, inner, value, place, into)
    reference = value.get("settingValueTemplateReference")
    if reference and isinstance(reference, dict) and reference.get("useTemplateDefault") is True:
        into[place.below("@useTemplateDefault").at] = True


def _walk_other(
    context: Context, name: Any, value: Any, siblings: Mapping[str, Any], place: Place, into: Content
) -> None:
    """Add a property by the general rule. It is marked, so that it is no definition id."""
    inner: Content = {}
    found = find(context, name, place)
    walk_property(context, value, found, Place("", place.path, place.bound, place.depth), siblings, inner)
    for path, leaf in inner.items():
        at = "@" + path.removeprefix("@")
        into[f"{place.at}/{at}" if place.at else at] = leaf


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
