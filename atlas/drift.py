"""Drift: asking for it, and generating it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson

from atlas.access import require
from atlas.domain.engine import ENGINE
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import BaselineMode, Capability, UserErrorCode
from atlas.jobs import Job
from atlas.store import idempotency, pairs
from atlas.store.database import Connection, Context, Database, forbidden


@dataclass(frozen=True, slots=True)
class Requested:
    """The drift run that stands for what was asked, whether this request made it, and the messages to send."""

    run_id: UUID
    created: bool
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two recorded runs of one scope, the baseline older than the current."""

    baseline_run_id: UUID
    baseline_seq: int
    current_run_id: UUID
    current_seq: int


async def request_drift(
    db: Database,
    context: Context,
    *,
    scope_key: str,
    baseline_run_id: UUID | None = None,
    current_run_id: UUID | None = None,
    idempotency_key: str | None = None,
) -> Requested:
    """Queues what is not generated yet, and returns the run of the newest (or the named) pair.

    Without named runs and without a pin that is every consecutive pair that nobody generated, oldest first; what was
    pruned is passed over, so that no change is lost.
    A pair that is queued, running, or done under the present engine is returned as it is. The jobs are committed
    when this returns; a message that is never sent is sent again by the sweeper.
    Raises `RefusedError` NOT_FOUND, FORBIDDEN, NEEDS_SECOND_RUN, SCOPE_MISMATCH, RUN_NOT_RECORDED, INVALID_INPUT,
    IDEMPOTENCY_KEY_REUSED.
    """
    if context.tenant_id is None or context.principal_id is None:
        raise forbidden()
    tenant_id, principal_id = context.tenant_id, context.principal_id
    request = _request_hash("generateDrift", scope_key, baseline_run_id, current_run_id)
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.GENERATE_DRIFT)
        if idempotency_key is not None:
            known = await idempotency.find(connection, tenant_id, principal_id, idempotency_key, request)
            if known is not None:
                return Requested(known, created=False, jobs=())
        wanted, mode, scope_id = await _wanted(connection, tenant_id, scope_key, baseline_run_id, current_run_id)
        made: list[UUID] = []
        for pair in wanted:
            run_id, created = await _ensure_run(connection, context, scope_id, pair, mode)
            made += [run_id] if created else []
        if idempotency_key is not None and not await idempotency.keep(
            connection, tenant_id, principal_id, idempotency_key, request, run_id
        ):
            run_id = await idempotency.find(connection, tenant_id, principal_id, idempotency_key, request) or run_id
    if made:
        await db.notify([tenant_id])
    return Requested(run_id, created=run_id in made, jobs=tuple(Job("drift", tenant_id, made_id) for made_id in made))


async def _wanted(
    connection: Connection, tenant_id: UUID, scope_key: str, baseline_run_id: UUID | None, current_run_id: UUID | None
) -> tuple[Sequence[Pair], BaselineMode, UUID]:
    """The pairs to generate, never empty, the newest last; how their baseline was chosen; the scope."""
    scope = await pairs.scope_by_key(connection, tenant_id, scope_key)
    if scope is None:
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such scope.", ("input", "scopeKey"))
    baseline = await _named(connection, tenant_id, scope["id"], baseline_run_id, "baselineRunId")
    current = await _named(connection, tenant_id, scope["id"], current_run_id, "currentRunId")
    if scope["last_seq"] < 2:
        raise RefusedError(
            UserErrorCode.NEEDS_SECOND_RUN,
            f"The scope has {scope['last_seq']} recorded runs; drift needs two. Sync once more.",
            ("input", "scopeKey"),
        )
    mode = BaselineMode.PREVIOUS_RUN
    if baseline is None and scope["pinned_run_id"] is not None:
        baseline = {"id": scope["pinned_run_id"], "seq": scope["pinned_seq"]}
    if baseline is None and current is None:
        open_pairs = [Pair(**row) for row in await pairs.ungenerated(connection, tenant_id, scope["id"])]
        newest = await _consecutive(connection, tenant_id, scope["id"], scope["last_seq"])
        return [*(pair for pair in open_pairs if pair != newest), newest], mode, scope["id"]
    if current is None:
        current = await _newest(connection, tenant_id, scope["id"], scope["last_seq"])
    if baseline is None:
        return [await _consecutive(connection, tenant_id, scope["id"], current["seq"])], mode, scope["id"]
    if baseline["seq"] >= current["seq"]:
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            "The baseline run must be older than the current one. Where the newest run is pinned, sync first.",
            ("input", "baselineRunId"),
        )
    if baseline["id"] == scope["pinned_run_id"]:
        mode = BaselineMode.PINNED
    return [Pair(baseline["id"], baseline["seq"], current["id"], current["seq"])], mode, scope["id"]


