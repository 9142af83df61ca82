"""Pruned runs over GraphQL: they are told as such, never read as if they had held nothing, and findings read on."""

from pathlib import Path
from typing import Any

from atlas.store.database import Database
from tests.factories import Tenant, make_policy, write_export
from tests.pruning import age, pruned
from tests.schema.asking import Asker
from tests.test_drift import generated, record

SCOPE = """{ scopes(first: 1) { nodes { drift { state ungeneratedRuns baselineRun { sequence } }
    syncRuns(first: 9) { nodes { id sequence prunedAt coverage { itemType } } }
    sinceLastRun { externalId changeType } } }
    findings(first: 9) { nodes { changes { path before { value } after { value } }
        baselineRun { sequence prunedAt } subject { item { displayName } } } } }"""
AT = """query($id: ID!, $run: ID!) { tenant(by: {id: $id}) {
    inventoryAt(runId: $run, first: 9) { nodes { displayName } } } }"""


async def test_a_pruned_run_is_told_as_such_and_findings_read_as_before(
    owner: Database, api: Database, worker: Database, tenant: Tenant, ask: Asker, tmp_path: Path
) -> None:
    run_ids = []
    for value in range(1, 5):
        export = write_export(tmp_path / str(value), make_policy(1, value=value))
        run_ids.append(await record(api, worker, tenant, export))
    await generated(api, worker, tenant)
    before: Any = await ask.in_tenant(SCOPE)
    await age(owner, tenant, run_ids)
    await pruned(api, worker, tenant)
    after: Any = await ask.in_tenant(SCOPE)
    scope = after["scopes"]["nodes"][0]
    assert [run["prunedAt"] is None for run in scope["syncRuns"]["nodes"]] == [True, True, False, False]
    assert scope["drift"] == before["scopes"]["nodes"][0]["drift"]
    assert scope["drift"]["state"] == "UP_TO_DATE"
    assert scope["sinceLastRun"] == before["scopes"]["nodes"][0]["sinceLastRun"]
    changes = [finding["changes"] for finding in after["findings"]["nodes"]]
    assert changes == [finding["changes"] for finding in before["findings"]["nodes"]]
    assert len(changes) == 3
    told = [finding["baselineRun"]["prunedAt"] is None for finding in after["findings"]["nodes"]]
    assert sorted(told) == [False, False, True]


async def test_the_inventory_at_a_pruned_run_is_an_error_and_never_empty(
    owner: Database, api: Database, worker: Database, tenant: Tenant, ask: Asker, tmp_path: Path
) -> None:
    run_ids = []
    for value in range(1, 5):
        export = write_export(tmp_path / str(value), make_policy(1, value=value))
        run_ids.append(await record(api, worker, tenant, export))
    await generated(api, worker, tenant)
    await age(owner, tenant, run_ids)
    await pruned(api, worker, tenant)
    kept: Any = await ask(AT, id=ask.id, run=ask.global_id("SyncRun", run_ids[3]))
    assert len(kept["tenant"]["inventoryAt"]["nodes"]) == 1
    _, [error] = await ask.execute(AT, id=ask.id, run=ask.global_id("SyncRun", run_ids[0]))
    assert (error.extensions or {})["code"] == "RUN_NOT_RECORDED"
    assert "pruned" in error.message
