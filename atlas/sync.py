"""Sync: asking for a run that records what a source holds. What reads sources is in `atlas.record`."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from atlas.access import require
from atlas.domain.errors import RefusedError
from atlas.domain.selection import ITEM_TYPES, Selection, meant, scope_key
from atlas.domain.vocabulary import Capability, SyncSource, UserErrorCode
from atlas.jobs import Job
from atlas.store import connections, held, idempotency, sync_requests
from atlas.store.database import Connection, Context, Database, forbidden
from atlas.triage import checked_reason

_LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Requested:
    """The sync run that stands for what was asked, whether this request made it, and the messages to send."""

    run_id: UUID
    created: bool
    jobs: tuple[Job, ...]


async def start_sync(
    db: Database, context: Context, *, item_types: Sequence[str] | None = None, idempotency_key: str | None = None
) -> Requested:
    """Queues a sync from the tenant's Microsoft Graph connection for the worker, of all types or of those named.

    A run of the same types that is queued or running already is returned as it is. The job is committed when this
    returns; a message that is never sent is sent again by the sweeper. Raises `RefusedError` NOT_FOUND, FORBIDDEN,
    NO_GRAPH_CONNECTION, INVALID_INPUT, IDEMPOTENCY_KEY_REUSED.
    """
    if context.tenant_id is None or context.principal_id is None:
        raise forbidden()
    tenant_id, principal_id = context.tenant_id, context.principal_id
    selection = graph_selection(item_types)
    asked = hashlib.sha256(f"startSync {selection.canonical}".encode()).hexdigest()
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.START_SYNC)
        if idempotency_key is not None:
            known = await idempotency.find(connection, tenant_id, principal_id, idempotency_key, asked)
            if known is not None:
                return Requested(known, created=False, jobs=())
        scope_id = await graph_scope(connection, tenant_id, selection)
        wanted = uuid4()
        run_id = await sync_requests.insert_only_run(
            connection, tenant_id, run_id=wanted, scope_id=scope_id, source=selection.source,
            requested_by=principal_id, request_id=context.request_id,
        )  # fmt: skip
        if idempotency_key is not None:
            await idempotency.keep(connection, tenant_id, principal_id, idempotency_key, asked, run_id)
    created = run_id == wanted
    if created:
        await db.notify([tenant_id])
    return Requested(run_id, created=created, jobs=(Job("sync", tenant_id, run_id),) if created else ())


async def cancel_sync(db: Database, context: Context, run_id: UUID, *, reason: str | None = None) -> Job:
    """Ends a sync from Microsoft Graph that is queued or running: FAILED, CANCELLED. Nothing of it is recorded.

    Whoever works on it loses its lease, and stops at the next page.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN, INVALID_INPUT (reason), and CONFLICT where it has ended, is held, or
    reads a folder.
    """
    if context.tenant_id is None:
        raise forbidden()
    reason = None if reason is None else checked_reason(reason)
    async with db.transaction(replace(context, reason=reason)) as connection:
        run = await held.status_of(connection, context.tenant_id, run_id)
        if run is None:
            raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such sync run.", ("input", "id"))
        await require(connection, context, Capability.START_SYNC)
        if not await sync_requests.cancel(connection, run_id):
            # It may have ended between the two statements.
            run = await held.status_of(connection, context.tenant_id, run_id) or run
            message = f"The sync run is {run['status']}. What reads Graph can be cancelled until it ends."
            raise RefusedError(UserErrorCode.CONFLICT, message, ("input", "id"))
    await db.notify([context.tenant_id])
    return Job("sync", context.tenant_id, run_id)


def graph_selection(item_types: Sequence[str] | None) -> Selection:
    """What is read from Graph: all types, or those named. Raises `RefusedError` INVALID_INPUT."""
    if item_types is None:
        return Selection(SyncSource.GRAPH)
    unknown = sorted(set(item_types) - ITEM_TYPES)
    if unknown or not item_types:
        what = "Name an item type, or leave them out."
        if unknown:
            what = f"There is no item type {unknown[0][:100]!r}. {meant(unknown[0])}"
        raise RefusedError(UserErrorCode.INVALID_INPUT, what, ("input", "itemTypes"))
    return Selection(SyncSource.GRAPH, item_types=tuple(sorted(set(item_types))))


async def graph_scope(connection: Connection, tenant_id: UUID, selection: Selection) -> UUID:
    """The scope of what is read from the tenant's connection. Raises `RefusedError` NO_GRAPH_CONNECTION, CONFLICT."""
    await _require_one_connection(connection, tenant_id)
    return await sync_requests.ensure_scope(
        connection, tenant_id, key=scope_key(selection), source=selection.source,
        selection=json.loads(selection.canonical), label=_label(selection),
    )  # fmt: skip


def _label(selection: Selection) -> str:
    named = selection.item_types
    return "Microsoft Graph" if named is None else f"Microsoft Graph: {', '.join(named)}"[:_LONGEST_LABEL]


async def _require_one_connection(connection: Connection, tenant_id: UUID) -> None:
    number = await connections.number_of(connection, tenant_id)
    if number == 0:
        raise RefusedError(
            UserErrorCode.NO_GRAPH_CONNECTION,
            "This tenant has no Microsoft Graph connection. Make one with `atlas graph connect` (connectGraph), or"
            " record an export with `atlas sync folder`.",
            ("input", "tenantId"),
        )
    if number > 1:
        raise RefusedError(
            UserErrorCode.CONFLICT,
            f"This tenant has {number} connections, and the inventory of one directory is not to be mixed with that of"
            " another. Remove all but one: `atlas graph list`, `atlas graph remove`.",
            ("input", "tenantId"),
        )


async def request(db: Database, context: Context, selection: Selection, label: str) -> Job:
    """The scope and the job row of a sync run, committed, so that the run is seen from its first moment.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN.
    """
    if context.tenant_id is None or context.principal_id is None:
        raise forbidden()
    run_id = uuid4()
    async with db.transaction(context) as connection:
        await require(connection, context, Capability.START_SYNC)
        scope_id = await sync_requests.ensure_scope(
            connection,
            context.tenant_id,
            key=scope_key(selection),
            source=selection.source,
            selection=json.loads(selection.canonical),
            label=label,
        )
        await sync_requests.insert_run(
            connection,
            context.tenant_id,
            run_id=run_id,
            scope_id=scope_id,
            source=selection.source,
            requested_by=context.principal_id,
            request_id=context.request_id,
        )
    await db.notify([context.tenant_id])
    return Job("sync", context.tenant_id, run_id)
