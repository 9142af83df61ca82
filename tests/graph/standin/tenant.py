"""What the stand-in serves: collections of raw objects, from a real release, made up in any number, or both."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.sources.folder import read_folder

Raw = dict[str, Any]

RELEASES = Path(os.environ.get("ATLAS_REAL_INPUT") or Path(__file__).parents[4] / "shared" / "data") / (
    "openintunebaseline"
)
COLLECTIONS = {
    "configurationPolicy": "deviceManagement/configurationPolicies",
    "deviceConfiguration": "deviceManagement/deviceConfigurations",
    "deviceCompliancePolicy": "deviceManagement/deviceCompliancePolicies",
    "groupPolicyConfiguration": "deviceManagement/groupPolicyConfigurations",
    "conditionalAccessPolicy": "identity/conditionalAccess/policies",
    "namedLocation": "identity/conditionalAccess/namedLocations",
    "assignmentFilter": "deviceManagement/assignmentFilters",
    "windowsFeatureUpdateProfile": "deviceManagement/windowsFeatureUpdateProfiles",
    "windowsDriverUpdateProfile": "deviceManagement/windowsDriverUpdateProfiles",
    "deviceManagementScript": "deviceManagement/deviceManagementScripts",
    "deviceShellScript": "deviceManagement/deviceShellScripts",
}
_PROTECTIONS = {
    "#microsoft.graph.iosManagedAppProtection": "deviceAppManagement/iosManagedAppProtections",
    "#microsoft.graph.androidManagedAppProtection": "deviceAppManagement/androidManagedAppProtections",
}


@dataclass(frozen=True)
class MadeUp(Sequence[Raw]):
    """Settings Catalog policies that are made when they are asked for, so that any number costs no memory."""

    policies: int
    settings: int

    def __len__(self) -> int:
        return self.policies

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [_policy(number, self.settings) for number in range(*index.indices(self.policies))]
        if not 0 <= index < self.policies:
            raise IndexError(index)
        return _policy(index, self.settings)

    def find(self, identity: str) -> Raw | None:
        number = int(identity[:8]) if identity[:8].isdecimal() else -1
        return _policy(number, self.settings) if 0 <= number < self.policies else None


@dataclass
class Tenant:
    """Collections by their path below the version. Every list is the test's own, and may be changed meanwhile."""

    collections: dict[str, Sequence[Raw]] = field(default_factory=dict)

    def add(self, path: str, *objects: Raw) -> "Tenant":
        self.collections[path] = [*self.collections.get(path, ()), *objects]
        return self

    def find(self, path: str, identity: str) -> Raw | None:
        objects = self.collections.get(path, ())
        if isinstance(objects, MadeUp):
            return objects.find(identity)
        return next((raw for raw in objects if raw["id"] == identity), None)


def released(version: str) -> Tenant:
    """A real release (`"3.4"`, `"3.5"`, `"3.6"`)."""
    return of_folder(RELEASES / f"windows-v{version}")


def of_folder(folder: Path) -> Tenant:
    """The tenant that an export was made of: every object of the folder in the collection that it came from."""
    tenant = Tenant()
    for found in read_folder(folder).objects:
        raw = json.loads(json.dumps(found.raw))
        if found.item_type == "configurationPolicy":
            # Graph always tells it; exports leave it out.
            raw.setdefault("isAssigned", bool(raw.get("assignments")))
        kind = raw.get("@odata.type")
        path = _PROTECTIONS[kind] if found.item_type == "managedAppProtection" else COLLECTIONS[found.item_type]
        tenant.add(path, raw)
    return tenant


def _policy(number: int, settings: int) -> Raw:
    identity = f"{number:08d}-0000-4000-8000-000000000000"
    link = f"deviceManagement/configurationPolicies('{identity}')"
    return {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy",
        "@odata.id": link,
        "@odata.editLink": link,
        "id": identity,
        "name": f"Made up {number:05d}",
        "description": "",
        "platforms": "windows10",
        "technologies": "mdm",
        "createdDateTime": "2025-01-01T00:00:00Z",
        "lastModifiedDateTime": "2025-06-01T00:00:00Z",
        "settingCount": settings,
        "isAssigned": True,
        "roleScopeTagIds": ["0"],
        "templateReference": {"templateId": "", "templateFamily": "none"},
        "assignments": [_assignment(identity, number)],
        "settings": list(_settings(link, number, settings)),
    }


def _assignment(identity: str, number: int) -> Raw:
    group = f"{number % 97:08d}-1111-4111-8111-111111111111"
    target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}
    return {"id": f"{identity}_{group}", "source": "direct", "sourceId": identity, "target": target}


def _settings(link: str, number: int, settings: int) -> Iterator[Raw]:
    prefix = "#microsoft.graph.deviceManagementConfiguration"
    for index in range(settings):
        definition = f"device_vendor_msft_policy_config_madeup_area{index % 9}_setting{index}"
        value = {"@odata.type": f"{prefix}ChoiceSettingValue", "value": f"{definition}_{number % 2}", "children": []}
        yield {
            "@odata.type": f"{prefix}Setting",
            "@odata.id": f"{link}/settings('{index}')",
            "@odata.editLink": f"{link}/settings('{index}')",
            "id": str(index),
            "settingInstance": {
                "@odata.type": f"{prefix}ChoiceSettingInstance",
                "settingDefinitionId": definition,
                "settingInstanceTemplateReference": None,
                "choiceSettingValue": value,
            },
            "settingDefinitions@odata.navigationLink": f"https://graph.microsoft.com/beta/{link}/settings('{index}')",
        }
