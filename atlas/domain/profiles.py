"""What Atlas knows of Microsoft Graph's properties: which the server manages, which may be shown, which are secret.

Data only. A change of a table here is a new `PROFILES_VERSION`, because hashes made under it differ.
Property names are compared as Graph spells them; a path has `[]` for each row of an array.
What no table names follows the general rule: kept, its arrays order-free, its text digested.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PROFILES_VERSION = "p1"

ITEM_TYPES = (
    "configurationPolicy",
    "deviceConfiguration",
    "deviceCompliancePolicy",
    "compliancePolicy",
    "groupPolicyConfiguration",
    "deviceManagementIntent",
    "conditionalAccessPolicy",
    "namedLocation",
    "managedAppProtection",
    "mobileAppConfiguration",
    "targetedManagedAppConfiguration",
    "assignmentFilter",
    "roleScopeTag",
    "roleDefinition",
    "roleAssignment",
    "deviceEnrollmentConfiguration",
    "windowsAutopilotDeploymentProfile",
    "windowsFeatureUpdateProfile",
    "windowsQualityUpdateProfile",
    "windowsQualityUpdatePolicy",
    "windowsDriverUpdateProfile",
    "deviceManagementScript",
    "deviceShellScript",
    "deviceHealthScript",
    "deviceComplianceScript",
    "deviceCustomAttributeShellScript",
    "reusablePolicySetting",
    "notificationMessageTemplate",
    "mobileApp",
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is particular to one item type, beside the general tables: paths, in the form without row keys."""

    server_managed: frozenset[str] = frozenset()
    ordered: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()


# Dropped wherever they stand.
SERVER_MANAGED = frozenset(
    {
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "settingCount",
        "isAssigned",
        "creationSource",
        "priorityMetaData",
        "supportsScopeTags",
        "lastSyncDateTime",
        "lastSuccessfulSyncDateTime",
        "lastHeartbeatDateTime",
        "usedLicenseCount",
        "deployedAppCount",
        "uploadState",
        "publishingState",
        "highestAvailableVersion",
        "deployableContentDisplayName",
        "releaseDateDisplayName",
        "endOfSupportDate",
    }
)
# Dropped at the root only: below it the same names are settings.
SERVER_MANAGED_AT_ROOT = frozenset({"id", "version", "size"})
SERVER_MANAGED_ENDINGS = ("WillBeRolledBack", "PauseStartDate")

# What an object is called and where it stands among its siblings: left out of `settings_hash`.
IDENTITY_PROPERTIES = frozenset({"name", "displayName", "description", "priority"})
# Says what kind of object it is; two objects that share only these are not alike for it.
SCAFFOLDING_PROPERTIES = frozenset({
    "@odata.type", "platform", "platforms", "technologies", "templateReference", "roleScopeTagIds", "roleScopeTags",
})  # fmt: skip

# Graph writes this date where there is none, and the empty GUID where there is no reference.
SENTINEL_DATE = "0001-01-01T00:00:00"
EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
EMPTY_GUID_MEANS_NONE = frozenset(
    {
        "deviceAndAppManagementAssignmentFilterId",
        "notificationTemplateId",
        "assignmentFilterId",
    }
)

# Rows of these arrays are named by what they are about, where that is there: alternatives, each a path of names.
NATURAL_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "omaSettings": (("omaUri",),),
    "localizedNotificationMessages": (("locale",),),
    "definitionValues": (("definition", "id"),),
    "presentationValues": (("presentation", "id"),),
    "scheduledActionConfigurations": (("actionType",),),
    "apps": (("mobileAppIdentifier", "bundleId"), ("mobileAppIdentifier", "packageId")),
    "settings": (("definitionId",),),
}
# Their row's name is a part of what a digest in it is bound to, so that one secret in two rows does not look equal.
SALTED_ROWS = frozenset({"omaSettings", "definitionValues", "presentationValues", "localizedNotificationMessages"})

