"""The canonical form: one configuration object as a flat, redacted map of paths, and the hashes of it."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from atlas.domain import paths
from atlas.domain.assignments import walk_assignments
from atlas.domain.content import ROOT, Context, find, walk_property
from atlas.domain.keys import TenantKey
from atlas.domain.paths import Content
from atlas.domain.profile_tables import IDENTITY_PROPERTIES, SHOWN_SHAPE
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.redaction import CanonicalError, Leaf
from atlas.domain.settings_catalog import is_instance, is_setting, walk_instance, walk_settings

__all__ = [
    "FORM", "CanonicalError", "Item", "Leaf", "canonical_item", "decode_body", "encode_body", "form_of", "settings_of",
]  # fmt: skip

_RULES: Final = "c1"
FORM: Final = f"{_RULES}.{PROFILES[0].version}"
"""The prefix of every content hash: the rules of the form, and the version of the profiles that it was made with.

Hashes under two prefixes are not comparable, so that a change of either is never taken for drift.
"""
_LONGEST_ID = 512
_LONGEST_NAME = 1024
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PLATFORMS = {
    "windows": "windows10",
    "win32": "windows10",
    "macos": "macOS",
    "ios": "iOS",
    "iphone": "iOS",
    "android": "android",
    "aosp": "android",
    "linux": "linux",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One object of an inventory in canonical form.

    `properties` is the redacted content by path; `hash` is of all of it, `settings_hash` of what is left
    without the name, the description and the other identity properties.
    """

    item_type: str
    external_id: str
    display_name: str
    platform: str | None
    properties: Mapping[str, Leaf]
    hash: str
    settings_hash: str


def canonical_item(
    item_type: str,
    raw: Mapping[str, Any],
    key: TenantKey,
    external_id: str | None = None,
    profiles: Profiles = PROFILES[0],
) -> Item:
    """The canonical form of a raw Graph object, redacted under the tenant's key. It depends on nothing else.

    `external_id` stands in for the object's own `id`. Raises CanonicalError when the object has no id, holds
    a number that is not finite, or is nested too deep.
    """
    if not isinstance(raw, dict):
        raise CanonicalError("The object is not a JSON object.")
    identity = _external_id(raw if external_id is None else {"id": external_id})
    content = _content(Context(item_type, key, profiles.profile_of(item_type)), raw)
    properties, form = dict(sorted(content.items())), form_of(key, profiles)
    return Item(
        item_type=item_type,
        external_id=identity,
        display_name=_display_name(raw) or identity,
        platform=_platform(raw),
        properties=properties,
        hash=_hash(properties, form),
        settings_hash=_hash(settings_of(properties), form),
    )


def settings_of(properties: Mapping[str, Leaf]) -> dict[str, Leaf]:
    """The content less what an object is called and where it stands among its siblings."""
    return {path: leaf for path, leaf in properties.items() if path not in IDENTITY_PROPERTIES}


def encode_body(properties: Mapping[str, Leaf]) -> bytes:
    """Canonical content as it is stored and hashed: JSON, UTF-8, keys sorted."""
    return paths.encode(properties)


def decode_body(body: bytes) -> dict[str, Leaf]:
    """What `encode_body` was given."""
    return cast("dict[str, Leaf]", orjson.loads(body))


def form_of(key: TenantKey, profiles: Profiles = PROFILES[0]) -> str:
    """The prefix of every hash under this key. Hashes are comparable where form, profiles and key are the same."""
    return f"{_RULES}.{profiles.version}.{key.id}"


def _hash(properties: Mapping[str, Leaf], form: str) -> str:
    return f"{form}:{hashlib.sha256(encode_body(properties)).hexdigest()}"


def _content(context: Context, raw: Mapping[str, Any]) -> Content:
    content: Content = {}
    for name, value in raw.items():
        # Some objects carry their name twice; a rename is one change.
        if value is None or (name == "displayName" and value == raw.get("name")):
            continue
        found = find(context, name, ROOT)
        if found.dropped:
            continue
        if name == "settings" and isinstance(value, list) and value and all(map(is_setting, value)):
            walk_settings(context, value, ROOT.below(name), content)
        elif name == "settingInstance" and is_instance(value):
            place = ROOT.below("settings").below(paths.escape(value["settingDefinitionId"]))
            walk_instance(context, value, place, content)
        elif name == "assignments" and isinstance(value, list):
            walk_assignments(context, value, found, ROOT.below(name), content)
        else:
            walk_property(context, value, found, ROOT, raw, content)
    return content


def _external_id(raw: Mapping[str, Any]) -> str:
    identity = raw.get("id")
    if not isinstance(identity, str) or not identity.strip():
        raise CanonicalError("The object has no id.")
    if len(identity) > _LONGEST_ID or _UNPRINTABLE.search(identity):
        raise CanonicalError(f"The object's id is longer than {_LONGEST_ID} characters or holds control characters.")
    return identity


def _display_name(raw: Mapping[str, Any]) -> str:
    for name in ("displayName", "name"):
        value = raw.get(name)
        if isinstance(value, str) and value.strip():
            return _UNPRINTABLE.sub("\ufffd", value)[:_LONGEST_NAME]
    return ""


def _platform(raw: Mapping[str, Any]) -> str | None:
    for name in ("platforms", "platform"):
        value = raw.get(name)
        if isinstance(value, str) and value and value != "none" and SHOWN_SHAPE.fullmatch(value):
            return _known_platform(value) or value[:64]
    kind = raw.get("@odata.type")
    return _known_platform(kind.removeprefix("#microsoft.graph.")) if isinstance(kind, str) else None


def _known_platform(text: str) -> str | None:
    lowered = text.lower()
    return next((known for prefix, known in _PLATFORMS.items() if lowered.startswith(prefix)), None)
