"""What people write: the triage of findings and the pin of a baseline. The database stamps and audits both."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.vocabulary import FindingStatus
from atlas.store.tables import audit_events, findings, scopes, sync_runs


async def lock_findings(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, RowMapping]:
    """By id: (id, status, version) of the findings that are visible, locked in the order of their ids.

    The lock needs the right to update, so whoever may only read gets no row: see `visible`.
    """
    rows = await connection.execute(
        select(findings.c.id, findings.c.status, findings.c.version)
        .where(findings.c.tenant_id == tenant_id, findings.c.id.in_(ids))
        .order_by(findings.c.id)
        .with_for_update()
    )
    return {row["id"]: row for row in rows.mappings()}


async def statuses(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, str]:
    """By id: the status of the findings that the context may read, RESOLVED ones too."""
    rows = await connection.execute(
        select(findings.c.id, findings.c.status).where(findings.c.tenant_id == tenant_id, findings.c.id.in_(ids))
    )
    return {row.id: row.status for row in rows}


async def acknowledge(
    connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID], *, reason: str, expires_at: datetime | None
) -> list[UUID]:
    """Who and when is stamped by the database, from the context. Returns the ids that were written."""
    rows = await connection.execute(
        update(findings)
        .where(findings.c.tenant_id == tenant_id, findings.c.id.in_(ids))
        .values(status=FindingStatus.ACKNOWLEDGED, acknowledged_reason=reason, acknowledged_until=expires_at)
        .returning(findings.c.id)
    )
    return list(rows.scalars())


async def reopen(connection: AsyncConnection, tenant_id: UUID, finding_id: UUID) -> bool:
    rows = await connection.execute(
        update(findings)
        .where(
            findings.c.tenant_id == tenant_id,
            findings.c.id == finding_id,
            findings.c.status == FindingStatus.ACKNOWLEDGED,
        )
        .values(
            status=FindingStatus.NEW,
            acknowledged_by=None,
            acknowledged_at=None,
            acknowledged_reason=None,
            acknowledged_until=None,
        )
        .returning(findings.c.id)
    )
    return rows.first() is not None


async def newest_audit_events(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """By finding: the id of its newest audit event: in the transaction that made it, the one of this change."""
    rows = await connection.execute(
        select(audit_events.c.target_id, audit_events.c.id)
        .ext(distinct_on(audit_events.c.target_id))
        .where(audit_events.c.tenant_id == tenant_id, audit_events.c.target_id.in_(ids))
        .order_by(audit_events.c.target_id, audit_events.c.at.desc(), audit_events.c.id.desc())
    )
    return {row.target_id: row.id for row in rows}


async def scope_for_baseline(connection: AsyncConnection, tenant_id: UUID, key: str) -> RowMapping | None:
    """(id, last_seq, pinned_run_id) of the scope, locked: two pins of one scope do not interleave."""
    rows = await connection.execute(
        select(scopes.c.id, scopes.c.last_seq, scopes.c.pinned_run_id)
        .where(scopes.c.tenant_id == tenant_id, scopes.c.key == key)
        .with_for_update(key_share=True)
    )
    return rows.mappings().one_or_none()


async def run_in_scope(connection: AsyncConnection, tenant_id: UUID, run_id: UUID) -> RowMapping | None:
    """(scope_id, seq, status, pruned_at) of a sync run that the context may read."""
    rows = await connection.execute(
        select(sync_runs.c.scope_id, sync_runs.c.seq, sync_runs.c.status, sync_runs.c.pruned_at).where(
            sync_runs.c.tenant_id == tenant_id, sync_runs.c.id == run_id
        )
    )
    return rows.mappings().one_or_none()


async def pin(
    connection: AsyncConnection, tenant_id: UUID, scope_id: UUID, *, run_id: UUID, seq: int, principal_id: UUID
) -> None:
    await connection.execute(
        update(scopes)
        .where(scopes.c.tenant_id == tenant_id, scopes.c.id == scope_id)
        .values(pinned_run_id=run_id, pinned_seq=seq, pinned_by=principal_id, pinned_at=func.now())
    )


async def unpin(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> None:
    await connection.execute(
        update(scopes)
        .where(scopes.c.tenant_id == tenant_id, scopes.c.id == scope_id)
        .values(pinned_run_id=None, pinned_seq=None, pinned_by=None, pinned_at=None)
    )


async def accept_baseline(connection: AsyncConnection, tenant_id: UUID, scope_id: UUID) -> int:
    """Resolves as BASELINED what is open and stands in the pinned run; returns how many.

    Holds all that is open of the scope first, in the order of the ids, as whoever acknowledges some of it does.
    """
    await connection.execute(
        select(findings.c.id)
        .where(
            findings.c.tenant_id == tenant_id,
            findings.c.scope_id == scope_id,
            findings.c.status.in_((FindingStatus.NEW, FindingStatus.ACKNOWLEDGED)),
        )
        .order_by(findings.c.id)
        .with_for_update(key_share=True)
    )
    accepted: int = (
        await connection.execute(text("select atlas.accept_baseline(:scope)"), {"scope": scope_id})
    ).scalar_one()
    return accepted