async def _named(
    connection: Connection, tenant_id: UUID, scope_id: UUID, run_id: UUID | None, field: str
) -> dict[str, Any] | None:
    if run_id is None:
        return None
    run = await pairs.run_by_id(connection, tenant_id, run_id)
    if run is None:
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such sync run.", ("input", field))
    if run["scope_id"] != scope_id:
        raise RefusedError(
            UserErrorCode.SCOPE_MISMATCH, "The sync run is of another scope. Name one of this scope.", ("input", field)
        )
    if run["seq"] is None:
        raise RefusedError(
            UserErrorCode.RUN_NOT_RECORDED,
            "The sync run is not recorded (it is still running, or failed). Name one that is SUCCEEDED or PARTIAL.",
            ("input", field),
        )
    if run["pruned_at"] is not None:
        raise RefusedError(
            UserErrorCode.RUN_NOT_RECORDED,
            f"Run {run['seq']} of the scope was pruned. Name one that is kept.",
            ("input", field),
        )
    return dict(run)


async def _consecutive(connection: Connection, tenant_id: UUID, scope_id: UUID, seq: int) -> Pair:
    later = await pairs.kept_run(connection, tenant_id, scope_id, until=seq)
    earlier = await pairs.kept_run(connection, tenant_id, scope_id, until=seq - 1)
    if later is None or earlier is None:
        raise RefusedError(
            UserErrorCode.NEEDS_SECOND_RUN, "The named run is the scope's first; nothing comes before it.", ("input",)
        )
    return Pair(earlier["id"], earlier["seq"], later["id"], later["seq"])


async def _newest(connection: Connection, tenant_id: UUID, scope_id: UUID, last_seq: int) -> dict[str, Any]:
    run = await pairs.kept_run(connection, tenant_id, scope_id, until=last_seq)
    if run is None:
        raise LookupError("the newest run of a scope is missing")
    return dict(run)


async def _ensure_run(
    connection: Connection, context: Context, scope_id: UUID, pair: Pair, mode: BaselineMode
) -> tuple[UUID, bool]:
    """(run, made by this request). Whoever loses a race of inserts finds the winner's run."""
    run_id = uuid4()
    known = (context.tenant_id, scope_id, pair.baseline_run_id, pair.current_run_id, ENGINE)
    for _ in range(3):
        existing = await pairs.existing_run(connection, *known)  # type: ignore[arg-type]
        if existing is not None:
            return existing, False
        inserted = await pairs.insert_run(
            connection,
            tenant_id=context.tenant_id,
            id=run_id,
            scope_id=scope_id,
            baseline_run_id=pair.baseline_run_id,
            current_run_id=pair.current_run_id,
            baseline_seq=pair.baseline_seq,
            current_seq=pair.current_seq,
            baseline_mode=mode,
            engine=ENGINE,
            requested_by=context.principal_id,
            request_id=context.request_id,
        )
        if inserted:
            return run_id, True
    raise RefusedError(UserErrorCode.CONFLICT, "The pair's run ended at this very moment. Ask again.")


def _request_hash(*parts: object) -> str:
    return hashlib.sha256(orjson.dumps([None if part is None else str(part) for part in parts])).hexdigest()
