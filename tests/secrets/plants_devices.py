"""Plants whose secrets stand in properties: device configurations, scripts, apps, enrolment."""

from typing import Any

from tests.secrets.canaries import Plant, Seeds, id_of, plant

_PROFILE = "<?xml version='1.0'?><plist><dict><key>Password</key><string>{}</string></dict></plist>"
_DEVICE = "DeviceConfiguration"


def wifi(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "iosWiFiConfiguration",
        networkName="Office", ssid=seeds.text("ssid"), wiFiSecurityType="wpa2Personal", connectAutomatically=True,
        preSharedKey=seeds.text("preSharedKey"), proxyManualAddress=seeds.text("proxy"), proxyManualPort=8080,
    )  # fmt: skip


def vpn(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "iosVpnConfiguration",
        connectionName="Office", connectionType="custom", sharedSecret=seeds.text("sharedSecret"),
        userPrincipalName=seeds.text("userPrincipalName"),
        customXml=seeds.base64("customXml", "<vpn>{}</vpn>"),
        customData=[{"key": "password", "value": seeds.text("customData")}],
        customKeyValueData=[{"name": "password", "value": seeds.text("customKeyValueData")}],
        server={"description": "Gateway", "address": seeds.text("address of a server")},
    )  # fmt: skip


def custom_settings(seeds: Seeds) -> Plant:
    """OMA-URI settings of each kind of value."""
    rows: list[tuple[str, Any]] = [
        ("omaSettingString", seeds.text("omaSettingString")),
        ("omaSettingStringXml", seeds.base64("omaSettingStringXml", "<data>{}</data>")),
        ("omaSettingBase64", seeds.base64("omaSettingBase64")),
        ("omaSettingInteger", seeds.number("omaSettingInteger")),
        ("omaSettingFloatingPoint", seeds.number("omaSettingFloatingPoint") + 0.5),
        ("omaSettingFuture", {"text": seeds.text("omaSettingFuture")}),
    ]
    settings = [
        {
            "@odata.type": f"#microsoft.graph.{kind}", "displayName": kind, "omaUri": f"./Device/Vendor/{kind}",
            "description": seeds.text(f"description of {kind}"), "isEncrypted": True,
            "secretReferenceValueId": seeds.text(f"reference of {kind}"), "value": value,
        }
        for kind, value in rows
    ]  # fmt: skip
    return plant(_DEVICE, seeds, "windows10CustomConfiguration", omaSettings=settings)


def mobileconfig(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "macOSCustomConfiguration",
        payloadName="Office", payloadFileName=seeds.text("file name"), payload=seeds.base64("payload", _PROFILE),
        configurationXml=seeds.base64("configurationXml", _PROFILE),
    )  # fmt: skip


def passwords(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "windows10GeneralConfiguration",
        adminAccountPassword=seeds.text("adminAccountPassword"),
        deviceAccountPassword=seeds.text("deviceAccountPassword"),
        adDomainPassword=seeds.text("adDomainPassword"),
        deviceAccount={"password": seeds.text("password"), "exchangeServer": seeds.text("server")},
        kioskModeExitCode=seeds.text("exit code"), numericPin=seeds.number("numericPin"),
        lockScreen={"pinCode": seeds.number("numericPin in an object"), "minutes": 5},
        unlockPins=[seeds.number("numericPin in an array"), seeds.number("numericPin in an array#2")],
    )  # fmt: skip


def certificates(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "windows81TrustedRootCertificate",
        certFileName=seeds.text("file name"), destinationStore="computerCertStoreRoot",
        trustedRootCertificate=seeds.base64("trustedRootCertificate", "\0\1\2{}"),
        certificate=seeds.base64("certificate", "\0{}"),
        encryptedPfxBlob=seeds.base64("encryptedPfxBlob", "\0{}\3\4"),
        encryptedPfxPassword=seeds.text("encryptedPfxPassword"),
    )  # fmt: skip


def mail(seeds: Seeds) -> Plant:
    return plant(
        _DEVICE, seeds, "iosEasEmailProfileConfiguration",
        accountName="Office", emailAddress=seeds.text("emailAddress"), userName=seeds.text("userName"),
        emailAddressSource="userPrincipalName", hostName=seeds.text("host"),
    )  # fmt: skip


