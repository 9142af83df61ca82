"""What a scope covers, and its key: the one definition of `scope_key`."""

import difflib
import hashlib
from dataclasses import dataclass

import orjson

from atlas.domain.vocabulary import SyncSource

ITEM_TYPES = frozenset(
    {
        "assignmentFilter",
        "compliancePolicy",
        "conditionalAccessPolicy",
        "configurationPolicy",
        "deviceCompliancePolicy",
        "deviceComplianceScript",
        "deviceConfiguration",
        "deviceCustomAttributeShellScript",
        "deviceEnrollmentConfiguration",
        "deviceHealthScript",
        "deviceManagementIntent",
        "deviceManagementScript",
        "deviceShellScript",
        "groupPolicyConfiguration",
        "managedAppProtection",
        "mobileApp",
        "mobileAppConfiguration",
        "namedLocation",
        "notificationMessageTemplate",
        "reusablePolicySetting",
        "roleAssignment",
        "roleDefinition",
        "roleScopeTag",
        "targetedManagedAppConfiguration",
        "windowsAutopilotDeploymentProfile",
        "windowsDriverUpdateProfile",
        "windowsFeatureUpdateProfile",
        "windowsQualityUpdatePolicy",
        "windowsQualityUpdateProfile",
    }
)
"""Every item type that Atlas knows. How each is read from a source is the source's own affair."""

_BY_FOLDED = {name.casefold(): name for name in ITEM_TYPES}


def meant(name: str) -> str:
    """What to do about a name that is no item type: names those that are written much like it, or else all."""
    folded = name[:100].rpartition(".")[2].casefold()
    # No two names differ in case alone.
    same = _BY_FOLDED.get(folded)
    close = [same] if same else [_BY_FOLDED[one] for one in difflib.get_close_matches(folded, _BY_FOLDED, cutoff=0.7)]
    return f"Did you mean {', '.join(close)}?" if close else f"Known are {', '.join(sorted(ITEM_TYPES))}."


@dataclass(frozen=True, slots=True)
class Selection:
    """What a sync reads: the source, its layout, and the item types where they were named (None: all that are there).

    Item types are a set: their order and repetition mean nothing.
    """

    source: SyncSource
    layout: str = "default"
    item_types: tuple[str, ...] | None = None

    @property
    def canonical(self) -> str:
        """Canonical JSON: sorted keys, sorted distinct item types, no white space."""
        types = None if self.item_types is None else sorted(set(self.item_types))
        value = {"itemTypes": types, "layout": self.layout, "source": self.source.value}
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def scope_key(selection: Selection) -> str:
    """`s1:` and the SHA-256 of the canonical selection, in hex."""
    return f"s1:{hashlib.sha256(selection.canonical.encode()).hexdigest()}"
