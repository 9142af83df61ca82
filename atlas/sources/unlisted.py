"""Item types that Atlas has no table of: each goes by the full name of its `@odata.type`, and by the general rule."""

import re
from collections.abc import Mapping
from typing import Any

_LONGEST = 200
_NAME = re.compile(r"microsoft\.graph(?:\.[A-Za-z][A-Za-z0-9_]*)+")

# Kinds that may have an id and are no configuration of the tenant's.
_NO_CONFIGURATION = re.compile(
    # People, devices, and what happened.
    r"user|group|device|contact|orgContact|directoryObject|servicePrincipal|managedDevice\w*|\w*DeviceIdentity"
    r"|\w*(?:Event|Operation|WipeAction|AssignedUserLicense|AssignedDeviceLicense|Summary|Overview|State|States|Status|History|Report)"
    # Parts of another object: what an object holds comes with it.
    r"|\w*(?:Assignment|AssignmentTarget|SettingInstance|SettingValue|ContainedApp|ActionItem|ActionForRule)"
    r"|deviceManagementConfigurationSetting|localizedNotificationMessage|mobileAppContent\w*|managedMobileApp"
    r"|windowsManagementApp"
    # Microsoft's own texts.
    r"|groupPolicy(?:Definition|Presentation|Category)\w*|deviceManagement\w*(?:Template|Category|SettingDefinition)"
    # How a service that is connected is doing.
    r"|\w*(?:Connector|Partner|VppToken)|applePushNotificationCertificate|depOnboardingSetting"
    r"|androidManagedStoreAccountEnterpriseSettings",
    re.IGNORECASE,
)


def is_full_name(name: str) -> bool:
    """Is this the full name of a type of Microsoft Graph, as in `microsoft.graph.policySet`?"""
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None


def as_graph_spells(name: str) -> str | None:
    """The full name that is meant, with a small letter behind each dot, as Graph begins the name of every type.

    None for what cannot be one.
    """
    parts = name.removeprefix("#").split(".")
    spelled = ".".join(part[:1].lower() + part[1:] for part in parts)
    return spelled if is_full_name(spelled) else None


def is_configuration(name: str) -> bool:
    """Whether objects of the type with this full name are inventory."""
    return _NO_CONFIGURATION.fullmatch(name.rpartition(".")[2]) is None


def told_by_full_name(raw: Mapping[str, Any]) -> str | None:
    """`microsoft.graph.policySet` where `@odata.type` says so; None where that names no configuration of Graph."""
    odata = raw.get("@odata.type")
    if not isinstance(odata, str) or not odata.startswith("#"):
        return None
    name = odata[1:]
    return name if is_full_name(name) and is_configuration(name) else None