# The array's order is a part of its meaning: pages of a screen, a list that is tried from the top.
ORDERED = frozenset(
    {
        "homeScreenPages",
        "homeScreenDockIcons",
        "pages",
        "dnsServers",
        "dnsServerIPAddresses",
        "cipherSuites",
        "detectionRules",
        "rules",
        "searchDomains",
    }
)
ORDERED_DEFINITIONS = re.compile(r"(tlsciphersuites|configureellipticcurvecryptography|dnsservers|searchorder)$")

# Never shown, whatever type the value has, with all that lies beneath.
SECRET_PROPERTIES = frozenset(
    name.lower()
    for name in (
        "preSharedKey", "wifiPassword", "sharedSecret", "adminAccountPassword", "deviceAccountPassword",
        "adDomainPassword", "token", "tokenValue", "enrollmentToken", "qrCodeContent", "qrCodeImage",
        "encryptedPfxPassword", "encryptedPfxBlob", "activationCodes", "activationCode", "password", "passphrase",
        "passcode", "secret", "clientSecret", "privateKey", "apiKey", "accessKey", "pfxBlob", "certificate",
        "trustedRootCertificate", "scriptContent", "detectionScriptContent", "remediationScriptContent",
        "payload", "payloadJson", "encodedPayload", "configurationXml", "encodedSettingXml", "customXml",
        "officeConfigurationXml", "customData", "installCommandLine", "uninstallCommandLine",
        "userPrincipalName", "emailAddress", "phoneNumber", "notificationMessageCCList", "appleIdentifier",
        "appleId", "userName", "userPassword", "proxyPassword", "valueJson",
    )
)  # fmt: skip
SECRET_PREFIXES = ("contactit",)
# A value whose secrecy is known by where it stands: the array that holds it, and its name.
SECRET_IN_ROWS: Mapping[str, frozenset[str]] = {
    "omaSettings": frozenset({"value"}),
    "presentationValues": frozenset({"value", "values"}),
    "settings": frozenset({"valueJson"}),
}
# The same, known by the kind of the object that holds the value, wherever that stands.
SECRET_KINDS = re.compile(r"SecretSettingValue$|\.groupPolicyPresentationValue|\.omaSetting")
SECRET_KIND_VALUES = frozenset({"value", "values"})
# A number is shown, unless its name says that it opens something.
SECRET_NUMBER = re.compile(
    r"(password|passwd|passcode|passphrase|secret|psk|sharedkey|accesskey|privatekey|token|credential|"
    r"activationcode|pincode|unlockcode|accesscode|pin)s?$",
    re.IGNORECASE,
)
# An object that holds a name and a value says by these what the value is called.
NAMES_OF_VALUES = ("definitionId", "name", "key")

