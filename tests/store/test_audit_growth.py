"""The chain of the audit record as it grows: in the order of commits, without gaps, and holding nobody up."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from atlas import triage
from atlas.audit import checkpoint, verify
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database, open_database
from atlas.store.migrations import config, upgrade
from tests.store.conftest import Server
from tests.store.world import FIRST, World, attempt, make_world, rows, run

ACKNOWLEDGE = """update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'known'
                 where tenant_id = :tenant and id = :finding"""
COLUMNS = """scope_id, kind, change_type, severity, severity_reasons, status, is_current, item_type, item_id,
    display_name, evidence, change_count, baseline_hash, current_hash, baseline_run_id, current_run_id, first_seen_at,
    last_seen_at"""


async def chain_of(api: Database, world: World) -> tuple[int, Any]:
    """Its length and its first fault."""
    verdict = await verify(api, world.context(Role.MANAGER))
    return verdict.position.seq, verdict.broken


async def count_of(owner: Database, world: World) -> int:
    async with owner.transaction() as connection:
        found = await rows(connection, "select count(*) from atlas.audit_events where tenant_id = :tenant", world.ids)
    count: int = found[0][0]
    return count


async def make_findings(owner: Database, world: World, count: int) -> list[UUID]:
    ids = [uuid4() for _ in range(count)]
    async with owner.transaction(Context(tenant_id=world.tenant)) as connection:
        await connection.execute(
            text(
                f"""insert into atlas.findings (tenant_id, id, fingerprint, external_id, {COLUMNS})
                    select f.tenant_id, n.id, 'f1:' || n.id, n.id, {COLUMNS}
                    from atlas.findings f, unnest(cast(:ids as uuid[])) n (id)
                    where f.tenant_id = :tenant and f.id = :finding"""
            ),
            {"ids": ids, "tenant": world.tenant, "finding": world.finding},
        )
    return ids


async def test_two_hundred_acknowledgements_of_eight_people_leave_one_chain_a_tenant(
    api: Database, owner: Database, world: World, other: World
) -> None:
    plans = {one: await make_findings(owner, one, 100) for one in (world, other)}
    before = {one: (await chain_of(api, one))[0] for one in plans}

    async def work(one: World, ids: list[UUID]) -> None:
        for finding in ids:
            await triage.acknowledge(api, one.context(Role.OPERATOR), [finding], reason="known")

    await asyncio.gather(*(work(one, ids[part::4]) for one, ids in plans.items() for part in range(4)))
    for one in plans:
        assert await chain_of(api, one) == (before[one] + 100, None)
        assert await count_of(owner, one) == before[one] + 100


async def test_changes_of_which_the_feed_does_not_tell_are_linked_one_after_the_other(
    api: Database, world: World
) -> None:
    before, _ = await chain_of(api, world)

    async def work(member: UUID) -> None:
        for number in range(20):
            role = ("READER", "OPERATOR")[number % 2]
            async with api.transaction(world.context(Role.OWNER)) as connection:
                change = f"update atlas.memberships set role = '{role}' where principal_id = :member"
                await run(connection, change, world.ids | {"member": member})

    await asyncio.gather(*(work(member) for member in (world.reader, world.operator, world.manager, world.service)))
    async with api.transaction(world.context(Role.OWNER)) as connection:
        await run(connection, "update atlas.memberships set role = 'MANAGER' where principal_id = :manager", world.ids)
    assert await chain_of(api, world) == (before + 81, None)


async def test_a_pin_and_an_acknowledgement_never_wait_for_each_other(
    api: Database, owner: Database, world: World
) -> None:
    """A pin is audited before its findings are told of, an acknowledgement after: the opposite order of locks."""
    ids = await make_findings(owner, world, 40)
    before, _ = await chain_of(api, world)
    pin = "update atlas.scopes set pinned_run_id = :run where tenant_id = :tenant and id = :scope"

    async def pinning() -> None:
        for number in range(40):
            run_id = (world.baseline_run, world.current_run)[number % 2]
            async with api.transaction(world.context(Role.MANAGER)) as connection:
                await run(connection, pin, world.ids | {"run": run_id})
                await run(connection, ACKNOWLEDGE, world.ids | {"finding": ids[number]})

    async def acknowledging() -> None:
        for _ in range(40):
            await triage.acknowledge(api, world.context(Role.OPERATOR), [world.second], reason=str(uuid4()))

    await asyncio.gather(pinning(), acknowledging(), acknowledging())
    assert await chain_of(api, world) == (before + 40 * 4, None)


async def test_a_slow_change_holds_up_nobody_until_it_commits(api: Database, world: World) -> None:
    async with api.transaction(world.context()) as connection:
        await run(connection, ACKNOWLEDGE, world.ids)
        async with asyncio.timeout(5):
            await triage.acknowledge(api, world.context(Role.OPERATOR), [world.second], reason="known")
    assert (await chain_of(api, world))[1] is None


async def test_what_is_rolled_back_leaves_no_gap(api: Database, world: World) -> None:
    before = await checkpoint(api, world.context(Role.MANAGER))
    assert await attempt(api, world.context(), ACKNOWLEDGE, world.ids) == 1
    assert await attempt(api, world.context(), ACKNOWLEDGE, world.ids) == 1
    assert (await checkpoint(api, world.context(Role.MANAGER))).position == before.position
    async with api.transaction(world.context()) as connection:
        await connection.exec_driver_sql("set constraints all immediate")
        await run(connection, ACKNOWLEDGE, world.ids)
        savepoint = await connection.begin_nested()
        await run(connection, ACKNOWLEDGE.replace(":finding", ":second"), world.ids)
        await savepoint.rollback()
        await run(connection, ACKNOWLEDGE.replace(":finding", ":second"), world.ids)
    assert await chain_of(api, world) == (before.position.seq + 2, None)


async def test_an_event_that_cannot_be_linked_is_not_recorded_and_nor_is_the_change(
    api: Database, owner: Database, world: World
) -> None:
    count = await count_of(owner, world)
    async with owner.transaction() as connection:
        await run(
            connection, "update atlas.audit_heads set seq = 9223372036854775807 where tenant_id = :tenant", world.ids
        )
    with pytest.raises(DBAPIError, match="out of range"):
        await triage.acknowledge(api, world.context(Role.OPERATOR), [world.finding], reason="known")
    async with owner.transaction() as connection:
        [(status,)] = await rows(connection, "select status from atlas.findings where id = :finding", world.ids)
    assert status == "NEW"
    assert await count_of(owner, world) == count


async def test_what_was_recorded_before_there_was_a_chain_is_linked_by_the_migration(empty: Server) -> None:
    def to_the_fifth(connection: Connection) -> None:
        settings = config()
        settings.attributes["connection"] = connection
        connection.execute(text("create schema if not exists atlas"))
        connection.commit()
        command.upgrade(settings, "0005")
        connection.commit()

    engine = create_async_engine(empty.url("atlas_owner"))
    async with engine.connect() as connection:
        await connection.run_sync(to_the_fifth)
    await engine.dispose()
    owner, api = open_database(empty.url("atlas_owner"), size=2), open_database(empty.url("atlas_api"), size=2)
    worlds = [await make_world(owner, FIRST) for _ in range(2)]
    await upgrade(empty.url("atlas_owner"))
    for one in worlds:
        count = await count_of(owner, one)
        assert count > 10
        assert await chain_of(api, one) == (count, None)
        await triage.acknowledge(api, one.context(Role.OPERATOR), [one.finding], reason="known")
        assert await chain_of(api, one) == (count + 1, None)
    await owner.close()
    await api.close()


async def test_ten_thousand_records_are_verified_in_seconds(api: Database, owner: Database, world: World) -> None:
    async with owner.transaction(Context(tenant_id=world.tenant)) as connection:
        await run(
            connection,
            """insert into atlas.audit_events (tenant_id, action, target_type, target_id, before, after, reason)
               select :tenant, 'finding.acknowledged', 'Finding', :finding, '{"status": "NEW"}',
                      '{"status": "ACKNOWLEDGED", "reason": "known"}', 'change ' || n
               from generate_series(1, 10000) n""",
            world.ids,
        )
    began = time.perf_counter()
    length, broken = await chain_of(api, world)
    spent = time.perf_counter() - began
    print(f"\n{length} records verified in {spent:.2f} s")  # noqa: T201
    assert broken is None
    assert length > 10_000
    assert spent < 30
