"""The item types that have a table, and by what each is told: `@odata.type`, the Graph collection, shape, folder.

Folder names are those that IntuneManagement and IntuneCD write; type and collection names are Microsoft Graph's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DEVICE_CONFIGURATION = (
    r"(?!iosLobApp|windows10X)(?:android|aosp|apple|easEmail|editionUpgrade|ios|macOS|sharedPC|unsupportedDevice|vpn|windows)\w*"
    r"(?:Configuration|ConfigurationBase|ConfigurationInterface|CertificateProfile|CertificateProfileBase"
    r"|TrustedRootCertificate|EasEmailProfileBase)|vpnConfiguration"
)
_MOBILE_APP = (
    r"(?!managedMobileApp$|windowsManagementApp$|\w*ContainedApp$)(?:android|ios|macO[sS]|managed|microsoft|mobile|office|web|win32|winGet|windows)\w*"
    r"(?:App|AppX|AppXBundle|WebClip|OfficeSuiteApp|MobileMSI|PhoneXAP)|officeSuiteApp|webApp|winGetApp"
)


@dataclass(frozen=True, slots=True)
class ItemType:
    """One kind of object. `odata` is a regular expression for the whole name behind `#microsoft.graph.`."""

    name: str
    odata: str
    collections: tuple[str, ...]
    intune_management: tuple[str, ...] = ()
    intune_cd: tuple[str, ...] = ()
    marker: str = ""
    """A property that tells this type from the others that share its folder."""


_ALL = (
    ItemType(
        "configurationPolicy",
        "deviceManagementConfigurationPolicy",
        ("configurationPolicies",),
        ("SettingsCatalog",),
        ("Settings Catalog",),
    ),
    # The types with exact names stand before those with patterns, since the first match counts.
    ItemType(
        "mobileAppConfiguration",
        r"\w*MobileAppConfiguration|androidManagedStoreAppConfiguration",
        ("mobileAppConfigurations",),
        ("AppConfigurationManagedDevice", "AndroidOEMConfig"),
        ("App Configuration",),
    ),
    ItemType(
        "deviceEnrollmentConfiguration",
        r"deviceEnrollment\w*Configuration|deviceComanagementAuthorityConfiguration"
        r"|windows10EnrollmentCompletionPageConfiguration|windowsRestoreDeviceEnrollmentConfiguration",
        ("deviceEnrollmentConfigurations",),
        ("EnrollmentStatusPage", "EnrollmentRestrictions", "CoManagementSettings"),
        ("Enrollment Configurations", "Enrollment Profiles/Windows/ESP"),
    ),
    ItemType(
        "deviceConfiguration",
        f"deviceConfiguration|{_DEVICE_CONFIGURATION}",
        ("deviceConfigurations",),
        ("DeviceConfiguration", "UpdatePolicies"),
        ("Device Configurations",),
    ),
    ItemType(
        "compliancePolicy",
        "deviceManagementCompliancePolicy",
        ("compliancePolicies",),
        ("CompliancePoliciesV2",),
        ("Compliance Policies/Policies",),
        marker="technologies",
    ),
    ItemType(
        "deviceCompliancePolicy",
        r"deviceCompliancePolicy|(?:android|aosp|defaultDevice|ios|macOS|windows)\w*CompliancePolicy"
        r"|defaultDeviceCompliancePolicy",
        ("deviceCompliancePolicies",),
        ("CompliancePolicies",),
        ("Compliance Policies/Policies",),
    ),
    ItemType(
        "groupPolicyConfiguration",
        "groupPolicyConfiguration",
        ("groupPolicyConfigurations",),
        ("AdministrativeTemplates",),
        ("Group Policy Configurations",),
    ),
    ItemType(
        "deviceManagementIntent",
        "deviceManagementIntent",
        ("intents",),
        ("EndpointSecurity",),
        ("Management Intents",),
    ),
    ItemType(
        "conditionalAccessPolicy",
        "conditionalAccessPolicy",
        ("conditionalAccess/policies",),
        ("ConditionalAccess",),
        ("Conditional Access",),
    ),
    ItemType("namedLocation", r"\w*[nN]amedLocation", ("namedLocations",), ("NamedLocations",)),
    ItemType(
        "targetedManagedAppConfiguration",
        "targetedManagedAppConfiguration",
        ("targetedManagedAppConfigurations",),
        ("AppConfigurationManagedApp",),
        ("App Protection",),
        marker="customSettings",
    ),
    ItemType(
        "managedAppProtection",
        r"\w*[mM]anagedAppProtection|(?:mdmW|w)indowsInformationProtection(?:Policy)?",
        (
            "managedAppPolicies",
            "iosManagedAppProtections",
            "androidManagedAppProtections",
            "windowsManagedAppProtections",
            "mdmWindowsInformationProtectionPolicies",
            "windowsInformationProtectionPolicies",
        ),
        ("AppProtection",),
        ("App Protection",),
    ),
    ItemType(
        "assignmentFilter",
        "deviceAndAppManagementAssignmentFilter",
        ("assignmentFilters",),
        ("AssignmentFilters",),
        ("Filters",),
    ),
    ItemType("roleScopeTag", "roleScopeTag", ("roleScopeTags",), ("ScopeTags",), ("Scope Tags",)),
    ItemType(
        "roleDefinition",
        "(?:deviceAndAppManagementR|r)oleDefinition",
        ("deviceManagement/roleDefinitions",),
        ("RoleDefinitions",),
        ("Roles",),
    ),
    ItemType(
        "roleAssignment",
        "(?:deviceAndAppManagementR|r)oleAssignment",
        ("deviceManagement/roleAssignments",),
        ("RoleAssignments",),
    ),
    ItemType(
        "windowsAutopilotDeploymentProfile",
        r"\w*[wW]indowsAutopilotDeploymentProfile",
        ("windowsAutopilotDeploymentProfiles",),
        ("AutoPilot",),
        ("Enrollment Profiles/Windows",),
    ),
    ItemType(
        "windowsFeatureUpdateProfile",
        "windowsFeatureUpdateProfile",
        ("windowsFeatureUpdateProfiles",),
        ("FeatureUpdates",),
        ("Feature Updates",),
    ),
    ItemType(
        "windowsQualityUpdatePolicy",
        "windowsQualityUpdatePolicy",
        ("windowsQualityUpdatePolicies",),
        ("QualityUpdatePolicies",),
        marker="hotpatchEnabled",
    ),
    ItemType(
        "windowsQualityUpdateProfile",
        "windowsQualityUpdateProfile",
        ("windowsQualityUpdateProfiles",),
        ("QualityUpdates",),
        ("Quality Updates",),
    ),
    ItemType(
        "windowsDriverUpdateProfile",
        "windowsDriverUpdateProfile",
        ("windowsDriverUpdateProfiles",),
        ("DriverUpdateProfiles",),
        ("Driver Updates",),
    ),
    ItemType(
        "deviceManagementScript",
        "deviceManagementScript",
        ("deviceManagementScripts",),
        ("PowerShellScripts",),
        ("Scripts/Powershell",),
    ),
    ItemType(
        "deviceShellScript",
        "deviceShellScript",
        ("deviceShellScripts",),
        ("MacScripts",),
        ("Scripts/Shell",),
    ),
    ItemType(
        "deviceHealthScript",
        "deviceHealthScript",
        ("deviceHealthScripts",),
        ("DeviceHealthScripts",),
        ("Proactive Remediations",),
    ),
    ItemType(
        "reusablePolicySetting",
        "deviceManagementReusablePolicySetting",
        ("reusablePolicySettings",),
        ("ReusableSettings",),
        ("Compliance Policies/Scripts",),
        marker="settingDefinitionId",
    ),
    ItemType(
        "deviceComplianceScript",
        "deviceComplianceScript",
        ("deviceComplianceScripts",),
        ("ComplianceScripts",),
        ("Compliance Policies/Scripts",),
    ),
    ItemType(
        "deviceCustomAttributeShellScript",
        "deviceCustomAttributeShellScript",
        ("deviceCustomAttributeShellScripts",),
        ("MacCustomAttributes",),
        ("Custom Attributes",),
    ),
    ItemType(
        "notificationMessageTemplate",
        "notificationMessageTemplate",
        ("notificationMessageTemplates",),
        ("Notifications",),
        ("Compliance Policies/Message Templates",),
    ),
    ItemType("mobileApp", f"mobileApp|{_MOBILE_APP}", ("mobileApps",), ("Applications",), ("Applications",)),
)

ITEM_TYPES: Mapping[str, ItemType] = {item_type.name: item_type for item_type in _ALL}

_ODATA_PREFIX = "#microsoft.graph."
_ODATA = tuple((item_type.name, re.compile(item_type.odata)) for item_type in _ALL)
_COLLECTIONS = {collection: item_type.name for item_type in _ALL for collection in item_type.collections}
# To its end, so that the context of something within an object, such as its settings, tells nothing.
_CONTEXT = re.compile(r"\$metadata#([\w/.]+?)(?:\([^']*\))?(?:/\$entity)?\Z")


def told_by_content(raw: Mapping[str, Any]) -> str | None:
    """The item type by `@odata.type`, else by the collection in `@odata.context`; None when neither tells."""
    odata = raw.get("@odata.type")
    if isinstance(odata, str) and odata.startswith(_ODATA_PREFIX):
        name = odata.removeprefix(_ODATA_PREFIX)
        for item_type, pattern in _ODATA:
            if pattern.fullmatch(name):
                return item_type
    return told_by_context(raw.get("@odata.context"))


def known_as(full_name: str) -> str | None:
    """The item type that is meant by `microsoft.graph.<name>`, in whatever case: by Graph's name of it, or by ours."""
    name = full_name.removeprefix(_ODATA_PREFIX[1:])
    ours = next((one for one in ITEM_TYPES if one.casefold() == name.casefold()), None)
    theirs = (one.name for one in _ALL if re.fullmatch(one.odata, name, re.IGNORECASE))
    return ours or next(theirs, None)


def told_by_context(context: object) -> str | None:
    if not isinstance(context, str) or (found := _CONTEXT.search(context)) is None:
        return None
    segments = [segment for segment in found[1].split("/") if not segment.startswith("microsoft.graph.")]
    last_two = "/".join(segments[-2:])
    return _COLLECTIONS.get(last_two) or _COLLECTIONS.get(segments[-1] if segments else "")


def told_by_shape(raw: Mapping[str, Any], candidates: tuple[str, ...]) -> str:
    """One of the types that share a folder: the one whose marker the object has, else the one without a marker."""
    marked = [name for name in candidates if ITEM_TYPES[name].marker]
    plain = [name for name in candidates if not ITEM_TYPES[name].marker]
    return next((name for name in marked if ITEM_TYPES[name].marker in raw), (plain or marked)[0])
