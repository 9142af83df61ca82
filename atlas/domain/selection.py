"""What a scope covers, and its key: the one definition of `scope_key`."""

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
