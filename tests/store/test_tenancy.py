"""Every table, command and role, under a right context, a wrong one and none."""

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database
from atlas.store.lint_rules import APP_ROLES
from tests.store.world import DENIED, World, attempt, run

# What each role may do, and nothing else: the rest of the product of table and command must be denied.
READ_BY_API = (
    "api_tokens", "audit_events", "audit_heads", "audit_links", "contents", "drift_run_findings", "drift_runs",
    "event_counters", "events", "findings", "graph_connections", "hash_aliases", "idempotency_keys", "item_intervals",
    "judged_types", "labels", "memberships", "prune_runs", "recorded_forms", "rules", "run_duplicates", "run_units",
    "schedule_ticks", "schedules", "scopes", "source_events", "staged_items", "sync_runs", "tenant_principals",
)  # fmt: skip
READ_BY_WORKER = (
    "contents", "drift_run_findings", "drift_runs", "events", "findings", "graph_connections", "hash_aliases",
    "item_intervals", "judged_types", "labels", "prune_runs", "recorded_forms", "rules", "run_duplicates", "run_units",
    "scopes", "source_events", "staged_items", "sync_runs",
)  # fmt: skip
INSERTS = {
    "atlas_api": {
        "memberships": "(tenant_id, principal_id, role) values (:tenant, :stranger, 'READER')",
        "api_tokens": "(tenant_id, principal_id, hash, hint, created_by) values (:tenant, :service, 'x', 'h', :owner)",
        "scopes": "(tenant_id, key, source, selection, label) values (:tenant, 's1:new', 'FOLDER', '{}', 'l')",
        "sync_runs": "(tenant_id, scope_id, source, requested_by) values (:tenant, :scope, 'FOLDER', :owner)",
        "drift_runs": """(tenant_id, scope_id, baseline_run_id, current_run_id, baseline_seq, current_seq,
            baseline_mode, engine, requested_by)
            values (:tenant, :scope, :current_run, :later_run, 2, 3, 'PINNED', 'e', :owner)""",
        "idempotency_keys": """(tenant_id, principal_id, key, request_hash, target_id)
            values (:tenant, :owner, 'k', 'h', :scope)""",
        "prune_runs": "(tenant_id, keep_days, requested_by) values (:tenant, 30, :owner)",
        "schedules": """(tenant_id, name, scope_id, cron, time_zone, anchor, created_by, next_tick, due_at)
            values (:tenant, 'nightly', :scope, '0 0 * * *', 'UTC', now(), :owner, now(), now())""",
        "graph_connections": """(tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, sealed, created_by)
            values (:tenant, :scope, :scope, :scope, 'GLOBAL', 'CLIENT_SECRET', 'x', :owner)""",
        "rules": "(tenant_id, item_type, reason, owner_id) values (:tenant, 't', 'noise', :owner)",
    },
    "atlas_worker": {
        "contents": "(tenant_id, hash, body) values (:tenant, 'c1:c', 'z')",
        "drift_run_findings": "(tenant_id, drift_run_id, finding_id) values (:tenant, :drift_run, :second)",
        "findings": """(tenant_id, id, scope_id, kind, fingerprint, severity, severity_reasons, status, is_current,
            item_type, external_id, item_id, display_name, evidence, change_count, baseline_run_id, current_run_id,
            first_seen_at, last_seen_at)
            values (:tenant, :stranger, :scope, 'DATA_QUALITY', 'f1:new', 'LOW', '{}', 'NEW', true, 't', 'e', :item,
            'n', 'x', 0, :baseline_run, :current_run, now(), now())""",
        "item_intervals": """(tenant_id, scope_id, item_type, external_id, valid_from, item_id, hash, settings_hash,
            display_name) values (:tenant, :scope, 't', 'three', 2, :item, 'c1:a', 'c1:a', 'n')""",
        "hash_aliases": "(tenant_id, old_hash, new_hash) values (:tenant, 'c1:x', 'c1:y')",
        "staged_items": """(tenant_id, run_id, item_type, external_id, hash, settings_hash, display_name, item_id)
            values (:tenant, :sync_run, 't', 'e', 'c1:a', 'c1:a', 'n', :item)""",
        "judged_types": "(tenant_id, scope_id, item_type, seq) values (:tenant, :scope, 't', 2)",
        "recorded_forms": "(tenant_id, scope_id, item_type, form) values (:tenant, :scope, 't', 'c1.p1.k')",
        "source_events": """(tenant_id, id, resource_id, activity, operation, actor_kind, actor_id, at)
            values (:tenant, 'other', 'one', 'Patch', 'Patch', 'USER', 'somebody', now())""",
        "labels": "(tenant_id, kind, id, label) values (:tenant, 'GROUP', 'other', 'Sales')",
        "run_units": """(tenant_id, run_id, item_type, scope_id, status, observed)
            values (:tenant, :sync_run, 'scripts', :scope, 'COMPLETE', 1)""",
        "run_duplicates": """(tenant_id, run_id, item_type, external_id, display_name, detail)
            values (:tenant, :sync_run, 'scripts', 'twin', 'Twin', '{}')""",
    },
    "atlas_sweeper": {},
}
UPDATES = {
    "atlas_api": {
        "memberships": "role = role",
        "api_tokens": "revoked_at = now()",
        "scopes": "pinned_run_id = :current_run",
        "findings": "status = status",
        "schedules": "every_hours = 7, created_by = :owner",
        "sync_runs": "status = 'QUEUED'",
        "rules": "ended_at = now()",
    },
    "atlas_worker": {
        "scopes": "last_seq = last_seq",
        "hash_aliases": "new_hash = new_hash",
        "judged_types": "seq = seq",
        "labels": "label = label",
        "recorded_forms": "form = form",
        "item_intervals": "hash = hash",
        "findings": "last_seen_at = now()",
        "drift_runs": "progress_done = 1",
        "run_units": "seq = seq",
        # Of another run's row no more than this: it ends where it is held.
        "sync_runs": "status = case status when 'NEEDS_CONFIRMATION' then 'FAILED' else status end",
        "graph_connections": "tested_at = now()",
        "prune_runs": "runs = runs + 1",
        "staged_items": "external_id = external_id",
    },
    "atlas_sweeper": {},
}
# What a pruning lets go of: of each the world holds one row that no kept run needs.
PRUNED = {"contents", "events", "item_intervals", "run_duplicates", "run_units", "source_events"}
DELETES = {
    "atlas_api": {"memberships", "graph_connections", "schedules"},
    "atlas_worker": {"staged_items", *PRUNED},
    "atlas_sweeper": set(),
}
READS = {
    "atlas_api": READ_BY_API,
    "atlas_worker": READ_BY_WORKER,
    "atlas_sweeper": ("drift_runs", "graph_connections", "prune_runs", "sync_runs"),
}
TABLES = sorted(READ_BY_API)
ANY_COLUMN = "tenant_id = tenant_id"


