"""Audit events: who changed an object, from the source's own record, without a value and without a person's name."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from atlas import graph_events, graph_sync
from atlas.domain.vocabulary import ActorKind, Role
from atlas.sources.graph.events import events_of, read_events
from atlas.store.database import Database
from tests.graph.asking import asking
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import Fault, StandIn, Tenant, serving, status
from tests.graph.standin.faults import Answer
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
        {"activityDateTime": "0001-01-01T00:00:00+14:00"},
        {"activityDateTime": "9999-12-31T23:59:59-14:00"},
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
            since = NOW - timedelta(minutes=6)
            found = [one async for page in read_events(client, since) for one in page.events]
            pages = [page async for page in read_events(client, since, most=3)]
            later = [page async for page in read_events(client, since, known=NOW - timedelta(minutes=4), most=3)]
    assert [one.id for one in found] == [f"event-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert [one.id for page in pages for one in page.events] == [one.id for one in found[:4]]
    assert [page.more_after for page in pages] == [None, NOW - timedelta(minutes=2)]
    assert [one for page in later for one in page.events] == found, "what is known counts for nothing"
    assert [page.more_after for page in later] == [None] * 3


async def test_events_that_come_in_no_order_are_read_to_their_end() -> None:
    """Whoever goes on after the latest would miss those that are older and were not read."""
    with serving(Tenant().add(EVENTS, *(event(number, minutes=-number) for number in range(8))), page_by=2) as graph:
        graph.faults = [Fault(EVENTS, backwards)]
        async with asking(graph) as client:
            pages = [page async for page in read_events(client, NOW - timedelta(hours=1), most=3)]
    assert len([one for page in pages for one in page.events]) == 8
    assert {page.more_after for page in pages} == {None}


def backwards(answer: Answer) -> None:
    answer.body["value"].reverse()


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


async def test_more_events_than_a_run_reads_are_told_and_come_with_the_next_ones(
    owner: Database, graph: StandIn, reading: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All within the hour that is read once more each time, and behind many that are no event."""
    failed = [event(100 + number, minutes=-59, activityResult="Failure") for number in range(9)]
    wanted = [event(number, minutes=number - 50) for number in range(10)]
    graph.tenant.collections[EVENTS] = failed + wanted
    graph.page_by = 2
    monkeypatch.setattr(graph_sync, "read_run_events", partial(graph_events.read_run_events, most=3))
    notes, numbers = [], []
    for _ in range(4):
        run = await reading.sync(["configurationPolicy"])
        assert run["status"] == "SUCCEEDED"
        notes.append(run["notes"])
        numbers.append(len(await kept(owner, reading)))
    assert numbers[-1] == 10, "none is lost"
    assert [number for number in numbers if number < 10] == numbers[: len([told for told in notes if told])]
    last = (NOW + timedelta(minutes=numbers[0] - 51)).isoformat().replace("+00:00", "Z")
    assert notes[0] == [f"The source has more than 3 new events: the next sync reads those after {last}."]
    assert notes[-1] == []


async def test_an_event_of_a_clock_that_is_ahead_hides_none(owner: Database, graph: StandIn, reading: Reader) -> None:
    graph.tenant.collections[EVENTS] = [event(1, minutes=9_000)]
    await reading.sync(["configurationPolicy"])
    graph.tenant.add(EVENTS, event(2))
    await reading.sync(["configurationPolicy"])
    assert await kept(owner, reading) == ["event-1", "event-2"]


async def test_where_they_are_switched_off_no_event_and_no_name_is_asked_for(
    owner: Database, graph: StandIn, reading: Reader
) -> None:
    everybody = "/assignmentFilters/|groups|Settings/|auditEvents"
    source = replace(reading.source, labels=False, events=False)
    run = await reading.work(await reading.start(["configurationPolicy"]), source)
    assert (run["status"], run["added"], run["notes"]) == ("SUCCEEDED", 2, [])
    assert not [path for path in graph.paths() if re.search(everybody, path)]
    await reading.sync(["configurationPolicy"])
    assert [path for path in graph.paths() if re.search(everybody, path)]


async def test_events_that_cannot_be_read_fail_no_run(owner: Database, graph: StandIn, reading: Reader) -> None:
    graph.faults.append(Fault("auditEvents", status(403)))
    run = await reading.sync()
    assert (run["status"], run["added"]) == ("SUCCEEDED", 2)
    assert "DeviceManagementApps.Read.All" in str(run["notes"])
    assert await kept(owner, reading) == []
