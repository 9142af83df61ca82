"""Who changed what, as Intune's own record tells it: a page at a time, without values and without names of people."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from atlas.domain.attribution import SourceEvent
from atlas.domain.vocabulary import ActorKind
from atlas.sources.graph.answers import Body, moment_of
from atlas.sources.graph.client import Get, GraphClient

MOST_EVENTS = 20_000
PERMISSION = "DeviceManagementApps.Read.All"
CALLED = "who made a change"

_LONGEST, _LONGEST_TEXT, _LONGEST_OPERATION = 200, 400, 100
_FAILED = frozenset({"failure", "failed", "error"})


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events. `more_after`: there are more, after this moment, and they are not read this time."""

    events: list[SourceEvent]
    more_after: datetime | None = None


async def read_events(
    client: GraphClient, since: datetime, *, known: datetime | None = None, most: int = MOST_EVENTS
) -> AsyncIterator[EventPage]:
    """The changes after `since`, oldest first, until `most` are read that are later than `known`. Raises GraphError.

    Whoever stops early goes on from there, so it does only where Graph kept to the order.
    """
    moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = f"activityDateTime gt {moment} and activityOperationType ne 'Get'"
    query = f"$filter={quote(wanted)}&$orderby={quote('activityDateTime asc')}"
    new, latest, in_order = 0, datetime.min.replace(tzinfo=UTC), True
    async for page in client.pages(Get(f"deviceManagement/auditEvents?{query}", "v1.0")):
        events = [event for body in page.values for event in events_of(body)]
        for event in events:
            in_order &= event.at >= latest
            latest = max(latest, event.at)
            # What is read once more, and what is no event, must not keep those after it from their turn.
            new += event.at > (known or since)
        if new >= most and in_order and page.next_link is not None:
            yield EventPage(events, latest)
            return
        yield EventPage(events)


def events_of(body: Body) -> list[SourceEvent]:
    """One event for each object that it is about; none where it failed, or cannot be told.

    The old and new values of an event may hold secrets: they are never looked at.
    """
    at, actor = moment_of(body.get("activityDateTime")), body.get("actor")
    identity, resources = _text(body.get("id")), body.get("resources")
    if at is None or identity is None or not isinstance(resources, list):
        return []
    if str(body.get("activityResult")).lower() in _FAILED:
        return []
    kind, actor_id, actor_name = _actor(actor if isinstance(actor, dict) else {})
    named = {_text(one.get("resourceId")) for one in resources if isinstance(one, dict)}
    return [
        SourceEvent(
            id=identity,
            resource_id=resource,
            activity=_storable(str(body.get("activityType") or body.get("activity") or ""))[:_LONGEST_TEXT],
            operation=_storable(str(body.get("activityOperationType") or ""))[:_LONGEST_OPERATION],
            actor_kind=kind,
            actor_id=actor_id,
            actor_name=actor_name,
            at=at,
            correlation_id=_text(body.get("correlationId")),
        )
        for resource in sorted(one for one in named if one is not None)
    ]


def _actor(actor: Body) -> tuple[ActorKind, str | None, str | None]:
    """A person is an id and no more. Somebody at a portal acts through its application, and is who counts."""
    user, application = _text(actor.get("userId")), _text(actor.get("applicationId"))
    if user is not None or actor.get("userPrincipalName"):
        return ActorKind.USER, user, None
    if application is not None:
        name = actor.get("applicationDisplayName")
        return ActorKind.APPLICATION, application, _storable(name)[:_LONGEST_TEXT] if isinstance(name, str) else None
    return ActorKind.UNKNOWN, None, None


def _text(value: Any) -> str | None:
    fits = isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()
    return value if fits else None


def _storable(text: str) -> str:
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
