"""Rules and a generation at one moment: what stands when it commits is what hides, however long judging takes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from atlas import drift, generate, hiding, jobs, rules
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.moves import Draft
from atlas.domain.rules import Parts, Suppression
from atlas.domain.vocabulary import ChangeType, FindingKind, Role, Severity
from atlas.store.database import Connection, Database
from tests.factories import Tenant, make_tenant
from tests.test_drift import KEY, findings_of
from tests.test_rules import create, exports


@pytest.fixture
async def tenant(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Tenant:
    """Recorded twice, and not generated yet."""
    made = await make_tenant(owner, api)
    await exports(api, worker, made, tmp_path)
    return made


async def leased(api: Database, worker: Database, tenant: Tenant) -> jobs.Lease:
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    lease = await jobs.claim(worker, asked.jobs[0], lease_seconds=60)
    assert lease is not None
    return lease


async def hidden(api: Database, tenant: Tenant) -> dict[str, UUID]:
    """The names of the findings that are hidden, and by what."""
    return {row["display_name"]: row["suppressed_by"] for row in await findings_of(api, tenant) if row["suppressed_by"]}


async def until_it_waits(owner: Database, holding: Connection, working: asyncio.Task[Any]) -> None:
    """Until what works waits for what this transaction holds."""
    holder = await holding.scalar(text("select pg_backend_pid()"))
    waits = text("select count(*) from pg_stat_activity where :holder = any(pg_blocking_pids(pid))")
    while True:
        async with owner.transaction() as looking:
            if await looking.scalar(waits, {"holder": holder}):
                return
        assert not working.done(), working.exception()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def stopped_at_its_effect(
    owner: Database, worker: Database, tenant: Tenant, lease: jobs.Lease
) -> AsyncIterator[None]:
    """The body runs when the generation has judged all it could beforehand and waits for its scope."""
    async with owner.transaction(tenant.owner) as holding:
        await holding.execute(
            text("select from atlas.scopes where tenant_id = :tenant for update"), {"tenant": tenant.id}
        )
        working = asyncio.create_task(generate.generate(worker, lease))
        await until_it_waits(owner, holding, working)
        yield
    await working


async def test_a_rule_that_is_made_between_judging_and_effect_hides(
    owner: Database, api: Database, worker: Database, tenant: Tenant
) -> None:
    before = await create(api, tenant, Parts(subject_pattern="Policy 3"))
    async with stopped_at_its_effect(owner, worker, tenant, await leased(api, worker, tenant)):
        assert await findings_of(api, tenant) == []
        late = await create(api, tenant, Parts(path_pattern="description"))
    assert await hidden(api, tenant) == {"Policy 1": late, "Policy 3": before}


async def test_a_rule_that_ends_between_judging_and_effect_hides_nothing(
    owner: Database, api: Database, worker: Database, tenant: Tenant
) -> None:
    ends = await create(api, tenant, Parts(subject_pattern="Policy 3"))
    stays = await create(api, tenant, Parts(path_pattern="description"))
    async with stopped_at_its_effect(owner, worker, tenant, await leased(api, worker, tenant)):
        await rules.end(api, tenant.as_(Role.MANAGER), ends, reason="matters again")
    assert await hidden(api, tenant) == {"Policy 1": stays}


def drafted(number: int, changes: int) -> Draft:
    """A finding that would be made."""
    values = [Evidence(False, one) for one in range(2)]
    return Draft(
        id=uuid4(),
        kind=FindingKind.DRIFT,
        fingerprint=f"f1:{number}",
        item_type="configurationPolicy",
        external_id=f"id {number}",
        display_name=f"Policy {number}",
        platform=None,
        item_id=uuid4(),
        change_type=ChangeType.MODIFIED,
        old_hash="c1:a",
        new_hash="c1:b",
        changes=[PropertyChange(ChangeType.MODIFIED, f"path {one}", "label", *values) for one in range(changes)],
        severity=Severity.LOW,
        severity_reasons=(),
    )


async def at_last(
    worker: Database, lease: jobs.Lease, drafts: Sequence[Draft], before: hiding.Judged, *, idle: str = "60s"
) -> dict[UUID, UUID]:
    """Draft -> rule, in an effect whose connection may say nothing for `idle`."""
    async with jobs.effect(worker, lease) as connection:
        await connection.execute(text(f"set local idle_in_transaction_session_timeout = '{idle}'"))
        standing = await rules.for_generation(connection, lease.job.tenant_id)
        found = await hiding.at_last(connection, standing, drafts, before)
        return {key: one.rule_id for key, one in found.items()}


async def test_what_was_judged_by_the_rules_that_stand_is_not_judged_again(
    api: Database, worker: Database, tenant: Tenant
) -> None:
    """Only what a rule speaks of that came meanwhile: the rest stays as it was found, right or wrong."""
    await create(api, tenant, Parts(subject_pattern="Policy 1"))
    lease = await leased(api, worker, tenant)
    drafts = [drafted(number, 1) for number in range(3)]
    wrong = Suppression(uuid4(), None)
    before = await hiding.beforehand(worker, lease, drafts)
    assert set(before.hidden) == {drafts[1].id}
    told = hiding.Judged(before.rules, dict.fromkeys((one.id for one in drafts), wrong))
    assert await at_last(worker, lease, drafts, told) == dict.fromkeys((one.id for one in drafts), wrong.rule_id)
    late = await create(api, tenant, Parts(subject_pattern="Policy 2"))
    assert await at_last(worker, lease, drafts, told) == {
        drafts[0].id: wrong.rule_id,
        drafts[1].id: wrong.rule_id,
        drafts[2].id: late,
    }


async def test_many_rules_over_many_findings_do_not_outlast_the_idle_limit(
    owner: Database, api: Database, worker: Database, tenant: Tenant
) -> None:
    """All rules came meanwhile, and all speak of all findings: the worst case, some seconds of judging."""
    made = """insert into atlas.rules (tenant_id, id, path_pattern, reason, owner_id)
        select :tenant, gen_random_uuid(), '*path*' || n, 'noise', :owner from generate_series(0, 399) n"""
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(made), {"tenant": tenant.id, "owner": tenant.members[Role.MANAGER]})
    lease = await leased(api, worker, tenant)
    drafts = [drafted(number, 20) for number in range(150)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await at_last(worker, lease, drafts, hiding.Judged([], {}), idle="500ms")
    assert set(found) == {one.id for one in drafts}
    assert loop.time() - began > 0.5, "in one piece it would have been silent for too long"
