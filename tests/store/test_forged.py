"""What each policy asks beside the tenant: right in all but that, a statement is refused by this policy alone."""

import re
from dataclasses import replace

from atlas.store.database import Context
from tests.store.mutants import POLICIES, Cell, allowed, come_to, mutated
from tests.store.test_mutants import Bench, bench
from tests.store.test_tenancy import INSERTS
from tests.store.world import DENIED, World, filled

__all__ = ["bench"]


def inserted(role: str, table: str, right: str, forged: str) -> str:
    """The insert of the matrix with one value that is not the caller's to write."""
    values = INSERTS[role][table]
    assert right in values
    return f"insert into atlas.{table} {values.replace(right, forged)}"


def by_another(table: str) -> tuple[str, str, str, str]:
    """In the name of another member of the same tenant."""
    return table, "api_insert", inserted("atlas_api", table, ":owner", ":manager"), ""


def of_another_run(table: str, run: str = ":sync_run") -> tuple[str, str, str, str]:
    """Under the lease of one run, of another run of the same tenant."""
    return table, "worker_insert", inserted("atlas_worker", table, run, ":later_run"), ""


# The table, its policy, the statement, and what is so before it.
FORGED = [
    *(by_another(table) for table in ("api_tokens", "drift_runs", "graph_connections", "idempotency_keys",
                                      "prune_runs", "rules", "schedules", "sync_runs")),
    ("api_tokens", "api_insert", inserted("atlas_api", "api_tokens", ":service", ":reader"), ""),
    ("api_tokens", "api_update", "update atlas.api_tokens set revoked_at = null where tenant_id = :tenant",
     "update atlas.api_tokens set revoked_at = now() where tenant_id = :tenant"),
    ("findings", "api_update", "update atlas.findings set status = 'RESOLVED' where id = :finding", ""),
    ("findings", "api_update", "update atlas.findings set status = 'NEW' where id = :finding",
     "update atlas.findings set status = 'RESOLVED', resolution = 'REVERTED', is_current = false where id = :finding"),
    ("graph_connections", "api_insert",
     inserted("atlas_api", "graph_connections", "'CLIENT_SECRET', 'x'", "'MANAGED_IDENTITY', null"), ""),
    ("rules", "api_update", "update atlas.rules set ended_at = null where tenant_id = :tenant",
     "update atlas.rules set ended_at = now(), ended_by = :owner where tenant_id = :tenant"),
    ("schedules", "api_update", "update atlas.schedules set created_by = :manager where tenant_id = :tenant", ""),
    ("scopes", "api_update", "update atlas.scopes set pinned_by = :manager where id = :scope", ""),
    ("sync_runs", "api_update", "update atlas.sync_runs set status = 'QUEUED' where id = :later_run", ""),
    ("sync_runs", "api_update", "update atlas.sync_runs set status = 'FAILED' where id = :held_run", ""),
    ("sync_runs", "api_update", "update atlas.sync_runs set status = 'QUEUED' where id = :held_run",
     "update atlas.sync_runs set confirmed_by = :manager, confirmed_at = now() where id = :held_run"),
    *(of_another_run(table) for table in ("run_duplicates", "run_units", "staged_items")),
    of_another_run("drift_run_findings", ":drift_run"),
    ("findings", "worker_insert",
     inserted("atlas_worker", "findings", "last_seen_at)", "last_seen_at, acknowledged_by)")
     .replace("now(), now())", "now(), now(), :owner)"), ""),
    ("run_units", "worker_update", "update atlas.run_units set seq = 2 where run_id = :current_run", ""),
    ("staged_items", "worker_update", "update atlas.staged_items set external_id = 'x' where tenant_id = :tenant",
     "update atlas.staged_items set run_id = :later_run where tenant_id = :tenant"),
    ("sync_runs", "worker_update", "update atlas.sync_runs set error_code = 'x' where id = :later_run", ""),
    ("drift_runs", "worker_update", "update atlas.drift_runs set progress_done = 1 where tenant_id = :tenant", ""),
    ("prune_runs", "worker_update", "update atlas.prune_runs set runs = 1", ""),
    ("graph_connections", "worker_update", "update atlas.graph_connections set tested_at = now()", ""),
    ("item_intervals", "worker_delete", "delete from atlas.item_intervals where valid_to is null", ""),
    ("item_intervals", "worker_delete", "delete from atlas.item_intervals where valid_from = 1", ""),
    ("run_duplicates", "worker_delete", "delete from atlas.run_duplicates where run_id = :current_run", ""),
    ("run_units", "worker_delete", "delete from atlas.run_units where run_id = :current_run", ""),
]  # fmt: skip
# Rows that a READER does not see either: only a write that looks at none of them tells.
HIDDEN = {("api_tokens", "api_update"), ("graph_connections", "api_delete")}
# The function that this policy asks too, `owns_service_principal`, asks for the same capability once more.
TWICE = {("api_tokens", "api_insert", DENIED, DENIED)}
CAPABILITY = re.compile(r"tenant_for\('(?!READ')[A-Z_]+'")
PARTS = {"using": "qual", "with check": "check"}
OPENED = {"insert": "with check (true)", "update": "using (true) with check (true)", "delete": "using (true)"}
# The lease under which a worker tries; a sync run's where nothing is said.
LEASES = {
    ("drift_run_findings", "worker_insert"): "drift_run",
    ("findings", "worker_insert"): "drift_run",
    ("item_intervals", "worker_delete"): "prune_run",
    ("run_duplicates", "worker_delete"): "prune_run",
    ("run_units", "worker_delete"): "prune_run",
    ("graph_connections", "worker_update"): "drift_run",
}


