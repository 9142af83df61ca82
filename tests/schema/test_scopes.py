"""Scopes: their baseline, and where their drift stands."""

from typing import Any

import pytest
from sqlalchemy import update

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from atlas.store.tables import scopes
from tests.factories import Tenant
from tests.schema.asking import Asker
from tests.schema.rows import Scope, at, make_drift_run, make_scope, record_run

SCOPE = """query($id: ID!) { node(id: $id) { ... on Scope { key label itemTypes tenant { id }
    baseline { mode pinnedAt pinnedRun { id } pinnedBy { displayName } }
    drift { state ungeneratedRuns
        baselineRun { sequence } currentRun { sequence } latestDriftRun { id status } } } } }"""


async def pin(owner: Database, scope: Scope, seq: int) -> None:
    values = {"pinned_run_id": scope.runs[seq - 1], "pinned_seq": seq, "pinned_at": at(9)}
    async with owner.transaction(scope.tenant.owner) as connection:
        await connection.execute(
            update(scopes)
            .where(scopes.c.id == scope.id)
            .values(values | {"pinned_by": scope.tenant.members[Role.MANAGER]})
        )


@pytest.mark.parametrize(
    ("runs", "pinned", "drift_runs", "expected"),
    [
        (0, None, [], ("NO_SYNC_RUN", 0, None, None)),
        (1, None, [], ("NEEDS_SECOND_RUN", 0, None, 1)),
        (1, 1, [], ("UP_TO_DATE", 0, 1, 1)),
        (2, None, [], ("NOT_GENERATED", 1, 1, 2)),
        (2, None, [(1, 2, "SUCCEEDED")], ("UP_TO_DATE", 0, 1, 2)),
        (2, None, [(1, 2, "SUCCEEDED"), (1, 2, "FAILED")], ("FAILED", 0, 1, 2)),
        (2, None, [(1, 2, "FAILED"), (1, 2, "QUEUED")], ("QUEUED", 1, 1, 2)),
        (2, None, [(1, 2, "FAILED"), (1, 2, "RUNNING")], ("RUNNING", 1, 1, 2)),
        (4, None, [(2, 3, "SUCCEEDED")], ("NOT_GENERATED", 2, 3, 4)),
        (4, None, [(1, 4, "SUCCEEDED"), (2, 4, "SUCCEEDED")], ("NOT_GENERATED", 3, 3, 4)),
        (4, None, [(1, 2, "SUCCEEDED"), (2, 3, "SUCCEEDED"), (3, 4, "SUCCEEDED")], ("UP_TO_DATE", 0, 3, 4)),
        (4, 2, [(3, 4, "SUCCEEDED")], ("NOT_GENERATED", 1, 2, 4)),
        (4, 2, [(2, 4, "SUCCEEDED")], ("UP_TO_DATE", 0, 2, 4)),
        (4, 4, [], ("UP_TO_DATE", 0, 4, 4)),
    ],
)
async def test_the_drift_of_a_scope_stands_where_its_runs_say(
    owner: Database,
    tenant: Tenant,
    ask: Asker,
    runs: int,
    pinned: int | None,
    drift_runs: list[tuple[int, int, str]],
    expected: tuple[str, int, int | None, int | None],
) -> None:
    scope = await make_scope(owner, tenant, runs=runs)
    await record_run(owner, scope, seq=None, hour=9, error_code="X")
    if pinned:
        await pin(owner, scope, pinned)
    latest = None
    for hour, (baseline, current, status) in enumerate(drift_runs):
        latest = await make_drift_run(owner, scope, (baseline, current), status=status, created_at=at(20 + hour))
    drift = (await ask(SCOPE, id=ask.global_id("Scope", scope.id)))["node"]["drift"]
    sequence = {key: drift[key] and drift[key]["sequence"] for key in ("baselineRun", "currentRun")}
    assert (drift["state"], drift["ungeneratedRuns"], *sequence.values()) == expected
    assert (drift["latestDriftRun"] or {}).get("id") == (latest and ask.global_id("DriftRun", latest))


async def test_a_step_generated_by_two_engines_counts_once(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    await make_drift_run(owner, scope, engine="e1", created_at=at(1))
    await make_drift_run(owner, scope, engine="e2", created_at=at(2))
    drift = (await ask(SCOPE, id=ask.global_id("Scope", scope.id)))["node"]["drift"]
    assert (drift["state"], drift["ungeneratedRuns"]) == ("NOT_GENERATED", 1)


async def test_a_scope_tells_its_baseline(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, item_types=["a", "b"])
    id_ = ask.global_id("Scope", scope.id)
    before: Any = (await ask(SCOPE, id=id_))["node"]
    assert before["baseline"] == {"mode": "PREVIOUS_RUN", "pinnedAt": None, "pinnedRun": None, "pinnedBy": None}
    assert (before["key"], before["label"], before["itemTypes"]) == (scope.key, "production", ["a", "b"])
    assert before["tenant"]["id"] == ask.id
    await pin(owner, scope, 1)
    # The database itself writes who pinned and when.
    baseline = (await ask(SCOPE, id=id_))["node"]["baseline"]
    assert baseline.pop("pinnedAt").startswith("20")
    assert baseline == {
        "mode": "PINNED",
        "pinnedRun": {"id": ask.global_id("SyncRun", scope.runs[0])},
        "pinnedBy": {"displayName": f"local:OWNER-{tenant.name}"},
    }


async def test_a_scope_is_found_by_its_key(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, key="s1:here")
    found = await ask.in_tenant('{ here: scope(key: "s1:here") { id } gone: scope(key: "s1:gone") { id } }')
    assert found == {"here": {"id": ask.global_id("Scope", scope.id)}, "gone": None}


async def test_a_scope_lists_what_is_its_own(owner: Database, tenant: Tenant, ask: Asker) -> None:
    mine, other = await make_scope(owner, tenant, runs=3), await make_scope(owner, tenant, runs=2)
    await make_drift_run(owner, mine)
    await make_drift_run(owner, other)
    query = """query($id: ID!) { node(id: $id) { ... on Scope { syncRuns(first: 9) { totalCount nodes { scope { id } } }
        driftRuns(last: 9) { totalCount nodes { scope { id } } } } } }"""
    id_ = ask.global_id("Scope", mine.id)
    found = (await ask(query, id=id_))["node"]
    assert (found["syncRuns"]["totalCount"], found["driftRuns"]["totalCount"]) == (3, 1)
    assert {one["scope"]["id"] for field in ("syncRuns", "driftRuns") for one in found[field]["nodes"]} == {id_}
