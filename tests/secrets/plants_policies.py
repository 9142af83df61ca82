"""Plants whose secrets stand in settings: Settings Catalog, administrative templates, intents, compliance."""

from dataclasses import replace
from typing import Any

from tests.domain.graph import KIND, assignment, choice, group_rows, simple, simple_rows
from tests.secrets.canaries import Plant, Seeds, id_of, plant

_D = "device_vendor_msft"


def settings_catalog(seeds: Seeds) -> Plant:
    """Each kind of setting instance of the Settings Catalog, with a secret in each."""
    settings = [
        simple(f"{_D}_laps_secret", seeds.text("deviceManagementConfigurationSecretSettingValue"), "Secret"),
        simple(f"{_D}_text", seeds.text("deviceManagementConfigurationStringSettingValue")),
        simple_rows(f"{_D}_rows", seeds.text("a row"), "a plain row", seeds.text("another row")),
        group_rows(
            f"{_D}_groups",
            [simple(f"{_D}_groups_psk", seeds.text("in a group row")), choice(f"{_D}_groups_on", "1")],
            [simple(f"{_D}_groups_psk", seeds.text("in another group row"), "Secret"), choice(f"{_D}_groups_on", "0")],
        ),
        choice(f"{_D}_on", "1", simple(f"{_D}_on_child", seeds.text("a child of a choice"))),
        simple(f"{_D}_pincode", seeds.number("numericPin of a definition")),
        simple(
            f"{_D}_json",
            f'{{"password": "{seeds.text("in JSON")}", "nested": [{{"pin": {seeds.number("in JSON#pin")}}}]}}',
        ),
        simple(f"{_D}_xml", f'<wlan key="{seeds.text("in XML")}"/>'),
        simple(f"{_D}_twice", seeds.text("a repeated setting")),
        simple(f"{_D}_twice", seeds.text("a repeated setting again")),
        simple(f"{_D}_future", seeds.text("of a kind to come"), "Future") | {"comment": seeds.text("unknownProperty")},
    ]
    return _policy(seeds, settings, description=seeds.text("description"))


def settings_of_shapes_to_come(seeds: Seeds) -> Plant:
    """Instances that no release of Microsoft Graph has yet."""
    instance = {
        "@odata.type": f"{KIND}FutureSettingInstance",
        "settingDefinitionId": f"{_D}_to_come",
        "futureSettingValue": {"value": seeds.text("future value"), "inner": [{"deep": seeds.text("future row")}]},
    }
    whole = {
        "@odata.type": f"{KIND}SimpleSettingInstance",
        "settingDefinitionId": f"{_D}_whole",
        "simpleSettingValue": {"@odata.type": f"{KIND}StringSettingValue", "value": {"any": seeds.text("an object")}},
    }
    return _policy(seeds, [instance, whole])


def reusable_setting(seeds: Seeds) -> Plant:
    return plant(
        "ReusableSettings", seeds, "deviceManagementReusablePolicySetting",
        settingDefinitionId=f"{_D}_reusable",
        settingInstance=simple(f"{_D}_reusable", seeds.text("deviceManagementConfigurationStringSettingValue")),
    )  # fmt: skip


def compliance_v2(seeds: Seeds) -> Plant:
    return plant(
        "CompliancePoliciesV2", seeds, "deviceManagementCompliancePolicy",
        technologies="linuxMdm",
        settings=[{"id": "0", "settingInstance": simple("linux_custom", seeds.text("a discovery script"))}],
    )  # fmt: skip


def administrative_template(seeds: Seeds) -> Plant:
    """Presentation values of each kind, in the object itself."""
    definition = {
        "id": id_of("definition"),
        "displayName": "A definition",
        "classType": "machine",
        "categoryPath": "\\Windows Components",
        "explainText": seeds.text("explanation of Microsoft", kept=False),
    }
    values = [{"id": id_of("value"), "enabled": True, "definition": definition, "presentationValues": _values(seeds)}]
    return plant("AdministrativeTemplates", seeds, "groupPolicyConfiguration", definitionValues=values)


def administrative_template_beside(seeds: Seeds) -> Plant:
    """The definition values in the second file that IntuneManagement writes, with a link to their definition."""
    link = f"https://graph.microsoft.com/beta/deviceManagement/groupPolicyDefinitions('{id_of('definition')}')"
    side = [{"enabled": True, "definition@odata.bind": link, "presentationValues": _values(seeds)}]
    return replace(plant("AdministrativeTemplates", seeds, "groupPolicyConfiguration"), side=side)


def _values(seeds: Seeds) -> list[dict[str, Any]]:
    kinds: list[tuple[str, Any]] = [
        ("Text", {"value": seeds.text("presentationValueText")}),
        ("Decimal", {"value": seeds.number("presentationValueDecimal")}),
        ("LongDecimal", {"value": seeds.number("presentationValueLongDecimal")}),
        (
            "List",
            {
                "values": [
                    {"name": seeds.text("presentationValueList"), "value": seeds.text("presentationValueList#value")}
                ]
            },
        ),
        (
            "MultiText",
            {"values": [seeds.text("presentationValueMultiText"), seeds.text("presentationValueMultiText#2")]},
        ),
    ]
    return [
        {
            "@odata.type": f"#microsoft.graph.groupPolicyPresentationValue{kind}",
            "id": id_of(f"value {kind}"),
            "presentation": {"id": id_of(f"presentation {kind}"), "label": "A label"},
            **value,
        }
        for kind, value in kinds
    ]


