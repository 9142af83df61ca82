"""Makers of the item types about apps, roles, enrollment, updates and scripts (see `objects`)."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.semantics.objects import (
    GRAPH,
    assignments,
    compliance_v2,
    configuration_policy,
    flag,
    groups,
    guid,
    number,
    reusable,
    text,
    thing,
    word,
    words,
)
from tests.semantics.objects_of_devices import (
    app_protection,
    autopilot,
    compliance,
    conditional_access,
    device_configuration,
    enrollment,
    intent,
    named_location,
    script,
    templates,
)
from tests.semantics.trees import K, Noise, Nothing, Rows, V


def app_configuration(random: Random) -> dict[str, Any]:
    def item(again: Random) -> dict[str, Any]:
        return {
            "appConfigKey": K(f"com.{word(again)}"),
            "appConfigKeyType": V("stringType"),
            "appConfigKeyValue": V(word(again), hidden=True),
        }

    return thing(
        random,
        "iosMobileAppConfiguration",
        settings=Rows([item(random) for _ in range(random.randint(1, 4))], item),
        targetedMobileApps=groups(random),
    )


def managed_app_configuration(random: Random) -> dict[str, Any]:
    def pair(again: Random) -> dict[str, Any]:
        return {"name": K(f"key.{word(again)}"), "value": V(f"{word(again)} é", hidden=True)}

    return thing(
        random,
        None,
        customSettings=Rows([pair(random) for _ in range(random.randint(1, 4))], pair),
        appGroupType=words(random, "allApps", "selectedPublicApps"),
    )


def assignment_filter(random: Random) -> dict[str, Any]:
    made = thing(
        random,
        None,
        tags="roleScopeTags",
        platform=words(random, "windows10AndLater", "iOS"),
        rule=text(random),
        payloads=Noise(lambda again: [{"payloadId": guid(again)}]),
    )
    return {name: inner for name, inner in made.items() if name != "assignments"}


def role_definition(random: Random) -> dict[str, Any]:
    actions = Rows(
        [V(f"Microsoft.Intune_{word(random)}_Read") for _ in range(3)],
        lambda again: V(f"Microsoft.Intune_{word(again)}_Update"),
    )
    permissions = Rows(
        [
            {
                "resourceActions": Rows([{"allowedResourceActions": actions, "notAllowedResourceActions": Nothing()}]),
                "actions": Noise(lambda again: [word(again)]),
            }
        ]
    )
    return thing(
        random,
        "deviceAndAppManagementRoleDefinition",
        isBuiltIn=flag(random),
        rolePermissions=permissions,
        permissions=Noise(lambda again: [{"actions": [word(again)]}]),
    )


def role_assignment(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        members=groups(random),
        resourceScopes=groups(random),
        scopeType=words(random, "resourceScope", "allDevices"),
        roleDefinition={"id": V(guid(random)), "description": Noise(word)},
    )


def feature_update(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        featureUpdateVersion=words(random, "Windows 11, version 24H2", "Windows 10, version 22H2"),
        endOfSupportDate=Noise(word),
        deployableContentDisplayName=Noise(word),
        rolloutSettings={"offerIntervalInDays": number(random)},
    )


def quality_profile(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        releaseDateDisplayName=Noise(word),
        expeditedUpdateSettings={
            "qualityUpdateRelease": V(f"2026-{random.randint(10, 12)}-01T00:00:00Z"),
            "daysUntilForcedReboot": number(random),
        },
    )


def quality_policy(random: Random) -> dict[str, Any]:
    rows = [
        {
            "windowsQualityUpdateCategory": V("security"),
            "approvalMethodType": words(random, "manual", "automatic"),
            "deferredDeploymentInDay": number(random),
        }
    ]
    return thing(random, None, hotpatchEnabled=flag(random), approvalSettings=Rows(rows))


def driver_update(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        approvalType=words(random, "manual", "automatic"),
        deploymentDeferralInDays=number(random),
        newUpdates=Noise(lambda again: again.randint(1, 9)),
        deviceReporting=Noise(lambda again: again.randint(1, 9)),
    )


def powershell(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        scriptContent=script(random),
        runAsAccount=words(random, "system", "user"),
        enforceSignatureCheck=flag(random),
        fileName=text(random),
        runSummary=Noise(lambda again: {"errorDeviceCount": again.randint(1, 9)}),
    )


def shell(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        scriptContent=script(random),
        retryCount=number(random),
        executionFrequency=V(f"PT{random.randint(1, 99)}H"),
        blockExecutionNotifications=flag(random),
    )


def health(random: Random) -> dict[str, Any]:
    def parameter(again: Random) -> dict[str, Any]:
        return {
            "@odata.type": K(f"{GRAPH}deviceHealthScriptIntegerParameter"),
            "name": K(word(again)),
            "isRequired": flag(again),
            "defaultValue": number(again),
        }

    return thing(
        random,
        None,
        detectionScriptContent=script(random),
        remediationScriptContent=script(random),
        publisher=text(random),
        highestAvailableVersion=Noise(word),
        isGlobalScript=flag(random),
        detectionScriptParameters=Rows([parameter(random) for _ in range(random.randint(0, 2))], parameter),
    )


def compliance_script(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        detectionScriptContent=script(random),
        runAs32Bit=flag(random),
        runAsAccount=words(random, "system", "user"),
    )


def attribute_script(random: Random) -> dict[str, Any]:
    return thing(
        random,
        None,
        scriptContent=script(random),
        customAttributeName=text(random),
        customAttributeType=words(random, "integer", "string", "dateTime"),
    )


def notification(random: Random) -> dict[str, Any]:
    def message(again: Random) -> dict[str, Any]:
        return {
            "id": Noise(guid),
            "lastModifiedDateTime": Noise(word),
            "locale": K(f"{word(again)}"),
            "subject": text(again),
            "messageTemplate": text(again),
            "isDefault": flag(again),
        }

    return thing(
        random,
        None,
        defaultLocale=words(random, "en-us", "de-de"),
        brandingOptions=words(random, "none", "includeCompanyLogo,includeContactInformation"),
        localizedNotificationMessages=Rows([message(random) for _ in range(random.randint(1, 3))], message),
    )


def app(random: Random) -> dict[str, Any]:
    made = thing(
        random,
        "win32LobApp",
        installCommandLine=V(word(random), hidden=True),
        publisher=text(random),
        size=Noise(lambda again: again.randint(1, 9**9)),
        publishingState=Noise(word),
        uploadState=Noise(lambda again: again.randint(0, 9)),
        minimumSupportedWindowsRelease=words(random, "21H1", "2004"),
        committedContentVersion=Noise(word),
        returnCodes=Rows([{"returnCode": number(random), "type": words(random, "success", "retry")} for _ in range(3)]),
        rules=Rows(
            [
                {
                    "@odata.type": K(f"{GRAPH}win32LobAppFileSystemRule"),
                    "path": text(random),
                    "check32BitOn64System": flag(random),
                }
                for _ in range(2)
            ]
        ),
    )
    return {**made, "assignments": assignments(random, intent=True)}


def unheard_of(random: Random) -> dict[str, Any]:
    """A type that Atlas was never told of: the general rule."""
    rows = [{"one": number(random), "two": text(random), "three": flag(random)} for _ in range(3)]
    return thing(
        random,
        None,
        depth={"of": {"many": {"levels": number(random)}}},
        rows=Rows(rows),
        size2=text(random),
        list=Rows([number(random), number(random)], number),
    )


MAKERS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "configurationPolicy": configuration_policy,
    "deviceConfiguration": device_configuration,
    "deviceCompliancePolicy": compliance,
    "compliancePolicy": compliance_v2,
    "groupPolicyConfiguration": templates,
    "deviceManagementIntent": intent,
    "conditionalAccessPolicy": conditional_access,
    "namedLocation": named_location,
    "managedAppProtection": app_protection,
    "mobileAppConfiguration": app_configuration,
    "targetedManagedAppConfiguration": managed_app_configuration,
    "assignmentFilter": assignment_filter,
    "roleScopeTag": lambda random: thing(random, None, isBuiltIn=flag(random)),
    "roleDefinition": role_definition,
    "roleAssignment": role_assignment,
    "deviceEnrollmentConfiguration": enrollment,
    "windowsAutopilotDeploymentProfile": autopilot,
    "windowsFeatureUpdateProfile": feature_update,
    "windowsQualityUpdateProfile": quality_profile,
    "windowsQualityUpdatePolicy": quality_policy,
    "windowsDriverUpdateProfile": driver_update,
    "deviceManagementScript": powershell,
    "deviceShellScript": shell,
    "deviceHealthScript": health,
    "deviceComplianceScript": compliance_script,
    "deviceCustomAttributeShellScript": attribute_script,
    "reusablePolicySetting": reusable,
    "notificationMessageTemplate": notification,
    "mobileApp": app,
    "somethingUnheardOf": unheard_of,
}
