"""Acknowledging, reopening and pinning: who may, what is written, and what the database writes with it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from atlas import jobs, triage
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from atlas.store.tables import audit_events, findings
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import KEY, findings_of, generated, record


@pytest.fixture
async def tenant(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Tenant:
    """A tenant with three NEW findings."""
    made = await make_tenant(owner, api)
    for value in (1, 2):
        export = write_export(tmp_path / str(value), *(make_policy(number, value=value) for number in range(3)))
        await record(api, worker, made, export)
    await generated(api, worker, made)
    return made


async def ids(api: Database, tenant: Tenant) -> list[UUID]:
    return [row["id"] for row in await findings_of(api, tenant)]


async def audit_of(api: Database, tenant: Tenant, target: UUID) -> list[dict[str, Any]]:
    async with api.transaction(tenant.owner) as connection:
        rows = await connection.execute(
            select(audit_events).where(audit_events.c.target_id == target).order_by(audit_events.c.at)
        )
        return [dict(row) for row in rows.mappings()]


async def test_acknowledging_leaves_status_reason_actor_and_one_audit_event(api: Database, tenant: Tenant) -> None:
    finding = (await ids(api, tenant))[0]
    (done,) = await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [finding], reason="  agreed in CAB-12 ")
    row = next(one for one in await findings_of(api, tenant) if one["id"] == finding)
    assert (row["status"], row["acknowledged_reason"], row["version"]) == ("ACKNOWLEDGED", "agreed in CAB-12", 2)
    assert row["acknowledged_by"] == tenant.members[Role.OPERATOR]
    (event,) = await audit_of(api, tenant, finding)
    assert event["id"] == done.audit_event_id
    assert (event["action"], event["actor_id"]) == ("finding.acknowledged", tenant.members[Role.OPERATOR])
    assert (event["reason"], event["request_id"]) == ("agreed in CAB-12", "test")
    assert (event["before"]["status"], event["after"]["status"]) == ("NEW", "ACKNOWLEDGED")


async def test_many_are_acknowledged_together_or_not_at_all(api: Database, tenant: Tenant) -> None:
    known = await ids(api, tenant)
    with pytest.raises(RefusedError) as refused:
        await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [*known, uuid4()], reason="all")
    assert refused.value.code == "NOT_FOUND"
    assert {row["status"] for row in await findings_of(api, tenant)} == {"NEW"}
    done = await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [*known, known[0]], reason="all")
    assert [one.finding_id for one in done] == known
    assert all([len(await audit_of(api, tenant, one)) == 1 for one in known])


async def test_a_pair_generated_anew_under_other_rules_keeps_its_findings_and_what_was_said_of_them(
    api: Database, worker: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = await ids(api, tenant)
    await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [first, second], reason="agreed")
    await triage.reopen(api, tenant.as_(Role.OPERATOR), second, reason="not agreed")
    told = {row["id"]: {**row, "last_seen_at": None} for row in await findings_of(api, tenant)}
    before = await generated(api, worker, tenant)
    monkeypatch.setattr("atlas.drift.ENGINE", "c1.p1.r9")
    anew = await generated(api, worker, tenant)
    assert anew["id"] != before["id"]
    assert (anew["status"], anew["engine"]) == ("SUCCEEDED", "c1.p1.r9")
    assert (anew["findings_new"], anew["findings_reopened"], anew["findings_resolved"]) == (0, 0, 0)
    assert {row["id"]: {**row, "last_seen_at": None} for row in await findings_of(api, tenant)} == told


async def test_a_reader_is_forbidden_and_nothing_is_written(api: Database, tenant: Tenant) -> None:
    finding = (await ids(api, tenant))[0]
    with pytest.raises(RefusedError) as refused:
        await triage.acknowledge(api, tenant.as_(Role.READER), [finding], reason="mine")
    assert refused.value.code == "FORBIDDEN"
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        written = await connection.execute(
            text("update atlas.findings set status = 'ACKNOWLEDGED', acknowledged_reason = 'mine' where id = :id"),
            {"id": finding},
        )
        assert written.rowcount == 0
    assert {row["status"] for row in await findings_of(api, tenant)} == {"NEW"}
    assert await audit_of(api, tenant, finding) == []


async def test_a_foreign_finding_and_an_absent_one_are_refused_alike(
    owner: Database, api: Database, tenant: Tenant
) -> None:
    other = await make_tenant(owner, api)
    answers = []
    for finding in ((await ids(api, tenant))[0], uuid4()):
        with pytest.raises(RefusedError) as refused:
            await triage.acknowledge(api, other.as_(Role.OWNER), [finding], reason="theirs")
        answers.append((refused.value.code, refused.value.message, refused.value.path))
    assert answers[0] == answers[1]
    assert answers[0][0] == "NOT_FOUND"


async def test_a_lost_update_is_a_conflict(api: Database, tenant: Tenant) -> None:
    finding = (await ids(api, tenant))[0]
    await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [finding], reason="first", expected_version=1)
    with pytest.raises(RefusedError) as refused:
        await triage.acknowledge(api, tenant.as_(Role.OWNER), [finding], reason="second", expected_version=1)
    assert refused.value.code == "CONFLICT"


async def test_reopening_takes_the_acknowledgement_back(api: Database, tenant: Tenant) -> None:
    finding = (await ids(api, tenant))[0]
    await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [finding], reason="agreed")
    await triage.reopen(api, tenant.as_(Role.OPERATOR), finding, reason="not agreed after all")
    row = next(one for one in await findings_of(api, tenant) if one["id"] == finding)
    assert (row["status"], row["acknowledged_by"], row["version"]) == ("NEW", None, 3)
    assert [event["action"] for event in await audit_of(api, tenant, finding)] == [
        "finding.acknowledged",
        "finding.reopened",
    ]
    with pytest.raises(RefusedError) as refused:
        await triage.reopen(api, tenant.as_(Role.OPERATOR), finding, reason="again")
    assert refused.value.code == "CONFLICT"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 4_001, "nul\x00"])
async def test_a_reason_that_tells_nothing_is_refused(api: Database, tenant: Tenant, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await triage.acknowledge(api, tenant.as_(Role.OPERATOR), await ids(api, tenant), reason=reason)
    assert (refused.value.code, refused.value.path) == ("INVALID_INPUT", ("input", "reason"))


async def test_an_acknowledgement_ends_when_its_time_is_over(api: Database, sweeper: Database, tenant: Tenant) -> None:
    finding, other, _ = await ids(api, tenant)
    for one, seconds in ((finding, 0.3), (other, 3_600)):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [one], reason="for a while", expires_at=until)
    await asyncio.sleep(0.4)
    await jobs.sweep(sweeper, max_attempts=5, resend_seconds=60, grace_seconds=5)
    by_id = {row["id"]: row for row in await findings_of(api, tenant)}
    assert (by_id[finding]["status"], by_id[finding]["acknowledged_by"]) == ("NEW", None)
    assert by_id[other]["status"] == "ACKNOWLEDGED"
    event = (await audit_of(api, tenant, finding))[-1]
    assert (event["action"], event["actor_id"]) == ("finding.acknowledgementExpired", None)


async def test_pinning_needs_a_manager_a_recorded_run_and_the_scope_s_own(
    owner: Database, api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    export = write_export(tmp_path / "other", make_policy(1))
    other = await make_tenant(owner, api)
    foreign = await record(api, worker, other, export)
    for role, run, code in (
        (Role.OPERATOR, uuid4(), "FORBIDDEN"),
        (Role.MANAGER, uuid4(), "NOT_FOUND"),
        (Role.MANAGER, foreign, "NOT_FOUND"),
    ):
        with pytest.raises(RefusedError) as refused:
            await triage.pin_baseline(api, tenant.as_(role), scope_key=KEY, run_id=run, reason="golden")
        assert refused.value.code == code
    with pytest.raises(RefusedError) as refused:
        await triage.unpin_baseline(api, tenant.as_(Role.MANAGER), scope_key=KEY, reason="nothing")
    assert refused.value.code == "CONFLICT"


async def test_the_api_role_cannot_write_what_is_the_system_s(api: Database, tenant: Tenant) -> None:
    finding = (await ids(api, tenant))[0]
    for assignment in ("status = 'RESOLVED'", "resolution = 'REVERTED'", "severity = 'LOW'", "version = 9"):
        with pytest.raises(RefusedError) as refused:
            async with api.transaction(tenant.owner) as connection:
                await connection.execute(
                    text(f"update atlas.findings set {assignment} where id = :id"), {"id": finding}
                )
        assert refused.value.code == "FORBIDDEN"
    async with api.transaction(tenant.owner) as connection:
        assert (await connection.execute(select(findings.c.status).where(findings.c.id == finding))).scalar() == "NEW"


async def test_an_acknowledgement_ends_before_the_last_year_of_the_calendar(api: Database, tenant: Tenant) -> None:
    (finding_id, *_) = [row["id"] for row in await findings_of(api, tenant)]
    end = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(RefusedError, match="too far ahead"):
        await triage.acknowledge(api, tenant.as_(Role.OPERATOR), [finding_id], reason="for ever", expires_at=end)
