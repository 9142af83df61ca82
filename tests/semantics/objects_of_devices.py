"""Makers of the item types that configure devices and sign-in (see `objects`)."""

import base64
import json
from random import Random
from typing import Any

from tests.semantics.objects import (
    GRAPH,
    flag,
    groups,
    guid,
    number,
    scheduled,
    text,
    thing,
    word,
    words,
)
from tests.semantics.trees import K, Noise, Nothing, Rows, V


def script(random: Random) -> V:
    return V(base64.b64encode(word(random).encode() * 9).decode(), hidden=True)


def oma(random: Random) -> dict[str, Any]:
    kind, value = random.choice((("String", word(random)), ("Integer", random.randint(1, 9**9)), ("Boolean", True)))
    return {
        "@odata.type": K(f"{GRAPH}omaSetting{kind}"),
        "displayName": V(word(random)),
        "description": Nothing(),
        "omaUri": K(f"./Device/Vendor/MSFT/{word(random)}"),
        "value": V(value, hidden=True),
        "isEncrypted": flag(random),
    }


def device_configuration(random: Random) -> dict[str, Any]:
    if random.random() < 0.5:
        return thing(
            random,
            "windows10CustomConfiguration",
            omaSettings=Rows([oma(random) for _ in range(random.randint(1, 4))], oma),
        )
    if random.random() < 0.3:
        return thing(
            random,
            "iosCustomConfiguration",
            payload=script(random),
            payloadName=text(random),
            payloadFileName=text(random),
        )
    return thing(
        random,
        "windowsWifiConfiguration",
        preSharedKey=V(word(random), hidden=True),
        wifiSecurityType=words(random, "open", "wpa2Personal"),
        connectAutomatically=flag(random),
        meteredConnectionLimit=words(random, "unrestricted", "fixed"),
        passwordExpirationDays=number(random),
        dnsServers=Rows([V(f"{word(random)} é", hidden=True) for _ in range(3)], ordered=True),
        featureUpdatesWillBeRolledBack=Noise(lambda again: again.random() < 0.5),
        startMenuLayout={
            "deep": {"rows": Rows([{"a": number(random), "b": text(random), "c": flag(random)} for _ in range(2)])}
        },
    )


def compliance(random: Random) -> dict[str, Any]:
    return thing(
        random,
        "windows10CompliancePolicy",
        bitLockerEnabled=flag(random),
        passwordMinimumLength=number(random),
        osMinimumVersion=V(f"10.0.{random.randint(1, 9**5)}"),
        scheduledActionsForRule=scheduled(random),
        mobileOsMinimumVersion=Nothing(),
        validOperatingSystemBuildRanges=Rows(
            [
                {
                    "lowestVersion": V(f"10.{random.randint(1, 9**5)}"),
                    "highestVersion": V(f"11.{random.randint(1, 9**5)}"),
                    "description": text(random),
                }
            ]
        ),
    )


def definition_value(random: Random) -> dict[str, Any]:
    def presented(again: Random) -> dict[str, Any]:
        return {
            "id": Noise(guid),
            "@odata.type": K(f"{GRAPH}groupPolicyPresentationValueText"),
            "value": V(word(again), hidden=True),
            "presentation": {"id": K(guid(again)), "label": V(word(again)), "explain": Noise(word)},
        }

    return {
        "id": Noise(guid),
        "enabled": flag(random),
        "configurationType": words(random, "policy", "preference"),
        "lastModifiedDateTime": Noise(word),
        "definition": {
            "id": K(guid(random)),
            "displayName": V(word(random)),
            "classType": words(random, "user", "machine"),
            "explainText": Noise(word),
        },
        "presentationValues": Rows([presented(random) for _ in range(random.randint(0, 3))], presented),
    }


def templates(random: Random) -> dict[str, Any]:
    rows = [definition_value(random) for _ in range(random.randint(1, 4))]
    return thing(
        random,
        None,
        policyConfigurationIngestionType=words(random, "builtIn", "custom"),
        definitionValues=Rows(rows, definition_value),
    )


def intent(random: Random) -> dict[str, Any]:
    def setting(again: Random) -> dict[str, Any]:
        value, hidden = again.choice(
            ((again.randint(1, 9**6), False), (True, False), ({"a": [word(again)]}, True), (word(again), True))
        )
        return {
            "id": Noise(guid),
            "@odata.type": K(f"{GRAPH}deviceManagementSettingInstance"),
            "definitionId": K(f"deviceConfiguration--{word(again)}"),
            "valueJson": V(json.dumps(value), hidden, "value"),
        }

    return thing(
        random,
        None,
        templateId=V(guid(random)),
        settings=Rows([setting(random) for _ in range(random.randint(1, 5))], setting),
    )


