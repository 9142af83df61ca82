"""Rows made by hand, as the owner: a scope with recorded runs, its inventory, and findings of all kinds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.canonical import encode_body
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.vocabulary import ChangeType, Role, Severity
from atlas.store.bodies import pack, pack_evidence
from atlas.store.database import Database
from atlas.store.tables import (
    contents,
    drift_run_findings,
    drift_runs,
    findings,
    item_intervals,
    run_units,
    scopes,
    sync_runs,
)
from tests.factories import Tenant

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
CONFIGURATIONS = "deviceConfigurations"


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@dataclass(slots=True)
class Scope:
    """A scope with its recorded runs, the first at sequence 1."""

    tenant: Tenant
    id: UUID
    key: str
    runs: list[UUID] = field(default_factory=list)


async def put(connection: AsyncConnection, table: Table, *rows: dict[str, Any]) -> None:
    for row in rows:
        await connection.execute(insert(table).values(**row))


async def make_scope(owner: Database, tenant: Tenant, *, runs: int = 2, hour: int = 0, **values: Any) -> Scope:
    scope = Scope(tenant, uuid4(), values.pop("key", f"s1:{uuid4().hex}"))
    async with owner.transaction(tenant.owner) as connection:
        row = {"tenant_id": tenant.id, "id": scope.id, "key": scope.key, "source": "FOLDER", "selection": {}}
        await put(connection, scopes, row | {"label": "production", "last_seq": runs} | values)
    for seq in range(1, runs + 1):
        await record_run(owner, scope, seq=seq, hour=hour + seq)
    return scope


async def record_run(owner: Database, scope: Scope, *, seq: int | None, hour: int, **values: Any) -> UUID:
    """A run that ended an hour after it was asked for, with one type read to its end."""
    run_id, times = uuid4(), {"created_at": at(hour), "started_at": at(hour), "finished_at": at(hour + 1)}
    row = {"tenant_id": scope.tenant.id, "id": run_id, "scope_id": scope.id, "seq": seq, "source": "FOLDER"}
    unit = {"tenant_id": scope.tenant.id, "run_id": run_id, "scope_id": scope.id, "seq": seq, "observed": 1}
    coverage = values.pop("coverage", "COMPLETE")
    async with owner.transaction(scope.tenant.owner) as connection:
        await put(connection, sync_runs, row | times | {"status": "SUCCEEDED" if seq else "FAILED"} | values)
        await put(connection, run_units, unit | {"item_type": CONFIGURATIONS, "status": coverage})
    if seq is not None:
        scope.runs.append(run_id)
    return run_id


async def make_drift_run(owner: Database, scope: Scope, pair: tuple[int, int] = (1, 2), **values: Any) -> UUID:
    run_id, (baseline, current) = uuid4(), pair
    status = values.get("status", "SUCCEEDED")
    row = {
        "tenant_id": scope.tenant.id,
        "id": run_id,
        "scope_id": scope.id,
        "baseline_run_id": scope.runs[baseline - 1],
        "current_run_id": scope.runs[current - 1],
        "baseline_seq": baseline,
        "current_seq": current,
        "baseline_mode": "PREVIOUS_RUN",
        "engine": "e1",
        "status": status,
        "created_at": at(10),
    }
    if status == "RUNNING":
        row |= {"lease_token": uuid4()}
    if status == "SUCCEEDED":
        names = ("added", "removed", "modified", "property_changes")
        row |= dict.fromkeys((*names, *(f"findings_{one}" for one in ("new", "reopened", "resolved", "unchanged"))), 1)
    async with owner.transaction(scope.tenant.owner) as connection:
        await put(connection, drift_runs, row | values)
    return run_id


def changes(count: int) -> list[PropertyChange]:
    return [
        PropertyChange(ChangeType.MODIFIED, f"setting{n:04d}", f"Setting {n}", Evidence(False, 0), Evidence(False, n))
        for n in range(count)
    ]


async def make_findings(
    owner: Database, scope: Scope, overrides: Sequence[dict[str, Any]], *, drift_run: UUID | None = None
) -> list[UUID]:
    """A NEW finding for each set of overrides."""
    ids = [uuid4() for _ in overrides]
    rows = [
        {
            "tenant_id": scope.tenant.id,
            "id": id_,
            "scope_id": scope.id,
            "kind": "DRIFT",
            "fingerprint": f"f1:{id_.hex}",
            "change_type": "MODIFIED",
            "severity": "HIGH",
            "severity_reasons": ["it is a test"],
            "status": "NEW",
            "is_current": True,
            "item_type": CONFIGURATIONS,
            "external_id": id_.hex,
            "item_id": uuid4(),
            "display_name": "Firewall",
            "evidence": pack_evidence([change.to_json() for change in changes(3)]),
            "change_count": 3,
            "baseline_run_id": scope.runs[0],
            "current_run_id": scope.runs[-1],
            "first_seen_at": at(1),
            "last_seen_at": at(2),
        }
        | values
        for id_, values in zip(ids, overrides, strict=True)
    ]
    async with owner.transaction(scope.tenant.owner) as connection:
        await put(connection, findings, *rows)
        if drift_run is not None:
            seen = {"tenant_id": scope.tenant.id, "drift_run_id": drift_run}
            await put(connection, drift_run_findings, *(seen | {"finding_id": id_} for id_ in ids))
    return ids


def acknowledged(tenant: Tenant, reason: str = "planned") -> dict[str, Any]:
    by = tenant.members[Role.OPERATOR]
    return {"status": "ACKNOWLEDGED", "acknowledged_by": by, "acknowledged_at": at(3), "acknowledged_reason": reason}


async def make_item(
    owner: Database, scope: Scope, versions: Sequence[tuple[int, int | None, dict[str, Any]]], **values: Any
) -> UUID:
    """An object with the versions (valid from, valid to, properties)."""
    item_id, tenant_id = uuid4(), scope.tenant.id
    async with owner.transaction(scope.tenant.owner) as connection:
        for valid_from, valid_to, properties in versions:
            hash_ = f"c1:{uuid4().hex}"
            await put(
                connection, contents, {"tenant_id": tenant_id, "hash": hash_, "body": pack(encode_body(properties))}
            )
            row = {
                "tenant_id": tenant_id,
                "scope_id": scope.id,
                "item_type": CONFIGURATIONS,
                "external_id": item_id.hex,
                "valid_from": valid_from,
                "valid_to": valid_to,
                "item_id": item_id,
                "hash": hash_,
                "settings_hash": hash_,
                "display_name": "Firewall",
            }
            await put(connection, item_intervals, row | values)
    return item_id


SEVERITIES = [severity.value for severity in Severity]
