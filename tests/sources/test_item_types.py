"""The table of item types: each name is told by one type only, in every way it can be told."""

import pytest

from atlas.domain import profiles
from atlas.sources.item_types import ITEM_TYPES, told_by_content, told_by_context
from atlas.sources.places import Place, PlaceKind, place_of

ODATA = {
    "androidDeviceOwnerGeneralDeviceConfiguration": "deviceConfiguration",
    "androidForWorkEasEmailProfileBase": "deviceConfiguration",
    "androidForWorkMobileAppConfiguration": "mobileAppConfiguration",
    "androidManagedAppProtection": "managedAppProtection",
    "androidManagedStoreApp": "mobileApp",
    "androidManagedStoreAppConfiguration": "mobileAppConfiguration",
    "aospDeviceOwnerCompliancePolicy": "deviceCompliancePolicy",
    "azureADWindowsAutopilotDeploymentProfile": "windowsAutopilotDeploymentProfile",
    "conditionalAccessPolicy": "conditionalAccessPolicy",
    "countryNamedLocation": "namedLocation",
    "defaultDeviceCompliancePolicy": "deviceCompliancePolicy",
    "deviceAndAppManagementAssignmentFilter": "assignmentFilter",
    "deviceAndAppManagementRoleAssignment": "roleAssignment",
    "deviceAndAppManagementRoleDefinition": "roleDefinition",
    "deviceComanagementAuthorityConfiguration": "deviceEnrollmentConfiguration",
    "deviceComplianceScript": "deviceComplianceScript",
    "deviceCustomAttributeShellScript": "deviceCustomAttributeShellScript",
    "deviceEnrollmentPlatformRestrictionsConfiguration": "deviceEnrollmentConfiguration",
    "deviceHealthScript": "deviceHealthScript",
    "deviceManagementCompliancePolicy": "compliancePolicy",
    "deviceManagementConfigurationPolicy": "configurationPolicy",
    "deviceManagementIntent": "deviceManagementIntent",
    "deviceManagementReusablePolicySetting": "reusablePolicySetting",
    "deviceManagementScript": "deviceManagementScript",
    "deviceShellScript": "deviceShellScript",
    "editionUpgradeConfiguration": "deviceConfiguration",
    "groupPolicyConfiguration": "groupPolicyConfiguration",
    "iosTrustedRootCertificate": "deviceConfiguration",
    "iosUpdateConfiguration": "deviceConfiguration",
    "macOSCustomConfiguration": "deviceConfiguration",
    "macOsVppApp": "mobileApp",
    "mdmWindowsInformationProtectionPolicy": "managedAppProtection",
    "notificationMessageTemplate": "notificationMessageTemplate",
    "roleScopeTag": "roleScopeTag",
    "targetedManagedAppConfiguration": "targetedManagedAppConfiguration",
    "win32LobApp": "mobileApp",
    "windows10CompliancePolicy": "deviceCompliancePolicy",
    "windows10DeviceFirmwareConfigurationInterface": "deviceConfiguration",
    "windows10EnrollmentCompletionPageConfiguration": "deviceEnrollmentConfiguration",
    "windows10EndpointProtectionConfiguration": "deviceConfiguration",
    "windows81SCEPCertificateProfile": "deviceConfiguration",
    "windowsDriverUpdateProfile": "windowsDriverUpdateProfile",
    "windowsFeatureUpdateProfile": "windowsFeatureUpdateProfile",
    "windowsPhoneXAP": "mobileApp",
    "windowsQualityUpdatePolicy": "windowsQualityUpdatePolicy",
    "windowsQualityUpdateProfile": "windowsQualityUpdateProfile",
    "windowsUpdateForBusinessConfiguration": "deviceConfiguration",
    # What looks alike and is nothing that Atlas compares.
    "group": None,
    "iosLobAppProvisioningConfiguration": None,
    "policySet": None,
    "windowsInformationProtectionWipeAction": None,
}


@pytest.mark.parametrize(("name", "item_type"), ODATA.items())
def test_odata_type_tells_the_item_type(name, item_type):
    assert told_by_content({"@odata.type": f"#microsoft.graph.{name}"}) == item_type


def test_every_item_type_is_told_by_some_odata_type():
    assert set(ODATA.values()) - {None} == set(ITEM_TYPES)


BETA = "https://graph.microsoft.com/beta/$metadata#"


@pytest.mark.parametrize(
    ("context", "item_type"),
    [
        (BETA + "deviceManagement/configurationPolicies(assignments(),settings())/$entity", "configurationPolicy"),
        (
            BETA + "deviceManagement/deviceConfigurations/microsoft.graph.iosCustomConfiguration/$entity",
            "deviceConfiguration",
        ),
        (BETA + "deviceManagement/assignmentFilters", "assignmentFilter"),
        (BETA + "identity/conditionalAccess/policies/$entity", "conditionalAccessPolicy"),
        (BETA + "deviceManagement/roleDefinitions/$entity", "roleDefinition"),
        (BETA + "roleManagement/directory/roleDefinitions/$entity", None),
        (BETA + "deviceManagement/configurationPolicies('x')/settings", None),
        (BETA + "groups/$entity", None),
        ("#", None),
        (7, None),
    ],
)
def test_the_context_tells_the_collection_but_not_what_lies_within_an_object(context, item_type):
    assert told_by_context(context) == item_type


@pytest.mark.parametrize("item_type", ITEM_TYPES.values(), ids=lambda item_type: item_type.name)
def test_each_folder_name_tells_its_type(item_type):
    for folder in (*item_type.intune_management, *item_type.intune_cd):
        place = place_of(["export", *folder.upper().split("/"), "inner"])
        assert place.kind is PlaceKind.TYPED
        assert item_type.name in place.item_types


@pytest.mark.parametrize(
    ("folders", "kind"),
    [
        (["Entra", "Applications"], PlaceKind.OTHER),
        (["Entra", "Authentication Methods"], PlaceKind.OTHER),
        (["Enrollment Profiles", "Apple"], PlaceKind.OTHER),
        (["Groups"], PlaceKind.SIDE),
        (["anything"], PlaceKind.UNKNOWN),
        ([], PlaceKind.UNKNOWN),
    ],
)
def test_folders_that_tell_no_type_are_told_apart(folders, kind):
    assert place_of(folders) == Place(kind)


def test_the_source_and_the_domain_know_the_same_item_types():
    assert set(ITEM_TYPES) == set(profiles.ITEM_TYPES)