@pytest.fixture
def databases(api: Database, worker: Database, sweeper: Database) -> dict[str, Database]:
    return {"atlas_api": api, "atlas_worker": worker, "atlas_sweeper": sweeper}


# What a worker writes under the lease of a sync run; the rest it writes under that of a drift run.
INVENTORY = {
    "contents", "graph_connections", "hash_aliases", "item_intervals", "labels", "recorded_forms", "run_duplicates",
    "run_units", "source_events", "staged_items", "sync_runs",
}  # fmt: skip


def contexts(role: str, world: World, other: World, table: str = "", *, deleting: bool = False) -> dict[str, Context]:
    """`wrong` is a true member, or a true lease, of the other tenant that names this one."""
    if role == "atlas_worker":
        prunes = table in {"events", "prune_runs"} or (deleting and table in PRUNED)
        kind = "prune_run" if prunes else "sync_run" if table in INVENTORY else "drift_run"
        job, others = getattr(world, kind), getattr(other, kind)
        return {
            "right": world.leased(job_id=job),
            "wrong": other.leased(tenant_id=world.tenant, job_id=others),
            "none": Context(),
        }
    return {"right": world.context(), "wrong": other.context(tenant_id=world.tenant), "none": Context()}


async def test_the_expectation_names_every_tenant_table(owner: Database) -> None:
    async with owner.transaction() as connection:
        found = await connection.scalars(
            text("""select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
                    where c.relnamespace = 'atlas'::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id'""")
        )
        assert sorted(found) == TABLES


async def test_every_table_of_the_world_holds_a_row(owner: Database, world: World) -> None:
    empty = [t for t in TABLES if not await attempt(owner, Context(), select_of(t), world.ids)]
    assert empty == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", APP_ROLES)
async def test_a_read_finds_rows_in_the_right_context_only(
    databases: dict[str, Database], role: str, table: str, world: World, other: World
) -> None:
    for name, context in contexts(role, world, other, table).items():
        found = await attempt(databases[role], context, select_of(table), world.ids)
        if table not in READS[role]:
            assert found == DENIED, name
        elif role == "atlas_sweeper":
            assert isinstance(found, int)
            assert found == 1, "the sweeper sees the open job whatever its context says"
        else:
            assert isinstance(found, int)
            assert (found > 0) == (name == "right"), name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", APP_ROLES)
