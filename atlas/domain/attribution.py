"""Attribution: who changed an object between two readings, as far as the source's own record of events tells."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from atlas.domain.vocabulary import ActorKind, AttributionConfidence

MOST_TOLD = 10
MOST_WEIGHED = 100

_SHARED = re.compile(r"~[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event of the source's record about one of its objects. `actor_name` is known of applications alone."""

    id: str
    resource_id: str
    activity: str
    operation: str
    actor_kind: ActorKind
    actor_id: str | None
    actor_name: str | None
    at: datetime
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """The object that changed, and between which moments: after `since`, and not after `until`."""

    external_id: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who may have made a change: the newest events that could have, at most ten, newest first."""

    confidence: AttributionConfidence
    events: tuple[SourceEvent, ...] = ()


NOBODY = Attribution(AttributionConfidence.NONE)


def resource_id(external_id: str) -> str:
    """The id by which the source knows the object: of several under one id, the id that they share."""
    return _SHARED.sub("", external_id)


def attribute(window: Window, events: Iterable[SourceEvent]) -> Attribution:
    """EXACT where all that happened to the object in the window was done by one known actor, AMBIGUOUS where not.

    Reading is no change. Of an object under a shared id nobody can tell which one was meant, and of more than a
    hundred events not all are looked at: neither is ever EXACT. Events may come in any order, and more than once.
    """
    plain = resource_id(window.external_id)
    matched = {
        event.id: event
        for event in events
        if event.resource_id == plain and window.since < event.at <= window.until and _changes(event)
    }
    if not matched:
        return NOBODY
    newest = sorted(matched.values(), key=lambda event: (event.at, event.id), reverse=True)
    actors = {(event.actor_kind, event.actor_id) for event in newest}
    exact = (
        len(actors) == 1
        and all(event.actor_id is not None for event in newest)
        and plain == window.external_id
        and len(newest) <= MOST_WEIGHED
    )
    confidence = AttributionConfidence.EXACT if exact else AttributionConfidence.AMBIGUOUS
    return Attribution(confidence, tuple(newest[:MOST_TOLD]))


def _changes(event: SourceEvent) -> bool:
    return event.operation.casefold() != "get"
