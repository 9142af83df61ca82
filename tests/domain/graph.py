"""Plain factories of raw Graph objects, as an export or an answer of Microsoft Graph holds them."""

from typing import Any
from uuid import UUID

from atlas.domain.keys import derive_tenant_key

KEY = derive_tenant_key(b"a deployment key for the tests..", UUID(int=7))
OTHER_KEY = derive_tenant_key(b"a deployment key for the tests..", UUID(int=8))
KIND = "#microsoft.graph.deviceManagementConfiguration"
GROUP = "b7c7a7a0-0000-4000-8000-000000000001"


def policy(*settings: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    """A Settings Catalog policy with the annotations and the server-managed properties of a real one."""
    return {
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#deviceManagement/configurationPolicies/$entity",
        "@odata.type": f"{KIND}Policy",
        "id": "11111111-1111-4111-8111-111111111111",
        "name": "Baseline - Encryption - v1.0",
        "description": "",
        "platforms": "windows10",
        "platforms@odata.type": f"{KIND}Platforms",
        "technologies": "mdm",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "settingCount": len(settings),
        "isAssigned": False,
        "roleScopeTagIds": ["0"],
        "#microsoft.graph.assign": {"title": "microsoft.graph.assign", "target": "https://graph.microsoft.com/x"},
        "settings": [{"id": str(index), "settingInstance": setting} for index, setting in enumerate(settings)],
        **overrides,
    }


def choice(definition: str, option: str, *children: dict[str, Any]) -> dict[str, Any]:
    value = {"@odata.type": f"{KIND}ChoiceSettingValue", "value": f"{definition}_{option}", "children": list(children)}
    return {
        "@odata.type": f"{KIND}ChoiceSettingInstance",
        "settingDefinitionId": definition,
        "settingInstanceTemplateReference": None,
        "choiceSettingValue": value,
    }


def simple(definition: str, value: object, kind: str | None = None) -> dict[str, Any]:
    return {
        "@odata.type": f"{KIND}SimpleSettingInstance",
        "settingDefinitionId": definition,
        "simpleSettingValue": simple_value(value, kind),
    }


def simple_value(value: object, kind: str | None = None) -> dict[str, Any]:
    kind = kind or ("Integer" if isinstance(value, int) else "String")
    return {"@odata.type": f"{KIND}{kind}SettingValue", "value": value}


def simple_rows(definition: str, *values: object) -> dict[str, Any]:
    return {
        "@odata.type": f"{KIND}SimpleSettingCollectionInstance",
        "settingDefinitionId": definition,
        "simpleSettingCollectionValue": [simple_value(value) for value in values],
    }


def group_rows(definition: str, *rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@odata.type": f"{KIND}GroupSettingCollectionInstance",
        "settingDefinitionId": definition,
        "groupSettingCollectionValue": [{"children": children} for children in rows],
    }


def assignment(kind: str = "groupAssignmentTarget", group: str | None = GROUP, **more: Any) -> dict[str, Any]:
    target: dict[str, Any] = {"@odata.type": f"#microsoft.graph.{kind}"}
    if group:
        target["groupId"] = group
    target["deviceAndAppManagementAssignmentFilterId"] = more.pop("filter_id", None)
    target["deviceAndAppManagementAssignmentFilterType"] = more.pop("filter_type", "none")
    return {"id": f"policy_{group}", "source": "direct", "sourceId": "policy", "target": target, **more}


def compliance(**overrides: Any) -> dict[str, Any]:
    """A compliance policy with its scheduled action."""
    action = {
        "id": "22222222-2222-4222-8222-222222222222",
        "actionType": "block",
        "gracePeriodHours": 12,
        "notificationTemplateId": "00000000-0000-0000-0000-000000000000",
        "notificationMessageCCList": [],
    }
    return {
        "@odata.type": "#microsoft.graph.windows10CompliancePolicy",
        "id": "33333333-3333-4333-8333-333333333333",
        "displayName": "Windows - Compliance - v1.0",
        "version": 4,
        "bitLockerEnabled": True,
        "passwordMinimumLength": 8,
        "osMinimumVersion": None,
        "scheduledActionsForRule": [{"id": "3", "ruleName": None, "scheduledActionConfigurations": [action]}],
        "assignments": [],
        **overrides,
    }


def custom_configuration(*oma_settings: dict[str, Any], **overrides: Any) -> dict[str, Any]:
    """A device configuration of OMA-URI settings."""
    return {
        "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "id": "44444444-4444-4444-8444-444444444444",
        "displayName": "Windows - Custom",
        "omaSettings": list(oma_settings),
        **overrides,
    }


def oma(uri: str, value: object, kind: str = "omaSettingString") -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}", "displayName": "A setting", "omaUri": uri, "value": value}
