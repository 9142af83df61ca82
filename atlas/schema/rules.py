"""Ignore rules: what a tenant does not want to hear of."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from atlas import rules
from atlas.domain.errors import RefusedError
from atlas.domain.rules import Parts
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.ids import encode_id
from atlas.schema.inputs import bad_user_input
from atlas.schema.node import Node
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import FindingRef, RuleRef, TenantRef
from atlas.schema.resolvers import resolved
from atlas.store import rules as store
from atlas.store.pages import Listing, Row


@strawberry.type(
    description="A rule that hides findings, whole or not at all: MODIFIED ones where every change is ignored, by one"
    " rule or by several; ADDED and REMOVED ones by a rule without a path and a value. A rule is never changed: its"
    " next version replaces it."
)
class Rule(Node):
    version: int = strawberry.field(description="1, or one more than that of the rule that it replaces.")
    item_type: str | None = strawberry.field(description="The type of the object; null: any.")
    path_pattern: str | None = strawberry.field(
        description="The path of the change, where * stands for any text; null: any."
    )
    subject_pattern: str | None = strawberry.field(
        description="The object's name or external id, where * stands for any text; null: any."
    )
    value_pattern: str | None = strawberry.field(
        description="The value that came, or that went where none came, where * stands for any text; never a redacted"
        " one. Null: any."
    )
    reason: str = strawberry.field(description="Why, in the owner's words.")
    created_at: datetime = strawberry.field(description="Since when it stands.")
    expires_at: datetime | None = strawberry.field(description="Until when it stands; null for ever.")
    ended_at: datetime | None = strawberry.field(description="When somebody ended it; null where nobody has.")
    tenant_id: strawberry.Private[UUID]
    owner_id: strawberry.Private[UUID]
    ended_by_id: strawberry.Private[UUID | None]
    replaces_id: strawberry.Private[UUID | None]

    @resolved("The tenant.")
    async def tenant(self, info: Info) -> TenantRef:
        from atlas.schema.tenants import tenant_at

        return await tenant_at(info.context, self.tenant_id)

    @resolved("Who made it.")
    async def owner(self, info: Info) -> Principal:
        principal = await load_principal(info.context, self.tenant_id, self.owner_id)
        if principal is None:
            raise LookupError("the owner of a rule is missing")
        return principal

    @resolved("Who ended it; null where nobody has.")
    async def ended_by(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.ended_by_id)

    @resolved("Its previous version, which ended with it; null where it is the first.")
    async def replaces(self, info: Info) -> RuleRef | None:
        return None if self.replaces_id is None else await load_rule(info.context, self.tenant_id, self.replaces_id)


@strawberry.input(description="What a rule ignores: at least one of these, and all that are given must match.")
class RuleInput:
    item_type: str | None = strawberry.field(default=None, description="The type of the object.")
    path_pattern: str | None = strawberry.field(
        default=None, description="The path of the change, where * stands for any text."
    )
    subject_pattern: str | None = strawberry.field(
        default=None, description="The object's name or external id, where * stands for any text."
    )
    value_pattern: str | None = strawberry.field(
        default=None, description="The value that came, or that went where none came, where * stands for any text."
    )


@strawberry.type(description="What a rule, beside those that stand, would have hidden of what the last runs saw.")
class RulePreview:
    runs: int = strawberry.field(description="How many drift runs were looked at: the newest that succeeded.")
    count: int = strawberry.field(description="How many findings it would have hidden.")
    tenant_id: strawberry.Private[UUID]
    keys: strawberry.Private[tuple[UUID, ...]]

    @resolved("The most severe of them, at most 100.")
    async def findings(self, info: Info) -> list[FindingRef]:
        from atlas.schema.findings import load_finding

        loaded = await asyncio.gather(*(load_finding(info.context, self.tenant_id, key) for key in self.keys))
        return [one for one in loaded if one is not None]


InputArgument = Annotated[RuleInput, strawberry.argument(name="input", description="What the rule would ignore.")]
RunsArgument = Annotated[int, strawberry.argument(description="How many drift runs to look at, 1 to 100.")]
LiveArgument = Annotated[
    bool | None, strawberry.argument(description="True: those that stand. False: those that do not. Null: all.")
]


def parts_of(given: RuleInput) -> Parts:
    return Parts(
        item_type=given.item_type,
        path_pattern=given.path_pattern,
        subject_pattern=given.subject_pattern,
        value_pattern=given.value_pattern,
    )


def rule_of(row: Row) -> Rule:
    return Rule(
        id=encode_id("Rule", row.tenant_id, row.id),
        version=row.version,
        item_type=row.item_type,
        path_pattern=row.path_pattern,
        subject_pattern=row.subject_pattern,
        value_pattern=row.value_pattern,
        reason=row.reason,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        tenant_id=row.tenant_id,
        owner_id=row.owner_id,
        ended_by_id=row.ended_by,
        replaces_id=row.replaces,
    )


async def load_rule(context: GraphQLContext, tenant_id: UUID, key: UUID) -> Rule | None:
    return await context.load(_rules, tenant_id, key)


async def page_of_rules(
    info: Info, tenant_id: UUID, *, live: bool | None, first: int | None, after: str | None
) -> Connection[Rule]:
    listing = Listing(store.of_tenant, store.ORDER, live)
    return await connect(info, rule_of, listing, tenant_id=tenant_id, parent=tenant_id, first=first, after=after)


async def preview_of(context: GraphQLContext, tenant_id: UUID, given: RuleInput, runs: int) -> RulePreview:
    """Raises BAD_USER_INPUT for a rule that cannot be."""
    try:
        wanted = rules.previewed(parts_of(given), runs)
    except RefusedError as error:
        raise bad_user_input(error.message) from error
    found = await context.load(_previews, tenant_id, wanted) or rules.Preview(0, 0, ())
    return RulePreview(runs=found.runs, count=found.count, tenant_id=tenant_id, keys=found.finding_ids)


async def _rules(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, Rule]:
    async with context.read(tenant_id) as connection:
        rows = await store.by_ids(connection, tenant_id, keys)
    return {row.id: rule_of(row) for row in rows}


async def _previews(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[tuple[Parts, int]]
) -> Mapping[tuple[Parts, int], rules.Preview]:
    """One after the other: each may look at everything that the runs saw."""
    async with context.read(tenant_id) as connection:
        return {
            (parts, runs): await rules.preview(connection, context.of(tenant_id), parts, runs=runs)
            for parts, runs in keys
        }
