"""Filters: each alone, together, empty, and with what cannot be."""

from typing import Any

import pytest

from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker
from tests.schema.rows import acknowledged, at, make_drift_run, make_findings, make_item, make_scope, record_run

NAMES = """query($id: ID!, $f: FindingFilter) { tenant(by: {id: $id}) {
    findings(first: 50, orderBy: SUBJECT_NAME_ASC, filter: $f) { nodes { subject { displayName } } }
    findingCounts(by: [], filter: $f) { count } } }"""

ROWS: list[dict[str, Any]] = [
    {"display_name": "a", "severity": "LOW", "item_type": "configurationPolicies"},
    {"display_name": "ab", "severity": "HIGH", "change_type": "ADDED", "is_current": False},
    {"display_name": "abc", "kind": "DATA_QUALITY", "change_type": None, "severity": "INFORMATIONAL"},
    {
        "display_name": "b",
        "status": "RESOLVED",
        "resolution": "REVERTED",
        "first_seen_at": at(5),
        "last_seen_at": at(6),
    },
    {"display_name": "Å\U0010ffff", "severity": "CRITICAL", "external_id": "one"},
]
# Times as they are written in a filter.
FIVE, SIX = "2026-11-01T13:00:00Z", "2026-11-01T15:00:00+01:00"


async def named(ask: Asker, given: dict[str, Any] | None) -> str:
    """The names of what a filter leaves, and they are as many as are counted."""
    found = (await ask(NAMES, id=ask.id, f=given))["tenant"]
    names = [one["subject"]["displayName"] for one in found["findings"]["nodes"]]
    assert found["findingCounts"] == [{"count": len(names)}]
    return " ".join(names)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (None, "a ab abc b Å\U0010ffff"),
        ({}, "a ab abc b Å\U0010ffff"),
        ({"subjectName": None, "status": None, "isCurrent": None}, "a ab abc b Å\U0010ffff"),
        ({"subjectName": {}}, "a ab abc b Å\U0010ffff"),
        ({"subjectName": {"eq": "ab"}}, "ab"),
        ({"subjectName": {"eq": "AB"}}, ""),
        ({"subjectName": {"eq": ""}}, ""),
        ({"subjectName": {"in": ["b", "a", "a", "none"]}}, "a b"),
        ({"subjectName": {"in": []}}, ""),
        ({"subjectName": {"startsWith": ""}}, "a ab abc b Å\U0010ffff"),
        ({"subjectName": {"startsWith": "ab"}}, "ab abc"),
        ({"subjectName": {"startsWith": "Å\U0010ffff"}}, "Å\U0010ffff"),
        ({"subjectName": {"startsWith": "%"}}, ""),
        ({"subjectName": {"startsWith": "a", "in": ["ab", "b"]}}, "ab"),
        ({"severity": ["LOW", "CRITICAL"]}, "a Å\U0010ffff"),
        ({"severity": []}, ""),
        ({"status": ["NEW", "NEW"]}, "a ab abc Å\U0010ffff"),
        ({"status": []}, ""),
        ({"status": ["RESOLVED"], "severity": ["LOW"]}, ""),
        ({"changeType": ["ADDED"]}, "ab"),
        ({"changeType": []}, ""),
        ({"kind": ["DATA_QUALITY"]}, "abc"),
        ({"kind": []}, ""),
        ({"itemType": {"eq": "configurationPolicies"}}, "a"),
        ({"subjectExternalId": {"eq": "one"}}, "Å\U0010ffff"),
        ({"isCurrent": False}, "ab"),
        ({"isCurrent": True, "kind": ["DRIFT"]}, "a b Å\U0010ffff"),
        ({"firstSeenAt": {"gte": FIVE}}, "b"),
        ({"firstSeenAt": {"lt": FIVE}}, "a ab abc Å\U0010ffff"),
        ({"lastSeenAt": {"gte": FIVE, "lt": SIX}}, ""),
        ({"lastSeenAt": {"gte": SIX}}, "b"),
        ({"lastSeenAt": {}}, "a ab abc b Å\U0010ffff"),
        (
            {"lastSeenAt": {"gte": "0001-01-01T00:00:00Z", "lt": "9999-12-31T23:59:59.999999Z"}},
            "a ab abc b Å\U0010ffff",
        ),
    ],
)
async def test_a_filter_leaves_what_it_says(
    owner: Database, tenant: Tenant, ask: Asker, given: dict[str, Any] | None, left: str
) -> None:
    scope = await make_scope(owner, tenant)
    await make_findings(owner, scope, ROWS)
    assert await named(ask, given) == left


