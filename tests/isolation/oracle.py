"""The oracle: what an answer may hold, and what it must be. Each case counts only where its owner sees the row."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from atlas.domain.vocabulary import Capability, Role
from atlas.jobs import Job
from atlas.schema.context import GraphQLContext
from atlas.schema.ids import decode_id
from atlas.schema.root import schema
from atlas.sealing import sealing_key
from atlas.store.database import Database
from tests.factories import DEPLOYMENT_KEY
from tests.isolation.anchors import Anchors, never_was
from tests.isolation.atoms import atoms
from tests.isolation.documents import Document, objects_at
from tests.isolation.policy import NESTED, NODES
from tests.isolation.walk import Way
from tests.isolation.world import Person, Realm, World

Answer = dict[str, Any]
Asking = Callable[[Person, str, Mapping[str, Any]], Awaitable[Answer]]

SEALING_KEY = sealing_key(DEPLOYMENT_KEY)

# So many people ask at once: enough to keep both processors busy, and few enough for the pool.
_AT_ONCE = 4


@dataclass(slots=True)
class Judged:
    """How many cases were judged, and what was wrong."""

    cases: int = 0
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Control:
    """Variables with which the owner sees something at the end of these ways, and the objects that owners see."""

    variables: Mapping[str, Any]
    ways: tuple[Way, ...]
    objects: dict[str, Any]


async def ask(
    world: World,
    person: Person,
    query: str,
    variables: Mapping[str, Any],
    *,
    db: Database | None = None,
    sent: list[Job] | None = None,
) -> Answer:
    """The answer of the real executor, over the real database as `atlas_api`, as it would leave as JSON.

    `sent` collects what is handed to the broker.
    """

    async def dispatch(jobs: Sequence[Job]) -> None:
        if sent is not None:
            sent.extend(jobs)

    context = GraphQLContext(
        db=db or world.databases.api,
        principal=person.principal,
        request_id="isolation",
        dispatch=dispatch,
        sealing_key=SEALING_KEY,
    )
    result = await schema.execute(query, variable_values=dict(variables), context_value=context)
    errors = [error.formatted for error in result.errors or ()]
    return {"data": result.data, "errors": errors, "extensions": result.extensions}


async def judge(
    judged: Judged,
    world: World,
    document: Document,
    realm: Realm,
    anchors: Anchors,
    *,
    asking: Asking | None = None,
) -> None:
    """Asks a document as everybody, and compares with what its owner sees and with what never was.

    `asking` is how everybody asks; in this process where it is left out, which is how the control always asks.
    """
    asking = asking or partial(ask, world)
    controls = await _controls(world, document, realm, anchors)
    unseen = set(document.ways) - {way for control in controls for way in control.ways}
    judged.complaints += [f"{document.name(way)}: the control saw nothing, as owner of {realm.mark}" for way in unseen]
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def asked(person: Person, control: Control) -> None:
        async with at_once:
            answer = await asking(person, document.text, control.variables)
            wrong = leaks(world, person, answer) + _wrong(world, document, realm, person, control, answer)
            if document.root.named and not objects_at(answer["data"], document.root.at):
                never = await asking(person, document.text, never_was(control.variables))
                wrong += ["it differs from the answer to what never was"] if answer != never else []
        judged.cases += len(control.ways)
        told = f"{document.root.name}, asked for {realm.mark} by {person.name}"
        judged.complaints += [f"{told}: {one}" for one in wrong]

    # Where nothing is named, the other tenant's members are asked when it is its turn.
    people = [one for one in world.people if document.root.named or realm.id in one.roles or not one.roles]
    await asyncio.gather(*(asked(person, control) for control in controls for person in people))


async def _controls(world: World, document: Document, realm: Realm, anchors: Anchors) -> list[Control]:
    """Each way has to be seen with something at its end: the fewest variables that show them all."""
    found: list[Control] = []
    for variables in document.variables(anchors):
        answer = await ask(world, world.owner_of(realm), document.text, variables)
        objects = objects_at(answer["data"], document.root.at)
        shown = tuple(way for way in document.ways if any(reached(one, way) for one in objects.values()))
        if not answer["errors"]:
            found.append(Control(variables, shown, objects))
        if shown == document.ways:
            break
    controls: list[Control] = []
    left = set(document.ways)
    while best := max(found, key=lambda one: len(left & {*one.ways}), default=None):
        now = tuple(way for way in best.ways if way in left)
        if not now:
            break
        left -= {*now}
        controls.append(replace(best, ways=now, objects=best.objects | await _others(world, document, realm, best)))
    return controls


async def _others(world: World, document: Document, realm: Realm, control: Control) -> dict[str, Any]:
    """What the other tenant's owner sees, where the root answers with what the viewer is a member of."""
    if document.root.named:
        return {}
    answer = await ask(world, world.owner_of(world.other(realm)), document.text, control.variables)
    return objects_at(answer["data"], document.root.at)


