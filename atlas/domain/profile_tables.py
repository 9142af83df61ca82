"""What is so in every item type of Microsoft Graph: the general tables of the profiles, as data.

A change of a table is a new version of the profiles, because hashes made under it differ: `Tables` of its own beside
those of the versions before, under which the first run after the change is compared (`profiles.PROFILES`).
Property names are compared as Graph spells them. What no table names follows the general rule: kept, its arrays
order-free, its text digested.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from atlas.domain.enumerations import ENUMERATIONS

# Dropped wherever they stand.
SERVER_MANAGED = frozenset({
    "createdDateTime", "lastModifiedDateTime", "modifiedDateTime", "settingCount", "isAssigned", "creationSource",
    "priorityMetaData", "supportsScopeTags", "lastSyncDateTime", "lastSuccessfulSyncDateTime", "lastHeartbeatDateTime",
    "usedLicenseCount", "deployedAppCount", "uploadState", "publishingState", "highestAvailableVersion",
    "deployableContentDisplayName", "releaseDateDisplayName", "endOfSupportDate",
    # What devices and users report of an object, and what the server counts of it.
    "deviceStatuses", "userStatuses", "deviceStatusOverview", "userStatusOverview", "deviceSettingStateSummaries",
    "deviceRunStates", "userRunStates", "runSummary", "deviceStates", "userStates", "deviceStateSummary",
    "userStateSummary", "deviceStatusSummary", "userStatusSummary", "deploymentSummary", "driverInventories",
    "assignedDevices", "referencingConfigurationPolicies", "referencingConfigurationPolicyCount", "installSummary",
    "dependentAppCount", "supersededAppCount", "supersedingAppCount", "isMigratingToConfigurationPolicy",
    "committedContentVersion", "settingDefinitions", "definitionValue",
})  # fmt: skip
# Dropped at the root only: below it the same names are settings.
SERVER_MANAGED_AT_ROOT = frozenset({"id", "version", "size", "deletedDateTime"})
SERVER_MANAGED_ENDINGS = ("WillBeRolledBack", "PauseStartDate")
# Ids that the server gives to the parts of an object, anew whenever they are written.
CONTAINED_IDS = frozenset({
    "assignments/[]/id", "assignments/[]/sourceId",
    "scheduledActionsForRule/[]/id", "scheduledActionsForRule/[]/scheduledActionConfigurations/[]/id",
    "definitionValues/[]/id", "definitionValues/[]/presentationValues/[]/id",
    "localizedNotificationMessages/[]/id", "settings/[]/id", "apps/[]/id", "apps/[]/version",
})  # fmt: skip

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
    {"deviceAndAppManagementAssignmentFilterId", "notificationTemplateId", "assignmentFilterId"}
)

# Rows of these arrays are named by what they are about, where that is there: alternatives, each a path of names.
NATURAL_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "omaSettings": (("omaUri",),),
    "localizedNotificationMessages": (("locale",),),
    "definitionValues": (("definition", "id"),),
    "presentationValues": (("presentation", "id"),),
    "scheduledActionsForRule": (("ruleName",),),
    "scheduledActionConfigurations": (("actionType",),),
    "apps": (("mobileAppIdentifier", "bundleId"), ("mobileAppIdentifier", "packageId")),
    "settings": (("definitionId",), ("appConfigKey",)),
}
# Their row's name is a part of what a digest in it is bound to, so that one secret in two rows does not look equal.
SALTED_ROWS = frozenset({"omaSettings", "definitionValues", "presentationValues", "localizedNotificationMessages"})

# The array's order is a part of its meaning: pages of a screen, a list that is tried from the top.
ORDERED = frozenset({
    "homeScreenPages", "homeScreenDockIcons", "pages", "dnsServers", "dnsServerIPAddresses", "cipherSuites",
    "searchDomains", "dnsSuffixSearchList",
})  # fmt: skip
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
        "officeConfigurationXml", "customData", "installCommandLine", "uninstallCommandLine", "rulesContent",
        "userPrincipalName", "emailAddress", "phoneNumber", "notificationMessageCCList", "appleIdentifier",
        "appleId", "userName", "userPassword", "proxyPassword", "valueJson", "appConfigKeyValue",
        "secretReferenceValueId",
    )
)  # fmt: skip
SECRET_PREFIXES = ("contactit",)
# A value whose secrecy is known by where it stands: the array that holds it, and its name.
SECRET_IN_ROWS: Mapping[str, frozenset[str]] = {
    "omaSettings": frozenset({"value"}),
    "presentationValues": frozenset({"value", "values"}),
}
# The same, known by the kind of the object that holds the value, wherever that stands.
SECRET_KINDS = re.compile(r"SecretSettingValue$|\.groupPolicyPresentationValue|\.omaSetting")
SECRET_KIND_VALUES = frozenset({"value", "values", "defaultValue"})
# A number is shown, unless its name says that it opens something.
_OPENS_SOMETHING = (
    r"password|passwd|passcode|passphrase|secret|psk|sharedkey|accesskey|privatekey|token|credential|"
    r"activationcode|pincode|unlockcode|accesscode|pin"
)
SECRET_NUMBER = re.compile(rf"({_OPENS_SOMETHING})s?$", re.IGNORECASE)
_SECRET_NUMBER_2 = re.compile(
    rf"({_OPENS_SOMETHING}|(recovery|backup|security|verification|onetime|one_time_)(code|key)|(\b|_)[ht]?otp)s?$"
    # Within a word it is written large; `bootp` opens nothing.
    r"|(?-i:[a-z]O[Tt][Pp]s?$)",
    re.IGNORECASE,
)
# An object that holds a name and a value says by these what the value is called.
NAMES_OF_VALUES = ("definitionId", "name", "key", "appConfigKey")

# Text that may be shown beside the enumerations: names of what is configured, versions, ids of what is referred to.
SHOWN_AT_ROOT = frozenset({"name", "displayName"})
SHOWN_PROPERTIES = frozenset({
    "@odata.type", "platform", "platforms", "technologies", "templateId", "templateFamily",
    "templateDisplayName", "templateDisplayVersion", "roleScopeTagIds", "roleScopeTags", "ruleName",
    "bundleId", "packageId", "omaUri", "locale", "definitionId", "settingDefinitionId", "valueState",
    "actionType", "notificationTemplateId", "approvalType", "state", "classType", "categoryPath",
    "periodBeforePinReset", "periodOfflineBeforeAccessCheck", "periodOfflineBeforeWipeIsEnforced",
    "periodOnlineBeforeAccessCheck", "pinRequiredInsteadOfBiometricTimeout",
    "gracePeriodToBlockAppsDuringOffClockHours",
    "osMinimumVersion", "osMaximumVersion", "osMinimumBuildVersion", "osMaximumBuildVersion",
    "mobileOsMinimumVersion", "mobileOsMaximumVersion", "minimumRequiredOsVersion", "maximumRequiredOsVersion",
    "minimumWarningOsVersion", "maximumWarningOsVersion", "minimumWipeOsVersion", "maximumWipeOsVersion",
    "minimumRequiredAppVersion", "minimumWarningAppVersion", "minimumWipeAppVersion", "minimumRequiredSdkVersion",
    "minimumWarningSdkVersion", "minimumWipeSdkVersion", "minimumRequiredPatchVersion",
    "minimumWarningPatchVersion", "minimumWipePatchVersion", "minimumRequiredCompanyPortalVersion",
    "minimumWarningCompanyPortalVersion", "minimumWipeCompanyPortalVersion", "lowestVersion", "highestVersion",
    "featureUpdateVersion", "qualityUpdateRelease", "executionFrequency", "minimumSupportedWindowsRelease",
    "operator", "authenticationType", "mode", "countriesAndRegions", "deviceJoinType", "deviceType",
    "windowsAutopilotType", "userType", "firewallIPSecExemptionsAllowed", "assignmentFilter", "assignmentFilterType",
    "source", "targetedAppManagementLevels", "appConfigKey", "permission", "defaultLocale", "scopeType",
})  # fmt: skip
# Names that begin so hold a word from a closed vocabulary.
SHOWN_PREFIXES = ("appActionIf",)
# What shown text must look like: anything else under such a name is text, and text is digested.
SHOWN_SHAPE = re.compile(r"[A-Za-z0-9_.,:;+\-{}#~() /\\%*]{1,256}")


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The general tables of one version of the profiles. The rest of this module belongs to the form itself.

    With `empty_settings`, a setting of the Settings Catalog that is there is kept also where nothing stands in it.
    """

    server_managed: frozenset[str] = SERVER_MANAGED
    server_managed_at_root: frozenset[str] = SERVER_MANAGED_AT_ROOT
    server_managed_endings: tuple[str, ...] = SERVER_MANAGED_ENDINGS
    empty_guid_means_none: frozenset[str] = EMPTY_GUID_MEANS_NONE
    natural_keys: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=lambda: NATURAL_KEYS)
    salted_rows: frozenset[str] = SALTED_ROWS
    ordered: frozenset[str] = ORDERED
    ordered_definitions: re.Pattern[str] = ORDERED_DEFINITIONS
    secret_properties: frozenset[str] = SECRET_PROPERTIES
    secret_prefixes: tuple[str, ...] = SECRET_PREFIXES
    secret_in_rows: Mapping[str, frozenset[str]] = field(default_factory=lambda: SECRET_IN_ROWS)
    shown_properties: frozenset[str] = SHOWN_PROPERTIES
    shown_prefixes: tuple[str, ...] = SHOWN_PREFIXES
    enumerations: frozenset[str] = ENUMERATIONS
    secret_number: re.Pattern[str] = SECRET_NUMBER
    empty_settings: bool = False


FIRST_TABLES = Tables()
"""The general tables of version p1. Those of a later version are made of them by `dataclasses.replace`."""

SECOND_TABLES = replace(FIRST_TABLES, secret_number=_SECRET_NUMBER_2, empty_settings=True)
