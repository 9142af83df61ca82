"""Findings: their evidence, their other halves, and the record of their triage."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.schema.ids import decode_activity_cursor
from atlas.store.bodies import pack_evidence
from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker
from tests.schema.rows import acknowledged, at, changes, make_drift_run, make_findings, make_item, make_scope

FINDING = """query($id: ID!) { node(id: $id) { ... on Finding { kind fingerprint changeType severity status
    severityReasons resolution isCurrent changeCount occurrences version tenant { id } scope { key }
    subject { itemType externalId displayName platform item { id displayName } }
    recreation { similarity identical otherFinding { id } } supersededBy { id }
    baselineRun { sequence } currentRun { sequence }
    acknowledgement { by { displayName } at reason expiresAt } } } }"""


async def test_a_finding_tells_what_its_row_says(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    item = await make_item(owner, scope, [(1, None, {})])
    (other,) = await make_findings(owner, scope, [{"kind": "DATA_QUALITY", "change_type": None}])
    row = acknowledged(tenant) | {
        "item_id": item,
        "superseded_by": other,
        "recreation_of": other,
        "recreation_similarity": 0.75,
        "recreation_identical": False,
        "acknowledged_until": at(99),
        "platform": "windows10",
    }
    (finding,) = await make_findings(owner, scope, [row])
    found = (await ask(FINDING, id=ask.global_id("Finding", finding)))["node"]
    assert found["subject"]["item"] == {"id": ask.global_id("InventoryItem", item), "displayName": "Firewall"}
    assert found["subject"]["platform"] == "windows10"
    other_id = {"id": ask.global_id("Finding", other)}
    assert found["recreation"] == {"similarity": 0.75, "identical": False, "otherFinding": other_id}
    assert found["supersededBy"] == other_id
    assert (found["baselineRun"]["sequence"], found["currentRun"]["sequence"]) == (1, 2)
    assert found["acknowledgement"] == {
        "by": {"displayName": f"local:OPERATOR-{tenant.name}"},
        "at": "2026-11-01T11:00:00.000000Z",
        "reason": "planned",
        "expiresAt": "2026-11-05T11:00:00.000000Z",
    }
    quality = (await ask(FINDING, id=other_id["id"]))["node"]
    assert (quality["kind"], quality["changeType"], quality["acknowledgement"]) == ("DATA_QUALITY", None, None)
    assert (quality["recreation"], quality["supersededBy"], quality["subject"]["item"]) == (None, None, None)


@pytest.mark.parametrize(
    ("first", "offset", "left"),
    [(50, 0, 50), (500, 0, 500), (500, 400, 200), (0, 0, 0), (9, 600, 0), (7, 2**31 - 1, 0)],
)
async def test_changes_are_read_in_parts(
    owner: Database, tenant: Tenant, ask: Asker, first: int, offset: int, left: int
) -> None:
    evidence = pack_evidence([change.to_json() for change in changes(600)])
    (finding,) = await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence}])
    query = """query($id: ID!, $first: Int!, $offset: Int!) { node(id: $id) { ... on Finding {
        changes(first: $first, offset: $offset)
        { kind path label before { redacted value digest } after { value } } } } }"""
    found: list[Any] = (await ask(query, id=ask.global_id("Finding", finding), first=first, offset=offset))["node"][
        "changes"
    ]
    assert len(found) == left
    if found:
        assert found[0] == {
            "kind": "MODIFIED",
            "path": f"setting{offset:04d}",
            "label": f"Setting {offset}",
            "before": {"redacted": False, "value": 0, "digest": None},
            "after": {"value": offset},
        }


async def test_evidence_beyond_500_changes_is_read_page_by_page_and_no_page_is_longer(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    evidence = pack_evidence([change.to_json() for change in changes(1001)])
    (finding,) = await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence}])
    query = """query($id: ID!, $first: Int!, $offset: Int!) { node(id: $id) { ... on Finding {
        changes(first: $first, offset: $offset) { path } } } }"""
    identity = ask.global_id("Finding", finding)
    paths = list[str]()
    for offset in (0, 500, 1000):
        part = (await ask(query, id=identity, first=500, offset=offset))["node"]["changes"]
        paths += [one["path"] for one in part]
    assert paths == [f"setting{number:04d}" for number in range(1001)]
    assert await ask.code(query, id=identity, first=501, offset=0) == "BAD_USER_INPUT"


async def test_without_arguments_fifty_changes_are_given(owner: Database, tenant: Tenant, ask: Asker) -> None:
    evidence = pack_evidence([change.to_json() for change in changes(60)])
    (finding,) = await make_findings(owner, await make_scope(owner, tenant), [{"evidence": evidence}])
    query = "query($id: ID!) { node(id: $id) { ... on Finding { changes { path } } } }"
    assert len((await ask(query, id=ask.global_id("Finding", finding)))["node"]["changes"]) == 50


async def test_a_drift_run_lists_the_findings_that_it_saw(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    entry = {"item_type": "scripts", "reason": "INCOMPLETE", "message": "It was forbidden."}
    run = await make_drift_run(owner, scope, not_evaluated=[entry])
    await make_findings(owner, scope, [{"display_name": "seen"}] * 2, drift_run=run)
    await make_findings(owner, scope, [{"display_name": "not seen"}])
    found = await ask.in_tenant(
        """{ driftRuns(first: 1) { nodes { attempts status progress { done } error { code } requestedBy { id }
        counts { added findingsNew propertyChanges } notEvaluated { itemType reason message }
        baselineRun { sequence } currentRun { sequence } tenant { id }
        findings(first: 5, filter: {isCurrent: true}) { totalCount nodes { subject { displayName } } } } } }"""
    )
    told = found["driftRuns"]["nodes"][0]
    assert told["findings"] == {"totalCount": 2, "nodes": [{"subject": {"displayName": "seen"}}] * 2}
    assert told["notEvaluated"] == [{"itemType": "scripts", "reason": "INCOMPLETE", "message": "It was forbidden."}]
    assert told["counts"] == {"added": 1, "findingsNew": 1, "propertyChanges": 1}


async def test_a_drift_run_that_has_not_succeeded_has_no_counts(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    await make_drift_run(owner, scope, status="RUNNING", progress_done=3, requested_by=tenant.members[Role.OPERATOR])
    found = await ask.in_tenant(
        "{ driftRuns(first: 1) { nodes { counts { added } progress { done total } requestedBy { displayName } } } }"
    )
    assert found["driftRuns"]["nodes"] == [
        {
            "counts": None,
            "progress": {"done": 3, "total": None},
            "requestedBy": {"displayName": f"local:OPERATOR-{tenant.name}"},
        }
    ]


async def test_a_sync_run_tells_its_coverage_and_counts(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=1)
    found = await ask.in_tenant(
        """{ syncRuns(first: 1) { nodes { source status sequence counts { observed added changed removed unchanged }
        coverage { itemType status observed expected apiVersion errorCode message }
        error { code } progress { done } } } }"""
    )
    (run,) = found["syncRuns"]["nodes"]
    assert (run["source"], run["status"], run["sequence"], run["error"]) == ("FOLDER", "SUCCEEDED", 1, None)
    assert run["counts"] == dict.fromkeys(("observed", "added", "changed", "removed", "unchanged"), 0)
    assert run["coverage"] == [
        {
            "itemType": "deviceConfigurations",
            "status": "COMPLETE",
            "observed": 1,
            "expected": None,
            "apiVersion": None,
            "errorCode": None,
            "message": None,
        }
    ]
    assert scope.runs


async def test_the_target_of_an_audit_event_is_the_node(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    await make_drift_run(owner, scope)
    found = await ask.in_tenant("{ auditEvents(first: 100) { nodes { action targetId target { __typename id } } } }")
    told = {one["action"]: one for one in found["auditEvents"]["nodes"]}
    for action, type_name in (
        ("tenant.created", "Tenant"),
        ("membership.granted", "Membership"),
        ("syncRun.requested", "SyncRun"),
        ("driftRun.requested", "DriftRun"),
    ):
        assert told[action]["target"] == {"__typename": type_name, "id": told[action]["targetId"]}


async def test_a_target_that_is_no_node_or_gone_is_null(owner: Database, tenant: Tenant, ask: Asker) -> None:
    async with owner.transaction(tenant.owner) as connection:
        for type_name in ("ApiToken", "Finding"):
            await connection.execute(
                text(
                    "insert into atlas.audit_events (tenant_id, action, target_type, target_id)"
                    " values (:t, 'x', :n, :i)"
                ),
                {"t": tenant.id, "n": type_name, "i": uuid4()},
            )
    found = await ask.in_tenant('{ auditEvents(first: 9, filter: {action: {eq: "x"}}) { nodes { target { id } } } }')
    assert found["auditEvents"]["nodes"] == [{"target": None}] * 2


async def test_the_cursor_of_the_feed_moves_with_each_event(owner: Database, tenant: Tenant, ask: Asker) -> None:
    before = (await ask.in_tenant("{ activityCursor }"))["activityCursor"]
    assert decode_activity_cursor(before) == 0
    await make_scope(owner, tenant, runs=2)
    after = (await ask.in_tenant("{ activityCursor }"))["activityCursor"]
    assert decode_activity_cursor(after) == 2
