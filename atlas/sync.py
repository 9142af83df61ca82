"""Sync: asking for a run that records what a source holds. What reads sources is in `atlas.record`."""

import json
from uuid import UUID, uuid4

from atlas.access import require
from atlas.domain.errors import RefusedError
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Capability, UserErrorCode
from atlas.jobs import Job
from atlas.store import connections, sync_requests
from atlas.store.database import Context, Database, forbidden


async def start_sync(db: Database, context: Context) -> UUID:
    """Would queue a sync from the tenant's Microsoft Graph connection, which this release does not read from yet.

    Raises `RefusedError` NOT_FOUND, FORBIDDEN, NO_GRAPH_CONNECTION, and INVALID_INPUT where there is a connection.
    """
    async with db.transaction(context, readonly=True) as connection:
        await require(connection, context, Capability.START_SYNC)
        connected = context.tenant_id is not None and await connections.connected(connection, context.tenant_id)
    if connected:
        raise RefusedError(
            UserErrorCode.INVALID_INPUT,
            "This tenant is connected, but reading from Microsoft Graph comes with a later release of Atlas. Record an"
            " export with `atlas sync folder`.",
            ("input", "tenantId"),
        )
    raise RefusedError(
        UserErrorCode.NO_GRAPH_CONNECTION,
        "This tenant has no Microsoft Graph connection. Record an export with `atlas sync folder`.",
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
