"""Attribution: who changed the object of a finding, as far as the source's record of events tells."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.domain import attribution as domain
from atlas.schema.context import GraphQLContext
from atlas.schema.enums import ActorKind, AttributionConfidence
from atlas.store import source_events as store


@strawberry.type(description="An event that the source recorded of an object. It never holds values.")
class AttributedEvent:
    at: datetime = strawberry.field(description="When it happened.")
    activity: str = strawberry.field(description="What was done, in the source's words.")
    operation: str = strawberry.field(description="What kind of activity the source calls it.")
    actor_kind: ActorKind = strawberry.field(description="A person or a program.")
    actor_id: str | None = strawberry.field(
        description="Who, by the id in the source's directory; null where the record does not say."
    )
    actor_name: str | None = strawberry.field(description="What a program is called; null for a person.")
    correlation_id: str | None = strawberry.field(
        description="What ties together the events of one action; null where the record does not say."
    )


@strawberry.type(description="Who may have made a change.")
class Attribution:
    confidence: AttributionConfidence = strawberry.field(description="How sure that is.")
    events: list[AttributedEvent] = strawberry.field(
        description="What is recorded of the object between the two readings, newest first, at most 10."
    )


async def load_attribution(context: GraphQLContext, tenant_id: UUID, finding_id: UUID) -> Attribution:
    found = await context.load(_attributions, tenant_id, finding_id) or domain.NOBODY
    return Attribution(confidence=found.confidence, events=[_event(event) for event in found.events])


def _event(event: domain.SourceEvent) -> AttributedEvent:
    return AttributedEvent(
        at=event.at,
        activity=event.activity,
        operation=event.operation,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        correlation_id=event.correlation_id,
    )


async def _attributions(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]
) -> Mapping[UUID, domain.Attribution]:
    async with context.read(tenant_id) as connection:
        found = await store.around(connection, tenant_id, keys)
    return {key: domain.attribute(window, events) for key, (window, events) in found.items()}
