"""The rules of severity, as data. A change here is a new `RULES_VERSION`.

Patterns are searched in lower-case text: of settings in `<item type> <path>`, of objects in `<item type> <name>`.
The first rule that fits is the one that counts, so the narrower stand first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from atlas.domain.vocabulary import Severity

RULES_VERSION = "r2"


@dataclass(frozen=True, slots=True)
class SettingClass:
    """A class of settings: how severe a change of one is, and how it is called in a reason."""

    name: str
    severity: Severity
    pattern: re.Pattern[str]


def _class(name: str, severity: Severity, pattern: str) -> SettingClass:
    return SettingClass(name, severity, re.compile(pattern))


SETTING_CLASSES = (
    _class("a conditional access rule", Severity.HIGH, r"^conditionalaccesspolicy |^namedlocation "),
    _class("an administrator's right", Severity.HIGH, r"^roledefinition |^roleassignment "),
    _class(
        "disk encryption",
        Severity.HIGH,
        r"bitlocker|filevault|requiredeviceencryption|storagerequireencryption|encryptappdata",
    ),
    _class(
        "a credential safeguard",
        Severity.HIGH,
        r"\blaps\b|[_/]laps_|credentialguard|lsacfg|lsaprotection|passwordbackup|wdigest",
    ),
    _class(
        "attack surface reduction",
        Severity.HIGH,
        r"attacksurfacereduction|attack surface|asrrules|asronly|controlledfolderaccess",
    ),
    _class("the firewall", Severity.HIGH, r"firewall"),
    _class(
        "malware protection",
        Severity.HIGH,
        r"defender|antivirus|antispyware|rtpenabled|realtimemonitoring|smartscreen|tamperprotection",
    ),
    _class(
        "device integrity",
        Severity.HIGH,
        r"secureboot|codeintegrity|deviceguard|virtualizationbased|dmaguard|tpmrequired",
    ),
    _class(
        "sign-in to the device",
        Severity.MEDIUM,
        r"password|passcode|passportforwork|windows hello|devicelock|biometric|pinrequired|pinlength",
    ),
    _class(
        "updates",
        Severity.MEDIUM,
        r"windowsupdate|[_/]update_|deferral|deadlinefor|wufb|updateprofile|qualityupdate|featureupdate|driversexcluded",
    ),
    _class("a compliance rule", Severity.MEDIUM, r"^devicecompliancepolicy |^compliancepolicy "),
    _class("a script", Severity.MEDIUM, r"^\w+script "),
    _class("app protection", Severity.MEDIUM, r"^managedappprotection "),
    _class(
        "a user right or a security option",
        Severity.MEDIUM,
        r"userrights|securityoptions|lanman|kerberos|ntlm|[_/]smb",
    ),
    # The last resort is what people call an object that hardens something.
    _class("a security baseline", Severity.MEDIUM, r"- security -|security baseline|hardening|securityguide|msslegacy"),
)
OTHER_SETTING = SettingClass("a setting", Severity.LOW, re.compile(""))
# Of a setting whose own path says that it is of these, what is enabled is a protection: elsewhere it may be anything.
SECURITY_CLASSES = frozenset({
    "disk encryption", "a credential safeguard", "attack surface reduction", "the firewall", "malware protection",
    "device integrity", "a compliance rule",
})  # fmt: skip

# Only what an object is called.
COSMETIC_PATHS = frozenset({"name", "displayName", "description"})
SCOPE_TAGS = frozenset({"roleScopeTagIds", "roleScopeTags"})
# One object put before six others moves all of them, and no setting of any.
PLACE_PATHS = frozenset({"priority"})

ASSIGNMENT_SEVERITY: Mapping[str, Severity] = {
    "wider": Severity.MEDIUM,
    "narrower": Severity.HIGH,
    "changed": Severity.MEDIUM,
    "widest": Severity.HIGH,
    "nobody": Severity.CRITICAL,
}

# An assignment that comes or goes is judged by its mode; these come and go with it.
EVERYBODY = re.compile(r"^\[?(allUsers|allDevices)\b")
TOLD_BY_MODE = frozenset({"target", "intent", "source"})

# Booleans, by the property's name: which value is the stronger one. Names are in camel case, words begin in capitals.
STRONGER_TRUE = re.compile(
    r"(required|blocked|prevented|requireencryption|blocksimple|requiretpm)$|^(require|block|encrypt|prevent)|"
    r"^defenderallow(?!enduseraccess)",
    re.IGNORECASE,
)
STRONGER_TRUE_WORD = re.compile(r"[a-z0-9](Require|Required|Block|Encrypt|Prevent)(?=[A-Z])")
STRONGER_FALSE = re.compile(
    r"^allow|allowed$|optional$|^disable(protection|app(pin|encryption))|^stealthmodeblocked$|"
    r"^(incomingtraffic|inboundconnections|outboundconnections)required$",
    re.IGNORECASE,
)
# In a security class alone.
SWITCHED_ON = re.compile(r"[Ee]nabled$|(^enable|[a-z0-9]Enable)(?=[A-Z])")
SWITCHED_OFF = re.compile(r"[Dd]isabled$|^disable(?=[A-Z])")
# Whether an update is let through or kept back is no matter of more or less.
UNKNOWN_SWITCH = re.compile(r"update|inboundnotifications", re.IGNORECASE)
# Integers, by the property's or the definition's name.
STRONGER_GREATER = re.compile(
    r"(minimumlength|minimumpinlength|mindevicepasswordlength|minimumcharactersetcount|passwordlength|historycount|"
    r"previouspasswordblockcount|previouspinblockcount)$", re.IGNORECASE
)  # fmt: skip
STRONGER_LESS = re.compile(
    r"(graceperiodhours|deferralperiodindays|deferralindays|deadlineforqualityupdatesindays|expirationdays|"
    r"minutesofinactivitybeforelock|maxinactivitytimedevicelock|maximumpinretries|passwordagedays)$", re.IGNORECASE
)  # fmt: skip
# Settings Catalog choices that end in `_0` and `_1` where 1 is the protection switched on.
STRONGER_ONE = re.compile(
    r"(requiredeviceencryption|allowrealtimemonitoring|allowbehaviormonitoring|allowcloudprotection|allowioavprotection|"
    r"allowscriptscanning|allowarchivescanning|allowemailscanning|enablefirewall|enablenetworkprotection|"
    r"enablecontrolledfolderaccess|puaprotection|enablevirtualizationbasedsecurity|lsacfgflags|requireencryption|"
    r"requiresecuritysignature|enablesmartscreen\w*|configuresmartscreen|preventoverride\w*|tamperprotection)$"
)
# What these choose blocks something, and where they are not, nothing is blocked.
RULES_THAT_BLOCK = re.compile(r"attacksurfacereductionrules_")
# Choices and words in the order of their strength, the weakest first.
STRENGTHS: tuple[tuple[str, ...], ...] = (
    ("off", "audit", "warn", "block"),
    ("notconfigured", "audit", "warn", "block"),
    ("disabled", "enabledforreportingbutnotenforced", "enabled"),
    ("warn", "block", "wipe"),
)

# Conditional access. What it covers is told apart in words by the condition, and by these is judged like an assignment.
ACCESS_TYPE = "conditionalAccessPolicy"
ACCESS_CONDITIONS: Mapping[str, str] = {
    "users": "users",
    "applications": "apps",
    "locations": "locations",
    "platforms": "platforms",
    "devices": "devices",
    "clientApplications": "workload identities",
}
# Without the first nobody is covered; without the others everything is.
ACCESS_CONDITIONS_ALWAYS = frozenset({"users", "applications", "clientApplications"})
ACCESS_CONDITIONS_AT_WILL = frozenset({"locations", "platforms"})
# What includes all there is, and what nothing.
ACCESS_ALL = frozenset({"All", "all", "ServicePrincipalsInMyTenant"})
ACCESS_NONE = frozenset({"None", "none"})
# Conditions that are lists of their own, or words with commas between them: without one the policy covers them all.
ACCESS_LISTS: Mapping[str, str] = {
    "signInRiskLevels": "sign-in risks",
    "userRiskLevels": "user risks",
    "servicePrincipalRiskLevels": "risks of workload identities",
    "insiderRiskLevels": "insider risks",
    "agentIdRiskLevels": "risks of agents",
    "clientAppTypes": "kinds of client apps",
}
# What it asks for: each row is a control.
ACCESS_OPERATOR = "grantControls/operator"
ACCESS_CONTROLS = re.compile(
    r"^grantControls/(builtInControls|customAuthenticationFactors|termsOfUse)/|^grantControls/authenticationStrength/id$"
)
ACCESS_SWITCHES = re.compile(
    r"^sessionControls/(applicationEnforcedRestrictions|cloudAppSecurity|signInFrequency)/isEnabled$"
)
