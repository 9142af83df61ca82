"""Ignore rules: create and end."""

from datetime import datetime

import strawberry

from atlas import rules
from atlas.schema.context import Info
from atlas.schema.mutations.payload import UserError, absent, object_of, outcome, tenant_of, text_of
from atlas.schema.rules import Rule, RuleInput, load_rule, parts_of


@strawberry.input(description="Which rule to make, and why.")
class CreateRuleInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    rule: RuleInput = strawberry.field(description="What it ignores.")
    reason: str = strawberry.field(description="Why, 1 to 4,000 characters.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="Until when it stands, in the future; for ever where left out."
    )
    replaces: strawberry.ID | None = strawberry.field(
        default=None, description="The rule whose next version this is: it ends."
    )


@strawberry.input(description="Which rule to end, and why.")
class EndRuleInput:
    id: strawberry.ID = strawberry.field(description="The rule.")
    reason: str = strawberry.field(description="Why, 1 to 4,000 characters.")


@strawberry.type(description="What became of a new rule.")
class CreateRulePayload:
    rule: Rule | None = strawberry.field(default=None, description="The rule as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of the end of a rule.")
class EndRulePayload:
    rule: Rule | None = strawberry.field(default=None, description="The rule as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def create_rule(info: Info, given: CreateRuleInput) -> CreateRulePayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        replaces = None if given.replaces is None else object_of(given.replaces, "Rule", "replaces", tenant_id).key
        rule_id = await rules.create(
            context.db,
            context.of(tenant_id),
            parts_of(given.rule),
            reason=text_of(given.reason, "reason"),
            expires_at=given.expires_at,
            replaces=replaces,
        )
        context.forget()
        return CreateRulePayload(rule=await load_rule(context, tenant_id, rule_id), errors=[])
    return CreateRulePayload(errors=result.errors)


async def end_rule(info: Info, given: EndRuleInput) -> EndRulePayload:
    context = info.context
    with outcome() as result:
        target = object_of(given.id, "Rule", "id")
        if target.tenant_id is None:
            raise absent("Rule", "id")
        await rules.end(context.db, context.of(target.tenant_id), target.key, reason=text_of(given.reason, "reason"))
        context.forget()
        return EndRulePayload(rule=await load_rule(context, target.tenant_id, target.key), errors=[])
    return EndRulePayload(errors=result.errors)
