"""What is particular to each item type of Microsoft Graph, as data.

The rules are versioned, and the version is a part of the canonical form's prefix. A change of a table, here, in
`profile_tables` or in `enumerations`, is a new entry at the head of `PROFILES`; those before it stay, so that the first
run after the change is compared under what the scope was recorded with. Contents are renamed then, and it is no drift.
A path has `[]` for each row of an array. A type that no table names follows the general rule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from atlas.domain.profile_tables import CONTAINED_IDS, FIRST_TABLES, SECOND_TABLES, SHOWN_SHAPE, Tables

ITEM_TYPES = (
    "configurationPolicy", "deviceConfiguration", "deviceCompliancePolicy", "compliancePolicy",
    "groupPolicyConfiguration", "deviceManagementIntent", "conditionalAccessPolicy", "namedLocation",
    "managedAppProtection", "mobileAppConfiguration", "targetedManagedAppConfiguration", "assignmentFilter",
    "roleScopeTag", "roleDefinition", "roleAssignment", "deviceEnrollmentConfiguration",
    "windowsAutopilotDeploymentProfile", "windowsFeatureUpdateProfile", "windowsQualityUpdateProfile",
    "windowsQualityUpdatePolicy", "windowsDriverUpdateProfile", "deviceManagementScript", "deviceShellScript",
    "deviceHealthScript", "deviceComplianceScript", "deviceCustomAttributeShellScript", "reusablePolicySetting",
    "notificationMessageTemplate", "mobileApp",
)  # fmt: skip

NaturalKeys = Mapping[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What is particular to one item type, beside the general tables.

    By path: `server_managed` is dropped; `shown` gives the shape of the text that may be shown; `superseded` names
    properties that say again, in an older way, what the other one beside them says, and are dropped where that is
    there. By name: `natural_keys` says of an array what its rows are called after, and `salted` that digests in them
    are bound to that; `references` are objects of Microsoft's that are expanded in place, with what is kept of them.
    """

    server_managed: frozenset[str] = CONTAINED_IDS
    shown: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)
    natural_keys: NaturalKeys = field(default_factory=dict)
    salted: frozenset[str] = frozenset()
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tables: Tables = FIRST_TABLES


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """One version of all profiles: `general` holds for the types that `by_type` does not name."""

    version: str
    by_type: Mapping[str, Profile]
    general: Profile

    def profile_of(self, item_type: str) -> Profile:
        return self.by_type.get(item_type, self.general)

    def revised(
        self, version: str, *, by_type: Mapping[str, Profile] | None = None, tables: Tables | None = None
    ) -> "Profiles":
        """The next version: with other profiles of some types, or other general tables for all of them."""
        merged = {**self.by_type, **(by_type or {})}
        if tables is None:
            return Profiles(version, merged, self.general)
        with_tables = {item_type: replace(profile, tables=tables) for item_type, profile in merged.items()}
        return Profiles(version, with_tables, replace(self.general, tables=tables))


_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IDS = re.compile(rf"{_GUID.pattern}|[A-Za-z0-9_]{{1,64}}")
# The id of a person is personal data, even where it is only a number. Of users no more than these words is shown.
_NO_PERSON = re.compile(r"All|None|GuestsOrExternalUsers")
_ACTION = re.compile(r"[A-Za-z0-9_./]{1,256}")
_CLOCK = re.compile(r"[0-9T:.Z+-]{1,40}")

