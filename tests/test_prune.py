"""Pruning: what goes, what stays, what reads as before, and who may ask."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from atlas import drift, generate, jobs, prune, triage
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import Role
from atlas.jobs import Job
from atlas.store import events
from atlas.store.database import Database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.pruning import KEEP_DAYS, age, pruned, rows
from tests.test_drift import KEY, findings_of, generated, record

INTERVALS = "select valid_from, valid_to, external_id from atlas.item_intervals where tenant_id = :t order by 1, 3"


async def _recorded(
    api: Database, worker: Database, tenant: Tenant, folder: Path, *values: int, drift: bool = True
) -> list[UUID]:
    """A run for each value of policy 1; policy 2 never changes. Each pair is generated."""
    run_ids = []
    for value in values:
        export = write_export(folder / uuid4().hex, make_policy(1, value=value), make_policy(2))
        run_ids.append(await record(api, worker, tenant, export))
        if drift and len(run_ids) > 1:
            await generated(api, worker, tenant)
    return run_ids


async def _kept(owner: Database, tenant: Tenant) -> list[int]:
    statement = "select seq from atlas.sync_runs where tenant_id = :t and pruned_at is null order by 1"
    return [row.seq for row in await rows(owner, statement, t=tenant.id)]


async def test_old_runs_go_with_what_only_they_held_and_all_that_was_found_stays(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3, 4, 5)
    found = await findings_of(api, tenant)
    await age(owner, tenant, run_ids)
    foretold = await prune.preview(api, tenant.owner, KEEP_DAYS)
    went = await pruned(api, worker, tenant)
    assert went == foretold
    # Since when an object was watched stays known as long as a finding of it is open.
    assert (went.runs, went.intervals, went.contents, went.coverage) == (3, 3, 3, 0)
    assert await _kept(owner, tenant) == [4, 5]
    assert [(row.valid_from, row.valid_to) for row in await rows(owner, INTERVALS, t=tenant.id)] == [
        (1, None), (4, 5), (5, None),
    ]  # fmt: skip
    assert await findings_of(api, tenant) == found
    again = await pruned(api, worker, tenant)
    assert again == prune.Pruned()
    after = await record(api, worker, tenant, write_export(tmp_path / "next", make_policy(1, value=1), make_policy(2)))
    run = await generated(api, worker, tenant)
    assert (run["baseline_seq"], run["current_run_id"], run["modified"]) == (5, after, 1)


async def test_what_is_young_pinned_or_asked_for_stays(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3, 4, 5, 6, 7)
    await triage.pin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run_ids[1], reason="golden")
    await drift.request_drift(
        api, tenant.as_(Role.OPERATOR), scope_key=KEY, baseline_run_id=run_ids[2], current_run_id=run_ids[4]
    )
    await age(owner, tenant, [*run_ids[:3], *run_ids[4:]])
    went = await pruned(api, worker, tenant)
    assert await _kept(owner, tenant) == [2, 3, 4, 5, 6, 7]
    assert went.runs == 1


async def test_a_change_that_nobody_generated_is_told_by_the_step_that_is_left(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3, 4, drift=False)
    await age(owner, tenant, run_ids)
    went = await pruned(api, worker, tenant)
    assert (went.runs, went.intervals, went.contents, went.coverage) == (2, 2, 2, 2)
    run = await generated(api, worker, tenant)
    assert (run["baseline_seq"], run["current_seq"], run["modified"]) == (1, 4, 1)
    assert len(await findings_of(api, tenant)) == 1
    await generated(api, worker, tenant)
    assert len(await findings_of(api, tenant)) == 1


async def test_a_type_that_only_a_pruned_run_read_to_its_end_is_still_compared(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    other = {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "id": "x", "displayName": "Other"}

    def export(name: str, value: int) -> Path:
        return write_export(tmp_path / name, make_policy(1, value=value))

    run_ids = [
        await record(api, worker, tenant, write_export(export("one", 1), other, kind="DeviceConfiguration")),
        await record(api, worker, tenant, export("two", 2)),
        await record(api, worker, tenant, export("three", 3)),
        await record(api, worker, tenant, export("four", 4)),
    ]
    await generated(api, worker, tenant)
    # The other type was not read since run 1: it is not judged, so nothing keeps that run but age.
    async with owner.transaction() as connection:
        await connection.execute(
            text("delete from atlas.judged_types where tenant_id = :t and item_type = 'deviceConfiguration'"),
            {"t": tenant.id},
        )
    await age(owner, tenant, run_ids)
    assert (await pruned(api, worker, tenant)).runs == 2
    gone = write_export(export("five", 4), other | {"displayName": "Renamed"}, kind="DeviceConfiguration")
    await record(api, worker, tenant, gone)
    run = await generated(api, worker, tenant)
    assert run["not_evaluated"] == []
    assert run["modified"] == 1


async def test_a_pruned_run_is_no_baseline_and_no_end_of_a_pair(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3, 4)
    await age(owner, tenant, run_ids)
    await pruned(api, worker, tenant)
    with pytest.raises(RefusedError, match="was pruned"):
        await triage.pin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run_ids[0], reason="golden")
    with pytest.raises(RefusedError, match="was pruned"):
        await drift.request_drift(
            api, tenant.as_(Role.OPERATOR), scope_key=KEY, baseline_run_id=run_ids[0], current_run_id=run_ids[3]
        )


async def test_a_pair_whose_run_was_pruned_while_it_was_asked_for_is_not_generated_wrongly(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3, 4)
    await age(owner, tenant, run_ids)
    await pruned(api, worker, tenant)
    [made] = await rows(
        owner,
        """insert into atlas.drift_runs (tenant_id, scope_id, baseline_run_id, current_run_id, baseline_seq,
               current_seq, baseline_mode, engine)
           select tenant_id, scope_id, :first, id, 1, 4, 'PREVIOUS_RUN', 'e' from atlas.sync_runs
           where tenant_id = :t and id = :last returning id""",
        t=tenant.id, first=run_ids[0], last=run_ids[3],
    )  # fmt: skip
    lease = await jobs.claim(worker, Job("drift", tenant.id, made.id), lease_seconds=30)
    assert lease is not None
    with pytest.raises(OperatorError, match="pruned meanwhile"):
        await generate.generate(worker, lease)


@pytest.mark.parametrize("which", ["the newest run", "the pinned run", "another column"])
async def test_the_database_refuses_to_let_go_of_what_is_needed(
    owner: Database, api: Database, worker: Database, tmp_path: Path, which: str
) -> None:
    tenant = await make_tenant(owner, api)
    run_ids = await _recorded(api, worker, tenant, tmp_path, 1, 2, 3)
    await triage.pin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run_ids[1], reason="golden")
    job = await prune.request_pruning(api, tenant.owner, KEEP_DAYS)
    lease = await jobs.claim(worker, job, lease_seconds=30)
    assert lease is not None
    run_id = {"the newest run": run_ids[2], "the pinned run": run_ids[1]}.get(which, run_ids[0])
    change = "pruned_at = now()" + (", observed = 7" if which == "another column" else "")
    with pytest.raises((DBAPIError, RefusedError)):
        async with jobs.effect(worker, lease) as connection:
            await connection.execute(text(f"update atlas.sync_runs set {change} where id = :id"), {"id": run_id})
    async with jobs.effect(worker, lease) as connection:
        await connection.execute(
            text("update atlas.sync_runs set pruned_at = now() where id = :id"), {"id": run_ids[0]}
        )
        gone = await connection.execute(text("delete from atlas.item_intervals"))
        assert gone.rowcount == 1, "only what the pruned run alone saw"


async def test_events_go_from_their_oldest_end_and_who_changed_an_open_finding_stays_known(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await _recorded(api, worker, tenant, tmp_path, 1, 2)
    async with api.transaction(tenant.owner) as connection:
        before = await events.position(connection, tenant.id)
    await rows(owner, "update atlas.events set at = at - interval '1 year' where tenant_id = :t and seq <= 3"
                      " returning seq", t=tenant.id)  # fmt: skip
    policy = make_policy(1)["id"]
    for resource in (policy, "somebody else"):
        await rows(
            owner,
            """insert into atlas.source_events (tenant_id, id, resource_id, activity, operation, actor_kind, at)
               values (:t, 'e', :resource, 'Patch', 'Patch', 'UNKNOWN', now() - interval '1 year') returning id""",
            t=tenant.id, resource=resource,
        )  # fmt: skip
    foretold = await prune.preview(api, tenant.owner, KEEP_DAYS)
    went = await pruned(api, worker, tenant)
    assert (went.events, went.source_events) == (foretold.events, foretold.source_events) == (3, 1)
    [left] = await rows(owner, "select resource_id from atlas.source_events where tenant_id = :t", t=tenant.id)
    assert left.resource_id == policy
    async with api.transaction(tenant.owner) as connection:
        after = await events.position(connection, tenant.id)
    assert before is not None
    assert after is not None
    assert (before.oldest, after.oldest) == (1, 4)


async def test_a_pruning_needs_manage_tenant_and_is_audited_with_its_counts(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await age(owner, tenant, await _recorded(api, worker, tenant, tmp_path, 1, 2, 3))
    for work in (prune.request_pruning, prune.preview):
        with pytest.raises(RefusedError, match="role in this tenant"):
            await work(api, tenant.as_(Role.MANAGER), KEEP_DAYS)
        with pytest.raises(RefusedError, match="1 to 36500"):
            await work(api, tenant.owner, 0)
    await prune.request_pruning(api, tenant.owner, KEEP_DAYS)
    with pytest.raises(RefusedError, match="queued already"):
        await prune.request_pruning(api, tenant.owner, KEEP_DAYS)
    fails = "update atlas.prune_runs set status = 'FAILED', error_code = 'X' where tenant_id = :t returning id"
    await rows(owner, fails, t=tenant.id)
    went = await pruned(api, worker, tenant)
    told = await rows(
        owner,
        """select action, actor_id, after from atlas.audit_events
           where tenant_id = :t and action like '%prun%' order by at""",
        t=tenant.id,
    )
    assert [(row.action, row.actor_id) for row in told] == [
        ("tenant.pruningRequested", tenant.members[Role.OWNER]),
        ("tenant.pruningFailed", None),
        ("tenant.pruningRequested", tenant.members[Role.OWNER]),
        ("tenant.pruned", None),
    ]
    assert told[-1].after == {
        "keepDays": KEEP_DAYS, "runs": went.runs, "intervals": went.intervals, "contents": went.contents,
        "coverage": went.coverage, "events": went.events, "sourceEvents": went.source_events,
    }  # fmt: skip


async def test_of_many_sweepers_one_asks_for_the_pruning_of_a_day(
    owner: Database, api: Database, sweeper: Database
) -> None:
    tenant = await make_tenant(owner, api)
    for _ in range(100):  # Other tests' tenants are due too, some in a round.
        asked = [job for made in await asyncio.gather(*(prune.ask_due(sweeper, 30) for _ in range(4))) for job in made]
        if not asked:
            break
    mine = await rows(owner, "select id from atlas.prune_runs where tenant_id = :t", t=tenant.id)
    assert len(mine) == 1
    await rows(owner, "update atlas.prune_runs set status = 'FAILED', created_at = now() - interval '25 h'"
                      " where tenant_id = :t returning id", t=tenant.id)  # fmt: skip
    assert [job.tenant_id for job in await prune.ask_due(sweeper, 30)] == [tenant.id]
    assert await prune.ask_due(sweeper, 30) == []


async def test_events_of_what_is_not_generated_yet_stay(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    """What changed while nobody asked for drift is still told with who may have done it."""
    tenant = await make_tenant(owner, api)
    run_ids = [
        await record(api, worker, tenant, write_export(tmp_path / str(value), make_policy(0, value=value)))
        for value in (1, 2)
    ]
    await age(owner, tenant, run_ids)
    run_ids.append(await record(api, worker, tenant, write_export(tmp_path / "3", make_policy(0, value=3))))
    await rows(
        owner,
        """insert into atlas.source_events
               (tenant_id, id, resource_id, activity, operation, actor_kind, actor_id, at)
           select :t, 'one', i.external_id, 'Patch', 'Patch', 'USER', 'u', r.started_at
           from atlas.item_intervals i join atlas.sync_runs r on r.tenant_id = i.tenant_id and r.id = :second
           where i.tenant_id = :t limit 1 returning id""",
        t=tenant.id, second=run_ids[1],
    )  # fmt: skip
    kept = "select id from atlas.source_events where tenant_id = :t"
    await pruned(api, worker, tenant)
    assert len(await rows(owner, kept, t=tenant.id)) == 1
    await generated(api, worker, tenant)
    await rows(owner, "update atlas.findings set status = 'RESOLVED', resolution = 'REVERTED' where tenant_id = :t"
               " returning id", t=tenant.id)  # fmt: skip
    await pruned(api, worker, tenant)
    assert await rows(owner, kept, t=tenant.id) == [], "the control: nothing else keeps it"
