"""Streams: woken by the database, in order, without a gap, and ended when the access ends.

A stream that begins "now" may begin after the event that a test makes, so most begin at the start of an empty feed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLError

from atlas import access
from atlas.auth import Session, open_session
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.metrics import Metrics
from atlas.schema import feed as feeds
from atlas.schema import live as module
from atlas.schema.context import GraphQLContext
from atlas.schema.errors import AccessEndedError
from atlas.schema.feed import feed, follow, object_of
from atlas.schema.live import Live, LiveSession
from atlas.schema.standing import token_ended
from atlas.schema.sync_runs import load_sync_run
from atlas.store.bootstrap import connect
from atlas.store.database import Database, open_database
from tests.factories import Tenant, make_tenant
from tests.schema.runs import FAILED, QUEUED, RUNNING, make_sync_run, prune_events

TERMINATE = """select pg_terminate_backend(pid) from pg_stat_activity
    where usename = 'atlas_api' and (query ilike 'listen%' or query = 'select 1')"""

TERMINATE_NEWER = """select pg_terminate_backend(pid) from pg_stat_activity
    where usename = 'atlas_api' and backend_start > $1"""


@asynccontextmanager
async def listening(api: Database) -> AsyncIterator[Live]:
    live = Live(api, Metrics())
    task = asyncio.create_task(live.run())
    try:
        await until(lambda: listens(live))
        yield live
    finally:
        live.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def listens(live: Live) -> bool:
    return live.metrics.registry.get_sample_value("atlas_listening") == 1


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def context_of(
    live: Live, api: Database, tenant: Tenant, *, role: Role = Role.READER, expires_at: datetime | None = None
) -> GraphQLContext:
    new = await access.create_token(
        api, tenant.owner, principal_name=f"watcher-{uuid4().hex[:8]}", role=role, expires_at=expires_at
    )
    session = await open_session(api, new.token)
    assert session is not None
    return GraphQLContext(db=api, principal=session.principal, request_id="test", live=LiveSession(live, session))


async def taken(stream, count: int, *, within: float = 10) -> list:
    async with asyncio.timeout(within):
        return [await anext(stream) for _ in range(count)]


async def code_of(stream, *, within: float = 10) -> object:
    with pytest.raises(GraphQLError) as refused:
        await taken(stream, 1, within=within)
    return (refused.value.extensions or {})["code"]


async def test_events_come_as_they_are_committed_and_in_order(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        stream = feed(await context_of(live, api, tenant), tenant.id, 0)
        run = await make_sync_run(owner, tenant)
        first = asyncio.create_task(taken(stream, 1))
        for done in range(3):
            await run.becomes(RUNNING, done=done)
        await run.becomes(FAILED)
        events = await first + await taken(stream, 4)
        await stream.aclose()
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    assert {(event.kind, event.object_id) for event in events} == {("SyncRun", run.id)}


async def test_a_notification_wakes_a_stream_long_before_the_poll(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        stream = feed(await context_of(live, api, tenant), tenant.id, 0)
        waiting = asyncio.create_task(taken(stream, 1))
        await until(lambda: live.metrics.registry.get_sample_value("atlas_subscriptions") == 1)
        run = await make_sync_run(owner, tenant)
        (event,) = await waiting
        assert event.object_id == run.id
        await stream.aclose()
        assert live.metrics.registry.get_sample_value("atlas_subscriptions") == 0


async def test_a_lost_notification_costs_a_poll_and_no_event(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.2)
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        stream = feed(await context_of(live, api, tenant), tenant.id, 0)
        run = await make_sync_run(owner, tenant, tell=False)
        await taken(stream, 1)
        await run.becomes(FAILED, tell=False)
        assert (await taken(stream, 1))[0].seq == 2
        await stream.aclose()


async def test_the_listener_comes_back_and_wakes_everyone(
    cluster: Services, owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        stream = feed(await context_of(live, api, tenant), tenant.id, 0)
        waiting = asyncio.create_task(taken(stream, 1))
        await until(lambda: live.metrics.registry.get_sample_value("atlas_subscriptions") == 1)
        await asyncio.sleep(0.1)  # It waits by now, and has read an empty feed.
        assert await terminate_listeners(cluster) >= 1
        await make_sync_run(owner, tenant, tell=False)
        (event,) = await waiting
        assert event.seq == 1
        await until(lambda: listens(live))
        await stream.aclose()


async def terminate_listeners(cluster: Services) -> int:
    """As an administrator, or a failover, would."""
    connection = await connect(cluster.superuser_database_url, database="atlas")
    try:
        return len(await connection.fetch(TERMINATE))
    finally:
        await connection.close()


async def test_a_stream_outlives_a_database_that_drops_every_connection(
    cluster: Services, owner: Database, api: Database
) -> None:
    tenant = await make_tenant(owner, api)
    administrator = await connect(cluster.superuser_database_url, database="atlas")
    begun = await administrator.fetchval("select now()")
    dropped = open_database(cluster.database_url)  # Other tests keep their connections, which are older.
    async with listening(dropped) as live:
        context = await context_of(live, dropped, tenant)  # What this opens may be dropped; the pool of `api` may not.
        stream = feed(context, tenant.id, 0)
        waiting = asyncio.create_task(taken(stream, 1))
        await asyncio.sleep(0.2)
        assert len(await administrator.fetch(TERMINATE_NEWER, begun)) >= 2, "the listener and a pooled one"
        await administrator.close()
        run = await make_sync_run(owner, tenant)
        (event,) = await waiting
        assert event.object_id == run.id
        await stream.aclose()
    await dropped.close()


async def test_a_feed_resumes_after_its_cursor_through_many_batches(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    for done in range(250):
        await run.becomes(RUNNING, tell=False, done=done)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        stream = feed(context, tenant.id, 0)
        first = await taken(stream, 120, within=10)
        await stream.aclose()
        stream = feed(context, tenant.id, first[-1].seq)
        rest = await taken(stream, 131, within=10)
        await stream.aclose()
    assert [event.seq for event in first + rest] == list(range(1, 252))


async def test_a_pruned_cursor_is_told_and_one_at_the_edge_is_not(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    for done in range(4):
        await run.becomes(RUNNING, done=done)
    await prune_events(owner, tenant, up_to=3)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        assert await code_of(feed(context, tenant.id, 2)) == "CURSOR_EXPIRED"
        assert [event.seq for event in await taken(feed(context, tenant.id, 3), 2)] == [4, 5]
        assert await code_of(feed(context, tenant.id, 6)) == "BAD_CURSOR"
        await prune_events(owner, tenant, up_to=5)
        assert await code_of(feed(context, tenant.id, 3)) == "CURSOR_EXPIRED"


async def test_pruning_that_passes_a_slow_reader_is_told(
    owner: Database, api: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "BATCH", 2)
    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    for done in range(5):
        await run.becomes(RUNNING, done=done)
    async with listening(api) as live:
        stream = feed(await context_of(live, api, tenant), tenant.id, 0)
        await taken(stream, 2)
        await prune_events(owner, tenant, up_to=4)
        assert await code_of(stream) == "CURSOR_EXPIRED"


async def test_a_foreign_tenant_and_an_absent_one_look_the_same(owner: Database, api: Database) -> None:
    mine, foreign = await make_tenant(owner, api), await make_tenant(owner, api)
    await make_sync_run(owner, foreign)
    async with listening(api) as live:
        context = await context_of(live, api, mine)
        messages = set()
        for tenant_id in (foreign.id, uuid4()):
            with pytest.raises(GraphQLError) as refused:
                await taken(feed(context, tenant_id, 0), 1)
            messages.add((refused.value.message, str(refused.value.extensions)))
        assert len(messages) == 1
        assert "NOT_FOUND" in messages.pop()[1]
        (event,) = await taken(feed(await context_of(live, api, foreign), foreign.id, 0), 1)
        assert event.seq == 1, "its own member sees it"


async def test_a_stream_ends_when_the_token_is_revoked(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        stream = feed(context, tenant.id, None)
        waiting = asyncio.create_task(code_of(stream))
        await asyncio.sleep(0.1)
        token_id = context.principal.token_id
        assert token_id is not None
        assert await access.revoke_token(api, tenant.owner, token_id)
        assert await waiting == "UNAUTHENTICATED"


async def test_a_stream_ends_when_the_membership_goes(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    await make_sync_run(owner, tenant)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        stream = feed(context, tenant.id, 0)
        await taken(stream, 1)
        await access.remove_membership(api, tenant.owner, context.principal.id)
        assert await code_of(stream) == "UNAUTHENTICATED"


async def test_an_event_is_not_told_without_its_object_to_whoever_may_not_see_it_any_more(
    owner: Database, api: Database
) -> None:
    tenant = await make_tenant(owner, api)
    await make_sync_run(owner, tenant)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        (event,) = await taken(feed(context, tenant.id, 0), 1)

        async def pruned(_context: GraphQLContext, _tenant_id: UUID, _key: UUID) -> None:
            """What is pruned and what may not be seen are absent alike."""

        assert await object_of(context, tenant.id, event, "SyncRun", pruned) is None
        await access.remove_membership(api, tenant.owner, context.principal.id)
        with pytest.raises(AccessEndedError):
            await object_of(context, tenant.id, event, "SyncRun", load_sync_run)


async def test_what_the_database_ends_just_before_its_time_has_expired(owner: Database, api: Database) -> None:
    """Its clock may be a little ahead of ours; clients take a revocation as final."""
    tenant = await make_tenant(owner, api)
    for seconds, code in ((1, 4403), (60, 4401)):
        new = await access.create_token(
            api, tenant.owner, principal_name="short", role=Role.READER,
            expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        )  # fmt: skip
        session = await open_session(api, new.token)
        assert session is not None
        assert token_ended(session).close_code == code


async def test_a_stream_ends_when_the_token_expires_without_any_news(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        soon = datetime.now(UTC) + timedelta(seconds=0.8)
        context = await context_of(live, api, tenant, expires_at=soon)
        assert await code_of(feed(context, tenant.id, None), within=4) == "UNAUTHENTICATED"
        assert datetime.now(UTC) >= soon


async def test_closing_ends_every_stream(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        waiting = asyncio.create_task(code_of(feed(await context_of(live, api, tenant), tenant.id, None)))
        await asyncio.sleep(0.1)
        live.close()
        assert await waiting == "SHUTTING_DOWN"


async def test_a_waiting_stream_holds_no_connection(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        each = [replace(context, live=LiveSession(live, context.live.session)) for _ in range(100)]
        waiting = [asyncio.create_task(taken(feed(one, tenant.id, 0), 1, within=20)) for one in each]
        await until(lambda: live.metrics.registry.get_sample_value("atlas_subscriptions") == 100)
        quiet = 0
        async with asyncio.timeout(20):
            while quiet < 10:  # All have read once and wait, and for a while nothing is held.
                await asyncio.sleep(0.03)
                quiet = quiet + 1 if api.engine.pool.checkedout() == 0 else 0
        run = await make_sync_run(owner, tenant)
        events = [found for (found,) in await asyncio.gather(*waiting)]
        assert {event.object_id for event in events} == {run.id}


async def test_a_follower_sees_a_run_only_go_forward(owner: Database, api: Database) -> None:
    from atlas.schema.subscription import _rank

    tenant = await make_tenant(owner, api)
    run = await make_sync_run(owner, tenant)
    async with listening(api) as live:
        context = await context_of(live, api, tenant)
        stream = follow(context, tenant.id, "sync run", lambda: load_sync_run(context, tenant.id, run.id), _rank)
        seen = await taken(stream, 1)
        for statement, values in (
            (RUNNING, {"done": 1}),
            (RUNNING, {"done": 3}),
            (QUEUED, {}),
            (RUNNING, {"done": 0}),
            (RUNNING, {"done": 5}),
            (FAILED, {}),
        ):
            await run.becomes(statement, **values)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            seen += [state async for state in stream]
    ranks = [_rank(state) for state in seen]
    assert ranks == sorted(set(ranks)), "each state is further than the one before"
    assert ranks[0] == (0, 0)
    assert seen[-1].status.value == "FAILED"


async def test_a_session_of_an_expired_token_does_not_hold(owner: Database, api: Database) -> None:
    tenant = await make_tenant(owner, api)
    new = await access.create_token(
        api,
        tenant.owner,
        principal_name="short",
        role=Role.READER,
        expires_at=datetime.now(UTC) + timedelta(seconds=0.6),
    )
    session = await open_session(api, new.token)
    assert isinstance(session, Session)
    assert await session.holds()
    await asyncio.sleep(0.65)
    assert session.expired
    assert not await session.holds()
    assert await open_session(api, new.token) is None
    assert new.token not in repr(session)
