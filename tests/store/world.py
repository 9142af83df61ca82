"""A tenant with a row in every table, written as atlas_owner, and the means to try things on it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database

DENIED = "denied"

PEOPLE = """
insert into atlas.tenants (id, name) values (:tenant, 'Contoso ' || :tenant);
insert into atlas.principals (id, kind, issuer, subject, display_name) values
    (:reader, 'USER', 'local', :reader, 'Rea'), (:operator, 'USER', 'local', :operator, 'Ada'),
    (:manager, 'USER', 'local', :manager, 'Max'), (:owner, 'USER', 'local', :owner, 'Olga'),
    (:service, 'SERVICE', 'atlas:' || :tenant, 'ci', 'ci');
insert into atlas.memberships (tenant_id, principal_id, role) values
    (:tenant, :reader, 'READER'), (:tenant, :operator, 'OPERATOR'), (:tenant, :manager, 'MANAGER'),
    (:tenant, :owner, 'OWNER'), (:tenant, :service, 'READER');
insert into atlas.api_tokens (tenant_id, principal_id, hash, hint)
    values (:tenant, :service, decode(replace(:service, '-', ''), 'hex'), 'atlas_abc123');
insert into atlas.idempotency_keys (tenant_id, principal_id, key, request_hash, target_id)
    values (:tenant, :owner, 'nightly', 'h', :drift_run), (:tenant, :operator, 'hourly', 'h', :drift_run)
"""

INVENTORY = """
insert into atlas.scopes (tenant_id, id, key, source, selection, label, last_seq)
    values (:tenant, :scope, 's1:' || :scope, 'FOLDER', '{}', 'production', 3);
insert into atlas.sync_runs (tenant_id, id, scope_id, seq, source, status, requested_by) values
    (:tenant, :baseline_run, :scope, 1, 'FOLDER', 'SUCCEEDED', :owner),
    (:tenant, :current_run, :scope, 2, 'FOLDER', 'SUCCEEDED', :owner),
    (:tenant, :later_run, :scope, 3, 'FOLDER', 'SUCCEEDED', :owner);
insert into atlas.sync_runs (tenant_id, id, scope_id, source, status, requested_by, attempts, lease_token, lease_until)
    values (:tenant, :sync_run, :scope, 'GRAPH', 'RUNNING', :owner, 1, :lease, now() + interval '10 minutes');
insert into atlas.run_units (tenant_id, run_id, item_type, scope_id, seq, status, observed)
    values (:tenant, :current_run, 'deviceConfigurations', :scope, 2, 'COMPLETE', 2);
insert into atlas.run_duplicates (tenant_id, run_id, item_type, external_id, display_name, detail)
    values (:tenant, :current_run, 'deviceConfigurations', 'twin', 'Twin', '{}');
insert into atlas.contents (tenant_id, hash, body) values (:tenant, 'c1:a', 'x'), (:tenant, 'c1:b', 'y');
insert into atlas.item_intervals
    (tenant_id, scope_id, item_type, external_id, valid_from, valid_to, item_id, hash, settings_hash, display_name)
    values (:tenant, :scope, 'deviceConfigurations', 'one', 1, 2, :item, 'c1:a', 'c1:a', 'Firewall'),
           (:tenant, :scope, 'deviceConfigurations', 'one', 2, null, :item, 'c1:b', 'c1:b', 'Firewall')
"""

DRIFT = """
insert into atlas.drift_runs (tenant_id, id, scope_id, baseline_run_id, current_run_id, baseline_seq, current_seq,
                              baseline_mode, engine, status, requested_by, attempts, lease_token, lease_until)
    values (:tenant, :drift_run, :scope, :baseline_run, :current_run, 1, 2, 'PREVIOUS_RUN', 'e1', 'RUNNING', :operator,
            1, :lease, now() + interval '10 minutes');
