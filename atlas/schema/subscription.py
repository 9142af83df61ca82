"""Subscriptions: a run up to its end, and all that happens in a tenant."""

from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from atlas.schema.context import Info
from atlas.schema.drift_runs import DriftRun, load_drift_run
from atlas.schema.errors import Code, CodedError, not_found
from atlas.schema.feed import ENDED, feed, follow, object_of
from atlas.schema.findings import Finding, load_finding
from atlas.schema.ids import (
    GlobalId,
    decode_activity_cursor,
    decode_id,
    decode_tenant_id,
    encode_activity_cursor,
)
from atlas.schema.sync_runs import SyncRun, load_sync_run

_RANKS = {"QUEUED": 0, "RUNNING": 1}


@strawberry.type(
    description="At most one of syncRun, driftRun and finding is set (none when it has been pruned since): the object"
    " that changed, as it is now."
)
class Activity:
    cursor: str = strawberry.field(description="Subscribe after it to go on from here.")
    at: datetime = strawberry.field(description="When it happened.")
    sync_run: SyncRun | None = strawberry.field(description="The sync run that changed.")
    drift_run: DriftRun | None = strawberry.field(description="The drift run that changed.")
    finding: Finding | None = strawberry.field(description="The finding that changed.")


@strawberry.type(description="What is told as it happens.")
class Subscription:
    @strawberry.subscription(  # type: ignore[untyped-decorator]
        description="The run as it stands, then each change of it; completes when the run has ended."
    )
    async def drift_run(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The drift run.")],  # noqa: A002
    ) -> AsyncGenerator[DriftRun, None]:
        tenant_id, key = _run_named(id, "DriftRun", "drift run")
        load = partial(load_drift_run, info.context, tenant_id, key)
        async for run in follow(info.context, tenant_id, "drift run", load, _rank):
            yield run

    @strawberry.subscription(  # type: ignore[untyped-decorator]
        description="The run as it stands, then each change of it; completes when the run has ended."
    )
    async def sync_run(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The sync run.")],  # noqa: A002
    ) -> AsyncGenerator[SyncRun, None]:
        tenant_id, key = _run_named(id, "SyncRun", "sync run")
        load = partial(load_sync_run, info.context, tenant_id, key)
        async for run in follow(info.context, tenant_id, "sync run", load, _rank):
            yield run

    @strawberry.subscription(  # type: ignore[untyped-decorator]
        description="Everything that happens in a tenant, in order. Resumes after the cursor given, without a gap."
    )
    async def activity(
        self,
        info: Info,
        tenant_id: Annotated[strawberry.ID, strawberry.argument(description="The tenant.")],
        after: Annotated[
            str | None,
            strawberry.argument(
                description="A cursor of this feed, or Tenant.activityCursor; left out, it starts now."
            ),
        ] = None,
    ) -> AsyncGenerator[Activity, None]:
        tenant = decode_tenant_id(tenant_id)
        if tenant is None:
            raise not_found("tenant")
        context = info.context
        async for event in feed(context, tenant, _seq(after)):
            yield Activity(
                cursor=encode_activity_cursor(event.seq),
                at=event.at,
                sync_run=await object_of(context, tenant, event, "SyncRun", load_sync_run),
                drift_run=await object_of(context, tenant, event, "DriftRun", load_drift_run),
                finding=await object_of(context, tenant, event, "Finding", load_finding),
            )


def _run_named(value: str, type_name: str, noun: str) -> tuple[UUID, UUID]:
    decoded: GlobalId | None = decode_id(value, type_name)
    if decoded is None or decoded.tenant_id is None:
        raise not_found(noun)
    return decoded.tenant_id, decoded.key


def _rank(run: SyncRun | DriftRun) -> tuple[int, int]:
    """How far a run is: its status, then its progress."""
    rank = _RANKS.get(run.status.value)
    return ENDED if rank is None else (rank, run.progress.done if run.progress else 0)


def _seq(after: str | None) -> int | None:
    if after is None:
        return None
    try:
        return decode_activity_cursor(after)
    except ValueError as error:
        message = "This is no cursor of the activity feed. Take one from an activity, or Tenant.activityCursor."
        raise CodedError(Code.BAD_CURSOR, message) from error