def unknown_properties(seeds: Seeds) -> Plant:
    """What a release of Microsoft Graph to come may add, in each shape that JSON has."""
    return plant(
        _DEVICE, seeds, "iosGeneralDeviceConfiguration",
        futureText=seeds.text("unknownProperty"),
        futureObject={"inner": {"deeper": {"deepest": seeds.text("unknownProperty of an object")}}},
        futureArray=[seeds.text("unknownProperty in an array"), "plain"],
        futureRows=[{"name": seeds.text("name in a row"), "displayName": seeds.text("display name in a row")}],
        futureRowsOfRows=[[{"a": [seeds.text("unknownProperty in rows of rows")]}]],
        futureJson=f'{{"key": "{seeds.text("unknownProperty as JSON")}"}}',
        futureXml=f"<key>{seeds.text('unknownProperty as XML')}</key>",
        futureBase64=seeds.base64("unknownProperty in base64", '{"key": "{}"}'),
        futurePasscode=seeds.number("numericPin of a passcode"),
        futureToken={"token": {"tokenValue": seeds.text("token in token")}},
        futureLink=f"https://example.com/?sig={seeds.text('a signed link')}",
        **{"futureNote@odata.note": seeds.text("an annotation", kept=False)},
        **{"#microsoft.graph.futureAction": {"target": seeds.text("an action", kept=False)}},
    )  # fmt: skip


def powershell(seeds: Seeds) -> Plant:
    content = seeds.base64("scriptContent", "$password = '{}'\r\n")
    return plant("PowerShellScripts", seeds, "deviceManagementScript", runAsAccount="system", scriptContent=content)


def shell_script(seeds: Seeds) -> Plant:
    content = seeds.base64("scriptContent", "#!/bin/sh\nexport PASSWORD={}\n")
    return plant("MacScripts", seeds, "deviceShellScript", runAsAccount="system", scriptContent=content)


def custom_attribute(seeds: Seeds) -> Plant:
    content = seeds.base64("scriptContent", "echo {}")
    return plant("MacCustomAttributes", seeds, "deviceCustomAttributeShellScript", scriptContent=content)


def health_script(seeds: Seeds) -> Plant:
    return plant(
        "DeviceHealthScripts", seeds, "deviceHealthScript", publisher=seeds.text("publisher"),
        detectionScriptContent=seeds.base64("detectionScriptContent", "exit {}"),
        remediationScriptContent=seeds.base64("remediationScriptContent", "reset {}"),
    )  # fmt: skip


def compliance_script(seeds: Seeds) -> Plant:
    content = seeds.base64("detectionScriptContent", "@{ Key = '{}' } | ConvertTo-Json")
    return plant("ComplianceScripts", seeds, "deviceComplianceScript", detectionScriptContent=content)


def win32_app(seeds: Seeds) -> Plant:
    rule = {"@odata.type": "#microsoft.graph.win32LobAppPowerShellScriptRule", "scriptContent": seeds.base64("rule")}
    return plant(
        "Applications", seeds, "win32LobApp",
        publisher="A publisher", owner=seeds.text("owner"), notes=seeds.text("notes"),
        installCommandLine=f"setup.exe /key {seeds.text('installCommandLine')}",
        uninstallCommandLine=f"setup.exe /x /key {seeds.text('uninstallCommandLine')}",
        rules=[rule], detectionRules=[{"keyPath": seeds.text("key path")}],
    )  # fmt: skip


def office_app(seeds: Seeds) -> Plant:
    xml = seeds.base64("officeConfigurationXml", "<Configuration><Property Value='{}'/></Configuration>")
    return plant("Applications", seeds, "officeSuiteApp", officeConfigurationXml=xml, autoAcceptEula=True)


def ios_app_configuration(seeds: Seeds) -> Plant:
    settings = [
        {"appConfigKey": "password", "appConfigKeyType": "stringType", "appConfigKeyValue": seeds.text("value")}
    ]
    return plant(
        "AppConfigurationManagedDevice", seeds, "iosMobileAppConfiguration",
        settings=settings, encodedSettingXml=seeds.base64("encodedSettingXml", _PROFILE),
    )  # fmt: skip


