"""Names of types that refer to each other, resolved when the schema is built."""

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from atlas.schema.audit import AuditEvent
    from atlas.schema.drift_runs import DriftRun
    from atlas.schema.findings import Finding
    from atlas.schema.inventory import InventoryItem, InventoryItemVersion
    from atlas.schema.members import Membership
    from atlas.schema.principals import Principal
    from atlas.schema.rules import Rule
    from atlas.schema.scopes import Scope
    from atlas.schema.sync_runs import SyncRun
    from atlas.schema.tenants import Tenant

AuditEventRef = Annotated["AuditEvent", strawberry.lazy("atlas.schema.audit")]
DriftRunRef = Annotated["DriftRun", strawberry.lazy("atlas.schema.drift_runs")]
FindingRef = Annotated["Finding", strawberry.lazy("atlas.schema.findings")]
InventoryItemRef = Annotated["InventoryItem", strawberry.lazy("atlas.schema.inventory")]
InventoryItemVersionRef = Annotated["InventoryItemVersion", strawberry.lazy("atlas.schema.inventory")]
MembershipRef = Annotated["Membership", strawberry.lazy("atlas.schema.members")]
PrincipalRef = Annotated["Principal", strawberry.lazy("atlas.schema.principals")]
RuleRef = Annotated["Rule", strawberry.lazy("atlas.schema.rules")]
ScopeRef = Annotated["Scope", strawberry.lazy("atlas.schema.scopes")]
SyncRunRef = Annotated["SyncRun", strawberry.lazy("atlas.schema.sync_runs")]
TenantRef = Annotated["Tenant", strawberry.lazy("atlas.schema.tenants")]
