"""From one file of an export to the objects in it: their item type, their id, and what is wrong with the file."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from atlas.domain.naming import Labels
from atlas.sources.coverage import NOT_COMPARED, Failure
from atlas.sources.decoding import UnreadableError, decode
from atlas.sources.item_types import ITEM_TYPES, told_by_content, told_by_context, told_by_shape
from atlas.sources.labels import labels_of_file
from atlas.sources.model import Problem, SourceObject
from atlas.sources.places import Place, PlaceKind, is_side_file, place_of
from atlas.sources.unlisted import told_by_full_name
from atlas.sources.walking import Listed, Parts, origin_of, read_beneath

# IntuneManagement writes the settings of these types into a second file, "<name>_Settings.json".
_SETTINGS_SUFFIX = "_settings.json"
_SETTINGS_PROPERTY = {"deviceManagementIntent": "settings", "groupPolicyConfiguration": "definitionValues"}

_GUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# IntuneCD removes the id from the content and, when asked to, appends it to the name: "<name>__<id>.json".
_ID_IN_NAME = re.compile(rf".*__((?:[A-Za-z]_)?{_GUID}(?:_\w+)?|\d{{1,9}})\.json", re.IGNORECASE | re.DOTALL)
# These tell how many settings they have.
_SETTINGS_COUNTED = frozenset({"configurationPolicy", "compliancePolicy"})
_LIST_KEYS = frozenset({"value", "@odata.context", "@odata.count", "@odata.nextLink", "@odata.deltaLink"})
_GRAPH_SIGN = re.compile(rb"@odata\.|microsoft\.graph\.")


@dataclass(frozen=True, slots=True)
class SideSettings:
    """The settings that belong to the object in another file of the same folder."""

    beside: Parts
    item_type: str
    value: list[Any]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What one file gave. `untold`: it, or a part of it, held something of which only the folder tells the type."""

    parts: Parts
    objects: tuple[SourceObject, ...] = ()
    failures: tuple[Failure, ...] = ()
    side: SideSettings | None = None
    not_compared: bool = False
    untold: bool = False
    labels: Labels = field(default_factory=dict)


def objects_of_file(root: Path, file: Listed) -> FileResult:
    """Reads one listed file. Never raises for what is in it: that becomes a failure of the result."""
    folders = file.parts if file.is_folder else file.parts[:-1]
    place = place_of((root.name, *folders))
    if file.refused is not None:
        return _failed(file.parts, place, file.refused)
    try:
        data = read_beneath(root, file.parts)
        if file.is_yaml:
            return _yaml(file.parts, place, data)
        value = decode(data)
        return replace(_read(file.parts, place, value), labels=labels_of_file(file.parts, value))
    except UnreadableError as error:
        return _failed(file.parts, place, error)


def _failed(parts: Parts, place: Place, error: UnreadableError) -> FileResult:
    item_types = None if place.kind is PlaceKind.UNKNOWN else place.item_types
    # In a folder of kinds without a table it may have been an object of any of these.
    failure = replace(_failure(parts, error.code, error.message, item_types), unlisted=place.kind is PlaceKind.OTHER)
    return FileResult(parts, failures=(failure,), untold=True)


def _failure(parts: Parts, code: str, message: str, item_types: tuple[str, ...] | None, index: str = "") -> Failure:
    return Failure(Problem(origin_of(parts) + index, code, message), item_types)


def _yaml(parts: Parts, place: Place, data: bytes) -> FileResult:
    error = UnreadableError("YAML_NOT_READ", "It is YAML, which Atlas does not read. Export as JSON.")
    if place.kind is PlaceKind.UNKNOWN and _GRAPH_SIGN.search(data.replace(b"\0", b"")) is None:
        return FileResult(parts, failures=(_failure(parts, error.code, error.message, ()),))
    return _failed(parts, place, error)