async def test_an_insert_is_denied_but_in_the_right_context(
    databases: dict[str, Database], role: str, table: str, world: World, other: World, owner: Database
) -> None:
    ids = world.ids | {"stranger": other.owner}
    values = INSERTS[role].get(table) or "(tenant_id) values (:tenant)"
    for name, context in contexts(role, world, other, table).items():
        touched = await attempt(databases[role], context, f"insert into atlas.{table} {values}", ids)
        assert touched == (1 if name == "right" and INSERTS[role].get(table) else DENIED), name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", APP_ROLES)
async def test_an_update_touches_rows_in_the_right_context_only(
    databases: dict[str, Database], role: str, table: str, world: World, other: World
) -> None:
    change = UPDATES[role].get(table) or ANY_COLUMN
    for name, context in contexts(role, world, other, table).items():
        touched = await attempt(
            databases[role], context, f"update atlas.{table} set {change} where tenant_id = :tenant", world.ids
        )
        if not UPDATES[role].get(table):
            assert touched == DENIED, name
        else:
            assert isinstance(touched, int)
            assert (touched > 0) == (name == "right"), name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", APP_ROLES)
async def test_a_delete_touches_rows_in_the_right_context_only(
    databases: dict[str, Database], role: str, table: str, world: World, other: World
) -> None:
    for name, context in contexts(role, world, other, table, deleting=True).items():
        touched = await attempt(databases[role], context, delete_of(table), world.ids)
        if table not in DELETES[role]:
            assert touched == DENIED, name
        else:
            assert touched == (1 if name == "right" else 0), name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", APP_ROLES)
async def test_nobody_truncates(databases: dict[str, Database], role: str, table: str, world: World) -> None:
    context = contexts(role, world, world)["right"]
    assert await attempt(databases[role], context, f"truncate atlas.{table} cascade", world.ids) == DENIED


@pytest.mark.parametrize(
    "change",
    [
        "status = 'QUEUED', lease_token = null",
        "tenant_id = tenant_id",
        "requested_by = null",
        "engine = 'e2'",
        "not_evaluated = '[]'",
        "added = 1",
    ],
)
async def test_the_sweeper_writes_bookkeeping_and_nothing_else(
    sweeper: Database, owner: Database, world: World, change: str
) -> None:
    statement = f"update atlas.drift_runs set {change} where tenant_id = :tenant and id = :drift_run"
    bookkeeping = change.startswith("status")
    assert await attempt(sweeper, Context(), statement, world.ids) == (0 if bookkeeping else DENIED)
    async with owner.transaction() as connection:
        await run(
            connection,
            "update atlas.drift_runs set lease_until = now() - interval '1 s' where id = :drift_run",
            world.ids,
        )
    assert await attempt(sweeper, Context(), statement, world.ids) == (1 if bookkeeping else DENIED)


async def test_the_lease_of_one_kind_does_not_do_the_work_of_the_other(worker: Database, world: World) -> None:
    """Drift generation only analyses: it writes no inventory. A recording writes no finding."""
    drift, sync = world.leased(), world.leased(job_id=world.sync_run)
    for table, values in INSERTS["atlas_worker"].items():
        insert = f"insert into atlas.{table} {values}"
        ids = world.ids | {"stranger": world.lease}
        assert await attempt(worker, drift if table in INVENTORY else sync, insert, ids) == DENIED, table
    for table in ("graph_connections", "item_intervals", "sync_runs"):
        update = f"update atlas.{table} set {UPDATES['atlas_worker'][table]} where tenant_id = :tenant"
        assert await attempt(worker, drift, update, world.ids) == 0
    for table in ("findings", "judged_types", "drift_runs"):
        update = f"update atlas.{table} set {UPDATES['atlas_worker'][table]} where tenant_id = :tenant"
        assert await attempt(worker, sync, update, world.ids) == 0


async def test_only_a_pruning_lets_go_and_it_does_nothing_else(worker: Database, world: World) -> None:
    pruning = world.leased(job_id=world.prune_run)
    for table, values in INSERTS["atlas_worker"].items():
        ids = world.ids | {"stranger": world.lease}
        assert await attempt(worker, pruning, f"insert into atlas.{table} {values}", ids) == DENIED, table
    for table in set(UPDATES["atlas_worker"]) - {"scopes", "prune_runs", "sync_runs"}:
        update = f"update atlas.{table} set {UPDATES['atlas_worker'][table]} where tenant_id = :tenant"
        assert await attempt(worker, pruning, update, world.ids) == 0, table
    for table in PRUNED:
        for lease in (world.leased(), world.leased(job_id=world.sync_run)):
            assert await attempt(worker, lease, delete_of(table), world.ids) == 0, table