insert into atlas.judged_types (tenant_id, scope_id, item_type, seq) values (:tenant, :scope, 'scripts', 1);
insert into atlas.findings (tenant_id, id, scope_id, kind, fingerprint, change_type, severity, severity_reasons, status,
                            is_current, item_type, external_id, item_id, display_name, evidence, change_count,
                            baseline_hash, current_hash, baseline_run_id, current_run_id, first_seen_at, last_seen_at)
    values (:tenant, :finding, :scope, 'DRIFT', 'f1:' || :finding, 'MODIFIED', 'HIGH', '{}', 'NEW', true,
            'deviceConfigurations', 'one', :item, 'Firewall', 'x', 1, 'c1:a', 'c1:b', :baseline_run, :current_run,
            now(), now()),
           (:tenant, :second, :scope, 'DRIFT', 'f1:' || :second, 'ADDED', 'LOW', '{}', 'NEW', true,
            'deviceConfigurations', 'two', :item, 'VPN', 'x', 1, null, 'c1:gone', :baseline_run, :current_run,
            now(), now());
insert into atlas.drift_run_findings (tenant_id, drift_run_id, finding_id) values (:tenant, :drift_run, :finding)
"""

CONNECTIONS = """
insert into atlas.hash_aliases (tenant_id, old_hash, new_hash) values (:tenant, 'c0:a', 'c1:a');
insert into atlas.recorded_forms (tenant_id, scope_id, item_type, form)
    values (:tenant, :scope, 'deviceConfigurations', 'c1');
insert into atlas.graph_connections (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, sealed,
                                     created_by)
    values (:tenant, :connection, :tenant, :connection, 'GLOBAL', 'CLIENT_SECRET', 'sealed', :owner)
"""
RULES = """
insert into atlas.rules (tenant_id, item_type, reason, owner_id) values (:tenant, 'nothing', 'noise', :owner)
"""
EVENTS = """
insert into atlas.source_events (tenant_id, id, resource_id, activity, operation, actor_kind, actor_id, at)
    values (:tenant, 'event', 'one', 'Patch', 'Patch', 'USER', :owner, now());
insert into atlas.labels (tenant_id, kind, id, label) values (:tenant, 'GROUP', :owner, 'Sales')
"""
HELD = """
insert into atlas.sync_runs (tenant_id, id, scope_id, source, status, error_code)
    values (:tenant, :held_run, :scope, 'FOLDER', 'NEEDS_CONFIRMATION', 'NEEDS_CONFIRMATION');
insert into atlas.run_units (tenant_id, run_id, item_type, scope_id, status, observed)
    values (:tenant, :sync_run, 'deviceConfigurations', :scope, 'COMPLETE', 1);
insert into atlas.staged_items (tenant_id, run_id, item_type, external_id, hash, settings_hash, display_name, item_id)
    values (:tenant, :sync_run, 'deviceConfigurations', 'one', 'c1:a', 'c1:a', 'Firewall', :item)
"""
PRUNING = """
insert into atlas.prune_runs (tenant_id, id, keep_days, status, requested_by, attempts, lease_token, lease_until)
    values (:tenant, :prune_run, 30, 'RUNNING', :owner, 1, :lease, now() + interval '10 minutes');
insert into atlas.sync_runs (tenant_id, id, scope_id, seq, source, status, pruned_at)
    values (:tenant, :pruned_run, :scope, 0, 'FOLDER', 'SUCCEEDED', now());
insert into atlas.run_units (tenant_id, run_id, item_type, scope_id, status, observed)
    values (:tenant, :pruned_run, 'deviceConfigurations', :scope, 'FAILED', 0);
insert into atlas.run_duplicates (tenant_id, run_id, item_type, external_id, display_name, detail)
    values (:tenant, :pruned_run, 'deviceConfigurations', 'twin', 'Twin', '{}');
insert into atlas.contents (tenant_id, hash, body) values (:tenant, 'c1:orphan', 'z');
insert into atlas.item_intervals
    (tenant_id, scope_id, item_type, external_id, valid_from, valid_to, item_id, hash, settings_hash, display_name)
    values (:tenant, :scope, 'deviceConfigurations', 'unseen', 10, 11, :scope, 'c1:a', 'c1:a', 'Seen by no run')
