"""What really changed between two raw objects, told by other means than Atlas's: a multiset of values by place.

It knows of no path of Atlas and pairs no rows. A value's place is the way to it with the ids of setting definitions
in the place of array indices; all values at one place are a bag. What is in the one bag and not in the other changed.
It says how many and where, which is all that a comparison of tools needs.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

Place = tuple[str, ...]

SERVER_MANAGED = frozenset(
    [
        "id",
        "version",
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "settingCount",
        "isAssigned",
        "creationSource",
        "priorityMetaData",
        "supportsScopeTags",
        "deployedAppCount",
        "highestAvailableVersion",
        "newUpdates",
        "inventorySyncStatus",
        "deviceReporting",
        "deployableContentDisplayName",
        "endOfSupportDate",
        "releaseDateDisplayName",
    ]
)
# Ids below the root that the server gives anew, and what of a setting says only how it is told.
BELOW = frozenset({"id", "createdDateTime", "lastModifiedDateTime", "sourceId"})
SCAFFOLD = frozenset({"settingInstanceTemplateReference", "settingValueTemplateReference", "settingDefinitionId"})
_VALUES_OF_SETTINGS = ("SettingValue", "SettingCollectionValue")
NOTHING = (None, "", "00000000-0000-0000-0000-000000000000")


def strip(raw: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the server manages at its root: what every tool is given to compare."""
    return {name: value for name, value in raw.items() if name not in SERVER_MANAGED and not _is_annotation(name)}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Counter[Place]:
    """How many values changed at each place of an object: the fewest that turn one bag into the other."""
    old, new = _bags(before), _bags(after)
    found: Counter[Place] = Counter()
    for place in old.keys() | new.keys():
        gone, come = old[place] - new[place], new[place] - old[place]
        if gone or come:
            found[place] = max(gone.total(), come.total())
    return found


def place_of(raw: Any, path: list[str | int]) -> Place | None:
    """The place that a path of names and indices leads to in an object; None where it leads nowhere."""
    place: list[str] = []
    for step in path:
        if isinstance(raw, dict) and step in raw:
            place += _step(str(step))
            raw = raw[step]
        elif isinstance(raw, list) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
            place += _named(raw)
        else:
            return None
    return tuple(place)


def _bags(raw: Mapping[str, Any]) -> defaultdict[Place, Counter[str]]:
    bags: defaultdict[Place, Counter[str]] = defaultdict(Counter)
    for place, value in _values(strip(raw), ()):
        bags[place][json.dumps(value)] += 1
    return bags


def _values(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict):
        if value.get("name") == value.get("displayName") is not None:
            value = {name: inner for name, inner in value.items() if name != "displayName"}
        if str(value.get("@odata.type")).endswith("AssignmentTarget"):
            value = _target(value)
        for name, inner in value.items():
            if _counts(name, place, inside=value):
                yield from _values(inner, place + _step(name))
    elif isinstance(value, list):
        for row in value:
            yield from _values(row, place + _named(row))
    elif value not in NOTHING and not str(value).startswith("0001-01-01"):
        yield place, value


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    """Whom an assignment is for is one value, and whether they are in or out is another."""
    kind = target["@odata.type"]
    rest = {name: inner for name, inner in target.items() if name not in {"@odata.type", "groupId"} and inner != "none"}
    whom = target.get("groupId") or kind
    return {**rest, "whom": whom, "excluded": "exclusion" in kind}


def _counts(name: str, place: Place, *, inside: dict[str, Any]) -> bool:
    if name == "@odata.type":
        return "settingDefinitionId" not in inside and place[:1] != ("settings",)
    return not _is_annotation(name) and name not in SCAFFOLD and not (place and name in BELOW)


def _is_annotation(name: str) -> bool:
    return name.startswith("#") or ("@odata." in name and name != "@odata.type")


def _step(name: str) -> Place:
    passed = name in {"settingInstance", "children", "value"} or name.endswith(_VALUES_OF_SETTINGS)
    return () if passed else (name,)


def _named(row: Any) -> Place:
    instance = row.get("settingInstance", row) if isinstance(row, dict) else None
    definition = instance.get("settingDefinitionId") if isinstance(instance, dict) else None
    return (definition,) if isinstance(definition, str) else ()
