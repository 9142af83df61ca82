"""What each way in needs: written down from the design, never read from the code that is tested.

Which role holds which capability the database's own table says (`World.capabilities`); `MATRIX` is what it must say.
"""

from collections.abc import Mapping
from types import MappingProxyType

from atlas.domain.vocabulary import Capability as C
from atlas.domain.vocabulary import Role

_OPERATOR = {C.READ, C.ACKNOWLEDGE, C.GENERATE_DRIFT}
_MANAGER = _OPERATOR | {C.START_SYNC, C.MANAGE_BASELINE, C.MANAGE_RULES, C.READ_AUDIT}
MATRIX: Mapping[Role, frozenset[C]] = MappingProxyType(
    {
        Role.READER: frozenset({C.READ}),
        Role.OPERATOR: frozenset(_OPERATOR),
        Role.MANAGER: frozenset(_MANAGER),
        Role.OWNER: frozenset(_MANAGER | {C.MANAGE_MEMBERS, C.MANAGE_TENANT}),
    }
)

# The fields of the query root, each with what it needs. What the viewer is a member of needs nothing.
QUERIES: Mapping[str, C | None] = MappingProxyType(
    {"viewer": None, "node": C.READ, "nodes": C.READ, "tenants": C.READ, "tenant": C.READ}
)

# The objects that have a global id. Everybody sees their own membership, and the triage of what they see.
FINDING_AUDIT = "AuditEvent of a finding"
NODES: Mapping[str, C] = MappingProxyType(
    {
        "AuditEvent": C.READ_AUDIT,
        FINDING_AUDIT: C.READ,
        "DriftRun": C.READ,
        "Finding": C.READ,
        "InventoryItem": C.READ,
        "Membership": C.MANAGE_MEMBERS,
        "Principal": C.READ,
        "Scope": C.READ,
        "SyncRun": C.READ,
        "Tenant": C.READ,
    }
)

# The nested fields that need more than the object that they are of; null without it.
NESTED: Mapping[tuple[str, str], C] = MappingProxyType(
    {("Tenant", "auditEvents"): C.READ_AUDIT, ("Tenant", "members"): C.MANAGE_MEMBERS}
)

MUTATIONS: Mapping[str, C] = MappingProxyType(
    {
        "generateDrift": C.GENERATE_DRIFT,
        "acknowledgeFinding": C.ACKNOWLEDGE,
        "acknowledgeFindings": C.ACKNOWLEDGE,
        "reopenFinding": C.ACKNOWLEDGE,
        "pinBaseline": C.MANAGE_BASELINE,
        "unpinBaseline": C.MANAGE_BASELINE,
        "startSync": C.START_SYNC,
        "setMembership": C.MANAGE_MEMBERS,
        "removeMembership": C.MANAGE_MEMBERS,
    }
)

SUBSCRIPTIONS: Mapping[str, C] = MappingProxyType({"driftRun": C.READ, "syncRun": C.READ, "activity": C.READ})
