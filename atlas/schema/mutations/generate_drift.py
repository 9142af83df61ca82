"""The request for drift generation."""

import strawberry

from atlas import drift
from atlas.schema.context import Info
from atlas.schema.drift_runs import DriftRun, load_drift_run
from atlas.schema.mutations.payload import (
    UserError,
    idempotency_key_of,
    object_of,
    outcome,
    scope_key_of,
    tenant_of,
)


@strawberry.input(description="Which pair of runs to compare.")
class GenerateDriftInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    scope_key: str = strawberry.field(description="The key of the scope.")
    baseline_run_id: strawberry.ID | None = strawberry.field(
        default=None, description="The run to measure from; the scope's baseline where left out."
    )
    current_run_id: strawberry.ID | None = strawberry.field(
        default=None, description="The run to look at; the newest where left out."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 200 characters: the same key and input give the same run, however often they are sent.",
    )


@strawberry.type(description="What became of a request for drift generation.")
class GenerateDriftPayload:
    drift_run: DriftRun | None = strawberry.field(default=None, description="The run: queued, running or done.")
    created: bool = strawberry.field(description="Was it made by this request?")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def request_drift(info: Info, given: GenerateDriftInput) -> GenerateDriftPayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        baseline = given.baseline_run_id and object_of(given.baseline_run_id, "SyncRun", "baselineRunId", tenant_id)
        current = given.current_run_id and object_of(given.current_run_id, "SyncRun", "currentRunId", tenant_id)
        requested = await drift.request_drift(
            context.db,
            context.of(tenant_id),
            scope_key=scope_key_of(given.scope_key),
            baseline_run_id=baseline.key if baseline else None,
            current_run_id=current.key if current else None,
            idempotency_key=idempotency_key_of(given.idempotency_key),
        )
        if context.dispatch is not None and requested.jobs:
            await context.dispatch(requested.jobs)
        context.forget()
        run = await load_drift_run(context, tenant_id, requested.run_id)
        return GenerateDriftPayload(drift_run=run, created=requested.created, errors=[])
    return GenerateDriftPayload(created=False, errors=result.errors)