def android_app_configuration(seeds: Seeds) -> Plant:
    payload = seeds.base64("payloadJson", '{"kind": "androidenterprise", "managedProperty": [{"valueString": "{}"}]}')
    return plant("AppConfigurationManagedDevice", seeds, "androidManagedStoreAppConfiguration", payloadJson=payload)


def managed_app_configuration(seeds: Seeds) -> Plant:
    return plant(
        "AppConfigurationManagedApp", seeds, "targetedManagedAppConfiguration",
        customSettings=[{"name": "password", "value": seeds.text("custom setting")}],
        apps=[{"id": "1", "mobileAppIdentifier": {"bundleId": "com.example.app"}, "note": seeds.text("note")}],
    )  # fmt: skip


def app_protection(seeds: Seeds) -> Plant:
    return plant(
        "AppProtection", seeds, "iosManagedAppProtection",
        pinRequired=True, minimumPinLength=6, customDialerAppProtocol=seeds.text("protocol"),
        exemptedAppProtocols=[{"name": "Default", "value": seeds.text("protocols")}],
    )  # fmt: skip


def enrolment(seeds: Seeds) -> Plant:
    """The secrets of enrolment, and the contact that a portal shows."""
    return plant(
        "EnrollmentStatusPage", seeds, "windows10EnrollmentCompletionPageConfiguration",
        priority=1, customErrorMessage=seeds.text("message"),
        enrollmentProfile={
            "wifiSsid": "Office", "wifiPassword": seeds.text("wifiPassword"), "token": seeds.text("token"),
            "tokenValue": seeds.text("tokenValue"), "enrollmentToken": seeds.text("enrollmentToken"),
            "qrCodeContent": f'{{"EXTRA_TOKEN": "{seeds.text("qrCodeContent")}"}}',
            "qrCodeImage": {"type": "image/png", "value": seeds.base64("qrCodeImage")},
            "tokenExpirationDateTime": "2030-01-01T00:00:00Z",
        },
        contact={
            "contactITName": seeds.text("contactITName"), "contactITPhoneNumber": seeds.text("contactITPhoneNumber"),
            "contactITEmailAddress": seeds.text("contactITEmailAddress"),
            "contactITNotes": seeds.text("contactITNotes"),
            "phoneNumber": seeds.text("phoneNumber"), "emailAddress": seeds.text("emailAddress"),
            "appleIdentifier": seeds.text("appleIdentifier"), "appleId": seeds.text("appleId"),
        },
        activationCodes=[
            {"integratedCircuitCardIdentifier": seeds.text("activationCodes"),
             "matchingIdentifier": seeds.text("activationCodes#2"), "pin": seeds.number("activationCodes#3")},
        ],
    )  # fmt: skip


def autopilot(seeds: Seeds) -> Plant:
    return plant(
        "AutoPilot", seeds, "azureADWindowsAutopilotDeploymentProfile",
        deviceNameTemplate=seeds.text("name template"), locale="en-US",
        outOfBoxExperienceSettings={"userType": "standard", "hidePrivacySettings": True},
    )  # fmt: skip


def one_of_a_shared_id(seeds: Seeds) -> Plant:
    return plant(_DEVICE, seeds, "iosCustomConfiguration", id=id_of("shared"), payload=seeds.base64("payload"))


def other_of_a_shared_id(seeds: Seeds) -> Plant:
    return plant(_DEVICE, seeds, "iosCustomConfiguration", id=id_of("shared"), payload=seeds.base64("payload"))


DEVICES = (
    wifi, vpn, custom_settings, mobileconfig, passwords, certificates, mail, unknown_properties, powershell,
    shell_script, custom_attribute, health_script, compliance_script, win32_app, office_app, ios_app_configuration,
    android_app_configuration, managed_app_configuration, app_protection, enrolment, autopilot, one_of_a_shared_id,
    other_of_a_shared_id,
)  # fmt: skip


def only_before(seeds: Seeds) -> Plant:
    """Removed in the second export: its finding tells the properties that it had."""
    return wifi(seeds)


def only_after(seeds: Seeds) -> Plant:
    """Added in the second export."""
    return wifi(seeds)
