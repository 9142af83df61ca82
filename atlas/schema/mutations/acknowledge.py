"""Triage of findings: acknowledge and reopen."""

import asyncio
from datetime import datetime
from uuid import UUID

import strawberry

from atlas import triage
from atlas.schema.audit import AuditEvent, load_audit_event
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.findings import Finding, load_finding
from atlas.schema.mutations.payload import (
    UserError,
    absent,
    invalid,
    most_of,
    object_of,
    outcome,
    text_of,
)

MOST_FINDINGS = 1000


@strawberry.input(description="Which finding to acknowledge, and why.")
class AcknowledgeFindingInput:
    id: strawberry.ID = strawberry.field(description="The finding.")
    reason: str = strawberry.field(description="Why the change is all right, 1 to 4,000 characters.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="Until when it holds, in the future; for ever where left out."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was looked at; CONFLICT where the finding has changed since."
    )


@strawberry.input(description="Which findings to acknowledge, and why.")
class AcknowledgeFindingsInput:
    ids: list[strawberry.ID] = strawberry.field(description="The findings, of one tenant, at most 1,000.")
    reason: str = strawberry.field(description="Why the changes are all right, 1 to 4,000 characters.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="Until when it holds, in the future; for ever where left out."
    )


@strawberry.input(description="Which finding to reopen, and why.")
class ReopenFindingInput:
    id: strawberry.ID = strawberry.field(description="The finding.")
    reason: str = strawberry.field(description="Why it is not all right after all, 1 to 4,000 characters.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was looked at; CONFLICT where the finding has changed since."
    )


@strawberry.type(description="What became of an acknowledgement.")
class AcknowledgeFindingPayload:
    finding: Finding | None = strawberry.field(default=None, description="The finding as it is now.")
    audit_event: AuditEvent | None = strawberry.field(default=None, description="The record of it.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of an acknowledgement of several findings.")
class AcknowledgeFindingsPayload:
    findings: list[Finding] = strawberry.field(description="The findings as they are now, each once.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; empty where all was.")


@strawberry.type(description="What became of a reopening.")
class ReopenFindingPayload:
    finding: Finding | None = strawberry.field(default=None, description="The finding as it is now.")
    audit_event: AuditEvent | None = strawberry.field(default=None, description="The record of it.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def acknowledge_finding(info: Info, given: AcknowledgeFindingInput) -> AcknowledgeFindingPayload:
    context = info.context
    with outcome() as result:
        target = object_of(given.id, "Finding", "id")
        tenant_id = _tenant(target.tenant_id, "id")
        done = await triage.acknowledge(
            context.db,
            context.of(tenant_id),
            [target.key],
            reason=text_of(given.reason, "reason"),
            expires_at=given.expires_at,
            expected_version=given.expected_version,
        )
        finding, event = await _triaged(context, tenant_id, target.key, done)
        return AcknowledgeFindingPayload(finding=finding, audit_event=event, errors=[])
    return AcknowledgeFindingPayload(errors=result.errors)


async def acknowledge_findings(info: Info, given: AcknowledgeFindingsInput) -> AcknowledgeFindingsPayload:
    context = info.context
    with outcome() as result:
        targets = [object_of(one, "Finding", "ids") for one in most_of(given.ids, MOST_FINDINGS, "ids")]
        tenants = {target.tenant_id for target in targets}
        if len(tenants) != 1:
            raise invalid("Name findings of one tenant, at least one. Send one request a tenant.", "ids")
        tenant_id = _tenant(tenants.pop(), "ids")
        keys = list(dict.fromkeys(target.key for target in targets))
        await triage.acknowledge(
            context.db,
            context.of(tenant_id),
            keys,
            reason=text_of(given.reason, "reason"),
            expires_at=given.expires_at,
        )
        context.forget()
        loaded = await asyncio.gather(*(load_finding(context, tenant_id, key) for key in keys))
        return AcknowledgeFindingsPayload(findings=[one for one in loaded if one is not None], errors=[])
    return AcknowledgeFindingsPayload(findings=[], errors=result.errors)


async def reopen_finding(info: Info, given: ReopenFindingInput) -> ReopenFindingPayload:
    context = info.context
    with outcome() as result:
        target = object_of(given.id, "Finding", "id")
        tenant_id = _tenant(target.tenant_id, "id")
        done = await triage.reopen(
            context.db,
            context.of(tenant_id),
            target.key,
            reason=text_of(given.reason, "reason"),
            expected_version=given.expected_version,
        )
        finding, event = await _triaged(context, tenant_id, target.key, [done])
        return ReopenFindingPayload(finding=finding, audit_event=event, errors=[])
    return ReopenFindingPayload(errors=result.errors)


def _tenant(tenant_id: UUID | None, field_name: str) -> UUID:
    if tenant_id is None:
        raise absent("Finding", field_name)
    return tenant_id


async def _triaged(
    context: GraphQLContext, tenant_id: UUID, key: UUID, done: list[triage.Triaged]
) -> tuple[Finding | None, AuditEvent | None]:
    """The finding and the record as they are after the commit."""
    context.forget()
    event_id = done[0].audit_event_id if done else None
    event = None if event_id is None else load_audit_event(context, tenant_id, event_id)
    finding = load_finding(context, tenant_id, key)
    return await finding, None if event is None else await event
