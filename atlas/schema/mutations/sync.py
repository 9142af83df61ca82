"""The request for a sync run, its cancelling, and the confirmation of one that is held."""

import strawberry

from atlas import held, sync
from atlas.schema.context import Info
from atlas.schema.mutations.payload import (
    UserError,
    idempotency_key_of,
    most_of,
    object_of,
    outcome,
    tenant_of,
    text_of,
)
from atlas.schema.sync_runs import SyncRun, load_sync_run

MOST_ITEM_TYPES = 200


@strawberry.input(description="Which sync to start.")
class StartSyncInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    item_types: list[str] | None = strawberry.field(
        default=None, description="The item types to read; all that Atlas knows where left out."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters: the same key and input give the same run, however often they are sent.",
    )


@strawberry.type(description="What became of a request for a sync.")
class StartSyncPayload:
    sync_run: SyncRun | None = strawberry.field(default=None, description="The run.")
    created: bool = strawberry.field(description="Was it made by this request?")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def start_sync(info: Info, given: StartSyncInput) -> StartSyncPayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        for one in most_of(given.item_types or [], MOST_ITEM_TYPES, "itemTypes"):
            text_of(one, "itemTypes")
        requested = await sync.start_sync(
            context.db,
            context.of(tenant_id),
            item_types=given.item_types,
            idempotency_key=idempotency_key_of(given.idempotency_key),
        )
        if context.dispatch is not None and requested.jobs:
            await context.dispatch(requested.jobs)
        context.forget()
        run = await load_sync_run(context, tenant_id, requested.run_id)
        return StartSyncPayload(sync_run=run, created=requested.created, errors=[])
    return StartSyncPayload(created=False, errors=result.errors)


@strawberry.input(description="Which held sync run to record after all, and why.")
class ConfirmSyncRunInput:
    id: strawberry.ID = strawberry.field(description="The sync run, which is NEEDS_CONFIRMATION.")
    reason: str = strawberry.field(description="Why, 1 to 4,000 characters.")


@strawberry.type(description="What became of a confirmation.")
class ConfirmSyncRunPayload:
    sync_run: SyncRun | None = strawberry.field(default=None, description="The run as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def confirm_sync_run(info: Info, given: ConfirmSyncRunInput) -> ConfirmSyncRunPayload:
    context = info.context
    with outcome() as result:
        run = object_of(given.id, "SyncRun", "id")
        job = await held.confirm_run(
            context.db, context.of(run.tenant_id), run.key, reason=text_of(given.reason, "reason")
        )
        if context.dispatch is not None:
            await context.dispatch([job])
        context.forget()
        return ConfirmSyncRunPayload(sync_run=await load_sync_run(context, job.tenant_id, run.key), errors=[])
    return ConfirmSyncRunPayload(errors=result.errors)


@strawberry.input(description="Which sync run to cancel.")
class CancelSyncInput:
    id: strawberry.ID = strawberry.field(description="The sync run, from Microsoft Graph, QUEUED or RUNNING.")
    reason: str | None = strawberry.field(
        default=None, description="Why, 1 to 4,000 characters; it is kept in the audit record."
    )


@strawberry.type(description="What became of a cancelling.")
class CancelSyncPayload:
    sync_run: SyncRun | None = strawberry.field(
        default=None, description="The run as it is now: FAILED with the code CANCELLED."
    )
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def cancel_sync(info: Info, given: CancelSyncInput) -> CancelSyncPayload:
    context = info.context
    with outcome() as result:
        run = object_of(given.id, "SyncRun", "id")
        reason = None if given.reason is None else text_of(given.reason, "reason")
        job = await sync.cancel_sync(context.db, context.of(run.tenant_id), run.key, reason=reason)
        context.forget()
        return CancelSyncPayload(sync_run=await load_sync_run(context, job.tenant_id, run.key), errors=[])
    return CancelSyncPayload(errors=result.errors)
