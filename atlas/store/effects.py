"""What generation writes of findings: inserts, transitions, sightings. Called inside the effect transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.vocabulary import FindingKind
from atlas.store.tables import drift_run_findings, findings

_STATE = (
    findings.c.id,
    findings.c.kind,
    findings.c.fingerprint,
    findings.c.item_type,
    findings.c.external_id,
    findings.c.baseline_hash,
    findings.c.current_hash,
    findings.c.status,
    findings.c.resolution,
    findings.c.is_current,
    findings.c.superseded_by,
    findings.c.occurrences,
    findings.c.acknowledged_by,
    findings.c.acknowledged_until,
)


async def of_objects(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, objects: Iterable[tuple[str, str]]
) -> Sequence[RowMapping]:
    """The DRIFT findings of these (type, id) objects: where they stand."""
    keys = list(objects)
    if not keys:
        return []
    wanted = text(
        "select * from unnest(cast(:types as text[]), cast(:ids as text[])) k (item_type, external_id)"
    ).columns(item_type=findings.c.item_type.type, external_id=findings.c.external_id.type)
    named = wanted.bindparams(types=[t for t, _ in keys], ids=[e for _, e in keys]).subquery("k")
    rows = await connection.execute(
        select(*_STATE)
        .join(named, (named.c.item_type == findings.c.item_type) & (named.c.external_id == findings.c.external_id))
        .where(
            findings.c.tenant_id == tenant_id,
            findings.c.scope_id == scope_id,
            findings.c.kind == FindingKind.DRIFT,
        )
        # Newest first, and always the same: where several would do, the first is taken.
        .order_by(findings.c.first_seen_at.desc(), findings.c.fingerprint)
    )
    return rows.mappings().all()


async def of_data_quality(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, item_types: Iterable[str]
) -> Sequence[RowMapping]:
    """The DATA_QUALITY findings of these types."""
    rows = await connection.execute(
        select(*_STATE).where(
            findings.c.tenant_id == tenant_id,
            findings.c.scope_id == scope_id,
            findings.c.kind == FindingKind.DATA_QUALITY,
            findings.c.item_type.in_(list(item_types)),
        )
    )
    return rows.mappings().all()


async def insert_findings(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(findings), rows)


async def update_triage(connection: AsyncConnection, tenant_id: UUID, changes: Sequence[Mapping[str, Any]]) -> None:
    """Each change holds `finding_id` and the new status, resolution, is_current, superseded_by, occurrences.

    `forget` true takes away an acknowledgement that no longer holds.
    """
    for forget in (False, True):
        values: dict[str, Any] = {
            name: bindparam(f"new_{name}", type_=findings.c[name].type)
            for name in ("status", "resolution", "is_current", "superseded_by", "occurrences")
        }
        if forget:
            values |= dict.fromkeys(("acknowledged_by", "acknowledged_at", "acknowledged_reason", "acknowledged_until"))
        batch = [
            {"finding_id": change["finding_id"], "tenant": tenant_id}
            | {f"new_{name}": change[name] for name in values if name in change}
            for change in changes
            if change["forget"] is forget
        ]
        if batch:
            await connection.execute(
                update(findings)
                .where(findings.c.tenant_id == bindparam("tenant"), findings.c.id == bindparam("finding_id"))
                .values(**values),
                batch,
            )


async def sight(
    connection: AsyncConnection, tenant_id: UUID, drift_run_id: UUID, finding_ids: Sequence[UUID], seen_at: datetime
) -> None:
    """Notes that the drift run saw these findings."""
    if not finding_ids:
        return
    await connection.execute(
        insert(drift_run_findings),
        [{"tenant_id": tenant_id, "drift_run_id": drift_run_id, "finding_id": one} for one in finding_ids],
    )
    await connection.execute(
        update(findings)
        .where(findings.c.tenant_id == tenant_id, findings.c.id.in_(finding_ids), findings.c.last_seen_at < seen_at)
        .values(last_seen_at=seen_at)
    )
