"""The part of OData that Atlas uses, as Graph does it: what of an object is in a list, and how a list is cut."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Raw = dict[str, Any]

# Collections below an object that are there only where they are expanded, or asked for by themselves.
NAVIGATION = frozenset({
    "settings", "assignments", "scheduledActionsForRule", "scheduledActionConfigurations", "apps", "definitionValues",
    "presentationValues", "definition", "presentation", "localizedNotificationMessages", "groupAssignments",
})  # fmt: skip
# What a list leaves out and the object itself tells.
_DETAIL_ONLY = frozenset({
    "scriptContent", "detectionScriptContent", "remediationScriptContent", "settingInstance"
})  # fmt: skip
_NO_LIST_ASSIGNMENTS = ("deviceManagement/intents",)
# Without the full metadata the type of an object is told only where it is not the collection's own.
_DECLARED = frozenset({
    "#microsoft.graph.deviceManagementConfigurationPolicy", "#microsoft.graph.deviceManagementConfigurationSetting",
    "#microsoft.graph.windowsDriverUpdateProfile", "#microsoft.graph.iosManagedAppProtection",
    "#microsoft.graph.androidManagedAppProtection", "#microsoft.graph.deviceComplianceScheduledActionForRule",
})  # fmt: skip
_TERM = re.compile(r"(\w+) (eq|ne|gt|ge|lt|le|in) (.+)")


def shown(path: str, raw: Mapping[str, Any], query: Mapping[str, str], *, single: bool) -> Raw:
    """An object of the collection at `path` as it stands in a list, or by itself."""
    expand = expansions(query.get("$expand", ""))
    kept = {
        name: value for name, value in raw.items() if name not in NAVIGATION and (single or name not in _DETAIL_ONLY)
    }
    for name, inner in expand.items():
        rows = raw.get(name)
        if name == "assignments" and _hides_assignments(path, raw, single=single):
            rows = []
        kept[name] = [shown("", row, {"$expand": inner}, single=True) for row in rows or ()] if _many(rows) else rows
    return _selected(kept, query.get("$select"))


def _many(rows: Any) -> bool:
    return rows is None or isinstance(rows, list)


def _hides_assignments(path: str, raw: Mapping[str, Any], *, single: bool) -> bool:
    family = str((raw.get("templateReference") or {}).get("templateFamily"))
    return path in _NO_LIST_ASSIGNMENTS or (single and family.startswith("endpointSecurity"))


def _selected(raw: Raw, select: str | None) -> Raw:
    if not select:
        return raw
    names = set(select.split(",")) | {"@odata.type"}
    return {name: value for name, value in raw.items() if name in names}


def expansions(text: str) -> dict[str, str]:
    """`a($expand=b),c` as {"a": "b", "c": ""}."""
    found: dict[str, str] = {}
    depth, begin = 0, 0
    for at, character in enumerate(f"{text},"):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0 and (part := text[begin:at]):
            name, _, inner = part.partition("(")
            found[name] = inner.removesuffix(")").removeprefix("$expand=")
            begin = at + 1
    return found


def plain(value: Any) -> Any:
    """A value as it is told without the full metadata."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: plain(inner) for name, inner in value.items() if _always_told(name, inner)}


def _always_told(name: str, value: Any) -> bool:
    if name == "@odata.type":
        return value not in _DECLARED
    links = name.endswith(("@odata.nextLink", "@odata.count", "@odata.context"))
    return links or ("@odata." not in name and not name.startswith("#microsoft.graph."))


def matching(rows: Sequence[Raw], query: Mapping[str, str]) -> Sequence[Raw]:
    """The rows that `$filter` lets through, in the order of `$orderby`."""
    terms = [_TERM.fullmatch(term.strip()) for term in query.get("$filter", "").split(" and ") if term]
    if not terms and "$orderby" not in query:
        return rows
    assert all(terms), "the stand-in does not know this filter"
    kept = [row for row in rows if all(_holds(row, *term.groups()) for term in terms if term)]
    name, _, direction = query.get("$orderby", "").partition(" ")
    return sorted(kept, key=lambda row: str(row.get(name)), reverse=direction == "desc") if name else kept


def _holds(row: Raw, name: str, operator: str, told: str) -> bool:
    value = str(row.get(name))
    if operator == "in":
        return value in re.findall(r"'([^']*)'", told)
    wanted = told.strip("'")
    found = {
        "eq": value == wanted, "ne": value != wanted, "gt": value > wanted, "ge": value >= wanted,
        "lt": value < wanted, "le": value <= wanted,
    }  # fmt: skip
    return found[operator]