async def test_the_key_of_a_scope_is_a_filter_wherever_there_are_scopes(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    for key in ("s1:aa", "s1:ab", "s1:b"):
        scope = await make_scope(owner, tenant, key=key)
        await make_findings(owner, scope, [{}])
        await make_drift_run(owner, scope)
        await make_item(owner, scope, [(1, None, {})])
    for given, wanted in (
        ('{eq: "s1:ab"}', ["s1:ab"]),
        ('{startsWith: "s1:a"}', ["s1:aa", "s1:ab"]),
        ('{in: ["s1:b", "s1:aa"]}', ["s1:aa", "s1:b"]),
        ('{eq: "s1:none"}', []),
        ("{in: []}", []),
    ):
        found = await ask.in_tenant(
            f"""{{ findings(first: 9, filter: {{scopeKey: {given}}}) {{ nodes {{ scope {{ key }} }} }}
            driftRuns(first: 9, filter: {{scopeKey: {given}}}) {{ nodes {{ scope {{ key }} }} }}
            inventoryItems(first: 9, filter: {{scopeKey: {given}}}) {{ nodes {{ scope {{ key }} }} }}
            syncRuns(first: 9, filter: {{scopeKey: {given}}}) {{ nodes {{ scope {{ key }} }} }} }}"""
        )
        for field in ("findings", "driftRuns", "inventoryItems", "syncRuns"):
            assert sorted({one["scope"]["key"] for one in found[field]["nodes"]}) == wanted


async def test_runs_are_filtered_by_status_and_start(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=2)
    await record_run(owner, scope, seq=None, hour=9, error_code="LOST")
    await make_drift_run(owner, scope, status="FAILED", error_code="X")
    await make_drift_run(owner, scope)
    found = await ask.in_tenant(
        """{ failed: syncRuns(first: 9, filter: {status: [FAILED]}) { nodes { status error { code message } } }
        none: syncRuns(first: 9, filter: {status: []}) { nodes { id } }
        late: syncRuns(first: 9, filter: {startedAt: {gte: "2026-11-01T10:00:00Z", lt: "2026-11-01T12:00:00Z"}})
            { nodes { sequence startedAt } }
        drift: driftRuns(first: 9, filter: {status: [SUCCEEDED, RUNNING]}) { nodes { status counts { added } } } }"""
    )
    assert found["failed"]["nodes"] == [{"status": "FAILED", "error": {"code": "LOST", "message": "No more is known."}}]
    assert found["none"]["nodes"] == []
    assert found["late"]["nodes"] == [{"sequence": 2, "startedAt": "2026-11-01T10:00:00.000000Z"}]
    assert found["drift"]["nodes"] == [{"status": "SUCCEEDED", "counts": {"added": 1}}]


async def test_audit_events_are_filtered(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    (finding,) = await make_findings(owner, scope, [acknowledged(tenant)])
    query = """query($id: ID!, $f: AuditEventFilter) { tenant(by: {id: $id})
        { auditEvents(first: 50, filter: $f) { nodes { action targetId actor { id } } } } }"""

    async def events(**given: Any) -> list[Any]:
        found: list[Any] = (await ask(query, id=ask.id, f=given))["tenant"]["auditEvents"]["nodes"]
        return found

    everything = await events()
    assert {one["action"] for one in everything} == {"tenant.created", "membership.granted", "syncRun.requested"}
    made = await events(action={"eq": "tenant.created"})
    assert [one["targetId"] for one in made] == [ask.id]
    assert await events(targetId=ask.id) == made
    by_owner = await events(actorId=made[0]["actor"]["id"])
    assert by_owner == everything
    assert await events(action={"startsWith": "finding."}) == []
    assert await events(at={"lt": "2020-01-01T00:00:00Z"}) == []
    for lost in (ask.global_id("Finding", finding), "garbage", "", ask.id[:-1]):
        assert await events(targetId=lost) == []
        assert await events(actorId=lost) == []


UNSTORABLE = ["a\0b", "\ud800", "x" * 2001]


@pytest.mark.parametrize("value", UNSTORABLE)
@pytest.mark.parametrize("how", ["eq", "startsWith", "in"])
@pytest.mark.parametrize("field", ["scopeKey", "itemType", "subjectExternalId", "subjectName"])
async def test_a_text_that_cannot_be_is_refused_before_the_database(
    ask: Asker, field: str, how: str, value: str
) -> None:
    given = {field: {how: [value] if how == "in" else value}}
    assert await ask.code(NAMES, id=ask.id, f=given) == "BAD_USER_INPUT"


@pytest.mark.parametrize("value", UNSTORABLE)
async def test_keys_and_names_that_cannot_be_are_refused(ask: Asker, value: str) -> None:
    scope = "query($id: ID!, $v: String!) { tenant(by: {id: $id}) { scope(key: $v) { id } } }"
    assert await ask.code(scope, id=ask.id, v=value) == "BAD_USER_INPUT"
    assert await ask.code("query($v: String!) { tenant(by: {name: $v}) { id } }", v=value) == "BAD_USER_INPUT"
    tenants = "query($v: String!) { tenants(first: 1, filter: {name: {startsWith: $v}}) { nodes { id } } }"
    assert await ask.code(tenants, v=value) == "BAD_USER_INPUT"


async def test_a_list_of_values_has_a_limit(ask: Asker) -> None:
    given = {"subjectName": {"in": [str(n) for n in range(101)]}}
    assert await ask.code(NAMES, id=ask.id, f=given) == "BAD_USER_INPUT"


@pytest.mark.parametrize("arguments", ["first: 501", "first: -1", "offset: -1", "first: 5, offset: 3000000000"])
async def test_changes_outside_of_bounds_are_refused(
    owner: Database, tenant: Tenant, ask: Asker, arguments: str
) -> None:
    (finding,) = await make_findings(owner, await make_scope(owner, tenant), [{}])
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Finding {{ changes({arguments}) {{ path }} }} }} }}"
    expected = "GRAPHQL_VALIDATION_FAILED" if "3000000000" in arguments else "BAD_USER_INPUT"
    assert await ask.code(query, id=ask.global_id("Finding", finding)) == expected