def _wrong(
    world: World, document: Document, realm: Realm, person: Person, control: Control, answer: Answer
) -> list[str]:
    wanted: dict[str, Any] = {}
    for of, owners in control.objects.items():
        role = person.roles.get(_tenant_of(of) or realm.id)
        if role is not None and NODES[document.root.kind] in world.capabilities[role]:
            wanted[of] = expected(world, person, role, owners, document.ways)
    objects = objects_at(answer["data"], document.root.at)
    wrong = [f"errors {answer['errors']}"] if answer["errors"] else []
    wrong += [f"they see {of}, which is not theirs" for of in objects.keys() - wanted.keys()]
    wrong += [f"they do not see {of}, which is theirs" for of in wanted.keys() - objects.keys()]
    for of in objects.keys() & wanted.keys():
        if objects[of] != wanted[of]:
            wrong += [
                f"{document.name(way)} is not what the policy gives them"
                for way in document.ways
                if list(ends(objects[of], way)) != list(ends(wanted[of], way))
            ] or ["what lies on the way is not what the policy gives them"]
    return wrong


def leaks(world: World, person: Person, answer: Any) -> list[str]:
    found = atoms(answer) & world.hidden_from(person)
    return [f"it holds {sorted(found)[:5]}, which only another tenant has"] if found else []


def ends(value: Any, way: Way) -> Iterator[Any]:
    """What stands at the end of the way, for each object that it branches to."""
    if isinstance(value, list):
        for one in value:
            yield from ends(one, way)
    elif value is None or not way:
        yield value
    else:
        below = value[way[0].field]
        yield from ends(below["nodes"] if len(way) > 1 and below and "nodes" in below else below, way[1:])


def reached(value: Any, way: Way) -> bool:
    """Is there something at the end of the way?"""
    return any(one is not None and one.get("nodes", True) and one.get("edges", True) for one in ends(value, way))


def expected(world: World, person: Person, role: Role, owners: Any, ways: Sequence[Way]) -> Any:
    """What the policy makes of the owner's answer for a member with a lesser role."""
    held = world.capabilities[role]
    steps = {step for way in ways for step in way}
    withheld = {step.field for step in steps if NESTED.get((step.parent, step.field), Capability.READ) not in held}

    def as_seen(value: Any, name: str) -> Any:
        if name in withheld or _hidden_target(value, name):
            return None
        if name == "viewerRole":
            return role.value
        if name == "viewerCapabilities":
            return [one.value for one in Capability if one in held]
        if isinstance(value, list):
            return [as_seen(one, "") for one in value]
        return {key: as_seen(one, key) for key, one in value.items()} if isinstance(value, dict) else value

    def _hidden_target(value: Any, name: str) -> bool:
        """A membership is seen by whom it is of, and with MANAGE_MEMBERS."""
        if name != "target" or not value or value["__typename"] != "Membership":
            return False
        return Capability.MANAGE_MEMBERS not in held and value["id"] not in person.memberships

    return as_seen(owners, "")


def seen(value: Any) -> set[tuple[str, str]]:
    """The (type, field) pairs of an answer that hold something."""
    found: set[tuple[str, str]] = set()
    for one in _objects(value):
        found |= {(one["__typename"], key) for key, below in one.items() if below not in (None, [], {})}
    return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and "__typename" in value:
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(one)


def _tenant_of(global_id: str) -> UUID | None:
    decoded = decode_id(global_id)
    return decoded.tenant_id if decoded else None
