"""The tables, as the migrations make them; `atlas db check` holds the two against each other."""

from atlas.store.tables.audit import audit_events, audit_heads, audit_links, event_counters, events
from atlas.store.tables.connections import graph_connections
from atlas.store.tables.documents import trusted_documents
from atlas.store.tables.drift import drift_run_findings, drift_runs, findings, idempotency_keys, judged_types
from atlas.store.tables.inventory import (
    contents,
    hash_aliases,
    item_intervals,
    recorded_forms,
    run_duplicates,
    run_units,
    scopes,
    staged_items,
    sync_runs,
)
from atlas.store.tables.labels import labels
from atlas.store.tables.pruning import prune_runs
from atlas.store.tables.rules import rules
from atlas.store.tables.schedules import schedule_ticks, schedules
from atlas.store.tables.source_events import source_events
from atlas.store.tables.tenancy import (
    api_tokens,
    memberships,
    principals,
    role_capabilities,
    roles,
    tenant_principals,
    tenants,
)
from atlas.store.tables.types import metadata

__all__ = [
    "api_tokens",
    "audit_events",
    "audit_heads",
    "audit_links",
    "contents",
    "drift_run_findings",
    "drift_runs",
    "event_counters",
    "events",
    "findings",
    "graph_connections",
    "hash_aliases",
    "idempotency_keys",
    "item_intervals",
    "judged_types",
    "labels",
    "memberships",
    "metadata",
    "principals",
    "prune_runs",
    "recorded_forms",
    "role_capabilities",
    "roles",
    "rules",
    "run_duplicates",
    "run_units",
    "schedule_ticks",
    "schedules",
    "scopes",
    "source_events",
    "staged_items",
    "sync_runs",
    "tenant_principals",
    "tenants",
    "trusted_documents",
]
