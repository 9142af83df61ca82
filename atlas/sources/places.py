"""What the name of a folder tells about the files in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from atlas.sources.item_types import ITEM_TYPES


class PlaceKind(Enum):
    TYPED = "holds objects of known item types"
    OTHER = "holds objects that Atlas does not compare"
    SIDE = "holds what an export tool writes beside the objects"
    UNKNOWN = "says nothing"


@dataclass(frozen=True, slots=True)
class Place:
    kind: PlaceKind
    item_types: tuple[str, ...] = ()


_OTHER = (
    # IntuneManagement
    "ADMXFiles", "AppleEnrollmentTypes", "AuthenticationContext", "AuthenticationStrengths", "AzureBranding",
    "DeviceCategories", "HardwareConfigurations", "IntuneBranding", "InventoryPolicies", "iOSDepProfile",
    "Locations", "PolicySets", "TermsAndConditions", "TermsOfUse", "W365ProvisioningPolicies", "W365UserSettings",
    # IntuneCD
    "Apple Push Notification", "Apple VPP Tokens", "Device Categories", "Device Management Settings",
    "Enrollment Profiles/Apple", "Entra", "Entra/Applications", "Managed Google Play", "Partner Connections",
)  # fmt: skip
_SIDE = ("Groups", "Assignment Report")

# Nothing in these is opened: what is no longer there, what is personal or a secret, and what other tools keep.
CLOSED_FOLDERS = frozenset({
    "__archive__", "activation lock bypass codes", "autopilot devices", "script data", "__macosx",
    ".git", ".github", ".hg", ".idea", ".svn", ".vscode",
})  # fmt: skip

_SIDE_FILE = re.compile(
    r"(?:migrationtable.*|settings|bulk(?:export|import|compare|documentation)|backup_summary|compare[_-].*)\.json",
    re.IGNORECASE | re.DOTALL,
)


def _table() -> dict[str, Place]:
    places: dict[str, Place] = {}
    for item_type in ITEM_TYPES.values():
        for folder in (*item_type.intune_management, *item_type.intune_cd):
            known = places.get(folder.casefold(), Place(PlaceKind.TYPED)).item_types
            if item_type.name not in known:
                places[folder.casefold()] = Place(PlaceKind.TYPED, (*known, item_type.name))
    places.update({folder.casefold(): Place(PlaceKind.OTHER) for folder in _OTHER})
    places.update({folder.casefold(): Place(PlaceKind.SIDE) for folder in _SIDE})
    return places


_PLACES = _table()
_LONGEST = max(name.count("/") + 1 for name in _PLACES)


def place_of(folders: Sequence[str]) -> Place:
    """The place that the nearest folder with a known name tells. `folders` go from the outermost to the innermost."""
    names = [folder.casefold() for folder in folders]
    for end in range(len(names), 0, -1):
        for length in range(min(_LONGEST, end), 0, -1):
            place = _PLACES.get("/".join(names[end - length : end]))
            if place is not None:
                return place
    return Place(PlaceKind.UNKNOWN)


def is_side_file(name: str) -> bool:
    """True for what export tools write beside the objects. A folder that tells an item type overrules this."""
    return _SIDE_FILE.fullmatch(name) is not None
