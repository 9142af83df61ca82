"""Schedules over GraphQL: set, read and removed."""

from typing import Any

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.factories import Tenant
from tests.pruning import rows
from tests.schema.asking import Asker

SET = """mutation($i: SetScheduleInput!) { answer: setSchedule(input: $i) { errors { code path }
    schedule { name everyHours cron timeZone itemTypes nextTick dueAt lastTick lastOutcome failures
        scope { label } setBy { displayName } lastRun { id } } } }"""
REMOVE = "mutation($i: RemoveScheduleInput!) { answer: removeSchedule(input: $i) { removed errors { code } } }"
LIST = "{ schedules { name everyHours cron lastOutcome lastRun { id status } } }"


async def answered(ask: Asker, query: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(query, i={"tenantId": ask.id} | given))["answer"]
    return answer


async def connect(owner: Database, tenant: Tenant) -> None:
    await rows(
        owner,
        """insert into atlas.graph_connections
               (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference)
           values (:t, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'GLOBAL', 'CLIENT_SECRET', 'env:NONE')
           returning id""",
        t=tenant.id,
    )


async def test_a_schedule_is_set_read_and_removed(owner: Database, tenant: Tenant, ask: Asker) -> None:
    refused = await answered(ask, SET, everyHours=6)
    assert refused == {"schedule": None, "errors": [{"code": "NO_GRAPH_CONNECTION", "path": ["input", "tenantId"]}]}
    await connect(owner, tenant)
    made = await answered(
        ask, SET, name="nightly", cron="30 2 * * *", timeZone="Europe/Berlin", itemTypes=["configurationPolicy"]
    )
    assert made["errors"] == []
    one = made["schedule"]
    assert (one["name"], one["cron"], one["everyHours"], one["timeZone"]) == (
        "nightly", "30 2 * * *", None, "Europe/Berlin",
    )  # fmt: skip
    assert one["itemTypes"] == ["configurationPolicy"]
    assert one["nextTick"] <= one["dueAt"]
    assert (one["lastTick"], one["lastOutcome"], one["lastRun"], one["failures"]) == (None, None, None, 0)
    await answered(ask, SET, everyHours=6)
    assert [found["name"] for found in (await ask.in_tenant(LIST))["schedules"]] == ["default", "nightly"]
    assert await answered(ask, REMOVE, name="nightly") == {"removed": True, "errors": []}
    assert await answered(ask, REMOVE, name="nightly") == {"removed": False, "errors": []}


async def test_who_may_not_sync_sets_no_schedule_and_reads_them(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    await connect(owner, tenant)
    await answered(ask, SET, everyHours=6)
    operator = Asker(api, tenant, Role.OPERATOR)
    assert (await answered(operator, SET, everyHours=7))["errors"][0]["code"] == "FORBIDDEN"
    assert (await answered(operator, REMOVE))["errors"] == [{"code": "FORBIDDEN"}]
    assert (await operator.in_tenant(LIST))["schedules"][0]["everyHours"] == 6


async def test_what_is_no_rhythm_is_told_by_its_field(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await connect(owner, tenant)
    for given, field in (
        ({}, "everyHours"),
        ({"everyHours": 6, "cron": "0 0 * * *"}, "everyHours"),
        ({"cron": "* * * * *"}, "cron"),
        ({"everyHours": 6, "timeZone": "Mars/Olympus"}, "timeZone"),
        ({"everyHours": 6, "name": "  "}, "name"),
    ):
        answer = await answered(ask, SET, **given)
        assert answer["errors"] == [{"code": "INVALID_INPUT", "path": ["input", field]}], given
