"""Ignore rules over the database: what they hide, for whom, for how long, and what is recorded of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, select, text

from atlas import rules, triage
from atlas.domain.errors import RefusedError
from atlas.domain.rules import Parts
from atlas.domain.vocabulary import Role
from atlas.store import findings as reads
from atlas.store.database import Database
from atlas.store.tables import findings
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import findings_of, generated, record
from tests.test_triage import audit_of

NAMED = Parts(subject_pattern="Policy 1")
DESCRIBED = Parts(path_pattern="description")
SET = Parts(path_pattern="settings/*")


async def exports(api: Database, worker: Database, tenant: Tenant, folder: Path) -> None:
    """Three policies: one is set anew, one described anew, one both; and one comes."""
    before = [make_policy(number) for number in range(3)]
    after = [
        make_policy(0, value=2), make_policy(1, description="new"), make_policy(2, value=2, description="new"),
        make_policy(3),
    ]  # fmt: skip
    for name, objects in (("before", before), ("after", after)):
        await record(api, worker, tenant, write_export(folder / name, *objects))


@pytest.fixture
async def tenant(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Tenant:
    made = await make_tenant(owner, api)
    await exports(api, worker, made, tmp_path)
    await generated(api, worker, made)
    return made


async def shown(api: Database, tenant: Tenant, *, suppressed: bool | None = False) -> set[str]:
    """The names of the findings in a list."""
    wanted = reads.FindingFilter(suppressed=suppressed)
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        query = reads.of_tenant(tenant.id, findings.c.tenant_id, wanted)
        return {row.display_name for row in await connection.execute(query)}


async def preview(api: Database, tenant: Tenant, parts: Parts, **more: Any) -> rules.Preview:
    async with api.transaction(tenant.as_(Role.READER), readonly=True) as connection:
        return await rules.preview(connection, tenant.as_(Role.READER), parts, **more)


async def create(api: Database, tenant: Tenant, parts: Parts, **more: Any) -> UUID:
    return await rules.create(api, tenant.as_(Role.MANAGER), parts, reason="noise", **more)


ALL = {"Policy 0", "Policy 1", "Policy 2", "Policy 3"}


async def test_a_rule_hides_what_is_there_and_its_end_shows_it_again(api: Database, tenant: Tenant) -> None:
    assert await shown(api, tenant) == ALL
    made = await create(api, tenant, DESCRIBED)
    assert await shown(api, tenant) == ALL - {"Policy 1"}
    assert await shown(api, tenant, suppressed=True) == {"Policy 1"}
    assert await shown(api, tenant, suppressed=None) == ALL
    await rules.end(api, tenant.as_(Role.MANAGER), made, reason="matters again")
    assert await shown(api, tenant) == ALL


async def test_two_rules_hide_together_what_neither_hides_alone(api: Database, tenant: Tenant) -> None:
    described = await create(api, tenant, DESCRIBED)
    assert "Policy 2" in await shown(api, tenant)
    await create(api, tenant, SET)
    assert await shown(api, tenant) == {"Policy 3"}
    await rules.end(api, tenant.as_(Role.MANAGER), described, reason="matters again")
    assert await shown(api, tenant) == {"Policy 1", "Policy 2", "Policy 3"}


async def test_generation_hides_what_comes_and_counts_it_apart(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    tenant = await make_tenant(owner, api)
    await create(api, tenant, DESCRIBED)
    await create(api, tenant, Parts(subject_pattern="Policy 3"))
    await exports(api, worker, tenant, tmp_path)
    run = await generated(api, worker, tenant)
    assert (run["findings_new"], run["findings_suppressed"]) == (2, 2)
    assert (run["added"], run["modified"]) == (1, 3), "what moved is counted whole"
    assert await shown(api, tenant) == {"Policy 0", "Policy 2"}
    assert len(await findings_of(api, tenant)) == 4, "nothing is lost"


@pytest.mark.parametrize("parts", [NAMED, DESCRIBED, SET, Parts(item_type="configurationPolicy"), Parts(item_type="x")])
async def test_a_preview_is_what_then_is_hidden(api: Database, tenant: Tenant, parts: Parts) -> None:
    await create(api, tenant, Parts(subject_pattern="Policy 3"))
    already = {row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"]}
    told = await preview(api, tenant, parts)
    assert {row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"]} == already, "writes nothing"
    await create(api, tenant, parts)
    hidden = {row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"]} - already
    assert set(told.finding_ids) == hidden
    assert (told.count, told.runs) == (len(hidden), 1)


async def test_a_preview_looks_at_the_newest_runs_alone(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    await record(
        api, worker, tenant, write_export(tmp_path / "third", make_policy(0, value=3), make_policy(1), make_policy(2))
    )
    await generated(api, worker, tenant)
    wide = Parts(item_type="configurationPolicy")
    last, both = await preview(api, tenant, wide, runs=1), await preview(api, tenant, wide, runs=2)
    assert (last.runs, both.runs) == (1, 2)
    assert 0 < last.count < both.count
    for runs in (0, 101):
        with pytest.raises(RefusedError):
            await preview(api, tenant, wide, runs=runs)


async def test_what_a_rule_hid_comes_back_when_it_runs_out(api: Database, tenant: Tenant) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    await create(api, tenant, NAMED, expires_at=soon)
    assert "Policy 1" not in await shown(api, tenant)
    await asyncio.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    assert "Policy 1" in await shown(api, tenant)
    assert await shown(api, tenant, suppressed=True) == set()


async def test_a_next_version_ends_the_one_that_it_replaces(api: Database, tenant: Tenant) -> None:
    first = await create(api, tenant, NAMED)
    second = await create(api, tenant, Parts(subject_pattern="Policy 2"), replaces=first)
    assert await shown(api, tenant, suppressed=True) == {"Policy 2"}
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = (await connection.execute(text("select id, version, ended_at, ended_by from atlas.rules"))).all()
    told = {row.id: row for row in rows}
    assert (told[first].version, told[second].version) == (1, 2)
    assert told[first].ended_by == tenant.members[Role.MANAGER]
    assert told[second].ended_at is None
    with pytest.raises(RefusedError, match="ended already"):
        await create(api, tenant, NAMED, replaces=first)


async def test_both_ends_of_a_rule_are_recorded(api: Database, tenant: Tenant) -> None:
    made = await create(api, tenant, NAMED)
    await rules.end(api, tenant.owner, made, reason="matters again")
    created, ended = await audit_of(api, tenant, made)
    assert (created["action"], ended["action"]) == ("rule.created", "rule.ended")
    assert created["target_type"] == "Rule"
    assert (created["actor_id"], ended["actor_id"]) == (tenant.members[Role.MANAGER], tenant.members[Role.OWNER])
    assert (created["reason"], ended["reason"]) == ("noise", "matters again")
    assert created["after"]["subjectPattern"] == ended["before"]["subjectPattern"] == "Policy 1"
    assert created["before"] is None
    assert ended["after"]["endedAt"]
    await rules.end(api, tenant.owner, made, reason="once more")
    assert len(await audit_of(api, tenant, made)) == 2, "a rule ends once"


async def test_a_rule_leaves_triage_alone(api: Database, tenant: Tenant) -> None:
    (finding,) = [row["id"] for row in await findings_of(api, tenant) if row["display_name"] == "Policy 1"]
    await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [finding], reason="agreed")
    (was,) = [row for row in await findings_of(api, tenant) if row["id"] == finding]
    made = await create(api, tenant, NAMED)
    (now,) = [row for row in await findings_of(api, tenant) if row["id"] == finding]
    assert now == was | {"suppressed_by": made}
    assert len(await audit_of(api, tenant, finding)) == 1


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR])
async def test_whoever_may_not_manage_rules_writes_none(api: Database, tenant: Tenant, role: Role) -> None:
    made = await create(api, tenant, NAMED)
    for refused in (
        rules.create(api, tenant.as_(role), DESCRIBED, reason="noise"),
        rules.end(api, tenant.as_(role), made, reason="noise"),
    ):
        with pytest.raises(RefusedError) as error:
            await refused
        assert error.value.code == "FORBIDDEN"
    (hidden,) = [row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"]]
    async with api.transaction(tenant.as_(role)) as connection:
        await connection.execute(
            text("select atlas.suppress(array[:id]::uuid[], array[null]::uuid[], array[null]::timestamptz[])"),
            {"id": hidden},
        )
    assert await shown(api, tenant, suppressed=True) == {"Policy 1"}, "the function asks for the right itself"


async def test_a_rule_of_another_tenant_neither_hides_nor_is_found(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    other = await make_tenant(owner, api)
    theirs = await create(api, other, Parts(item_type="configurationPolicy"))
    assert await shown(api, tenant) == ALL
    for rule_id in (theirs, uuid4()):
        with pytest.raises(RefusedError) as error:
            await rules.end(api, tenant.owner, rule_id, reason="noise")
        assert error.value.code == "NOT_FOUND"
    async with api.transaction(tenant.owner) as connection:
        assert (await connection.execute(select(text("1")).select_from(text("atlas.rules")))).all() == []


async def test_a_rule_that_stands_for_no_time_or_without_a_reason_is_refused(api: Database, tenant: Tenant) -> None:
    with pytest.raises(RefusedError, match="past"):
        await create(api, tenant, NAMED, expires_at=datetime.now(UTC))
    with pytest.raises(RefusedError, match="reason"):
        await rules.create(api, tenant.owner, NAMED, reason=" ")


async def test_nothing_is_hidden_by_a_rule_that_has_ended_or_for_longer_than_it_stands(
    api: Database, tenant: Tenant
) -> None:
    """As SQL, by somebody who may make rules: the database looks at the rule itself."""
    manager = tenant.as_(Role.MANAGER)
    ended = await rules.create(api, manager, Parts(subject_pattern="nothing"), reason="noise")
    await rules.end(api, manager, ended, reason="over")
    soon = datetime.now(UTC) + timedelta(hours=1)
    short = await rules.create(api, manager, Parts(subject_pattern="no such"), reason="noise", expires_at=soon)
    shown = {row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"] is None}
    assert shown
    for rule, until in ((ended, None), (short, None), (short, soon + timedelta(days=1)), (uuid4(), None)):
        async with api.transaction(manager) as connection:
            await connection.execute(
                text("select atlas.suppress(:ids, :rules, :untils)").bindparams(
                    bindparam("ids", type_=ARRAY(Uuid)),
                    bindparam("rules", type_=ARRAY(Uuid)),
                    bindparam("untils", type_=ARRAY(DateTime(timezone=True))),
                ),
                {"ids": list(shown), "rules": [rule] * len(shown), "untils": [until] * len(shown)},
            )
        assert shown == {row["id"] for row in await findings_of(api, tenant) if row["suppressed_by"] is None}
