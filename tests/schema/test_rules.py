"""Ignore rules over GraphQL: made, seen, previewed and ended, and what lists leave out meanwhile."""

from pathlib import Path

import pytest

from atlas.domain.vocabulary import Role
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.factories import make_policy, make_tenant, write_export
from tests.schema.asking import Asker
from tests.test_drift import generated, record

CREATE = """mutation($input: CreateRuleInput!) { createRule(input: $input) { errors { code path } rule {
    id version itemType pathPattern subjectPattern valuePattern reason expiresAt endedAt
    owner { displayName } endedBy { displayName } replaces { id version } } } }"""
END = "mutation($input: EndRuleInput!) { endRule(input: $input) { errors { code path } rule { id endedAt } } }"
SEEN = """query($id: ID!, $suppressed: Boolean, $rule: RuleInput!) { tenant(by: {id: $id}) {
    findings(first: 10, filter: {suppressed: $suppressed}) { totalCount nodes { suppressedBy { id reason } } }
    findingCounts(by: [], filter: {suppressed: $suppressed}) { count }
    plain: findings(first: 10) { totalCount } counted: findingCounts(by: []) { count }
    driftRuns(first: 1) { nodes { counts { findingsNew findingsSuppressed } findings(first: 10) { totalCount } } }
    rules(first: 10, live: true) { nodes { id version } } ended: rules(first: 10, live: false) { nodes { id } }
    previewRule(input: $rule, runs: 3) { runs count findings { subject { displayName } } } } }"""


@pytest.fixture
async def asker(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Asker:
    """The manager of a tenant with three findings, all of one change."""
    tenant = await make_tenant(owner, api)
    for value in (1, 2):
        export = write_export(tmp_path / str(value), *(make_policy(number, value=value) for number in range(3)))
        await record(api, worker, tenant, export)
    await generated(api, worker, tenant)
    return Asker(api, tenant, Role.MANAGER)


async def test_a_rule_is_made_seen_previewed_and_ended(asker: Asker) -> None:
    rule = {"subjectPattern": "Policy 1"}

    async def seen(suppressed: bool | None) -> dict[str, object]:
        told: dict[str, object] = (await asker(SEEN, id=asker.id, suppressed=suppressed, rule=rule))["tenant"]
        return told

    before = await seen(False)
    assert before["previewRule"] == {"runs": 1, "count": 1, "findings": [{"subject": {"displayName": "Policy 1"}}]}
    given = {"tenantId": asker.id, "rule": rule, "reason": "noise"}
    made = (await asker(CREATE, input=given))["createRule"]
    assert made["errors"] == []
    assert (made["rule"]["version"], made["rule"]["replaces"], made["rule"]["endedAt"]) == (1, None, None)
    for suppressed, count in ((False, 2), (True, 1), (None, 3)):
        told = await seen(suppressed)
        assert told["findings"]["totalCount"] == told["findingCounts"][0]["count"] == count  # type: ignore[index]
        assert told["plain"]["totalCount"] == told["counted"][0]["count"] == 2  # type: ignore[index]
        assert told["driftRuns"]["nodes"][0]["findings"]["totalCount"] == 2  # type: ignore[index]
        assert told["previewRule"]["count"] == 0, "it is hidden already"  # type: ignore[index]
    (hidden,) = (await seen(True))["findings"]["nodes"]  # type: ignore[index]
    assert hidden["suppressedBy"] == {"id": made["rule"]["id"], "reason": "noise"}
    following = (await asker(CREATE, input=given | {"replaces": made["rule"]["id"]}))["createRule"]["rule"]
    assert (following["version"], following["replaces"]) == (2, {"id": made["rule"]["id"], "version": 1})
    ended = (await asker(END, input={"id": following["id"], "reason": "matters"}))["endRule"]
    assert ended["errors"] == []
    assert ended["rule"]["endedAt"]
    after = await seen(True)
    assert after["findings"]["totalCount"] == 0  # type: ignore[index]
    assert after["rules"]["nodes"] == []  # type: ignore[index]
    assert {one["id"] for one in after["ended"]["nodes"]} == {made["rule"]["id"], following["id"]}  # type: ignore[index]


async def test_what_can_be_put_right_is_told(asker: Asker) -> None:
    def given(**changes: object) -> dict[str, object]:
        return {"tenantId": asker.id, "rule": {"itemType": "x"}, "reason": "noise"} | changes

    none = encode_id("Rule", asker.tenant.id, asker.tenant.id)
    for changes, code, path in (
        ({"rule": {}}, "INVALID_INPUT", ["input"]),
        ({"rule": {"pathPattern": ""}}, "INVALID_INPUT", ["input", "pathPattern"]),
        ({"reason": " "}, "INVALID_INPUT", ["input", "reason"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "INVALID_INPUT", ["input", "expiresAt"]),
        ({"replaces": none}, "NOT_FOUND", ["input", "replaces"]),
    ):
        told = (await asker(CREATE, input=given(**changes)))["createRule"]
        assert told == {"errors": [{"code": code, "path": path}], "rule": None}
    assert (await asker(END, input={"id": none, "reason": "x"}))["endRule"]["errors"][0]["code"] == "NOT_FOUND"
    preview = "query($id: ID!) { tenant(by: {id: $id}) { previewRule(input: {}) { count } } }"
    assert await asker.code(preview, id=asker.id) == "BAD_USER_INPUT"
