"""From one's own reading to what all are told: in order, once, however late, and only while one still may."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text

from atlas import access
from atlas.auth import Session, open_session
from atlas.domain.vocabulary import Role
from atlas.schema import live as module
from atlas.schema.channel import KEPT_EVENTS, Asked, Told
from atlas.schema.context import GraphQLContext
from atlas.schema.errors import AccessEndedError, Code
from atlas.schema.ids import encode_activity_cursor, encode_id
from atlas.schema.live import Live, LiveSession
from atlas.schema.relay import relayed
from atlas.schema.root import schema
from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import counted
from tests.schema.runs import FAILED, RUNNING, SyncRun, make_sync_run, prune_events
from tests.schema.test_live import listening, until

ACTIVITY = """subscription ($tenant: ID!, $after: String) {
    activity(tenantId: $tenant, after: $after) { cursor syncRun { status progress { done } } } }"""
OWN = ACTIVITY.replace("status", "status tenant { name }")
SYNC_RUN = "subscription ($id: ID!) { syncRun(id: $id) { status progress { done } } }"
REMOVE = "delete from atlas.memberships where tenant_id = :tenant and principal_id = :principal"
PROMOTE = "update atlas.memberships set role = 'MANAGER' where tenant_id = :tenant and principal_id = :principal"


@dataclass(slots=True)
class Listener:
    session: Session
    results: AsyncGenerator[Any, None]

    async def heard(self, count: int) -> list[Any]:
        async with asyncio.timeout(20):
            return [decoded(await anext(self.results)) for _ in range(count)]

    async def cursors(self, count: int) -> list[str]:
        return [one["data"]["activity"]["cursor"] for one in await self.heard(count)]


def decoded(result: Any) -> Any:
    return orjson.loads(result.payload) if isinstance(result, Told) else {"data": result.data, "errors": result.errors}


@asynccontextmanager
async def member(
    live: Live, tenant: Tenant, query: str = ACTIVITY, *, role: Role = Role.READER, **variables: object
) -> AsyncIterator[Listener]:
    """A new member who listens, from the first event on where nothing else is said."""
    made = await access.create_token(live.db, tenant.owner, principal_name=f"m-{uuid4().hex}", role=role)
    session = await open_session(live.db, made.token)
    assert session is not None

    def context(of: Session, request_id: str) -> GraphQLContext:
        return GraphQLContext(
            db=live.db, principal=of.principal, request_id=request_id, live=LiveSession(live, of, relayed=True)
        )

    given = variables or {"tenant": encode_id("Tenant", tenant.id, tenant.id), "after": encode_activity_cursor(0)}
    asked, own = Asked(schema, context, query, given, None, None), context(session, "test")
    results = relayed(asked, own, await asked.results(own))
    try:
        yield Listener(session, results)
    finally:
        await results.aclose()


def cursors_of(first: int, last: int) -> list[str]:
    return [encode_activity_cursor(seq) for seq in range(first, last + 1)]


async def silently(owner: Database, tenant: Tenant, statement: str, session: Session) -> None:
    """In the database alone: no process is told of it."""
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(statement), {"tenant": tenant.id, "principal": session.principal.id})


async def test_many_who_ask_the_same_cost_the_statements_of_one(owner: Database, api: Database) -> None:
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


class Members:
    """So many members who have heard of all that was there."""

    def __init__(self, live: Live, tenant: Tenant, count: int) -> None:
        self._live, self._tenant = live, tenant
        self._made = [member(live, tenant) for _ in range(count)]

    async def __aenter__(self) -> list[Listener]:
        members = [await one.__aenter__() for one in self._made]
        async with self._live.db.transaction(self._tenant.owner, readonly=True) as connection:
            seq = await connection.scalar(text("select max(seq) from atlas.events"))
        for one in members:
            assert await one.cursors(seq) == cursors_of(1, seq)
        return members

    async def __aexit__(self, *error: object) -> None:
        for one in self._made:
            await one.__aexit__(None, None, None)


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


def following(live: Live, tenant: Tenant, id_: str) -> Any:
    return member(live, tenant, SYNC_RUN, id=id_)


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
