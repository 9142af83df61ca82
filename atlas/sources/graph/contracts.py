"""What is asked of Microsoft Graph for each item type: one entry a type. A new type is one entry, and a profile.

The version is beta where v1.0 leaves properties out that matter, such as `roleScopeTagIds`, or has no such collection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from atlas.domain.vocabulary import CoverageStatus

Version = Literal["beta", "v1.0"]


class Family(StrEnum):
    """Requests that Graph counts together when it throttles."""

    INTUNE = "intune"
    CONDITIONAL_ACCESS = "conditionalAccess"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Call:
    """A collection below an object that takes a call of its own: `<object>/<name>?<query>`, put into property `name`.

    `each` is a collection below each row of it. What `query` expands is one object of each row, and asked for by itself
    where a row came without it. Calls go out twenty at a time, in a `$batch`.
    """

    name: str
    query: str = ""
    each: "Call | None" = None


@dataclass(frozen=True, slots=True)
class Promise:
    """A property that says what the expanded collection must hold: how many rows, or true for any at all.

    Where an object does not keep it, `call` is made for that object; where a number is not kept even then, the type is
    TRUNCATED. An expansion that is empty where nothing says so - `says` is empty, or the object has no such property -
    is in doubt, and the call decides. Where the call has an `each`, a row without any row below it is in doubt too.
    """

    says: str
    call: Call


@dataclass(frozen=True, slots=True)
class Contract:
    """How the objects of one item type are read.

    `paths` are its collections, below the version. `expand` and `select` are of the list; `page_size` is `$top`, or
    None for the server's own. A `counted` list is asked how many objects there are (`$count`), and TRUNCATED where it
    has fewer. `detail` is the query of `<path>/<id>`, by which one object is read: each one where the contract is
    `detailed` because the list leaves something out, else one that changed while it was read. `calls` are made for
    every object, the calls of `promises` for each that does not keep them. `identity` is the property that holds the
    id, `moved` the one that tells that an object changed. `forbidden` and `missing` are what 403 and 404 on the
    collection mean; `permission` and `licence` are what may then be wanting.
    """

    item_type: str
    paths: tuple[str, ...]
    permission: str
    version: Version = "beta"
    expand: str = ""
    select: str = ""
    page_size: int | None = None
    counted: bool = True
    detail: str = ""
    detailed: bool = False
    calls: tuple[Call, ...] = ()
    promises: tuple[Promise, ...] = ()
    identity: str = "id"
    moved: str = "lastModifiedDateTime"
    family: Family = Family.INTUNE
    opt_in: bool = False
    forbidden: CoverageStatus = CoverageStatus.FORBIDDEN
    missing: CoverageStatus = CoverageStatus.UNLICENSED
    licence: str = "Microsoft Intune"


_CONFIGURATION = "DeviceManagementConfiguration.Read.All"
_APPS = "DeviceManagementApps.Read.All"
_RBAC = "DeviceManagementRBAC.Read.All"
_SERVICE = "DeviceManagementServiceConfig.Read.All"
_SCRIPTS = "DeviceManagementScripts.Read.All"
_POLICY = "Policy.Read.All"
_PREMIUM = "Microsoft Entra ID P1"

_APP = "id,displayName,description,publisher,isFeatured,owner,developer,notes,roleScopeTagIds,lastModifiedDateTime"
_COMPLIANCE = "scheduledActionsForRule($expand=scheduledActionConfigurations),assignments"
_ASSIGNMENTS = Call("assignments")
# What Intune tells of assignments that the expansion of the list left out: an empty list beside "it is assigned".
_ASSIGNED = Promise("isAssigned", _ASSIGNMENTS)
# Nothing else in such an object tells whether it is assigned.
_PERHAPS_ASSIGNED = Promise("", _ASSIGNMENTS)
# A compliance policy says at least when a device counts as not compliant, and what follows.
_RULES = Call("scheduledActionsForRule", each=Call("scheduledActionConfigurations"))


def _device_management(name: str) -> tuple[str, ...]:
    return (f"deviceManagement/{name}",)


def _app_management(*names: str) -> tuple[str, ...]:
    return tuple(f"deviceAppManagement/{name}" for name in names)


_ALL = (
    # A page holds every setting of its policies, so that a list of 1,000 would be tens of megabytes.
    Contract(
        "configurationPolicy",
        _device_management("configurationPolicies"),
        _CONFIGURATION,
        expand="settings,assignments",
        page_size=50,
        # Never `<id>?$expand=assignments`: it is empty for endpoint security.
        detail="$expand=settings",
        promises=(Promise("settingCount", Call("settings", "$top=1000")), _ASSIGNED),
    ),
    Contract(
        "deviceConfiguration",
        _device_management("deviceConfigurations"),
        _CONFIGURATION,
        expand="assignments",
        detail="$expand=assignments",
        promises=(_PERHAPS_ASSIGNED,),
    ),
    Contract(
        "deviceCompliancePolicy",
        _device_management("deviceCompliancePolicies"),
        _CONFIGURATION,
        expand=_COMPLIANCE,
        detail=f"$expand={_COMPLIANCE}",
        promises=(Promise("", _RULES), _PERHAPS_ASSIGNED),
    ),
    Contract(
        "compliancePolicy",
        _device_management("compliancePolicies"),
        _CONFIGURATION,
        expand="settings",
        page_size=50,
        detail="$expand=settings",
        calls=(_ASSIGNMENTS,),
        promises=(Promise("settingCount", Call("settings", "$top=1000")),),
    ),
    Contract(
        "groupPolicyConfiguration",
        _device_management("groupPolicyConfigurations"),
        _CONFIGURATION,
        expand="assignments",
        detail="$expand=assignments",
        promises=(_PERHAPS_ASSIGNED,),
        calls=(
            Call("definitionValues", "$expand=definition", each=Call("presentationValues", "$expand=presentation")),
        ),
    ),
    Contract(
        "deviceManagementIntent",
        _device_management("intents"),
        _CONFIGURATION,
        calls=(Call("settings"), _ASSIGNMENTS),
    ),
    Contract(
        "conditionalAccessPolicy",
        ("identity/conditionalAccess/policies",),
        _POLICY,
        version="v1.0",
        moved="modifiedDateTime",
        family=Family.CONDITIONAL_ACCESS,
        licence=_PREMIUM,
    ),
    Contract(
        "namedLocation",
        ("identity/conditionalAccess/namedLocations",),
        _POLICY,
        version="v1.0",
        moved="modifiedDateTime",
        family=Family.CONDITIONAL_ACCESS,
        licence=_PREMIUM,
    ),
    Contract(
        "managedAppProtection",
        _app_management("iosManagedAppProtections", "androidManagedAppProtections"),
        _APPS,
        expand="apps",
        detail="$expand=apps",
        calls=(_ASSIGNMENTS,),
        promises=(Promise("", Call("apps")),),
    ),
    Contract(
        "mobileAppConfiguration",
        _app_management("mobileAppConfigurations"),
        _APPS,
        expand="assignments",
        detail="$expand=assignments",
        promises=(_PERHAPS_ASSIGNED,),
    ),
    Contract(
        "targetedManagedAppConfiguration",
        _app_management("targetedManagedAppConfigurations"),
        _APPS,
        expand="assignments",
        detail="$expand=assignments",
        promises=(_ASSIGNED,),
    ),
    Contract("assignmentFilter", _device_management("assignmentFilters"), _CONFIGURATION),
    Contract("roleScopeTag", _device_management("roleScopeTags"), _RBAC, calls=(_ASSIGNMENTS,)),
    Contract("roleDefinition", _device_management("roleDefinitions"), _RBAC, version="v1.0"),
    Contract("roleAssignment", _device_management("roleAssignments"), _RBAC, version="v1.0"),
    Contract(
        "deviceEnrollmentConfiguration",
        _device_management("deviceEnrollmentConfigurations"),
        _SERVICE,
        calls=(_ASSIGNMENTS,),
    ),
    Contract(
        "windowsAutopilotDeploymentProfile",
        _device_management("windowsAutopilotDeploymentProfiles"),
        _SERVICE,
        expand="assignments",
        detail="$expand=assignments",
        promises=(_PERHAPS_ASSIGNED,),
    ),
    *(
        Contract(
            item_type,
            _device_management(collection),
            _CONFIGURATION,
            expand="assignments",
            detail="$expand=assignments",
            promises=(_PERHAPS_ASSIGNED,),
        )
        for item_type, collection in (
            ("windowsFeatureUpdateProfile", "windowsFeatureUpdateProfiles"),
            ("windowsQualityUpdateProfile", "windowsQualityUpdateProfiles"),
            ("windowsQualityUpdatePolicy", "windowsQualityUpdatePolicies"),
            ("windowsDriverUpdateProfile", "windowsDriverUpdateProfiles"),
        )
    ),
    # The list leaves the body of a script out.
    *(
        Contract(
            item_type,
            _device_management(collection),
            _SCRIPTS,
            expand="assignments",
            detail="$expand=assignments",
            detailed=True,
            promises=(_PERHAPS_ASSIGNED,),
        )
        for item_type, collection in (
            ("deviceManagementScript", "deviceManagementScripts"),
            ("deviceShellScript", "deviceShellScripts"),
            ("deviceHealthScript", "deviceHealthScripts"),
            ("deviceComplianceScript", "deviceComplianceScripts"),
            ("deviceCustomAttributeShellScript", "deviceCustomAttributeShellScripts"),
        )
    ),
    Contract(
        "reusablePolicySetting",
        _device_management("reusablePolicySettings"),
        _CONFIGURATION,
        detail="$select=id,settingInstance,settingDefinitionId,displayName,description,lastModifiedDateTime",
        detailed=True,
    ),
    Contract(
        "notificationMessageTemplate",
        _device_management("notificationMessageTemplates"),
        _SERVICE,
        expand="localizedNotificationMessages",
        promises=(Promise("", Call("localizedNotificationMessages")),),
    ),
    Contract(
        "mobileApp",
        _app_management("mobileApps"),
        _APPS,
        select=_APP,
        detail=f"$select={_APP}",
        calls=(_ASSIGNMENTS,),
        opt_in=True,
    ),
)

CONTRACTS: Mapping[str, Contract] = {contract.item_type: contract for contract in _ALL}

DEFAULT_TYPES: tuple[str, ...] = tuple(contract.item_type for contract in _ALL if not contract.opt_in)
"""What is read where nobody names types: all but those that are large and opt-in."""

PERMISSIONS: tuple[str, ...] = tuple(sorted({contract.permission for contract in _ALL if not contract.opt_in}))
"""The application permissions that reading every type of `DEFAULT_TYPES` takes."""
