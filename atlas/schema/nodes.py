"""Objects by global id, whatever their type."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from atlas.schema.audit import load_audit_event
from atlas.schema.connections import load_application
from atlas.schema.context import GraphQLContext
from atlas.schema.drift_runs import load_drift_run
from atlas.schema.findings import load_finding
from atlas.schema.ids import decode_id
from atlas.schema.inventory import load_inventory_item
from atlas.schema.members import load_membership
from atlas.schema.node import Node
from atlas.schema.principals import load_principal_anywhere
from atlas.schema.rules import load_rule
from atlas.schema.scopes import load_scope
from atlas.schema.sync_runs import load_sync_run
from atlas.schema.tenants import load_tenant

_LOADERS: Mapping[str, Callable[[GraphQLContext, UUID, UUID], Awaitable[Node | None]]] = {
    "AuditEvent": load_audit_event,
    "DriftRun": load_drift_run,
    "Finding": load_finding,
    "GraphApplication": load_application,
    "InventoryItem": load_inventory_item,
    "Membership": load_membership,
    "Rule": load_rule,
    "Scope": load_scope,
    "SyncRun": load_sync_run,
}


async def load_node(context: GraphQLContext, type_name: str, tenant_id: UUID | None, key: UUID) -> Node | None:
    """None where there is no such object, it is not visible, or the type has no nodes."""
    if type_name == "Principal":
        return await load_principal_anywhere(context, key) if tenant_id is None else None
    if type_name == "Tenant":
        return await load_tenant(context, key) if tenant_id == key else None
    load = _LOADERS.get(type_name)
    return None if load is None or tenant_id is None else await load(context, tenant_id, key)


async def node_of(context: GraphQLContext, global_id: str) -> Node | None:
    decoded = decode_id(global_id)
    return None if decoded is None else await load_node(context, decoded.type_name, decoded.tenant_id, decoded.key)