def intent(seeds: Seeds) -> Plant:
    """A legacy endpoint security policy; its settings stand in the second file, and tell each value twice."""
    definition = "deviceConfiguration--windows10EndpointProtectionConfiguration"
    row = {"definitionId": f"{definition}_rule", "valueJson": f'"{seeds.text("valueJson of a row", kept=False)}"'}
    settings = [
        {
            "@odata.type": "#microsoft.graph.deviceManagementStringSettingInstance",
            "id": "1", "definitionId": f"{definition}_text",
            "valueJson": f'"{seeds.text("valueJson")}"', "value": seeds.text("value of text", kept=False),
        },
        {
            "@odata.type": "#microsoft.graph.deviceManagementIntegerSettingInstance",
            "id": "2", "definitionId": f"{definition}_unlockPin",
            "valueJson": str(seeds.number("numericPin as JSON")), "value": seeds.number("numericPin", kept=False),
        },
        {
            "@odata.type": "#microsoft.graph.deviceManagementComplexSettingInstance",
            "id": "3", "definitionId": f"{definition}_rules",
            "valueJson": f'[{{"id": null, "value": "{seeds.text("valueJson of rows")}"}}]',
            "value": [row],
        },
    ]  # fmt: skip
    return replace(plant("EndpointSecurity", seeds, "deviceManagementIntent", isAssigned=True), side=settings)


def compliance(seeds: Seeds) -> Plant:
    action = {
        "id": id_of("action"), "actionType": "notification", "gracePeriodHours": 24,
        "notificationTemplateId": id_of("template"),
        "notificationMessageCCList": [
            seeds.text("notificationMessageCCList"), seeds.text("notificationMessageCCList#2"),
        ],
    }  # fmt: skip
    script = {"deviceComplianceScriptId": id_of("script"), "rulesContent": seeds.base64("rules")}
    actions = {"id": "0", "ruleName": "PasswordRequired", "scheduledActionConfigurations": [action]}
    return plant(
        "CompliancePolicies", seeds, "windows10CompliancePolicy", passwordRequired=True, passwordMinimumLength=12,
        scheduledActionsForRule=[actions], deviceCompliancePolicyScript=script,
    )  # fmt: skip


def notification(seeds: Seeds) -> Plant:
    body = f"Call {seeds.text('phone in a message')} or write to help@{seeds.text('phone in a message#2')}.example"
    message = {"id": id_of("message"), "locale": "en-us", "isDefault": True}
    return plant(
        "Notifications", seeds, "notificationMessageTemplate", brandingOptions="none",
        localizedNotificationMessages=[message | {"subject": seeds.text("subject"), "messageTemplate": body}],
    )  # fmt: skip


def conditional_access(seeds: Seeds) -> Plant:
    users = {"includeUsers": [seeds.text("userPrincipalName")], "includeRoles": [id_of("role")]}
    controls = {"operator": "OR", "builtInControls": ["mfa"], "termsOfUse": [seeds.text("terms")]}
    return plant(
        "ConditionalAccess", seeds, "conditionalAccessPolicy",
        state="enabled", conditions={"users": users, "clientAppTypes": ["all"]}, grantControls=controls,
    )  # fmt: skip


def named_location(seeds: Seeds) -> Plant:
    return plant(
        "NamedLocations", seeds, "ipNamedLocation", isTrusted=True, ipRanges=[{"cidrAddress": seeds.text("address")}]
    )


def role_assignment(seeds: Seeds) -> Plant:
    return plant(
        "RoleAssignments", seeds, "deviceAndAppManagementRoleAssignment",
        description=seeds.text("description"), members=[id_of("group")], resourceScopes=[id_of("scope")],
    )  # fmt: skip


def assignment_filter(seeds: Seeds) -> Plant:
    rule = f'(device.deviceOwnership -eq "{seeds.text("rule")}")'
    return plant("AssignmentFilters", seeds, "deviceAndAppManagementAssignmentFilter", platform="iOS", rule=rule)


def _policy(seeds: Seeds, settings: list[dict[str, Any]], **properties: Any) -> Plant:
    rows = [{"id": str(index), "settingInstance": setting} for index, setting in enumerate(settings)]
    target = {
        "@odata.type": "#microsoft.graph.futureAssignmentTarget",
        "groupId": id_of("group"),
        "secretOfTheTarget": seeds.text("unknownProperty of a target"),
    }
    made = plant(
        "SettingsCatalog", seeds, "deviceManagementConfigurationPolicy",
        platforms="windows10", technologies="mdm", settingCount=len(rows), settings=rows,
        assignments=[assignment(), {"target": target, "note": seeds.text("unknownProperty of an assignment")}],
        **properties,
    )  # fmt: skip
    made.raw["name"] = made.raw.pop("displayName")
    return made


POLICIES = (
    settings_catalog, settings_of_shapes_to_come, reusable_setting, compliance_v2, administrative_template,
    administrative_template_beside, intent, compliance, notification, conditional_access, named_location,
    role_assignment, assignment_filter,
)  # fmt: skip