"""
SCHEDULES = """
insert into atlas.schedules (tenant_id, id, name, scope_id, every_hours, time_zone, anchor, next_tick, due_at)
    values (:tenant, :schedule, 'default', :scope, 6, 'UTC', now(), now() + interval '1 day', now() + interval '1 day');
insert into atlas.schedule_ticks (tenant_id, schedule_id, tick, sync_run_id, started_at)
    values (:tenant, :schedule, now(), :sync_run, now())
"""
# What the tables of the first five migrations hold.
FIRST = (PEOPLE, INVENTORY, DRIFT)


@dataclass(frozen=True, slots=True)
class World:
    """The ids of the tenant. `drift_run` and `sync_run` are RUNNING under `lease`; both findings are NEW.

    `finding` stands in the current run as its content says, `second` does not.
    """

    tenant: UUID
    reader: UUID
    operator: UUID
    manager: UUID
    owner: UUID
    service: UUID
    connection: UUID
    scope: UUID
    baseline_run: UUID
    current_run: UUID
    later_run: UUID
    drift_run: UUID
    sync_run: UUID
    held_run: UUID
    prune_run: UUID
    schedule: UUID
    pruned_run: UUID
    lease: UUID
    item: UUID
    finding: UUID
    second: UUID

    @property
    def ids(self) -> dict[str, UUID]:
        return {name: getattr(self, name) for name in self.__slots__}

    def context(self, role: Role = Role.OWNER, **changes: Any) -> Context:
        """The context of a member of this tenant."""
        settings = {"tenant_id": self.tenant, "principal_id": getattr(self, role.lower()), "request_id": "r-1"}
        return Context(**(settings | changes))

    def leased(self, **changes: Any) -> Context:
        """The context of the worker that holds the drift run."""
        return Context(**({"tenant_id": self.tenant, "job_id": self.drift_run, "lease_token": self.lease} | changes))


async def make_world(
    owner: Database, scripts: Sequence[str] = (*FIRST, CONNECTIONS, RULES, EVENTS, HELD, PRUNING, SCHEDULES)
) -> World:
    world = World(*(uuid4() for _ in World.__slots__))
    async with owner.transaction(Context(tenant_id=world.tenant)) as connection:
        for script in scripts:
            for statement in script.split(";\n"):
                await run(connection, statement, world.ids)
    return world


async def run(connection: AsyncConnection, statement: str, ids: Mapping[str, Any]) -> int:
    """Runs a statement whose `:names` are ids, which it may use as uuid and as text; returns the rows it touched."""
    return len(await rows(connection, statement, ids)) if "returning" in statement or _reads(statement) else (
        await connection.execute(text(_filled(statement, ids)))
    ).rowcount  # fmt: skip


async def rows(connection: AsyncConnection, statement: str, ids: Mapping[str, Any]) -> list[Any]:
    return list((await connection.execute(text(_filled(statement, ids)))).all())


async def attempt(db: Database, context: Context, statement: str, ids: Mapping[str, Any]) -> int | str:
    """How many rows a statement touches in this context, or that it is denied. Always rolled back."""
    touched: int | str = DENIED
    with suppress(_Undo):
        try:
            async with db.transaction(context) as connection:
                touched = await run(connection, statement, ids)
                raise _Undo
        except RefusedError as error:
            assert error.code == "FORBIDDEN"
            return DENIED
    return touched


class _Undo(Exception):  # noqa: N818
    """Rolls the transaction back."""


def _reads(statement: str) -> bool:
    return statement.lstrip().startswith("select")


def filled(statement: str, ids: Mapping[str, Any]) -> str:
    """Ids of our own making, written as literals of unknown type, so that one name serves uuid and text columns."""
    for name in sorted(ids, key=len, reverse=True):
        statement = statement.replace(f":{name}", f"'{ids[name]}'")
    return statement


def _filled(statement: str, ids: Mapping[str, Any]) -> str:
    return filled(statement, ids).replace("::", r"\:\:")
