"""The feed's numbers have no gap, and a lower one never turns up after a higher one."""

import asyncio
import random
from itertools import pairwise

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.store.world import World, rows, run

TRIAGE = """update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'known'
            where tenant_id = :tenant and id = :{}"""
ASK = """insert into atlas.sync_runs (tenant_id, scope_id, source, requested_by)
         values (:tenant, :scope, 'FOLDER', :manager)"""


async def numbers(db: Database, world: World) -> list[int]:
    async with db.transaction(world.context(Role.READER)) as connection:
        return [
            row.seq
            for row in await rows(connection, "select seq from atlas.events where tenant_id = :tenant", world.ids)
        ]


async def test_numbers_are_without_gap_and_in_order_under_concurrent_transactions(
    api: Database, world: World, other: World
) -> None:
    chance = random.Random(3)
    before = {each: await numbers(api, each) for each in (world, other)}
    done = asyncio.Event()
    seen: list[list[int]] = []

    async def write(each: World) -> int:
        """A transaction that takes its time, sometimes holds two events, sometimes fails."""
        statements = [ASK, TRIAGE.format(chance.choice(("finding", "second")))][: chance.choice((1, 2))]
        fails = chance.random() < 0.2
        try:
            async with api.transaction(each.context(Role.MANAGER)) as connection:
                for statement in statements:
                    assert await run(connection, statement, each.ids) == 1
                    await asyncio.sleep(chance.random() * 0.01)
                if fails:
                    raise InterruptedError
        except InterruptedError:
            return 0
        return len(statements)

    async def writer(each: World) -> int:
        return sum([await write(each) for _ in range(10)])

    async def watch() -> None:
        while not done.is_set():
            seen.append(sorted(await numbers(api, world)))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    written = await asyncio.gather(*(writer(world) for _ in range(6)), *(writer(other) for _ in range(3)))
    done.set()
    await watching
    for each, count in ((world, sum(written[:6])), (other, sum(written[6:]))):
        assert sorted(await numbers(api, each)) == list(range(1, len(before[each]) + count + 1))
    assert len(seen) > 10
    assert all(found == list(range(1, len(found) + 1)) for found in seen), "what is visible is always a beginning"
    assert all(len(earlier) <= len(later) for earlier, later in pairwise(seen))


@pytest.mark.parametrize(("first", "second"), [(ASK, ASK), (TRIAGE.format("finding"), TRIAGE.format("second"))])
async def test_the_number_is_taken_at_the_end_so_that_slow_work_holds_nobody_up(
    api: Database, world: World, first: str, second: str
) -> None:
    async with api.transaction(world.context(Role.MANAGER)) as slow:
        await run(slow, first, world.ids)
        async with asyncio.timeout(5):
            async with api.transaction(world.context(Role.MANAGER)) as quick:
                await run(quick, second, world.ids)


async def test_generation_tells_of_its_run_and_triage_of_each_finding(
    api: Database, worker: Database, world: World
) -> None:
    async def news(first: int) -> list[tuple[str, str]]:
        async with api.transaction(world.context()) as connection:
            found = await connection.execute(
                text("select kind, object_id::text from atlas.events where tenant_id = :t and seq > :n order by seq"),
                {"t": world.tenant, "n": first},
            )
            return [tuple(row) for row in found]

    first = max(await numbers(api, world))
    async with worker.transaction(world.leased()) as connection:
        await run(
            connection,
            "update atlas.findings set status = 'RESOLVED', resolution = 'CLEARED' where id = :second",
            world.ids,
        )
        await run(connection, "update atlas.drift_runs set progress_done = 1 where id = :drift_run", world.ids)
    assert await news(first) == [("DriftRun", str(world.drift_run))]
    async with api.transaction(world.context()) as connection:
        await run(connection, TRIAGE.format("finding"), world.ids)
    assert (await news(first))[1:] == [("Finding", str(world.finding))]


async def test_a_heartbeat_is_no_news(worker: Database, api: Database, world: World) -> None:
    first = await numbers(api, world)
    async with worker.transaction(world.leased()) as connection:
        beat = "update atlas.drift_runs set lease_until = now() + interval '30 s' where id = :drift_run"
        assert await run(connection, beat, world.ids) == 1
    assert await numbers(api, world) == first
