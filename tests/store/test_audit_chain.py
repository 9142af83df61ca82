"""The audit record grows by links that nobody but the owner can touch, and what the owner does to them is found."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from atlas import audit, triage
from atlas.audit import Verdict, checkpoint, verify
from atlas.domain.audit_chain import GENESIS, Checkpoint, Fault, Position
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database
from tests.domain.test_audit_chain import GOLDEN, GOLDEN_HASH
from tests.store.tampering import CHANGE, DELETE, HEAD_BACK, INSERTED, REWRITE, TAMPERINGS, Tampering
from tests.store.world import DENIED, World, attempt, rows, run

CHAINED = ("audit_events", "audit_links", "audit_heads")
SEQ = 5


async def verified(api: Database, world: World, *kept: Checkpoint, **options: Any) -> Verdict:
    return await verify(api, world.context(Role.MANAGER), kept, **options)


async def fault(api: Database, world: World, *kept: Checkpoint, **options: Any) -> tuple[Fault, int | None] | None:
    broken = (await verified(api, world, *kept, **options)).broken
    return None if broken is None else (broken.fault, broken.seq)


async def kept(api: Database, world: World) -> Checkpoint:
    return await checkpoint(api, world.context(Role.MANAGER))


async def tamper(owner: Database, world: World, script: str, seq: int = SEQ) -> int:
    """Runs the script as the owner, who may do anything; returns the number of the last link before."""
    async with owner.transaction(Context(tenant_id=world.tenant)) as connection:
        head = "select seq from atlas.audit_heads where tenant_id = :tenant"
        last: int = (await rows(connection, head, world.ids))[0][0]
        ids = {**world.ids, "stranger": uuid4()}
        for statement in script.split(";\n") if "$$" not in script else [script]:
            await run(connection, statement.replace(":seq", str(seq)).replace(":last", str(last)), ids)
    return last


async def test_every_event_is_linked_in_order_and_the_chain_holds(
    api: Database, owner: Database, world: World, other: World
) -> None:
    for one in (world, other):
        verdict = await verified(api, one)
        assert (verdict.broken, verdict.first, verdict.checkpoints) == (None, 1, 0)
        async with owner.transaction() as connection:
            found = await rows(connection, "select count(*) from atlas.audit_events where tenant_id = :tenant", one.ids)
        assert verdict.position.seq == found[0][0] > 10
        assert (await kept(api, one)).position == verdict.position


async def test_the_database_and_the_client_compute_one_golden_hash(owner: Database) -> None:
    async with owner.transaction() as connection:
        found = await connection.scalar(
            text(
                "select atlas.audit_hash(row(cast(:t as uuid), cast(:i as uuid), cast(:at as timestamptz), null,"
                " :action, :kind, cast(:target as uuid), cast(:before as jsonb), cast(:after as jsonb), :reason, :r)"
                "::atlas.audit_events, 7, :genesis)".replace("::", r"\:\:")
            ),
            {
                "t": GOLDEN.tenant_id, "i": GOLDEN.id, "at": GOLDEN.at, "action": GOLDEN.action,
                "kind": GOLDEN.target_type, "target": GOLDEN.target_id, "before": GOLDEN.before, "after": GOLDEN.after,
                "reason": GOLDEN.reason, "r": GOLDEN.request_id, "genesis": GENESIS,
            },
        )  # fmt: skip
    assert found.hex() == GOLDEN_HASH


@pytest.mark.parametrize("reason", ["'); drop table x; --", "Ä 😀 \u202e", "1:a,2:bb,-,", "\n\t\\", "x" * 4000])
async def test_whatever_a_reason_holds_the_chain_holds(api: Database, world: World, reason: str) -> None:
    await triage.acknowledge(api, world.context(Role.OPERATOR), [world.finding], reason=reason)
    assert (await verified(api, world)).broken is None


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
async def test_what_the_owner_does_to_the_record_is_found_and_named(
    api: Database, owner: Database, world: World, other: World, tampering: Tampering
) -> None:
    last = await tamper(owner, world, tampering.script)
    place = None if tampering.at is None else (last if tampering.of_last else SEQ) + tampering.at
    assert await fault(api, world) == (tampering.fault, place)
    assert (await verified(api, other)).broken is None, "the chain of another tenant"


@pytest.mark.parametrize("batch", [1, 2, 3])
async def test_faults_are_found_in_whatever_batches_the_chain_is_read(
    api: Database, owner: Database, world: World, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", batch)
    moved: list[int] = []
    assert await fault(api, world, on_progress=lambda done, _: moved.append(done)) is None
    assert moved == sorted(set(moved))
    assert moved[-1] == (await kept(api, world)).position.seq
    await tamper(owner, world, CHANGE)
    assert await fault(api, world) == (Fault.CHANGED, SEQ)
    await tamper(owner, world, DELETE.format(which="= :seq - 1"))
    assert await fault(api, world) == (Fault.MISSING, SEQ - 1)


async def test_a_tail_that_was_written_anew_is_found_by_a_checkpoint_alone(
    api: Database, owner: Database, world: World
) -> None:
    before = await kept(api, world)
    async with owner.transaction() as connection:
        [(digest,)] = await rows(
            connection, f"select hash from atlas.audit_links where tenant_id = :tenant and seq = {SEQ - 1}", world.ids
        )
    older = Checkpoint(world.tenant, Position(SEQ - 1, digest), before.at)
    assert await fault(api, world, older, before) is None
    await tamper(owner, world, CHANGE)
    await tamper(owner, world, REWRITE)
    assert await fault(api, world) is None, "a chain alone cannot tell"
    assert await fault(api, world, older) is None
    broken = (await verified(api, world, older, before)).broken
    assert broken is not None
    assert (broken.fault, broken.seq) == (Fault.CHECKPOINT, before.position.seq)
    assert f"records {SEQ} to {before.position.seq}" in broken.message
    assert await fault(api, world, before, await kept(api, world)) == (Fault.CHECKPOINT, before.position.seq)


async def test_a_tail_cut_with_its_head_is_found_by_a_checkpoint_alone(
    api: Database, owner: Database, world: World
) -> None:
    before = await kept(api, world)
    last = await tamper(owner, world, f"{DELETE.format(which='>= :last - 1')};\n{HEAD_BACK}")
    assert await fault(api, world) is None, "a chain alone cannot tell"
    assert await fault(api, world, before) == (Fault.MISSING, last - 1)
    await tamper(owner, world, f"{INSERTED};\n{INSERTED};\n{INSERTED}")
    assert await fault(api, world, before) == (Fault.CHECKPOINT, last)


async def test_a_chain_may_begin_at_a_checkpoint_where_pruning_is_said(
    api: Database, owner: Database, world: World
) -> None:
    before = await kept(api, world)
    await triage.acknowledge(api, world.context(Role.OPERATOR), [world.finding], reason="known")
    last = before.position.seq + 1
    await tamper(owner, world, DELETE.format(which=f"<= {before.position.seq}"))
    assert await fault(api, world) == (Fault.MISSING, 1)
    assert await fault(api, world, before) == (Fault.MISSING, 1)
    assert await fault(api, world, pruned=True) == (Fault.MISSING, 1)
    assert await fault(api, world, replace(before, position=Position(3, GENESIS)), pruned=True) == (Fault.MISSING, 1)
    verdict = await verified(api, world, before, pruned=True)
    assert (verdict.broken, verdict.first, verdict.position.seq, verdict.checkpoints) == (None, last, last, 1)
    forged = replace(before, position=Position(before.position.seq, GENESIS))
    assert await fault(api, world, forged, pruned=True) == (Fault.UNCHAINED, last)
    at_the_end = await kept(api, world)
    await tamper(owner, world, DELETE.format(which="> 0"))
    verdict = await verified(api, world, at_the_end, pruned=True)
    assert (verdict.broken, verdict.position) == (None, at_the_end.position)
    assert await fault(api, world, before, pruned=True) is not None
    await triage.reopen(api, world.context(Role.OPERATOR), world.finding, reason="not yet")
    assert await fault(api, world, at_the_end, pruned=True) is None, "the chain goes on from its head"


async def test_a_checkpoint_of_a_broken_end_is_refused(api: Database, owner: Database, world: World) -> None:
    await tamper(owner, world, "update atlas.audit_heads set hash = sha256('x') where tenant_id = :tenant")
    with pytest.raises(RefusedError) as refused:
        await kept(api, world)
    assert refused.value.code == "CONFLICT"


async def test_a_checkpoint_of_another_tenant_is_refused(api: Database, world: World, other: World) -> None:
    with pytest.raises(RefusedError) as refused:
        await verified(api, world, await kept(api, other))
    assert refused.value.code == "INVALID_INPUT"


@pytest.mark.parametrize("role", Role)
async def test_the_chain_is_read_with_read_audit_only(api: Database, world: World, other: World, role: Role) -> None:
    allowed = role in {Role.MANAGER, Role.OWNER}
    for table in ("audit_links", "audit_heads"):
        select = f"select 1 from atlas.{table} where tenant_id = :tenant"
        found = await attempt(api, world.context(role), select, world.ids)
        assert (found != 0) == allowed, table
        assert await attempt(api, other.context(role, tenant_id=world.tenant), select, world.ids) == 0
    for work in (verify, checkpoint):
        if allowed:
            await work(api, world.context(role))
        else:
            assert await _refusal(work, api, world.context(role)) == "FORBIDDEN"
        for context in (other.context(role, tenant_id=world.tenant), Context(principal_id=world.owner), Context()):
            assert await _refusal(work, api, context) == "NOT_FOUND"


async def _refusal(work: Any, api: Database, context: Context) -> str:
    with pytest.raises(RefusedError) as refused:
        await work(api, context)
    return refused.value.code.value


@pytest.mark.parametrize("table", CHAINED)
@pytest.mark.parametrize(
    "statement",
    [
        "insert into atlas.{table} select * from atlas.{table}",
        "update atlas.{table} set tenant_id = tenant_id",
        "delete from atlas.{table}",
        "truncate atlas.{table} cascade",
        "alter table atlas.{table} disable trigger all",
    ],
)
async def test_nobody_but_the_owner_writes_the_record_or_its_chain(
    api: Database, worker: Database, sweeper: Database, world: World, table: str, statement: str
) -> None:
    for db, context in ((api, world.context()), (worker, world.leased()), (sweeper, Context(tenant_id=world.tenant))):
        assert await attempt(db, context, statement.format(table=table), world.ids) == DENIED