# Text that may be shown: names of what is configured, and words from closed vocabularies.
SHOWN_AT_ROOT = frozenset({"name", "displayName"})
SHOWN_PROPERTIES = frozenset({
    "@odata.type", "platform", "platforms", "technologies", "templateId", "templateFamily",
    "templateDisplayName", "templateDisplayVersion", "roleScopeTagIds", "roleScopeTags", "ruleName",
    "bundleId", "packageId", "omaUri", "locale", "definitionId", "settingDefinitionId", "valueState",
    "actionType", "notificationTemplateId", "approvalType", "state", "intent", "classType",
    "categoryPath", "configurationType", "policyConfigurationIngestionType",
    "allowedDataIngestionLocations", "allowedDataStorageLocations", "allowedInboundDataTransferSources",
    "allowedOutboundClipboardSharingLevel", "allowedOutboundDataTransferDestinations",
    "appDataEncryptionType", "appGroupType", "targetedAppManagementLevels", "dialerRestrictionLevel",
    "managedBrowser", "maximumAllowedDeviceThreatLevel", "mobileThreatDefenseRemediationAction",
    "mobileThreatDefensePartnerPriority", "notificationRestriction", "pinCharacterSet",
    "requiredAndroidSafetyNetAppsVerificationType", "requiredAndroidSafetyNetDeviceAttestationType",
    "requiredAndroidSafetyNetEvaluationType", "periodBeforePinReset", "periodOfflineBeforeAccessCheck",
    "periodOfflineBeforeWipeIsEnforced", "periodOnlineBeforeAccessCheck",
    "pinRequiredInsteadOfBiometricTimeout", "autoRestartNotificationDismissal", "automaticUpdateMode",
    "businessReadyUpdatesOnly", "deliveryOptimizationMode", "prereleaseFeatures", "updateNotificationLevel",
    "userPauseAccess", "userWindowsUpdateScanAccess", "allowDeviceHealthMonitoring",
    "configDeviceHealthMonitoringScope", "advancedThreatProtectionRequiredSecurityLevel",
    "deviceThreatProtectionRequiredSecurityLevel", "gatekeeperAllowedAppSource", "passwordRequiredType",
    "osMinimumVersion", "osMaximumVersion", "osMinimumBuildVersion", "osMaximumBuildVersion",
    "mobileOsMinimumVersion", "mobileOsMaximumVersion", "minimumRequiredOsVersion", "maximumRequiredOsVersion",
    "minimumWarningOsVersion", "minimumWipeOsVersion", "minimumRequiredAppVersion", "minimumRequiredSdkVersion",
    "minimumRequiredPatchVersion", "lowestVersion", "highestVersion", "featureUpdateVersion",
    "runAsAccount", "executionFrequency", "applicableArchitectures", "minimumSupportedWindowsRelease",
    "builtInControls", "clientAppTypes", "operator", "includePlatforms", "excludePlatforms",
    "signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels", "includeRoles", "excludeRoles",
    "includeGroups", "excludeGroups", "includeApplications", "excludeApplications", "includeUserActions",
    "includeLocations", "excludeLocations", "authenticationType", "frequencyInterval", "mode",
    "countriesAndRegions", "deviceJoinType", "deviceType", "windowsAutopilotType", "userType",
    "wiFiSecurityType", "certificateStore", "keySize", "keyUsage", "hashAlgorithm", "connectionType",
    "firewallIPSecExemptionsAllowed", "assignmentFilter", "assignmentFilterType", "source",
    "defenderPotentiallyUnwantedAppAction", "assignmentFilterManagementType",
})  # fmt: skip
# Names that begin so hold a word from a closed vocabulary.
SHOWN_PREFIXES = ("appActionIf",)
# What a shown word must look like: anything else under such a name is text, and text is digested.
SHOWN_SHAPE = re.compile(r"[A-Za-z0-9_.,:;+\-{}#~() /\\%*]{1,256}")

# A definition of an administrative template is Microsoft's text; only what names it is kept.
TEMPLATE_REFERENCES: Mapping[str, frozenset[str]] = {
    "definition": frozenset({"id", "displayName", "categoryPath", "classType"}),
    "presentation": frozenset({"id", "label"}),
}

_CONTAINED_IDS = frozenset({
    "assignments/[]/id", "assignments/[]/sourceId",
    "scheduledActionsForRule/[]/id", "scheduledActionsForRule/[]/scheduledActionConfigurations/[]/id",
    "definitionValues/[]/id", "definitionValues/[]/presentationValues/[]/id",
    "localizedNotificationMessages/[]/id", "settings/[]/id", "apps/[]/id", "apps/[]/version",
})  # fmt: skip
_GENERAL = Profile(server_managed=_CONTAINED_IDS)
_BY_TYPE: Mapping[str, Profile] = {
    "groupPolicyConfiguration": Profile(
        server_managed=_CONTAINED_IDS,
        shown=frozenset(
            {
                "definitionValues/[]/definition/displayName",
                "definitionValues/[]/definition/id",
                "definitionValues/[]/presentationValues/[]/presentation/id",
                "definitionValues/[]/presentationValues/[]/presentation/label",
            }
        ),
    ),
    "deviceConfiguration": Profile(server_managed=_CONTAINED_IDS, shown=frozenset({"omaSettings/[]/displayName"})),
    "windowsDriverUpdateProfile": Profile(
        server_managed=_CONTAINED_IDS | {"newUpdates", "inventorySyncStatus", "deviceReporting"},
    ),
}


def profile_of(item_type: str) -> Profile:
    """The profile of an item type; the general one for a type that no table names."""
    return _BY_TYPE.get(item_type, _GENERAL)
