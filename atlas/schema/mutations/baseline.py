"""Baselines: pin and unpin."""

import strawberry

from atlas import triage
from atlas.schema.context import Info
from atlas.schema.mutations.payload import UserError, object_of, outcome, scope_key_of, tenant_of, text_of
from atlas.schema.scopes import Scope, load_scope


@strawberry.input(description="Which run to pin as the baseline of its scope, and why.")
class PinBaselineInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    scope_key: str = strawberry.field(description="The key of the scope.")
    run_id: strawberry.ID = strawberry.field(description="The recorded run of the scope.")
    reason: str = strawberry.field(description="Why, 1 to 4,000 characters.")


@strawberry.input(description="Which scope goes back to its previous run as the baseline, and why.")
class UnpinBaselineInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    scope_key: str = strawberry.field(description="The key of the scope.")
    reason: str = strawberry.field(description="Why, 1 to 4,000 characters.")


@strawberry.type(description="What became of a pinning.")
class PinBaselinePayload:
    scope: Scope | None = strawberry.field(default=None, description="The scope as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of an unpinning.")
class UnpinBaselinePayload:
    scope: Scope | None = strawberry.field(default=None, description="The scope as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def pin_baseline(info: Info, given: PinBaselineInput) -> PinBaselinePayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        scope_id = await triage.pin_baseline(
            context.db,
            context.of(tenant_id),
            scope_key=scope_key_of(given.scope_key),
            run_id=object_of(given.run_id, "SyncRun", "runId", tenant_id).key,
            reason=text_of(given.reason, "reason"),
        )
        context.forget()
        return PinBaselinePayload(scope=await load_scope(context, tenant_id, scope_id), errors=[])
    return PinBaselinePayload(errors=result.errors)


async def unpin_baseline(info: Info, given: UnpinBaselineInput) -> UnpinBaselinePayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        scope_id = await triage.unpin_baseline(
            context.db,
            context.of(tenant_id),
            scope_key=scope_key_of(given.scope_key),
            reason=text_of(given.reason, "reason"),
        )
        context.forget()
        return UnpinBaselinePayload(scope=await load_scope(context, tenant_id, scope_id), errors=[])
    return UnpinBaselinePayload(errors=result.errors)
