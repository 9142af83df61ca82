"""Mutations: what they do, what they refuse, and that the answer is what the database holds after the commit."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from atlas.domain.vocabulary import Role
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker
from tests.schema.rows import acknowledged, make_findings, make_scope, record_run

ACKNOWLEDGE = """mutation($i: AcknowledgeFindingInput!) { answer: acknowledgeFinding(input: $i) {
    finding { id status version acknowledgement { reason expiresAt by { displayName } } }
    auditEvent { action reason requestId actor { displayName } target { id } after } errors { code message path } } }"""
ACKNOWLEDGE_ALL = """mutation($i: AcknowledgeFindingsInput!) { answer: acknowledgeFindings(input: $i) {
    findings { id status } errors { code path } } }"""
REOPEN = """mutation($i: ReopenFindingInput!) { answer: reopenFinding(input: $i) {
    finding { status version acknowledgement { reason } } auditEvent { action reason } errors { code path } } }"""
GENERATE = """mutation($i: GenerateDriftInput!) { answer: generateDrift(input: $i) {
    created driftRun { id status baselineRun { sequence } currentRun { sequence } requestedBy { displayName } }
    errors { code path } } }"""
PIN = """mutation($i: PinBaselineInput!) { answer: pinBaseline(input: $i) {
    scope { baseline { mode pinnedRun { sequence } } } errors { code path } } }"""
UNPIN = """mutation($i: UnpinBaselineInput!) { answer: unpinBaseline(input: $i) {
    scope { baseline { mode pinnedRun { sequence } } } errors { code path } } }"""
START = (
    """mutation($i: StartSyncInput!) { answer: startSync(input: $i) { created syncRun { id } errors { code path } } }"""
)
SET = """mutation($i: SetMembershipInput!) { answer: setMembership(input: $i) {
    membership { role principal { id } tenant { id } } errors { code path } } }"""
REMOVE = "mutation($i: RemoveMembershipInput!) { answer: removeMembership(input: $i) { removed errors { code path } } }"


async def answer(ask: Asker, mutation: str, **given: Any) -> Any:
    return (await ask(mutation, i=given))["answer"]


async def refusal(ask: Asker, mutation: str, **given: Any) -> str:
    """The code of the one error; nothing else is in the payload."""
    payload = await answer(ask, mutation, **given)
    (error,) = payload.pop("errors")
    assert not any(payload.values())
    return str(error["code"])


def member(api: Database, tenant: Tenant, role: Role) -> Asker:
    return Asker(api, tenant, role)


async def finding_of(owner: Database, ask: Asker, **values: Any) -> str:
    scope = await make_scope(owner, ask.tenant)
    return ask.global_id("Finding", (await make_findings(owner, scope, [values]))[0])


async def test_acknowledging_changes_the_finding_and_is_recorded(owner: Database, ask: Asker) -> None:
    id_ = await finding_of(owner, ask)
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    done = await answer(ask, ACKNOWLEDGE, id=id_, reason="planned: it's CHG-1; ok", expiresAt=later, expectedVersion=1)
    me = {"displayName": f"local:OWNER-{ask.tenant.name}"}
    assert done["errors"] == []
    assert done["finding"] == {
        "id": id_,
        "status": "ACKNOWLEDGED",
        "version": 2,
        "acknowledgement": {"reason": "planned: it's CHG-1; ok", "expiresAt": later, "by": me},
    }
    event = done["auditEvent"]
    assert event.pop("after")["status"] == "ACKNOWLEDGED"
    assert event == {
        "action": "finding.acknowledged",
        "reason": "planned: it's CHG-1; ok",
        "requestId": "test",
        "actor": me,
        "target": {"id": id_},
    }


async def test_reopening_takes_it_back(owner: Database, ask: Asker) -> None:
    id_ = await finding_of(owner, ask, **acknowledged(ask.tenant))
    done = await answer(ask, REOPEN, id=id_, reason="not planned after all")
    assert done["finding"] == {"status": "NEW", "version": 2, "acknowledgement": None}
    assert done["auditEvent"] == {"action": "finding.reopened", "reason": "not planned after all"}


async def test_one_request_may_change_a_finding_twice_and_sees_each_change(owner: Database, ask: Asker) -> None:
    id_ = await finding_of(owner, ask)
    found = await ask(
        """mutation($a: AcknowledgeFindingInput!, $r: ReopenFindingInput!) {
        one: acknowledgeFinding(input: $a) { finding { status version } }
        two: reopenFinding(input: $r) { finding { status version } } }""",
        a={"id": id_, "reason": "yes"},
        r={"id": id_, "reason": "no"},
    )
    assert found["one"]["finding"] == {"status": "ACKNOWLEDGED", "version": 2}
    assert found["two"]["finding"] == {"status": "NEW", "version": 3}


@pytest.mark.parametrize("reason", ["", "   ", "x" * 4001, "a\0b", "\ud800"])
async def test_a_reason_that_cannot_be_is_invalid(owner: Database, ask: Asker, reason: str) -> None:
    id_ = await finding_of(owner, ask)
    scope = await make_scope(owner, ask.tenant)
    given = {"tenantId": ask.id, "scopeKey": scope.key}
    assert await refusal(ask, ACKNOWLEDGE, id=id_, reason=reason) == "INVALID_INPUT"
    assert await refusal(ask, ACKNOWLEDGE_ALL, ids=[id_], reason=reason) == "INVALID_INPUT"
    assert await refusal(ask, REOPEN, id=id_, reason=reason) == "INVALID_INPUT"
    run = ask.global_id("SyncRun", scope.runs[0])
    assert await refusal(ask, PIN, **given, runId=run, reason=reason) == "INVALID_INPUT"
    assert await refusal(ask, UNPIN, **given, reason=reason) == "INVALID_INPUT"


async def test_an_acknowledgement_cannot_have_ended_already(owner: Database, ask: Asker) -> None:
    id_ = await finding_of(owner, ask)
    past = "2026-01-01T00:00:00Z"
    assert await refusal(ask, ACKNOWLEDGE, id=id_, reason="ok", expiresAt=past) == "INVALID_INPUT"
    assert await refusal(ask, ACKNOWLEDGE_ALL, ids=[id_], reason="ok", expiresAt=past) == "INVALID_INPUT"


async def test_a_lost_update_is_a_conflict(owner: Database, ask: Asker) -> None:
    id_ = await finding_of(owner, ask)
    both = await asyncio.gather(
        *(answer(ask, ACKNOWLEDGE, id=id_, reason=reason, expectedVersion=1) for reason in ("one", "two"))
    )
    assert sorted(len(one["errors"]) for one in both) == [0, 1]
    assert next(one["errors"][0]["code"] for one in both if one["errors"]) == "CONFLICT"


async def test_several_findings_are_acknowledged_all_or_none(owner: Database, ask: Asker) -> None:
    ids = [await finding_of(owner, ask) for _ in range(3)]
    done = await answer(ask, ACKNOWLEDGE_ALL, ids=[*ids, ids[0]], reason="planned")
    assert done == {"findings": [{"id": id_, "status": "ACKNOWLEDGED"} for id_ in ids], "errors": []}
    new, resolved = await finding_of(owner, ask), await finding_of(owner, ask, status="RESOLVED", resolution="REVERTED")
    assert await refusal(ask, ACKNOWLEDGE_ALL, ids=[new, resolved], reason="planned") == "CONFLICT"
    absent = ask.global_id("Finding", uuid4())
    assert await refusal(ask, ACKNOWLEDGE_ALL, ids=[new, absent], reason="planned") == "NOT_FOUND"
    found = await ask("query($id: ID!) { node(id: $id) { ... on Finding { status } } }", id=new)
    assert found["node"]["status"] == "NEW"


async def test_too_many_findings_or_findings_of_several_tenants_are_invalid(
    owner: Database, api: Database, ask: Asker
) -> None:
    id_ = await finding_of(owner, ask)
    other = Asker(api, await make_tenant(owner, api))
    theirs = await finding_of(owner, other)
    for ids in ([id_] * 1001, [id_, theirs], []):
        assert await refusal(ask, ACKNOWLEDGE_ALL, ids=ids, reason="planned") == "INVALID_INPUT"
    assert (await answer(ask, ACKNOWLEDGE_ALL, ids=[id_] * 1000, reason="planned"))["errors"] == []


async def test_drift_is_asked_for_once_and_handed_to_the_broker(owner: Database, ask: Asker) -> None:
    scope = await make_scope(owner, ask.tenant)
    given = {"tenantId": ask.id, "scopeKey": scope.key, "idempotencyKey": "nightly"}
    first = await answer(ask, GENERATE, **given)
    assert first["created"] is True
    assert first["driftRun"]["status"] == "QUEUED"
    assert (first["driftRun"]["baselineRun"], first["driftRun"]["currentRun"]) == ({"sequence": 1}, {"sequence": 2})
    assert first["driftRun"]["requestedBy"] == {"displayName": f"local:OWNER-{ask.tenant.name}"}
    again = await answer(ask, GENERATE, **given)
    assert again == first | {"created": False}
    assert [ask.global_id("DriftRun", job.run_id) for job in ask.sent] == [first["driftRun"]["id"]]
    other = given | {"currentRunId": ask.global_id("SyncRun", scope.runs[1])}
    assert await refusal(ask, GENERATE, **other) == "IDEMPOTENCY_KEY_REUSED"


async def test_what_cannot_be_compared_is_told(owner: Database, ask: Asker) -> None:
    one, two = await make_scope(owner, ask.tenant, runs=1), await make_scope(owner, ask.tenant)
    failed = await record_run(owner, two, seq=None, hour=9, error_code="X")
    run = {name: ask.global_id("SyncRun", key) for name, key in (("one", one.runs[0]), ("failed", failed))}
    first, second = (ask.global_id("SyncRun", key) for key in two.runs)
    given = {"tenantId": ask.id, "scopeKey": two.key}
    assert await refusal(ask, GENERATE, tenantId=ask.id, scopeKey=one.key) == "NEEDS_SECOND_RUN"
    assert await refusal(ask, GENERATE, **given, currentRunId=run["one"]) == "SCOPE_MISMATCH"
    assert await refusal(ask, GENERATE, **given, currentRunId=run["failed"]) == "RUN_NOT_RECORDED"
    assert await refusal(ask, GENERATE, **given, baselineRunId=second, currentRunId=first) == "INVALID_INPUT"
    for key in ("", "x" * 201, "a\0"):
        assert await refusal(ask, GENERATE, **given, idempotencyKey=key) == "INVALID_INPUT"
    for key in ("s1:none", "", "a\0", "\ud800", "x" * 5000):
        assert await refusal(ask, GENERATE, tenantId=ask.id, scopeKey=key) == "NOT_FOUND"
    assert ask.sent == []


async def test_a_baseline_is_pinned_and_unpinned(owner: Database, ask: Asker) -> None:
    scope = await make_scope(owner, ask.tenant)
    given = {"tenantId": ask.id, "scopeKey": scope.key, "reason": "audited"}
    pinned = await answer(ask, PIN, **given, runId=ask.global_id("SyncRun", scope.runs[0]))
    assert pinned == {"scope": {"baseline": {"mode": "PINNED", "pinnedRun": {"sequence": 1}}}, "errors": []}
    unpinned = await answer(ask, UNPIN, **given)
    assert unpinned == {"scope": {"baseline": {"mode": "PREVIOUS_RUN", "pinnedRun": None}}, "errors": []}
    assert await refusal(ask, UNPIN, **given) == "CONFLICT"
    other = await make_scope(owner, ask.tenant)
    assert await refusal(ask, PIN, **given, runId=ask.global_id("SyncRun", other.runs[0])) == "SCOPE_MISMATCH"


async def test_without_a_graph_connection_no_sync_starts(ask: Asker) -> None:
    assert await refusal(ask, START, tenantId=ask.id) == "NO_GRAPH_CONNECTION"
    assert await refusal(ask, START, tenantId=ask.id, itemTypes=["a\0"]) == "INVALID_INPUT"
    assert await refusal(ask, START, tenantId=ask.id, itemTypes=["a"] * 201) == "INVALID_INPUT"


async def test_members_come_change_and_go(owner: Database, api: Database, ask: Asker) -> None:
    newcomer = encode_id("Principal", None, (await make_tenant(owner, api)).members[Role.READER])
    given = {"tenantId": ask.id, "principalId": newcomer}
    for role in ("READER", "MANAGER"):
        done = await answer(ask, SET, **given, role=role)
        assert done["membership"] == {"role": role, "principal": {"id": newcomer}, "tenant": {"id": ask.id}}
    assert await answer(ask, REMOVE, **given) == {"removed": True, "errors": []}
    assert await answer(ask, REMOVE, **given) == {"removed": False, "errors": []}
    me = encode_id("Principal", None, ask.tenant.members[Role.OWNER])
    assert await refusal(ask, REMOVE, tenantId=ask.id, principalId=me) == "CONFLICT"
    assert await refusal(ask, SET, tenantId=ask.id, principalId=me, role="READER") == "CONFLICT"
    for lost in (encode_id("Principal", None, uuid4()), "garbage", ask.id):
        assert await refusal(ask, SET, tenantId=ask.id, principalId=lost, role="READER") == "NOT_FOUND"


async def every_mutation(owner: Database, ask: Asker) -> dict[str, tuple[str, dict[str, Any]]]:
    """A good input for each mutation of the asker's tenant."""
    scope = await make_scope(owner, ask.tenant)
    finding, second = await make_findings(owner, scope, [{}, acknowledged(ask.tenant)])
    of_scope = {"tenantId": ask.id, "scopeKey": scope.key}
    someone = {"tenantId": ask.id, "principalId": encode_id("Principal", None, ask.tenant.members[Role.READER])}
    return {
        "ACKNOWLEDGE": (ACKNOWLEDGE, {"id": ask.global_id("Finding", finding), "reason": "ok"}),
        "ACKNOWLEDGE_ALL": (ACKNOWLEDGE_ALL, {"ids": [ask.global_id("Finding", finding)], "reason": "ok"}),
        "REOPEN": (REOPEN, {"id": ask.global_id("Finding", second), "reason": "ok"}),
        "GENERATE": (GENERATE, of_scope),
        "PIN": (PIN, of_scope | {"runId": ask.global_id("SyncRun", scope.runs[0]), "reason": "ok"}),
        "UNPIN": (UNPIN, of_scope | {"reason": "ok"}),
        "START": (START, {"tenantId": ask.id}),
        "SET": (SET, someone | {"role": "OPERATOR"}),
        "REMOVE": (REMOVE, someone),
    }


