"""Labels in an export: the groups that a tool writes beside the objects, and definitions expanded in their settings."""

from collections.abc import Iterator
from typing import Any

from atlas.domain.naming import LONGEST_ID, Labels, Named, clean_label
from atlas.domain.vocabulary import LabelKind
from atlas.sources.walking import Parts

# IntuneManagement writes this table beside the folders, with the groups that assignments name.
_MIGRATION_TABLE = frozenset({"TenantId", "Objects"})
_MOST_OPTIONS = 500


def labels_of_file(parts: Parts, value: Any) -> Labels:
    """What a file tells of the names of groups, settings and options; nothing for nearly all files."""
    return dict(_labels(parts, value))


def options_of(definition: Any) -> Iterator[tuple[Named, str]]:
    """The labels of the options that the definition of a setting lists."""
    options = definition.get("options")
    for option in options[:_MOST_OPTIONS] if isinstance(options, list) else ():
        if isinstance(option, dict):
            yield from _label(LabelKind.OPTION, option.get("itemId"), option.get("displayName"))


def _labels(parts: Parts, value: Any) -> Iterator[tuple[Named, str]]:
    if not isinstance(value, dict):
        return
    if value.keys() >= _MIGRATION_TABLE and isinstance(value["Objects"], list):
        for one in value["Objects"]:
            if isinstance(one, dict) and str(one.get("Type")).casefold() == "group":
                yield from _group(one.get("Id"), one.get("DisplayName"))
    elif len(parts) > 1 and parts[-2].casefold() == "groups":
        yield from _group(value.get("id"), value.get("displayName"))
    elif isinstance(value.get("settings"), list):
        for setting in value["settings"]:
            definitions = setting.get("settingDefinitions") if isinstance(setting, dict) else None
            for definition in definitions if isinstance(definitions, list) else ():
                if isinstance(definition, dict):
                    yield from _label(LabelKind.SETTING, definition.get("id"), definition.get("displayName"))
                    yield from options_of(definition)


def _group(identity: Any, name: Any) -> Iterator[tuple[Named, str]]:
    return _label(LabelKind.GROUP, identity.lower() if isinstance(identity, str) else None, name)


def _label(kind: LabelKind, identity: Any, name: Any) -> Iterator[tuple[Named, str]]:
    label = clean_label(name)
    if isinstance(identity, str) and 0 < len(identity) <= LONGEST_ID and label is not None:
        yield (kind, identity), label