def context(world: World, table: str, policy: str) -> Context:
    if policy.startswith("api"):
        return world.context()
    return world.leased(job_id=getattr(world, LEASES.get((table, policy), "sync_run")))


async def test_every_policy_that_asks_for_more_than_the_tenant_is_tried(bench: Bench) -> None:
    found = await bench.connection.fetch(POLICIES)
    asking = {
        (one["table"], one["name"])
        for one in found
        if one["role"] != "atlas_sweeper" and one["command"] != "select" and " AND " in f"{one['qual']} {one['check']}"
    }
    assert asking == {(table, policy) for table, policy, *_ in FORGED}


async def test_what_a_policy_asks_beside_the_tenant_stops_what_is_forged(bench: Bench) -> None:
    unseen = []
    for table, policy, statement, before in FORGED:
        role, command = policy.split("_")
        ids = bench.world.ids | {"stranger": bench.other.owner}
        cell = Cell(f"atlas_{role}", filled(statement, ids), context(bench.world, table, policy), filled(before, ids))
        refused = await come_to(bench.connection, cell)
        async with mutated(bench.connection, f"alter policy {policy} on atlas.{table} {OPENED[command]}"):
            done = await come_to(bench.connection, cell)
        if refused not in {0, DENIED} or done in {0, DENIED}:
            unseen.append((table, policy, statement, refused, done))
    assert unseen == []


async def test_a_policy_that_asks_for_less_than_its_capability_opens_to_a_reader(bench: Bench) -> None:
    """The cells of the OWNER, tried by a READER: nothing, or less, until the policy asks for READ alone."""
    unseen, reader = [], replace(bench.world, owner=bench.world.reader)
    asking = [
        one for one in await bench.connection.fetch(POLICIES) if CAPABILITY.search(f"{one['qual']} {one['check']}")
    ]
    for one in asking:
        cell = allowed(one["role"], one["table"], one["command"], reader, bench.other)
        if (one["table"], one["name"]) in HIDDEN:
            cell = replace(cell, statement=cell.statement.split(" where ")[0])
        before = await come_to(bench.connection, cell)
        weak = {part: CAPABILITY.sub("tenant_for('READ'", one[name]) for part, name in PARTS.items() if one[name]}
        changed = " ".join(f"{part} ({expression})" for part, expression in weak.items())
        async with mutated(bench.connection, f"alter policy {one['name']} on atlas.{one['table']} {changed}"):
            after = await come_to(bench.connection, cell)
        if not isinstance(after, int) or after <= (before if isinstance(before, int) else 0):
            unseen.append((one["table"], one["name"], before, after))
    assert unseen == list(TWICE)
    assert len(asking) >= 25
