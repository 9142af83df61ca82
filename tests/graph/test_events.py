"""Audit events: who changed an object, from the source's own record, without a value and without a person's name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import ActorKind, Role
from atlas.sources.graph.events import events_of, read_events
from atlas.store.database import Database
from tests.graph.asking import asking
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import Fault, StandIn, Tenant, serving, status
from tests.graph.syncing import Reader, reader
from tests.graph.test_sync_run import policies
from tests.schema.asking import Asker
from tests.test_drift import generated

EVENTS = "deviceManagement/auditEvents"
NOW = datetime.now(UTC).replace(microsecond=0)
PERSON = "someone@contoso.example"
VALUE = "an-old-value-that-may-be-a-secret"


def event(number: int, *, minutes: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "activityType": "Patch DeviceManagementConfigurationPolicy",
        "activityOperationType": "Patch",
        "activityResult": "Success",
        "activityDateTime": (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z"),
        "correlationId": "c",
        "actor": {"userId": "u1", "userPrincipalName": PERSON, "applicationId": "portal", "ipAddress": "192.0.2.7"},
        "resources": [
            {
                "resourceId": f"00000000-0000-4000-8000-{number:012d}",
                "displayName": "Policy",
                "modifiedProperties": [{"displayName": "x", "oldValue": VALUE, "newValue": VALUE}],
            }
        ],
    } | changes


def test_a_person_is_an_id_and_an_application_has_its_name() -> None:
    (by_person,) = events_of(event(1))
    assert (by_person.actor_kind, by_person.actor_id, by_person.actor_name) == (ActorKind.USER, "u1", None)
    assert PERSON not in repr(by_person)
    assert VALUE not in repr(by_person)
    (unnamed,) = events_of(event(1, actor={"userPrincipalName": PERSON}))
    assert (unnamed.actor_kind, unnamed.actor_id) == (ActorKind.USER, None)
    (by_robot,) = events_of(event(1, actor={"applicationId": "a", "applicationDisplayName": "Rob\x00ot"}))
    assert (by_robot.actor_kind, by_robot.actor_id, by_robot.actor_name) == (ActorKind.APPLICATION, "a", "Rob\ufffdot")
    (by_nobody,) = events_of(event(1, actor=None))
    assert (by_nobody.actor_kind, by_nobody.actor_id) == (ActorKind.UNKNOWN, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"activityResult": "Failure"},
        {"activityDateTime": "yesterday"},
        {"activityDateTime": "2026-01-01T00:00:00"},
        {"id": None},
        {"id": "x" * 300},
        {"resources": None},
        {"resources": [{"resourceId": None}, "x"]},
    ],
)
def test_what_failed_or_cannot_be_told_is_no_event(changes: dict[str, Any]) -> None:
    assert events_of(event(1, **changes)) == []


async def test_events_come_oldest_first_without_readings_and_not_without_end() -> None:
    rows = [event(number, minutes=-number) for number in range(9)] + [event(20, activityOperationType="Get")]
    with serving(Tenant().add(EVENTS, *rows), page_by=2) as graph:
        async with asking(graph) as client:
            found = [one async for page in read_events(client, NOW - timedelta(minutes=6)) for one in page]
            few = [one async for page in read_events(client, NOW - timedelta(minutes=6), most=3) for one in page]
    assert [one.id for one in found] == [f"event-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert [one.id for one in few] == [one.id for one in found[:4]]


@pytest.fixture
def graph() -> Any:
    with serving(Tenant().add(CATALOG, *policies(1, 2)).add(EVENTS, event(1), event(2, minutes=-5))) as made:
        yield made


@pytest.fixture
async def reading(owner: Database, api: Database, worker: Database, graph: StandIn, signing_in: Authority) -> Reader:
    return await reader(owner, api, worker, graph, signing_in)


async def kept(owner: Database, made: Reader) -> list[str]:
    query = "select id, e::text as row from atlas.source_events e where tenant_id = :tenant order by at desc, id"
    async with owner.transaction() as connection:
        rows = (await connection.execute(text(query), {"tenant": made.tenant.id})).all()
    assert all(VALUE not in row.row and PERSON not in row.row for row in rows)
    return [row.id for row in rows]


async def test_a_sync_keeps_events_once_and_asks_on_from_the_newest(
    owner: Database, graph: StandIn, reading: Reader
) -> None:
    await reading.sync()
    assert await kept(owner, reading) == ["event-1", "event-2"]
    graph.tenant.add(EVENTS, event(3, minutes=1), event(4, minutes=-500))
    await reading.sync()
    assert await kept(owner, reading) == ["event-3", "event-1", "event-2"], "what is older than an hour was told before"


async def test_a_change_that_a_sync_read_is_told_with_who_made_it_by_the_events_of_that_sync(
    api: Database, worker: Database, graph: StandIn, reading: Reader
) -> None:
    await reading.sync()
    graph.tenant.collections[CATALOG] = [*policies(1, value=2), *policies(2, value=2)]
    graph.tenant.add(EVENTS, event(1, id="now", activityDateTime=datetime.now(UTC).isoformat()))
    run = await reading.sync()
    ask = Asker(api, reading.tenant, Role.READER)
    key = (await ask.in_tenant("{ scopes(first: 1) { nodes { key } } }"))["scopes"]["nodes"][0]["key"]
    await generated(api, worker, reading.tenant, scope_key=key)
    assert run["changed"] == 2
    asked = "{ findings(first: 5) { nodes { subject { externalId } changedBy { confidence events { actorId at } } } } }"
    told = {
        node["subject"]["externalId"]: (
            node["changedBy"]["confidence"],
            [event["actorId"] for event in node["changedBy"]["events"]],
        )
        for node in (await ask.in_tenant(asked))["findings"]["nodes"]
    }
    first, second = (one["id"] for one in policies(1, 2))
    assert told == {first: ("EXACT", ["u1"]), second: ("NONE", [])}


async def test_events_that_cannot_be_read_fail_no_run(owner: Database, graph: StandIn, reading: Reader) -> None:
    graph.faults.append(Fault("auditEvents", status(403)))
    run = await reading.sync()
    assert (run["status"], run["added"]) == ("SUCCEEDED", 2)
    assert await kept(owner, reading) == []
