"""What each way in needs: written down from the design, never read from the code that is tested.

Which role holds which capability the database's own table says (`World.capabilities`); `MATRIX` is what it must say.
"""

from collections.abc import Mapping
from types import MappingProxyType

from atlas.domain.vocabulary import Capability, Role

_OPERATOR = {Capability.READ, Capability.ACKNOWLEDGE, Capability.GENERATE_DRIFT}
_MANAGER = _OPERATOR | {
    Capability.START_SYNC,
    Capability.MANAGE_BASELINE,
    Capability.MANAGE_RULES,
    Capability.READ_AUDIT,
}
MATRIX: Mapping[Role, frozenset[Capability]] = MappingProxyType(
    {
        Role.READER: frozenset({Capability.READ}),
        Role.OPERATOR: frozenset(_OPERATOR),
        Role.MANAGER: frozenset(_MANAGER),
        Role.OWNER: frozenset(_MANAGER | {Capability.MANAGE_MEMBERS, Capability.MANAGE_TENANT}),
    }
)

# The fields of the query root, each with what it needs. What the viewer is a member of needs nothing.
QUERIES: Mapping[str, Capability | None] = MappingProxyType(
    {
        "viewer": None,
        "node": Capability.READ,
        "nodes": Capability.READ,
        "tenants": Capability.READ,
        "tenant": Capability.READ,
    }
)

# The objects that have a global id. Everybody sees their own membership, and the triage of what they see.
FINDING_AUDIT = "AuditEvent of a finding"
NODES: Mapping[str, Capability] = MappingProxyType(
    {
        "AuditEvent": Capability.READ_AUDIT,
        FINDING_AUDIT: Capability.READ,
        "DriftRun": Capability.READ,
        "Finding": Capability.READ,
        "GraphApplication": Capability.START_SYNC,
        "InventoryItem": Capability.READ,
        "Membership": Capability.MANAGE_MEMBERS,
        "Principal": Capability.READ,
        "Rule": Capability.READ,
        "Scope": Capability.READ,
        "SyncRun": Capability.READ,
        "Tenant": Capability.READ,
    }
)

# The nested fields that need more than the object that they are of; null without it.
NESTED: Mapping[tuple[str, str], Capability] = MappingProxyType(
    {
        ("Tenant", "auditEvents"): Capability.READ_AUDIT,
        ("Tenant", "graphConnections"): Capability.START_SYNC,
        ("Tenant", "members"): Capability.MANAGE_MEMBERS,
    }
)

MUTATIONS: Mapping[str, Capability] = MappingProxyType(
    {
        "generateDrift": Capability.GENERATE_DRIFT,
        "acknowledgeFinding": Capability.ACKNOWLEDGE,
        "acknowledgeFindings": Capability.ACKNOWLEDGE,
        "reopenFinding": Capability.ACKNOWLEDGE,
        "pinBaseline": Capability.MANAGE_BASELINE,
        "unpinBaseline": Capability.MANAGE_BASELINE,
        "createRule": Capability.MANAGE_RULES,
        "endRule": Capability.MANAGE_RULES,
        "startSync": Capability.START_SYNC,
        "cancelSync": Capability.START_SYNC,
        "setSchedule": Capability.START_SYNC,
        "removeSchedule": Capability.START_SYNC,
        "confirmSyncRun": Capability.START_SYNC,
        "connectGraph": Capability.MANAGE_TENANT,
        "removeGraphConnection": Capability.MANAGE_TENANT,
        "setMembership": Capability.MANAGE_MEMBERS,
        "removeMembership": Capability.MANAGE_MEMBERS,
    }
)

SUBSCRIPTIONS: Mapping[str, Capability] = MappingProxyType(
    {"driftRun": Capability.READ, "syncRun": Capability.READ, "activity": Capability.READ}
)