async def test_the_sweeper_cannot_take_a_job_for_itself(sweeper: Database, owner: Database, world: World) -> None:
    async with owner.transaction() as connection:
        await run(connection, "update atlas.drift_runs set status = 'QUEUED', lease_token = null, lease_until = null"
                              " where id = :drift_run", world.ids)  # fmt: skip
    take = """update atlas.drift_runs set status = 'RUNNING', lease_token = :lease, lease_until = now()
              where tenant_id = :tenant and id = :drift_run"""
    assert await attempt(sweeper, Context(), take, world.ids) == DENIED


@pytest.mark.parametrize("role", list(Role))
async def test_a_member_of_any_role_sees_their_own_tenant_and_membership(
    api: Database, world: World, other: World, role: Role
) -> None:
    seen = await attempt(api, world.context(role), "select id from atlas.tenants", {})
    assert seen == 1
    assert await attempt(api, world.context(role), "select id from atlas.tenants where id = :tenant", other.ids) == 0
    memberships = await attempt(api, world.context(role), "select id from atlas.memberships", {})
    assert memberships == (5 if role is Role.OWNER else 1)


async def test_keys_of_another_principal_are_unseen_and_cannot_be_made(api: Database, world: World) -> None:
    keys = "select key from atlas.idempotency_keys where tenant_id = :tenant and key = 'nightly'"
    assert await attempt(api, world.context(Role.OWNER), keys, world.ids) == 1
    assert await attempt(api, world.context(Role.OPERATOR), keys, world.ids) == 0
    forged = """insert into atlas.idempotency_keys (tenant_id, principal_id, key, request_hash, target_id)
                values (:tenant, :owner, 'mine', 'h', :scope)"""
    assert await attempt(api, world.context(Role.OPERATOR), forged, world.ids) == DENIED


async def test_whoever_leaves_reads_nothing_from_then_on(api: Database, owner: Database, world: World) -> None:
    async with owner.transaction() as connection:
        await run(connection, "delete from atlas.memberships where principal_id = :reader", world.ids)
    read = [t for t in TABLES if await attempt(api, world.context(Role.READER), select_of(t), world.ids)]
    assert read == []


@pytest.mark.parametrize("role", APP_ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "set role atlas_owner",
        "set role atlas_policy",
        "set session authorization atlas_owner",
        "set local session_replication_role = 'replica'",
        "alter table atlas.findings disable row level security",
        "alter table atlas.findings disable trigger audit_finding",
        "drop policy api_select on atlas.findings",
        "create table atlas.mine ()",
        "create table public.mine ()",
        "create schema mine",
        "create function atlas.mine() returns int language sql return 1",
        "copy (select 1) to program 'true'",
        "select pg_read_file('PG_VERSION')",
        "select starelid from pg_statistic",
        "select stxoid from pg_statistic_ext_data",
        "select nextval('atlas.trusted_documents_revision_seq')",
        "select rolpassword from pg_authid",
        "select atlas.write_audit(:tenant, 'a', 'b', :tenant, null, null)",
        "create trigger mine before update on atlas.findings for each row execute function atlas.stamp_triage()",
    ],
)
async def test_no_application_role_gets_at_the_machinery(
    databases: dict[str, Database], role: str, statement: str, world: World
) -> None:
    assert await attempt(databases[role], contexts(role, world, world)["right"], statement, world.ids) == DENIED


async def test_what_a_unique_key_tells_stays_within_the_tenant(api: Database, world: World, other: World) -> None:
    """The same scope key in two tenants is no conflict, so its violation tells nothing of the other tenant."""
    scope = """insert into atlas.scopes (tenant_id, key, source, selection, label)
               values (:tenant, :key, 'FOLDER', '{}', 'l')"""
    ids = {"tenant": world.tenant, "key": f"s1:{other.scope}"}
    assert await attempt(api, world.context(Role.MANAGER), scope, ids) == 1


def select_of(table: str) -> str:
    return f"select tenant_id from atlas.{table} where tenant_id = :tenant"


def delete_of(table: str) -> str:
    which = {"memberships": "principal_id = :reader", "contents": "hash = 'c1:orphan'", "events": "seq = 1"}
    whom = f" and {which[table]}" if table in which else ""
    return f"delete from atlas.{table} where tenant_id = :tenant{whom}"
