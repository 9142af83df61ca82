"""Whoever is late: nothing is kept for them, they delay nobody, and they miss nothing."""

import asyncio

from atlas.schema.channel import KEPT_EVENTS
from atlas.schema.errors import Code
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.factories import make_tenant
from tests.schema.relaying import (
    Listener,
    cursors_of,
    decoded,
    following,
    member,
)
from tests.schema.runs import FAILED, RUNNING, SyncRun, make_sync_run, prune_events
from tests.schema.test_live import listening, until


async def test_a_stream_that_is_alone_is_kept_nothing_that_it_has_heard(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as alone:
        heard = await alone.cursors(1)
        for done in range(3):
            waiting = asyncio.create_task(alone.cursors(1))
            await until(lambda: len(live.channels) == 1)
            await run.becomes(RUNNING, done=done)
            heard += await waiting
            (channel,) = live.channels.values()
            assert (channel._told, channel._size) == ({}, 0)
    assert heard == cursors_of(1, 4)


async def test_a_slow_reader_is_kept_nothing_for_and_misses_nothing(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    count = 2 * KEPT_EVENTS
    async with listening(api) as live, member(live, tenant) as slow, member(live, tenant) as fast:
        first = [await each.cursors(1) for each in (slow, fast)]
        second = [asyncio.create_task(each.cursors(1)) for each in (slow, fast)]
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        await run.becomes(RUNNING, done=0)
        first = [seen + more for seen, more in zip(first, await asyncio.gather(*second), strict=True)]
        for done in range(1, count):
            await run.becomes(RUNNING, done=done)  # The slow one takes nothing of it meanwhile.
            first[1] += await fast.cursors(1)
        (channel,) = live.channels.values()
        assert len(channel._told) <= KEPT_EVENTS, "what is kept does not grow with whoever is late"
        assert sum(len(told.payload) for told in channel._told.values()) == channel._size
        first[0] += await slow.cursors(count - 1)
        assert first == [cursors_of(1, count + 1)] * 2
        last = [asyncio.create_task(each.cursors(1)) for each in (slow, fast)]
        await run.becomes(FAILED)
        assert await asyncio.gather(*last) == [cursors_of(count + 2, count + 2)] * 2, "and goes on with the others"


async def test_a_slow_follower_is_told_the_latest_state_and_the_end_once(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    id_ = encode_id("SyncRun", tenant.id, run.id)
    async with listening(api) as live, following(live, tenant, id_) as slow, following(live, tenant, id_) as fast:
        assert [(await each.heard(1))[0]["data"]["syncRun"]["status"] for each in (slow, fast)] == ["QUEUED"] * 2
        waiting = [asyncio.create_task(each.heard(1)) for each in (slow, fast)]
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        await run.becomes(RUNNING, done=0)
        await asyncio.gather(*waiting)
        for done in range(1, 9):
            await run.becomes(RUNNING, done=done)
            assert (await fast.heard(1))[0]["data"]["syncRun"]["progress"]["done"] == done
        (channel,) = live.channels.values()
        assert len(channel._told) == 1
        assert (await slow.heard(1))[0]["data"]["syncRun"]["progress"]["done"] == 8, "what lies between is left out"
        await run.becomes(FAILED)
        for each in (slow, fast):
            rest = [decoded(result)["data"]["syncRun"]["status"] async for result in each.results]
            assert rest == ["FAILED"]


async def test_a_pruned_cursor_is_told_to_a_slow_reader(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as slow, member(live, tenant) as fast:
        for each in (slow, fast):
            await each.heard(1)
        waiting = [asyncio.create_task(each.heard(1)) for each in (slow, fast)]
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        await run.becomes(RUNNING, done=0)
        await asyncio.gather(*waiting)
        await moved(run, fast, KEPT_EVENTS + 5)
        await prune_events(owner, tenant, up_to=KEPT_EVENTS + 3)
        (told,) = await slow.heard(1)
        assert told["errors"][0].extensions["code"] == Code.CURSOR_EXPIRED


async def moved(run: SyncRun, listener: Listener, count: int) -> None:
    for done in range(1, count + 1):
        await run.becomes(RUNNING, done=done)
        await listener.heard(1)
