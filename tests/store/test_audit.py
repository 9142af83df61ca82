"""No triage without its audit event, and none in another's name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database, constraint, sqlstate
from tests.store.world import DENIED, World, attempt, rows, run

ACKNOWLEDGE = """update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'known'
                 where tenant_id = :tenant and id = :finding"""
CHECK_VIOLATION = "23514"


async def events_of(owner: Database, world: World, target: Any) -> list[Any]:
    async with owner.transaction() as connection:
        return await rows(
            connection,
            "select action, actor_id, reason, request_id, before, after from atlas.audit_events"
            " where tenant_id = :tenant and target_id = :target order by at",
            {"tenant": world.tenant, "target": target},
        )


async def finding(owner: Database, world: World) -> Any:
    async with owner.transaction() as connection:
        return (await rows(connection, "select * from atlas.findings where id = :finding", world.ids))[0]


async def acknowledge(api: Database, world: World, role: Role = Role.OPERATOR, **changes: Any) -> None:
    async with api.transaction(world.context(role, reason="known", **changes)) as connection:
        assert await run(connection, ACKNOWLEDGE, world.ids) == 1


async def test_a_reader_updates_no_row(api: Database, world: World) -> None:
    assert await attempt(api, world.context(Role.READER), ACKNOWLEDGE, world.ids) == 0


async def test_an_acknowledgement_leaves_exactly_one_event(api: Database, owner: Database, world: World) -> None:
    await acknowledge(api, world, request_id="r-42")
    [event] = await events_of(owner, world, world.finding)
    assert (event.action, event.actor_id, event.reason, event.request_id) == (
        "finding.acknowledged", world.operator, "known", "r-42",
    )  # fmt: skip
    assert (event.before["status"], event.after["status"]) == ("NEW", "ACKNOWLEDGED")
    assert (await finding(owner, world)).version == 2


async def test_who_and_when_are_stamped_whatever_the_statement_says(
    api: Database, owner: Database, world: World
) -> None:
    async with api.transaction(world.context(Role.OPERATOR)) as connection:
        await run(
            connection,
            """update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'known',
                   acknowledged_by = :manager, acknowledged_at = '2001-01-01'
               where tenant_id = :tenant and id = :finding""",
            world.ids,
        )
    after = await finding(owner, world)
    assert after.acknowledged_by == world.operator
    assert datetime.now(UTC) - after.acknowledged_at < timedelta(minutes=1)


async def test_to_renew_in_the_same_words_is_told_of_the_one_who_renews(
    api: Database, owner: Database, world: World
) -> None:
    await acknowledge(api, world)
    await acknowledge(api, world, Role.MANAGER)
    assert [event.actor_id for event in await events_of(owner, world, world.finding)] == [world.operator, world.manager]
    assert (await finding(owner, world)).acknowledged_by == world.manager


@pytest.mark.parametrize(
    "change",
    [
        "status = 'RESOLVED'",
        "resolution = 'REVERTED'",
        "version = 9",
        "evidence = 'nothing to see'",
        "severity = 'LOW'",
        "is_current = false",
        "superseded_by = null",
    ],
)
async def test_people_write_nothing_but_triage(api: Database, world: World, change: str) -> None:
    statement = f"update atlas.findings set {change} where tenant_id = :tenant and id = :finding"
    assert await attempt(api, world.context(), statement, world.ids) == DENIED


async def test_an_acknowledgement_without_a_reason_is_refused(api: Database, world: World) -> None:
    with pytest.raises(DBAPIError) as refused:
        await attempt(
            api, world.context(), "update atlas.findings set status = 'ACKNOWLEDGED' where id = :finding", world.ids
        )
    assert (sqlstate(refused.value), constraint(refused.value)) == (CHECK_VIOLATION, "findings_acknowledged")


@pytest.mark.parametrize(
    "statement",
    [
        """insert into atlas.audit_events (tenant_id, action, target_type, target_id, actor_id)
           values (:tenant, 'finding.acknowledged', 'Finding', :finding, :manager)""",
        "update atlas.audit_events set actor_id = :manager where tenant_id = :tenant",
        "delete from atlas.audit_events where tenant_id = :tenant",
    ],
)
async def test_the_record_cannot_be_forged(api: Database, worker: Database, world: World, statement: str) -> None:
    assert await attempt(api, world.context(), statement, world.ids) == DENIED
    assert await attempt(worker, world.leased(principal_id=world.owner), statement, world.ids) == DENIED


async def test_a_worker_cannot_acknowledge(worker: Database, api: Database, world: World) -> None:
    forged = """update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'known',
                    acknowledged_by = :operator, acknowledged_at = now() where tenant_id = :tenant and id = :finding"""
    assert await attempt(worker, world.leased(principal_id=world.operator), forged, world.ids) == DENIED
    await acknowledge(api, world)
    reworded = "update atlas.findings set acknowledged_reason = 'other' where tenant_id = :tenant and id = :finding"
    assert await attempt(worker, world.leased(), reworded, world.ids) == DENIED
    prolonged = "update atlas.findings set acknowledged_until = now() where tenant_id = :tenant and id = :finding"
    assert await attempt(worker, world.leased(), prolonged, world.ids) == DENIED


async def test_a_worker_cannot_insert_what_is_acknowledged_already(worker: Database, world: World) -> None:
    statement = """insert into atlas.findings
        (tenant_id, id, scope_id, kind, fingerprint, severity, severity_reasons, status, is_current, item_type,
         external_id, item_id, display_name, evidence, change_count, baseline_run_id, current_run_id,
         first_seen_at, last_seen_at, acknowledged_by, acknowledged_at, acknowledged_reason)
        values (:tenant, :item, :scope, 'DATA_QUALITY', 'f1:new', 'LOW', '{}', 'ACKNOWLEDGED', true, 't', 'e', :item,
                'n', 'x', 0, :baseline_run, :current_run, now(), now(), :operator, now(), 'known')"""
    assert await attempt(worker, world.leased(), statement, world.ids) == DENIED


async def test_what_the_worker_does_has_no_actor(
    worker: Database, owner: Database, api: Database, world: World
) -> None:
    await acknowledge(api, world)
    async with worker.transaction(world.leased(principal_id=world.operator)) as connection:
        await run(
            connection,
            "update atlas.findings set status = 'RESOLVED', resolution = 'REVERTED' where id = :finding",
            world.ids,
        )
    async with worker.transaction(world.leased(principal_id=world.operator)) as connection:
        await run(
            connection,
            "update atlas.findings set status = 'ACKNOWLEDGED', resolution = null where id = :finding",
            world.ids,
        )
    _, resolved, reopened = await events_of(owner, world, world.finding)
    assert (resolved.action, resolved.actor_id) == ("finding.resolved", None)
    assert (reopened.action, reopened.actor_id) == ("finding.reopened", None)
    assert (await finding(owner, world)).acknowledged_by == world.operator


async def test_no_change_of_status_is_without_its_event(
    api: Database, worker: Database, owner: Database, world: World
) -> None:
    """Each as the role that may; the trigger cannot be switched off (see the machinery in test_tenancy)."""
    steps = (
        (api, world.context(), "status = 'ACKNOWLEDGED', acknowledged_reason = 'known'"),
        (
            api,
            world.context(),
            "status = 'NEW', acknowledged_by = null, acknowledged_at = null, acknowledged_reason = null",
        ),
        (worker, world.leased(), "status = 'RESOLVED', resolution = 'CLEARED'"),
        (worker, world.leased(), "status = 'NEW', resolution = null"),
    )
    for number, (db, context, change) in enumerate(steps, start=1):
        statement = f"update atlas.findings set {change} where tenant_id = :tenant and id in (:finding, :second)"
        async with db.transaction(context) as connection:
            assert await run(connection, statement, world.ids) == 2
        for target in (world.finding, world.second):
            assert len(await events_of(owner, world, target)) == number


async def test_a_pin_is_stamped_and_audited(api: Database, owner: Database, world: World) -> None:
    pin = """update atlas.scopes set pinned_run_id = :current_run, pinned_seq = 77, pinned_by = :reader,
                 pinned_at = '2001-01-01' where tenant_id = :tenant and id = :scope"""
    assert await attempt(api, world.context(Role.OPERATOR), pin, world.ids) == 0
    async with api.transaction(world.context(Role.MANAGER, reason="release 7")) as connection:
        assert await run(connection, pin, world.ids) == 1
    async with owner.transaction() as connection:
        [scope] = await rows(connection, "select * from atlas.scopes where id = :scope", world.ids)
    assert (scope.pinned_seq, scope.pinned_by) == (2, world.manager)
    assert datetime.now(UTC) - scope.pinned_at < timedelta(minutes=1)
    [event] = await events_of(owner, world, world.scope)
    assert (event.action, event.actor_id, event.reason) == ("baseline.pinned", world.manager, "release 7")


async def test_only_a_recorded_run_of_the_scope_is_pinned(api: Database, owner: Database, world: World) -> None:
    async with owner.transaction() as connection:
        await run(connection, "insert into atlas.sync_runs (tenant_id, id, scope_id, source)"
                              " values (:tenant, :item, :scope, 'FOLDER')", world.ids)  # fmt: skip
    with pytest.raises(DBAPIError) as refused:
        await attempt(
            api, world.context(), "update atlas.scopes set pinned_run_id = :item where id = :scope", world.ids
        )
    assert constraint(refused.value) == "stamp_pin"


async def test_accepting_a_baseline_resolves_what_stands_in_it_and_nothing_else(
    api: Database, owner: Database, world: World, other: World
) -> None:
    accept = "select atlas.accept_baseline(:scope)"
    pin = "update atlas.scopes set pinned_run_id = :current_run where id = :scope"
    for each in (world, other):
        async with api.transaction(each.context(Role.MANAGER)) as connection:
            assert (await rows(connection, accept, each.ids))[0][0] == 0, "nothing is pinned"
            await run(connection, pin, each.ids)
    for role in (Role.READER, Role.OPERATOR):
        async with api.transaction(world.context(role)) as connection:
            assert (await rows(connection, accept, world.ids))[0][0] == 0
    async with api.transaction(other.context(Role.OWNER)) as connection:
        assert (await rows(connection, accept, world.ids))[0][0] == 0, "another tenant's scope"
    async with api.transaction(world.context(Role.MANAGER, reason="accepted")) as connection:
        assert (await rows(connection, accept, world.ids))[0][0] == 1
    async with owner.transaction() as connection:
        states = await rows(
            connection,
            "select id, status, resolution from atlas.findings where tenant_id in (:tenant, :foreign)",
            world.ids | {"foreign": other.tenant},
        )
    resolved = {(world.finding, "RESOLVED", "BASELINED")}
    assert set(map(tuple, states)) == resolved | {(f, "NEW", None) for f in (world.second, other.finding, other.second)}
    [event] = await events_of(owner, world, world.finding)
    assert (event.action, event.reason) == ("finding.resolved", "accepted")


async def test_only_the_sweeper_expires_and_only_what_is_over(
    api: Database, worker: Database, sweeper: Database, owner: Database, world: World, other: World
) -> None:
    expire = "select atlas.expire_acknowledgements(1000)"
    for each, until in ((world, "now() + interval '1 hour'"), (other, "now() + interval '1 ms'")):
        async with api.transaction(each.context()) as connection:
            await run(connection, ACKNOWLEDGE.replace("'known'", f"'known', acknowledged_until = {until}"), each.ids)
    assert await attempt(api, other.context(), expire, {}) == DENIED
    assert await attempt(worker, other.leased(), expire, {}) == DENIED
    async with sweeper.transaction(Context(principal_id=other.owner, tenant_id=other.tenant)) as connection:
        tenants = set(await connection.scalars(text(expire)))
    assert other.tenant in tenants
    assert world.tenant not in tenants
    assert (await finding(owner, world)).status == "ACKNOWLEDGED"
    expired = await finding(owner, other)
    assert (expired.status, expired.acknowledged_by, expired.acknowledged_until) == ("NEW", None, None)
    _, event = await events_of(owner, other, other.finding)
    assert (event.action, event.actor_id) == ("finding.acknowledgementExpired", None)


async def test_the_triage_of_a_finding_is_read_by_all_and_the_rest_by_managers(api: Database, world: World) -> None:
    await acknowledge(api, world)
    kinds = "select distinct target_type from atlas.audit_events where tenant_id = :tenant"
    assert await attempt(api, world.context(Role.READER), kinds, world.ids) == 1
    managers = await attempt(api, world.context(Role.MANAGER), kinds, world.ids)
    assert isinstance(managers, int)
    assert managers > 3
