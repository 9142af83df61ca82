"""Plain factories: each test makes its own tenant, so that the policies are what separates them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database

DEPLOYMENT_KEY = b"a deployment key of the test suite"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with one member a role."""

    id: UUID
    name: str
    members: dict[Role, UUID]

    def as_(self, role: Role, **more: Any) -> Context:
        return Context(tenant_id=self.id, principal_id=self.members[role], request_id="test", **more)

    @property
    def owner(self) -> Context:
        return self.as_(Role.OWNER)


async def make_tenant(owner: Database, api: Database, name: str | None = None) -> Tenant:
    name = name or f"tenant-{uuid4().hex[:12]}"
    members = {role: (await access.ensure_local_principal(api, f"{role}-{name}")).id for role in Role}
    tenant_id = await access.create_tenant(owner, name, owner_principal_id=members[Role.OWNER])
    tenant = Tenant(tenant_id, name, members)
    for role in (Role.READER, Role.OPERATOR, Role.MANAGER):
        await access.set_membership(api, tenant.owner, members[role], role)
    return tenant


def make_policy(number: int, **changes: Any) -> dict[str, Any]:
    """A small Settings Catalog policy as Graph would return it; `value` is what its one choice is set to."""
    value = changes.pop("value", 1)
    definition = f"device_vendor_msft_policy_config_example_setting{number}"
    setting = {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
        "settingDefinitionId": definition,
        "choiceSettingValue": {"value": f"{definition}_{value}", "children": []},
    }
    return {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationPolicy",
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "name": f"Policy {number}",
        "description": "",
        "platforms": "windows10",
        "technologies": "mdm",
        "roleScopeTagIds": ["0"],
        "settings": [{"id": "0", "settingInstance": setting}],
    } | changes


def write_export(folder: Path, *objects: dict[str, Any], kind: str = "SettingsCatalog") -> Path:
    """An export in the layout of IntuneManagement."""
    where = folder / kind
    where.mkdir(parents=True, exist_ok=True)
    for position, one in enumerate(objects):
        (where / f"{position:04d}.json").write_bytes(orjson.dumps(one))
    return folder