_CONDITIONS = "conditions"
_CONDITIONAL_ACCESS = Profile(
    shown={
        f"{_CONDITIONS}/users/includeUsers/[]": _NO_PERSON,
        f"{_CONDITIONS}/users/excludeUsers/[]": _NO_PERSON,
        **{
            f"{_CONDITIONS}/{path}/[]": _IDS
            for path in (
                "users/includeGroups", "users/excludeGroups", "users/includeRoles", "users/excludeRoles",
                "applications/includeApplications", "applications/excludeApplications",
                "applications/includeAuthenticationContextClassReferences",
                "locations/includeLocations", "locations/excludeLocations",
                "devices/includeDeviceStates", "devices/excludeDeviceStates",
                "clientApplications/includeServicePrincipals", "clientApplications/excludeServicePrincipals",
                "users/includeGuestsOrExternalUsers/externalTenants/members",
                "users/excludeGuestsOrExternalUsers/externalTenants/members",
            )
        },
        f"{_CONDITIONS}/applications/includeUserActions/[]": re.compile(r"urn:user:[a-z]{1,64}"),
        "grantControls/termsOfUse/[]": _GUID,
        "grantControls/customAuthenticationFactors/[]": _IDS,
        "grantControls/authenticationStrength/id": _GUID,
        "grantControls/authenticationStrength/displayName": SHOWN_SHAPE,
        "sessionControls/signInFrequency/type": _IDS,
        "sessionControls/globalSecureAccessFilteringProfile/profileId": _GUID,
    },
    # Graph expands the strength that the policy refers to: changes of its own are no change of the policy.
    references={"authenticationStrength": frozenset({"id", "displayName"})},
)  # fmt: skip
_HEALTH_SCRIPT = Profile(
    shown={
        "assignments/[]/runSchedule/time": _CLOCK,
        "assignments/[]/runSchedule/date": _CLOCK,
        "detectionScriptParameters/[]/name": SHOWN_SHAPE,
        "remediationScriptParameters/[]/name": SHOWN_SHAPE,
    },
    natural_keys={"detectionScriptParameters": (("name",),), "remediationScriptParameters": (("name",),)},
)
# A definition of an administrative template is Microsoft's text; only what names it is kept.
_ADMINISTRATIVE_TEMPLATE = Profile(
    shown={
        "definitionValues/[]/definition/displayName": SHOWN_SHAPE,
        "definitionValues/[]/definition/id": SHOWN_SHAPE,
        "definitionValues/[]/presentationValues/[]/presentation/id": SHOWN_SHAPE,
        "definitionValues/[]/presentationValues/[]/presentation/label": SHOWN_SHAPE,
    },
    references={
        "definition": frozenset({"id", "displayName", "categoryPath", "classType"}),
        "presentation": frozenset({"id", "label"}),
    },
)
_ROLE_DEFINITION = Profile(
    server_managed=CONTAINED_IDS | {"roleAssignments"},
    shown={
        f"{permissions}/[]/{actions}": _ACTION
        for permissions in ("rolePermissions", "permissions")
        for actions in (
            "actions/[]", "resourceActions/[]/allowedResourceActions/[]",
            "resourceActions/[]/notAllowedResourceActions/[]",
        )
    },
    superseded={
        "permissions": "rolePermissions",
        "isBuiltInRoleDefinition": "isBuiltIn",
        "rolePermissions/[]/actions": "resourceActions",
        "permissions/[]/actions": "resourceActions",
    },
)  # fmt: skip
_ROLE_ASSIGNMENT = Profile(
    # Members of a role assignment are groups.
    shown={f"{name}/[]": _IDS for name in ("members", "scopeMembers", "resourceScopes")}
    | {"roleDefinition/id": _GUID, "roleDefinition/displayName": SHOWN_SHAPE},
    superseded={"roleScopeTags": "roleScopeTagIds"},
    references={"roleDefinition": frozenset({"id", "displayName"})},
)
_BY_TYPE: Mapping[str, Profile] = {
    "deviceConfiguration": Profile(
        shown={"omaSettings/[]/displayName": SHOWN_SHAPE}, superseded={"groupAssignments": "assignments"}
    ),
    "groupPolicyConfiguration": _ADMINISTRATIVE_TEMPLATE,
    "conditionalAccessPolicy": _CONDITIONAL_ACCESS,
    "targetedManagedAppConfiguration": Profile(
        shown={"customSettings/[]/name": SHOWN_SHAPE}, natural_keys={"customSettings": (("name",),)}
    ),
    "mobileAppConfiguration": Profile(shown={"targetedMobileApps/[]": _IDS}),
    "assignmentFilter": Profile(server_managed=CONTAINED_IDS | {"payloads"}),
    "roleDefinition": _ROLE_DEFINITION,
    "roleAssignment": _ROLE_ASSIGNMENT,
    "deviceEnrollmentConfiguration": Profile(shown={"selectedMobileAppIds/[]": _IDS}),
    "windowsAutopilotDeploymentProfile": Profile(
        superseded={
            "outOfBoxExperienceSettings": "outOfBoxExperienceSetting",
            "enableWhiteGlove": "preprovisioningAllowed",
            "extractHardwareHash": "hardwareHashExtractionEnabled",
            "language": "locale",
        },
    ),
    "windowsDriverUpdateProfile": Profile(
        server_managed=CONTAINED_IDS | {"newUpdates", "inventorySyncStatus", "deviceReporting"},
    ),
    "deviceManagementScript": Profile(superseded={"groupAssignments": "assignments"}),
    "deviceShellScript": Profile(superseded={"groupAssignments": "assignments"}),
    "deviceCustomAttributeShellScript": Profile(superseded={"groupAssignments": "assignments"}),
    "deviceHealthScript": _HEALTH_SCRIPT,
    "deviceComplianceScript": _HEALTH_SCRIPT,
    "mobileApp": Profile(
        natural_keys={"categories": (("id",),)}, shown={"categories/[]/id": _GUID, "returnCodes/[]/type": _IDS}
    ),
}

_FIRST = Profiles("p1", _BY_TYPE, Profile())

PROFILES: tuple[Profiles, ...] = (_FIRST.revised("p2", tables=SECOND_TABLES), _FIRST)
"""Every version that a scope may be recorded under, the present one first. An old one goes when no scope needs it."""
