"""From one's own reading to what all are told: in order, once, however late, and only while one still may."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.schema import channel as channel_module
from atlas.schema import live as module
from atlas.schema import standing
from atlas.schema.errors import AccessEndedError, Code
from atlas.schema.ids import encode_activity_cursor
from atlas.store.database import Database, open_database
from tests.factories import make_tenant
from tests.locks import end_what_waits
from tests.schema.asking import counted
from tests.schema.relaying import (
    ACTIVITY,
    OWN,
    PROMOTE,
    REMOVE,
    Listener,
    Members,
    cursors_of,
    member,
    silently,
)
from tests.schema.runs import RUNNING, make_sync_run
from tests.schema.test_live import listening, until


async def test_many_who_ask_the_same_cost_the_statements_of_one(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(standing, "LOOK_SECONDS", 60.0)
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live:
        sent: dict[int, int] = {}
        for count in (1, 12):
            async with Members(live, tenant, count) as members:
                waiting = [asyncio.create_task(one.heard(1)) for one in members]
                await asyncio.sleep(0.5)  # All of them have caught up, and wait.
                with counted(api) as statements:
                    await run.becomes(RUNNING, done=count)
                    told = await asyncio.gather(*waiting)
                assert all(one == told[0] for one in told)
                assert len(live.channels) == 1
                sent[count] = len(statements)
        assert sent[12] == sent[1], "reading and judging is done once for all"
        await until(lambda: not live.channels)


async def test_roles_and_tenants_share_nothing_and_what_is_one_s_own_nobody(owner: Database, api: Database) -> None:
    tenant, other = await make_tenant(owner, api), await make_tenant(owner, api)
    run, _ = await make_sync_run(owner, tenant), await make_sync_run(owner, other)
    async with (
        listening(api) as live,
        member(live, tenant) as one,
        member(live, tenant) as two,
        member(live, tenant, role=Role.OPERATOR) as operator,
        member(live, tenant, OWN) as own,
        member(live, tenant, OWN) as its_own,
        member(live, other) as foreign,
    ):
        everybody = [one, two, operator, own, its_own, foreign]
        for each in everybody:
            await each.heard(1)
        waiting = [asyncio.create_task(each.heard(1)) for each in everybody]
        await until(lambda: sum(len(channel._seats) for channel in live.channels.values()) == 6)
        assert sorted(len(channel._seats) for channel in live.channels.values()) == [1, 1, 1, 1, 2]
        await run.becomes(RUNNING, done=1)
        assert {str(told[0]["data"]["activity"]["cursor"]) for told in await asyncio.gather(*waiting[:5])} == set(
            cursors_of(2, 2)
        )
        assert not waiting[5].done(), "nothing happened in the other tenant"
        waiting[5].cancel()
        await asyncio.gather(waiting[5], return_exceptions=True)


async def test_nobody_is_told_who_lost_their_membership_a_moment_ago(owner: Database, api: Database) -> None:
    """No notification tells of it, so nothing but being judged before each event keeps it from them."""
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as leaving, member(live, tenant) as staying:
        for each in (leaving, staying):
            await each.heard(1)
        waiting = [asyncio.create_task(each.heard(1)) for each in (leaving, staying)]
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        await silently(owner, tenant, REMOVE, leaving.session)
        await run.becomes(RUNNING, done=1)
        gone, told = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(gone, AccessEndedError)
        assert gone.close_code == 4401
        assert isinstance(told, list)
        assert told[0]["data"]["activity"]["cursor"] == encode_activity_cursor(2)


async def test_whoever_is_of_another_role_now_goes_on_without_a_gap(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as promoted, member(live, tenant) as staying:
        heard = [await each.cursors(1) for each in (promoted, staying)]
        for done in range(4):
            waiting = [asyncio.create_task(each.cursors(1)) for each in (promoted, staying)]
            await until(lambda: sum(len(channel._seats) for channel in live.channels.values()) == 2)
            if done == 1:
                await silently(owner, tenant, PROMOTE, promoted.session)
            await run.becomes(RUNNING, done=done)
            for seen, more in zip(heard, await asyncio.gather(*waiting), strict=True):
                seen.extend(more)
        assert {channel.topic.audience for channel in live.channels.values()} == {"READER", "MANAGER"}
    assert heard == [cursors_of(1, 5)] * 2


async def test_when_whoever_leads_leaves_the_others_hear_everything(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as staying:
        heard: list[str] = []
        async with member(live, tenant) as leader:
            await leader.heard(1)
            leading = asyncio.create_task(leader.heard(5))
            await until(lambda: len(live.channels) == 1)
            heard += await staying.cursors(1)
            rest = asyncio.create_task(staying.cursors(6))
            for done in range(3):
                await run.becomes(RUNNING, done=done)
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
        for done in range(3, 6):
            await run.becomes(RUNNING, done=done)
        heard += await rest
    assert heard == cursors_of(1, 7)


async def test_whoever_leads_and_leaves_while_the_others_are_woken_keeps_nothing_from_them(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_module, "_WOKEN_AT_ONCE", 1)
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, Members(live, tenant, 16) as (leader, *others):
        leading = asyncio.create_task(leader.heard(1))
        await until(lambda: len(live.channels) == 1)
        waiting = [asyncio.create_task(one.cursors(1)) for one in others]
        (channel,) = live.channels.values()
        await until(lambda: len(channel._seats) == 16)
        leaving = asyncio.create_task(leaves(leading, leader))
        await run.becomes(RUNNING, done=1)
        assert await asyncio.gather(*waiting) == [cursors_of(2, 2)] * 15
        await leaving


async def leaves(leading: asyncio.Task[list[Any]], leader: Listener) -> None:
    await leading
    await leader.results.aclose()


async def test_a_database_that_cannot_tell_for_a_moment_ends_nothing_where_somebody_else_comes_to_lead(
    cluster: Services, owner: Database, api: Database
) -> None:
    tenant, heard = await make_tenant(owner, api), list[str]()
    run = await make_sync_run(owner, tenant)
    hasty = open_database(cluster.database_url, statement_seconds=0.3)
    async with listening(hasty) as live, Members(live, tenant, 2) as (leader, staying):
        leading = asyncio.create_task(leader.heard(1))
        await until(lambda: len(live.channels) == 1)
        rest = asyncio.create_task(staying.cursors(1))
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        async with owner.transaction() as holder:
            await holder.execute(text("lock table atlas.events in access exclusive mode"))
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
            await leader.results.aclose()
            await asyncio.sleep(0.45)  # Whoever leads now has been refused by then.
        await run.becomes(RUNNING, done=1)
        heard += await rest
    await hasty.close()
    assert heard == cursors_of(2, 2)


async def test_a_connection_that_whoever_leads_loses_costs_the_others_nothing(
    cluster: Services, owner: Database, api: Database
) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    query = ACTIVITY.replace("status", "status scope { key }")
    async with listening(api) as live, member(live, tenant, query) as one, member(live, tenant, query) as other:
        heard = [await each.cursors(1) for each in (one, other)]
        waiting = [asyncio.create_task(each.heard(1)) for each in (one, other)]
        await until(lambda: any(len(channel._seats) == 2 for channel in live.channels.values()))
        async with owner.transaction() as holder, asyncio.timeout(20):
            await run.becomes(RUNNING, tell=False, done=1)
            await holder.execute(text("lock table atlas.scopes in access exclusive mode"))
            await owner.notify([tenant.id])
            await end_what_waits(cluster, "atlas_api", about="atlas.scopes")
        told = [(await each)[0] for each in waiting]
    assert heard == [cursors_of(1, 1)] * 2
    assert told[0] == told[1]
    assert "errors" not in told[0]
    assert told[0]["data"]["activity"]["syncRun"]["scope"]["key"].startswith("s1:")


async def test_whoever_was_of_another_role_for_a_while_is_read_for_again(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live, member(live, tenant) as slow:
        heard = await slow.cursors(1)
        waiting = asyncio.create_task(slow.cursors(1))
        await until(lambda: len(live.channels) == 1)
        await run.becomes(RUNNING, done=1)
        heard += await waiting
        (channel,) = live.channels.values()
        await silently(owner, tenant, PROMOTE, slow.session)
        await run.becomes(RUNNING, done=2)  # It leads itself, and takes nothing meanwhile: nobody is left to lead.
        await until(lambda: channel._task is not None and channel._task.done())
        await silently(owner, tenant, PROMOTE.replace("MANAGER", "READER"), slow.session)
        await live.standings.judge(list(channel._seats))
        heard += await slow.cursors(1)
    assert heard == cursors_of(1, 3)


async def test_what_waits_for_news_holds_no_connection_and_no_statement(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    tenant = await make_tenant(owner, api)
    await make_sync_run(owner, tenant)
    async with listening(api) as live, Members(live, tenant, 10) as members:
        waiting = [asyncio.create_task(one.heard(1)) for one in members]
        await until(lambda: any(len(channel._seats) == 10 for channel in live.channels.values()))
        await until(lambda: api.engine.pool.checkedout() == 0)
        await asyncio.sleep(0.3)
        with counted(api) as sent:
            for _ in range(20):
                assert api.engine.pool.checkedout() == 0
                await asyncio.sleep(0.02)
        assert [statement for statement in sent if "changed_standing" not in statement] == []
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_end_of_the_server_is_told_to_all(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    await make_sync_run(owner, tenant)
    async with listening(api) as live, Members(live, tenant, 3) as members:
        waiting = [asyncio.create_task(one.heard(1)) for one in members]
        await until(lambda: any(len(channel._seats) == 3 for channel in live.channels.values()))
        live.close()
        for (told,) in await asyncio.gather(*waiting):
            assert told["errors"][0]["extensions"]["code"] == Code.SHUTTING_DOWN
        for one in members:
            assert [result async for result in one.results] == []