def conditional_access(random: Random) -> dict[str, Any]:
    users = {
        "includeUsers": Rows([V(random.choice(("All", "None")))], lambda again: V(guid(again), hidden=True)),
        "excludeUsers": Rows([V(guid(random), hidden=True)], lambda again: V(guid(again), hidden=True)),
        "includeGroups": groups(random),
        "excludeGroups": groups(random),
        "includeRoles": groups(random),
        "excludeRoles": Nothing(),
        "includeGuestsOrExternalUsers": {
            "guestOrExternalUserTypes": words(random, "internalGuest", "b2bCollaborationGuest,serviceProvider")
        },
    }
    conditions = {
        "users": users,
        "userRiskLevels": Rows([], lambda again: words(again, "high", "medium")),
        "clientAppTypes": Rows([V("all")]),
        "applications": {
            "includeApplications": groups(random),
            "excludeApplications": Nothing(),
            "applicationFilter": Nothing(),
        },
        "locations": {"includeLocations": Rows([V("All")]), "excludeLocations": groups(random)},
        "devices": {"deviceFilter": {"mode": words(random, "include", "exclude"), "rule": text(random)}},
    }
    made = thing(
        random,
        None,
        state=words(random, "enabled", "disabled", "enabledForReportingButNotEnforced"),
        conditions=conditions,
        modifiedDateTime=Noise(word),
        grantControls={
            "operator": words(random, "AND", "OR"),
            "builtInControls": Rows([V("mfa")], lambda again: words(again, "compliantDevice", "passwordChange")),
        },
        sessionControls={
            "signInFrequency": {
                "value": number(random),
                "type": words(random, "hours", "days"),
                "isEnabled": flag(random),
            }
        },
    )
    return {name: inner for name, inner in made.items() if name != "assignments"}


def named_location(random: Random) -> dict[str, Any]:
    def block(again: Random) -> dict[str, Any]:
        return {"@odata.type": K(f"{GRAPH}iPv4CidrRange"), "cidrAddress": V(f"{word(again)}/24 é", hidden=True)}

    return thing(
        random,
        "ipNamedLocation",
        isTrusted=flag(random),
        ipRanges=Rows([block(random) for _ in range(random.randint(1, 4))], block),
    )


def app_protection(random: Random) -> dict[str, Any]:
    def app(again: Random) -> dict[str, Any]:
        identifier = {
            "@odata.type": K(f"{GRAPH}iosMobileAppIdentifier"),
            "bundleId": K(f"com.{word(again)}.{word(again)}"),
        }
        return {"id": Noise(guid), "version": Noise(word), "mobileAppIdentifier": identifier}

    return thing(
        random,
        "iosManagedAppProtection",
        minimumPinLength=number(random),
        pinRequired=flag(random),
        periodOfflineBeforeAccessCheck=V(f"PT{random.randint(1, 9**4)}M"),
        allowedDataStorageLocations=Rows([V("sharePoint")], lambda _again: V("box")),
        appActionIfMaximumPinRetriesExceeded=words(random, "block", "wipe"),
        apps=Rows([app(random) for _ in range(random.randint(1, 4))], app),
        deployedAppCount=Noise(lambda again: again.randint(1, 9)),
        customBrowserProtocol=Nothing(),
    )


def enrollment(random: Random) -> dict[str, Any]:
    def restriction() -> dict[str, Any]:
        return {
            "platformBlocked": flag(random),
            "osMinimumVersion": V(f"1.{random.randint(1, 9**4)}"),
            "blockedManufacturers": Rows([text(random)], text),
        }

    return thing(
        random,
        "deviceEnrollmentPlatformRestrictionsConfiguration",
        priority=number(random),
        iosRestriction=restriction(),
        windowsRestriction=restriction(),
    )


def autopilot(random: Random) -> dict[str, Any]:
    screen = {
        "eulaHidden": flag(random),
        "userType": words(random, "standard", "administrator"),
        "deviceUsageType": words(random, "singleUser", "shared"),
    }
    return thing(
        random,
        "azureADWindowsAutopilotDeploymentProfile",
        locale=words(random, "de-DE", "en-US"),
        preprovisioningAllowed=flag(random),
        deviceNameTemplate=text(random),
        outOfBoxExperienceSetting=screen,
        outOfBoxExperienceSettings=Noise(lambda again: {"hideEULA": again.random() < 0.5}),
    )
