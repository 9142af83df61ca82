"""Confirming a held run over GraphQL: what it answers, what it refuses, and that a worker does the rest."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.store.database import Database
from atlas.workers.broker import dispatcher, open_broker
from atlas.workers.runtime import WorkerSettings, running
from tests.factories import Tenant, make_policy, write_export
from tests.schema.asking import Asker
from tests.test_drift import record

CONFIRM = """mutation($i: ConfirmSyncRunInput!) { answer: confirmSyncRun(input: $i) {
    syncRun { id status sequence error { code } } errors { code path } } }"""
RUN = """query($id: ID!) { node(id: $id) { ... on SyncRun { status sequence error { code message }
    counts { observed added removed } coverage { itemType status observed } } } }"""


async def hold(api: Database, worker: Database, tenant: Tenant, tmp_path: Path) -> UUID:
    await record(api, worker, tenant, write_export(tmp_path / "whole", *map(make_policy, range(10))))
    return await record(api, worker, tenant, write_export(tmp_path / "cut", *map(make_policy, range(3))))


async def confirmed(ask: Asker, run: str, reason: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(CONFIRM, i={"id": run, "reason": reason}))["answer"]
    return answer


async def test_a_held_run_tells_why_and_is_queued_by_its_confirmation(
    api: Database, worker: Database, tenant: Tenant, ask: Asker, tmp_path: Path
) -> None:
    key = await hold(api, worker, tenant, tmp_path)
    run = ask.global_id("SyncRun", key)
    told = (await ask(RUN, id=run))["node"]
    assert (told["status"], told["sequence"], told["error"]["code"]) == (
        "NEEDS_CONFIRMATION", None, "NEEDS_CONFIRMATION",
    )  # fmt: skip
    assert told["counts"] == {"observed": 0, "added": 0, "removed": 0}
    assert told["coverage"] == [{"itemType": "configurationPolicy", "status": "COMPLETE", "observed": 3}]
    answer = await confirmed(ask, run, "right")
    assert answer == {"syncRun": {"id": run, "status": "QUEUED", "sequence": None, "error": None}, "errors": []}
    assert [(job.kind, job.run_id) for job in ask.sent] == [("sync", key)]
    again = await confirmed(ask, run, "right")
    assert again == {"syncRun": None, "errors": [{"code": "CONFLICT", "path": ["input", "id"]}]}


async def test_confirming_is_refused_without_a_reason_the_right_or_the_run(
    api: Database, worker: Database, tenant: Tenant, ask: Asker, tmp_path: Path
) -> None:
    key = await hold(api, worker, tenant, tmp_path)
    run = ask.global_id("SyncRun", key)
    operator = Asker(api, tenant, Role.OPERATOR)
    for asker, id_, reason, code in (
        (ask, run, "", "INVALID_INPUT"),
        (operator, run, "why", "FORBIDDEN"),
        (ask, ask.id, "why", "NOT_FOUND"),
        (ask, ask.global_id("SyncRun", tenant.id), "why", "NOT_FOUND"),
    ):
        answer = await confirmed(asker, id_, reason)
        assert [error["code"] for error in answer["errors"]] == [code]
    assert ask.sent == []
    assert (await ask(RUN, id=run))["node"]["status"] == "NEEDS_CONFIRMATION"


async def test_a_worker_records_what_was_confirmed(
    cluster: Services, api: Database, worker: Database, tenant: Tenant, ask: Asker, tmp_path: Path
) -> None:
    run = ask.global_id("SyncRun", await hold(api, worker, tenant, tmp_path))
    await confirmed(ask, run, "right")
    broker = open_broker(cluster.broker_url)
    settings = WorkerSettings(
        worker_url=cluster.worker_database_url,
        sweeper_url=cluster.sweeper_database_url,
        broker_url=cluster.broker_url,
        threads=1,
    )
    await dispatcher(broker)(ask.sent)
    with running(settings):
        for _ in range(200):
            told = (await ask(RUN, id=run))["node"]
            if told["status"] not in {"QUEUED", "RUNNING"}:
                break
            await asyncio.sleep(0.1)
    broker.close()
    broker.client.close()
    assert (told["status"], told["sequence"], told["error"]) == ("SUCCEEDED", 2, None)
    assert told["counts"] == {"observed": 3, "added": 0, "removed": 7}
