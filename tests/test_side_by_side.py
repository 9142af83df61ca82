"""What people and workers do to the same findings at one moment: each gets its turn, and nobody is turned away.

Findings are held in the order of their ids by everybody, so nobody waits for what waits for him.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from atlas import drift, generate, jobs, triage
from atlas.domain.errors import RefusedError
from atlas.domain.rules import Parts
from atlas.domain.vocabulary import Role
from atlas.store import triage as store
from atlas.store.database import Database, Row
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import KEY, findings_of, generated, record
from tests.test_hiding import until_it_waits
from tests.test_rules import create

NUMBER = 20
ROUNDS = 25
EVERYTHING = Parts(item_type="configurationPolicy")


@pytest.fixture
async def tenant(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Tenant:
    """With a finding each of twenty policies."""
    made = await make_tenant(owner, api)
    await record(api, worker, made, export(tmp_path, 1))
    await record(api, worker, made, export(tmp_path, 2))
    await generated(api, worker, made)
    return made


def export(folder: Path, value: int) -> Path:
    return write_export(folder / str(value), *(make_policy(number, value=value) for number in range(NUMBER)))


async def by_id(api: Database, tenant: Tenant) -> list[dict[str, Any]]:
    return sorted(await findings_of(api, tenant), key=lambda row: row["id"])


async def job_of(api: Database, worker: Database, tenant: Tenant) -> jobs.Lease:
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), scope_key=KEY)
    lease = await jobs.claim(worker, asked.jobs[0], lease_seconds=60)
    assert lease is not None
    return lease


async def held_by_somebody(
    owner: Database, api: Database, tenant: Tenant, found: Sequence[dict[str, Any]], working: asyncio.Task[Any]
) -> None:
    """Somebody triages the first and the last finding while `working` comes along, and gets both."""
    operator = tenant.as_(Role.OPERATOR, reason="mine")
    async with api.transaction(operator) as connection:
        held: dict[UUID, Row] = {}
        for one in (found[0], found[-1]):
            held |= await store.lock_findings(connection, tenant.id, [one["id"]])
            if one is found[0]:
                await until_it_waits(owner, connection, working)
        await store.acknowledge(connection, tenant.id, list(held), reason="mine", expires_at=None)
    assert len(held) == 2
    await working


async def test_replacing_a_rule_comes_by_each_finding_once_and_in_the_order_of_ids(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    """The rule that ends hides the last finding, the one that is made hides the first."""
    found = await by_id(api, tenant)
    ends = await create(api, tenant, Parts(subject_pattern=found[-1]["display_name"]))
    replacing = create(api, tenant, Parts(subject_pattern=found[0]["display_name"]), replaces=ends)
    await held_by_somebody(owner, api, tenant, found, asyncio.create_task(replacing))
    now = await by_id(api, tenant)
    assert [row["id"] for row in now if row["suppressed_by"]] == [found[0]["id"]]
    assert [row["id"] for row in now if row["status"] == "ACKNOWLEDGED"] == [found[0]["id"], found[-1]["id"]]


async def test_replacing_a_rule_and_acknowledging_at_once_turn_nobody_away(api: Database, tenant: Tenant) -> None:
    ids = [row["id"] for row in await findings_of(api, tenant)]
    rule = await create(api, tenant, EVERYTHING)
    for number in range(ROUNDS):
        rule, *_ = await asyncio.gather(
            create(api, tenant, Parts(subject_pattern=f"Policy {number % 2}*"), replaces=rule),
            triage.acknowledge(api, tenant.as_(Role.OPERATOR), ids, reason="agreed"),
            triage.acknowledge(api, tenant.as_(Role.MANAGER), ids[::-1], reason="agreed"),
        )
    now = await findings_of(api, tenant)
    assert {row["status"] for row in now} == {"ACKNOWLEDGED"}
    hidden = {row["display_name"] for row in now if row["suppressed_by"]}
    assert hidden == {f"Policy {one}" for one in range(NUMBER) if str(one).startswith(str((ROUNDS - 1) % 2))}


async def test_a_generation_holds_findings_in_the_order_of_ids_and_sees_what_was_said_meanwhile(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """The next run leaves all as it is but takes one back: nothing that was acknowledged before becomes NEW again."""
    found = await by_id(api, tenant)
    await record(api, worker, tenant, export(tmp_path, 3))
    lease = await job_of(api, worker, tenant)
    working = asyncio.create_task(generate.generate(worker, lease))
    await held_by_somebody(owner, api, tenant, found, working)
    now = {row["id"]: row for row in await findings_of(api, tenant)}
    assert len(now) == 2 * NUMBER
    for one in (found[0], found[-1]):
        told = now[one["id"]]
        assert (told["status"], told["acknowledged_reason"], told["is_current"]) == ("ACKNOWLEDGED", "mine", False)


async def test_pinning_holds_findings_in_the_order_of_ids(owner: Database, api: Database, tenant: Tenant) -> None:
    found = await by_id(api, tenant)
    run_id = found[0]["current_run_id"]
    pinning = triage.pin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run_id, reason="ours")
    await held_by_somebody(owner, api, tenant, found, asyncio.create_task(pinning))
    assert {row["resolution"] for row in await findings_of(api, tenant)} == {"BASELINED"}


async def test_all_of_it_at_once_turns_nobody_away_but_for_what_is_done_with(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    rule = await create(api, tenant, EVERYTHING)
    for number in range(5):
        run_id = await record(api, worker, tenant, export(tmp_path, 3 + number % 2))
        lease = await job_of(api, worker, tenant)
        ids = [row["id"] for row in await findings_of(api, tenant) if row["status"] != "RESOLVED"]

        async def acknowledged(ids: Sequence[UUID] = ids) -> None:
            with suppress(RefusedError):  # A finding that was resolved meanwhile: CONFLICT, which says so.
                await triage.acknowledge(api, tenant.as_(Role.OPERATOR), ids, reason="agreed")

        rule, *_ = await asyncio.gather(
            create(api, tenant, Parts(subject_pattern=f"Policy {number % 2}*"), replaces=rule),
            generate.generate(worker, lease),
            acknowledged(),
            triage.pin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run_id, reason="ours"),
        )
        await triage.unpin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, reason="over")
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        standing = await connection.execute(text("select id from atlas.rules where ended_at is null"))
        assert [row.id for row in standing] == [rule]
