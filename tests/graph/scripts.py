"""Tenants whose scripts are called for one by one, since a list leaves their content out."""

from tests.graph.standin import Tenant

POLICIES = "deviceManagement/configurationPolicies"
SCRIPTS = "deviceManagement/deviceManagementScripts"


def scripts(number: int = 45) -> Tenant:
    return Tenant().add(SCRIPTS, *(make_script(index) for index in range(number)))


def make_script(number: int) -> dict:
    return {
        "@odata.type": "#microsoft.graph.deviceManagementScript",
        "id": f"script-{number:03d}",
        "displayName": f"Script {number}",
        "scriptContent": f"body {number}",
        "lastModifiedDateTime": "2026-01-01T00:00:00Z",
        "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
    }
