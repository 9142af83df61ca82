"""What generation writes of findings: inserts, transitions, sightings. Called inside the effect transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, RowMapping, Text, Uuid, bindparam, case, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.tables import drift_run_findings, findings

# Text compares by the columns' own collation, and what is held is what the columns' indexes find.
_HOLD = text(
    """
    with wanted as materialized (
        select f.id from unnest(:types, :ids) k (item_type, external_id)
        join atlas.findings f on f.tenant_id = :tenant and f.scope_id = :scope and f.kind = 'DRIFT'
          and f.item_type = k.item_type and f.external_id = k.external_id
        union all
        select f.id from atlas.findings f
        where f.tenant_id = :tenant and f.scope_id = :scope and f.kind = 'DATA_QUALITY' and f.item_type = any(:whole)
    )
    select id, kind, fingerprint, item_type, external_id, baseline_hash, current_hash, status, resolution, is_current,
           superseded_by, occurrences, acknowledged_by, acknowledged_until, first_seen_at
    from atlas.findings where tenant_id = :tenant and id in (select id from wanted)
    order by id for no key update
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in ("types", "ids", "whole")))


async def hold(
    connection: AsyncConnection,
    tenant_id: UUID,
    scope_id: UUID,
    objects: Iterable[tuple[str, str]],
    item_types: Iterable[str],
) -> Sequence[RowMapping]:
    """The DRIFT findings of these (type, id) objects, and the DATA_QUALITY findings of these types, where they stand.

    They stay as they are until the transaction ends, and are held in the order of their ids, as by whoever triages
    them. Newest first, and always the same: where several would do, the first is taken.
    """
    keys = list(objects)
    rows = await connection.execute(
        _HOLD,
        {
            "tenant": tenant_id,
            "scope": scope_id,
            "types": [item_type for item_type, _ in keys],
            "ids": [external_id for _, external_id in keys],
            "whole": list(item_types),
        },
    )
    held = sorted(rows.mappings(), key=lambda row: row["fingerprint"])
    return sorted(held, key=lambda row: row["first_seen_at"], reverse=True)


async def insert_findings(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(findings), rows)


async def update_triage(
    connection: AsyncConnection, tenant_id: UUID, drift_run_id: UUID, changes: Sequence[Mapping[str, Any]]
) -> None:
    """Each change holds `finding_id` and the new status, resolution, is_current, superseded_by, occurrences.

    `forget` true takes away an acknowledgement that no longer holds; `returned` true notes that the content came back
    in this drift run.
    """
    came_back = {
        "returned_in": case(
            (bindparam("new_returned", type_=Boolean), bindparam("run", type_=Uuid)), else_=findings.c.returned_in
        )
    }
    for forget in (False, True):
        values: dict[str, Any] = {
            name: bindparam(f"new_{name}", type_=findings.c[name].type)
            for name in ("status", "resolution", "is_current", "superseded_by", "occurrences")
        }
        values |= came_back
        if forget:
            values |= dict.fromkeys(("acknowledged_by", "acknowledged_at", "acknowledged_reason", "acknowledged_until"))
        batch = [
            {"finding_id": change["finding_id"], "tenant": tenant_id, "run": drift_run_id}
            | {f"new_{name}": change[name] for name in (*values, "returned") if name in change}
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