async def test_a_stranger_is_told_that_there_is_nothing(owner: Database, api: Database, ask: Asker) -> None:
    stranger = Asker(api, await make_tenant(owner, api))
    for name, (mutation, given) in (await every_mutation(owner, ask)).items():
        assert (name, await refusal(stranger, mutation, **given)) == (name, "NOT_FOUND")


async def test_a_malformed_or_absent_id_is_told_the_same(owner: Database, ask: Asker) -> None:
    """No id of the input tells more about what is foreign than about what never was."""
    for name, (mutation, given) in (await every_mutation(owner, ask)).items():
        for field in ("id", "ids", "tenantId", "runId", "principalId"):
            for lost in ("garbage", "", ask.global_id("Edge", uuid4()), encode_id("Finding", None, uuid4())):
                if field in given:
                    changed = given | {field: [lost] if field == "ids" else lost}
                    assert (name, field, await refusal(ask, mutation, **changed)) == (name, field, "NOT_FOUND")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.READER, set()),
        (Role.OPERATOR, {"ACKNOWLEDGE", "ACKNOWLEDGE_ALL", "REOPEN", "GENERATE"}),
        (Role.MANAGER, {"ACKNOWLEDGE", "ACKNOWLEDGE_ALL", "REOPEN", "GENERATE", "PIN", "UNPIN", "START"}),
    ],
)
async def test_a_role_does_what_its_capabilities_allow(
    owner: Database, api: Database, ask: Asker, role: Role, allowed: set[str]
) -> None:
    who = member(api, ask.tenant, role)
    for name, (mutation, given) in (await every_mutation(owner, ask)).items():
        codes = [error["code"] for error in (await answer(who, mutation, **given))["errors"]]
        assert (name, "FORBIDDEN" in codes) == (name, name not in allowed)
