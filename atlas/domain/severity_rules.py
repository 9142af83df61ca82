"""The rules of severity, as data. A change here is a new `RULES_VERSION`.

Patterns are searched in lower-case text: of settings in `<item type> <path>`, of objects in `<item type> <name>`.
The first rule that fits is the one that counts, so the narrower stand first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from atlas.domain.vocabulary import Severity

RULES_VERSION = "r1"


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

# Only what an object is called.
COSMETIC_PATHS = frozenset({"name", "displayName", "description"})
SCOPE_TAGS = "roleScopeTagIds"

ASSIGNMENT_SEVERITY: Mapping[str, Severity] = {
    "wider": Severity.MEDIUM,
    "narrower": Severity.HIGH,
    "changed": Severity.MEDIUM,
    "widest": Severity.HIGH,
}

# An assignment that comes or goes is judged by its mode; these come and go with it.
EVERYBODY = re.compile(r"^\[?(allUsers|allDevices)\b")
TOLD_BY_MODE = frozenset({"target", "intent", "source"})

# Booleans, by the property's name: which value is the stronger one.
STRONGER_TRUE = re.compile(
    r"(required|enabled|blocked|prevented|requireencryption|blocksimple|requiretpm)$|^(require|block|encrypt|prevent)",
    re.IGNORECASE,
)
STRONGER_FALSE = re.compile(r"^allow|allowed$|^disable|disabled$|optional$", re.IGNORECASE)
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
# Choices and words in the order of their strength, the weakest first.
STRENGTHS: tuple[tuple[str, ...], ...] = (
    ("off", "audit", "warn", "block"),
    ("notconfigured", "audit", "warn", "block"),
    ("disabled", "enabledforreportingbutnotenforced", "enabled"),
    ("warn", "block", "wipe"),
)