def _read(parts: Parts, place: Place, value: Any) -> FileResult:
    if (side := _side_settings(parts, place, value)) is not None:
        return FileResult(parts, side=side)
    items, context, more = _items(value)
    if items is None:
        return _one(parts, place, value)
    results = [_one(parts, place, item, context, f"#{index}") for index, item in enumerate(items)]
    objects = tuple(found for result in results for found in result.objects)
    failures = [failure for result in results for failure in result.failures]
    if more is not None:
        types = tuple(sorted({found.item_type for found in objects})) or place.item_types or None
        failures.append(_failure(parts, "MORE_PAGES", f"{more} Export the list to its end.", types))
    return FileResult(
        parts,
        objects,
        tuple(failures),
        not_compared=any(result.not_compared for result in results),
        untold=any(result.untold for result in results),
    )


def _items(value: Any) -> tuple[list[Any] | None, object, str | None]:
    """The objects of a file that holds a list, the context of the list, and what says that there are more."""
    if isinstance(value, list):
        return value, None, None
    if isinstance(value, dict) and isinstance(value.get("value"), list) and value.keys() <= _LIST_KEYS:
        return value["value"], value.get("@odata.context"), _more(value, len(value["value"]))
    return None, None, None


def _more(listed: Mapping[str, Any], held: int) -> str | None:
    if "@odata.nextLink" in listed:
        return "It is one page of a longer list (@odata.nextLink)."
    count = listed.get("@odata.count")
    # Some collections count the page and not the whole, so only more than there are says something.
    if isinstance(count, int) and count > held:
        return f"It tells of {count} objects (@odata.count) and holds {held}."
    return None


def _one(parts: Parts, place: Place, raw: Any, context: object = None, index: str = "") -> FileResult:
    if not isinstance(raw, dict):
        return _stray(parts, place, "NOT_AN_OBJECT", "It holds no JSON object. Export it again.", index)
    item_type = told_by_content(raw) or told_by_context(context)
    if item_type is None and place.kind is PlaceKind.TYPED:
        item_type = told_by_shape(raw, place.item_types)
    external_id = _external_id(raw, None if index else parts[-1])
    if item_type is None and place.kind is not PlaceKind.SIDE:
        item_type = told_by_full_name(raw)
    if item_type is None:
        return _untold(parts, place, raw, external_id, index)
    if external_id is None:
        if place.kind is PlaceKind.TYPED and raw.keys() >= {"TenantId", "Organization", "Objects"}:
            return FileResult(parts)  # The migration table of IntuneManagement.
        message = "It has no id, so it cannot be told from others. With IntuneCD, export with --append-id."
        return FileResult(parts, failures=(_failure(parts, "NO_ID", message, (item_type,), index),))
    found = SourceObject(item_type, external_id, raw, origin_of(parts) + index)
    return FileResult(parts, (found,), _truncated_settings(parts, item_type, raw, index))


def _external_id(raw: Mapping[str, Any], name: str | None) -> str | None:
    given = raw.get("id")
    if isinstance(given, str):
        return given if 0 < len(given) <= 256 and given.isprintable() and given.strip() == given else None
    found = _ID_IN_NAME.fullmatch(name) if given is None and name is not None else None
    return None if found is None else found[1]


def _untold(parts: Parts, place: Place, raw: Mapping[str, Any], external_id: str | None, index: str) -> FileResult:
    """An object of which neither content nor folder tells the item type."""
    if place.kind is PlaceKind.SIDE:
        return FileResult(parts)
    if place.kind is PlaceKind.OTHER:
        return FileResult(parts, not_compared=True)
    if isinstance(raw.get("@odata.type"), str):
        message = "It is of a kind (@odata.type) that is no configuration by itself: it is not compared."
        return FileResult(parts, failures=(_failure(parts, "UNSUPPORTED_TYPE", message, (), index),))
    if external_id is None:
        return _stray(parts, place, "NOT_A_POLICY", "It is JSON, but no object of Microsoft Graph.", index)
    message = "Neither @odata.type nor the folder tells its item type. Keep the folders of the export tool."
    return FileResult(parts, failures=(_failure(parts, "UNKNOWN_TYPE", message, None, index),))


def _stray(parts: Parts, place: Place, code: str, message: str, index: str) -> FileResult:
    if place.kind is PlaceKind.SIDE or (place.kind is PlaceKind.UNKNOWN and is_side_file(parts[-1])):
        return FileResult(parts)
    failure = _failure(parts, code, message, place.item_types, index)
    # Beside what an unknown folder holds, any JSON may lie.
    return FileResult(parts, failures=(failure,), untold=place.kind is not PlaceKind.UNKNOWN)


