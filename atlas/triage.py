"""What people say of findings: acknowledge, reopen, pin a baseline. All or nothing, each with its audit event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, datetime
from uuid import UUID

from atlas.access import require
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Capability, FindingStatus, UserErrorCode
from atlas.store import triage as store
from atlas.store.database import Connection, Context, Database, forbidden

MOST = 1_000
LONGEST_REASON = 4_000


@dataclass(frozen=True, slots=True)
class Triaged:
    """A finding whose triage was written, and the audit event that the database wrote with it."""

    finding_id: UUID
    audit_event_id: UUID | None


async def acknowledge(
    db: Database,
    context: Context,
    finding_ids: Sequence[UUID],
    *,
    reason: str,
    expires_at: datetime | None = None,
    expected_version: int | None = None,
) -> list[Triaged]:
    """Accepts these values of these findings, in the order asked. Again: renews. All or nothing, at most 1,000.

    Raises `RefusedError` INVALID_INPUT (reason, expiry, number), NOT_FOUND, FORBIDDEN, or CONFLICT where a finding
    is RESOLVED or has moved on from `expected_version`.
    """
    reason = checked_reason(reason)
    check_end(expires_at)
    if not 1 <= len(finding_ids) <= MOST:
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"Name 1 to {MOST} findings at a time.", ("input", "ids"))
    tenant_id = _tenant(context)
    ids = sorted(set(finding_ids))
    async with db.transaction(replace(context, reason=reason)) as connection:
        await _lock(connection, context, ids, expected_version)
        written = await store.acknowledge(connection, tenant_id, ids, reason=reason, expires_at=expires_at)
        if len(written) != len(ids):
            raise forbidden()
        events = await store.newest_audit_events(connection, tenant_id, ids)
    await db.notify([tenant_id])
    return [Triaged(finding_id, events.get(finding_id)) for finding_id in dict.fromkeys(finding_ids)]


async def reopen(
    db: Database, context: Context, finding_id: UUID, *, reason: str, expected_version: int | None = None
) -> Triaged:
    """Takes an acknowledgement back. Raises as `acknowledge`; CONFLICT where the finding is not ACKNOWLEDGED."""
    reason = checked_reason(reason)
    tenant_id = _tenant(context)
    async with db.transaction(replace(context, reason=reason)) as connection:
        await _lock(connection, context, [finding_id], expected_version)
        if not await store.reopen(connection, tenant_id, finding_id):
            raise RefusedError(
                UserErrorCode.CONFLICT, "The finding is NEW already: there is no acknowledgement to take back."
            )
        events = await store.newest_audit_events(connection, tenant_id, [finding_id])
    await db.notify([tenant_id])
    return Triaged(finding_id, events.get(finding_id))


async def pin_baseline(db: Database, context: Context, *, scope_key: str, run_id: UUID, reason: str) -> UUID:
    """Measures the scope from this run on, and accepts what it holds. Returns the scope's id.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN, SCOPE_MISMATCH, RUN_NOT_RECORDED.
    """
    reason = checked_reason(reason)
    tenant_id = _tenant(context)
    async with db.transaction(replace(context, reason=reason)) as connection:
        await require(connection, context, Capability.MANAGE_BASELINE)
        scope = await store.scope_for_baseline(connection, tenant_id, scope_key)
        if scope is None:
            raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such scope.", ("input", "scopeKey"))
        run = await store.run_in_scope(connection, tenant_id, run_id)
        if run is None:
            raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such sync run.", ("input", "runId"))
        if run["scope_id"] != scope["id"]:
            raise RefusedError(
                UserErrorCode.SCOPE_MISMATCH,
                "The sync run is of another scope. Name one of this scope.",
                ("input", "runId"),
            )
        if run["seq"] is None:
            raise RefusedError(
                UserErrorCode.RUN_NOT_RECORDED,
                "Only a recorded run (SUCCEEDED or PARTIAL) can be a baseline.",
                ("input", "runId"),
            )
        if run["pruned_at"] is not None:
            raise RefusedError(
                UserErrorCode.RUN_NOT_RECORDED, "The sync run was pruned. Pin one that is kept.", ("input", "runId")
            )
        await store.pin(
            connection, tenant_id, scope["id"], run_id=run_id, seq=run["seq"], principal_id=_principal(context)
        )
        await store.accept_baseline(connection, tenant_id, scope["id"])
    await db.notify([tenant_id])
    pinned: UUID = scope["id"]
    return pinned


async def unpin_baseline(db: Database, context: Context, *, scope_key: str, reason: str) -> UUID:
    """Measures the scope from its previous run again. CONFLICT where nothing is pinned."""
    reason = checked_reason(reason)
    tenant_id = _tenant(context)
    async with db.transaction(replace(context, reason=reason)) as connection:
        await require(connection, context, Capability.MANAGE_BASELINE)
        scope = await store.scope_for_baseline(connection, tenant_id, scope_key)
        if scope is None:
            raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such scope.", ("input", "scopeKey"))
        if scope["pinned_run_id"] is None:
            raise RefusedError(UserErrorCode.CONFLICT, "No run is pinned in this scope.")
        await store.unpin(connection, tenant_id, scope["id"])
    await db.notify([tenant_id])
    unpinned: UUID = scope["id"]
    return unpinned


async def _lock(connection: Connection, context: Context, ids: Sequence[UUID], expected_version: int | None) -> None:
    """Holds the findings, or says why they cannot be written. A foreign one and an absent one look the same."""
    seen = await store.statuses(connection, _tenant(context), ids)
    if len(seen) != len(ids):
        field = "id" if len(ids) == 1 else "ids"
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such finding.", ("input", field))
    await require(connection, context, Capability.ACKNOWLEDGE)
    locked = await store.lock_findings(connection, _tenant(context), ids)
    if len(locked) != len(ids) or any(row["status"] == FindingStatus.RESOLVED for row in locked.values()):
        raise RefusedError(
            UserErrorCode.CONFLICT,
            "The finding is RESOLVED: its change no longer stands, so there is nothing to say of it.",
        )
    if expected_version is not None and any(row["version"] != expected_version for row in locked.values()):
        raise RefusedError(
            UserErrorCode.CONFLICT,
            "Somebody else changed this finding in the meantime. Load it again and decide anew.",
            ("input", "expectedVersion"),
        )


def check_end(expires_at: datetime | None) -> None:
    """Raises `RefusedError` INVALID_INPUT for an end that lies in the past, or in the last year of the calendar."""
    if expires_at is None:
        return
    wrong = "lies in the past. Name a time to come." if expires_at <= datetime.now(UTC) else None
    # The last moment of Python's calendar would be kept as infinity, which comes back without an offset.
    if expires_at.year == MAXYEAR:
        wrong = f"lies too far ahead. Name a time before the year {MAXYEAR}, or none."
    if wrong:
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"expiresAt {wrong}", ("input", "expiresAt"))


def checked_reason(reason: str) -> str:
    """The reason without space around it. Raises `RefusedError` INVALID_INPUT."""
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON or "\x00" in reason:
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            f"Give a reason of 1 to {LONGEST_REASON} characters: whoever reads the record later will want to know.",
            ("input", "reason"),
        )
    return reason


def _tenant(context: Context) -> UUID:
    if context.tenant_id is None:
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such finding.", ("input", "id"))
    return context.tenant_id


def _principal(context: Context) -> UUID:
    if context.principal_id is None:
        raise forbidden()
    return context.principal_id