def _truncated_settings(parts: Parts, item_type: str, raw: Mapping[str, Any], index: str) -> tuple[Failure, ...]:
    count, settings = raw.get("settingCount"), raw.get("settings") or []
    if item_type not in _SETTINGS_COUNTED or not isinstance(count, int) or not isinstance(settings, list):
        return ()
    if count == len(settings):
        return ()
    message = f"It tells of {count} settings and holds {len(settings)}. Export it again with its settings."
    return (_failure(parts, "SETTINGS_TRUNCATED", message, (item_type,), index),)


def _side_settings(parts: Parts, place: Place, value: Any) -> SideSettings | None:
    item_type = place.item_types[0] if len(place.item_types) == 1 else ""
    if item_type not in _SETTINGS_PROPERTY or not parts[-1].casefold().endswith(_SETTINGS_SUFFIX):
        return None
    beside = (*parts[:-1], parts[-1][: -len(_SETTINGS_SUFFIX)] + ".json")
    if isinstance(value, dict) and "id" not in value and isinstance(value.get("settings"), list):
        return SideSettings(beside, item_type, value["settings"])
    if isinstance(value, list):
        return SideSettings(beside, item_type, value)
    return None


def combine(results: Iterable[FileResult]) -> tuple[tuple[SourceObject, ...], list[Failure]]:
    """All objects and failures, each object joined with the settings that stand in a file beside it."""
    results = list(results)
    by_file = {result.parts: result.objects for result in results}
    beside = _types_beside(results)
    failures = [failure for result in results for failure in _failures(result, beside)]
    for result in results:
        if (side := result.side) is None:
            continue
        if owners := by_file.get(side.beside):
            by_file[side.beside] = tuple(_with_settings(owner, side) for owner in owners)
        else:
            message = "It holds the settings of a policy that is not beside it. Export the policy again."
            failures.append(_failure(result.parts, "SETTINGS_ALONE", message, (side.item_type,)))
    failures += _not_compared(results, beside)
    failures.sort(key=lambda failure: failure.problem.origin)
    return tuple(found for objects in by_file.values() for found in objects), failures


def _with_settings(owner: SourceObject, side: SideSettings) -> SourceObject:
    name = _SETTINGS_PROPERTY[side.item_type]
    if owner.item_type != side.item_type or owner.raw.get(name):
        return owner
    return SourceObject(owner.item_type, owner.external_id, {**owner.raw, name: side.value}, owner.origin)


def _types_beside(results: Sequence[FileResult]) -> Mapping[str, set[str]]:
    """Item types by the name of the folder that their objects lie in, of several that are called the same together."""
    beside: dict[str, set[str]] = defaultdict(set)
    for result in results:
        beside[_folder_name(result.parts[:-1])] |= {found.item_type for found in result.objects}
    return beside


def _folder_name(folder: Parts) -> str:
    return folder[-1].casefold() if folder else ""


def _failures(result: FileResult, beside: Mapping[str, set[str]]) -> Iterable[Failure]:
    """Those of a file. What cannot be told may be of any type that its folder holds, whatever the folder is called."""
    for failure in result.failures:
        if result.untold and failure.item_types is not None:
            types = {*failure.item_types, *beside[_folder_name(result.parts[:-1])]}
            yield replace(failure, item_types=tuple(sorted(types)))
        else:
            yield failure


def _not_compared(results: Sequence[FileResult], beside: Mapping[str, set[str]]) -> list[Failure]:
    """One line a folder for the kinds that Atlas does not compare, since a full export holds many of them.

    What is told by full name in such a folder may be among them, and is incomplete.
    """
    folders = Counter(result.parts[:-1] for result in results if result.not_compared)
    return [
        _failure(
            folder,
            NOT_COMPARED,
            f"It holds {count} file(s) of a kind that Atlas does not compare, with no @odata.type that names one.",
            tuple(sorted(beside[_folder_name(folder)] - ITEM_TYPES.keys())),
        )
        for folder, count in folders.items()
    ]
