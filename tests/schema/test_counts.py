"""Counts: grouped by any dimensions, and together always as many as there are findings."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from atlas.schema.enums import FindingDimension
from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import SEVERITIES, Scope, acknowledged, make_findings, make_scope

FIELDS = {
    "STATUS": "status",
    "SEVERITY": "severity",
    "CHANGE_TYPE": "changeType",
    "ITEM_TYPE": "itemType",
    "SCOPE": "scopeKey",
}
ROWS: list[dict[str, Any]] = [
    {
        "severity": SEVERITIES[n % 5],
        "item_type": ("a", "b", "c")[n % 3],
        **({"change_type": "ADDED"} if n % 2 else {}),
        **({"kind": "DATA_QUALITY", "change_type": None} if n == 6 else {}),
    }
    for n in range(8)
]
COUNTS = """query($id: ID!, $by: [FindingDimension!]!, $f: FindingFilter) { tenant(by: {id: $id}) {
    findingCounts(by: $by, filter: $f) { count status severity changeType itemType scopeKey }
    findings(first: 100, filter: $f) { nodes { status severity changeType subject { itemType } scope { key } } } } }"""


async def two_scopes(owner: Database, tenant: Tenant) -> tuple[Scope, Scope]:
    one, two = await make_scope(owner, tenant), await make_scope(owner, tenant)
    await make_findings(owner, one, [row | (acknowledged(tenant) if n > 5 else {}) for n, row in enumerate(ROWS)])
    await make_findings(owner, two, ROWS[:3])
    return one, two


@pytest.mark.parametrize("given", [None, {"severity": ["LOW", "HIGH"]}, {"status": []}])
async def test_counts_by_every_set_of_dimensions_agree_with_the_list(
    owner: Database, tenant: Tenant, ask: Asker, given: dict[str, Any] | None
) -> None:
    await two_scopes(owner, tenant)
    for size in range(1, 6):
        for by in combinations(FindingDimension, size):
            found = (await ask(COUNTS, id=ask.id, by=list(by), f=given))["tenant"]
            told = {tuple(row[FIELDS[dimension]] for dimension in by): row["count"] for row in found["findingCounts"]}
            assert told == Counter(tuple(_value(row, one) for one in by) for row in found["findings"]["nodes"])
            for row in found["findingCounts"]:
                assert all(row[field] is None for name, field in FIELDS.items() if name not in by)


def _value(finding: dict[str, Any], dimension: str) -> str | None:
    value: str | None
    if dimension == "SCOPE":
        value = finding["scope"]["key"]
    elif dimension == "ITEM_TYPE":
        value = finding["subject"]["itemType"]
    else:
        value = finding[FIELDS[dimension]]
    return value


async def test_by_nothing_there_is_one_total(owner: Database, tenant: Tenant, ask: Asker) -> None:
    assert (await ask(COUNTS, id=ask.id, by=[]))["tenant"]["findingCounts"][0]["count"] == 0
    await two_scopes(owner, tenant)
    found = (await ask(COUNTS, id=ask.id, by=[]))["tenant"]["findingCounts"]
    assert [row["count"] for row in found] == [11]


async def test_counts_come_in_the_order_of_their_groups(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await two_scopes(owner, tenant)
    found = (await ask(COUNTS, id=ask.id, by=["SEVERITY", "SEVERITY", "STATUS"]))["tenant"]["findingCounts"]
    ranks = [(SEVERITIES.index(row["severity"]), row["status"]) for row in found]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


async def test_the_scopes_of_a_list_are_counted_in_one_statement(owner: Database, tenant: Tenant, ask: Asker) -> None:
    one, two = await two_scopes(owner, tenant)
    empty = await make_scope(owner, tenant)
    selection = """{ scopes(first: 10) { nodes { key drift { total: counts(by: []) { count }
        bySeverity: counts(by: [SEVERITY]) { severity count } } } } }"""
    with counted(ask.api) as statements:
        found = await ask.in_tenant(selection)
    assert sum("from atlas.findings" in one.lower() for one in statements) == 2
    told = {scope["key"]: scope["drift"] for scope in found["scopes"]["nodes"]}
    assert {key: drift["total"] for key, drift in told.items()} == {
        one.key: [{"count": 8}],
        two.key: [{"count": 3}],
        empty.key: [{"count": 0}],
    }
    assert told[empty.key]["bySeverity"] == []
    assert told[two.key]["bySeverity"] == [{"severity": severity, "count": 1} for severity in SEVERITIES[:3]]


async def test_counts_are_one_statement(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await two_scopes(owner, tenant)
    with counted(ask.api) as statements:
        await ask.in_tenant("{ findingCounts(by: [STATUS, SCOPE, SEVERITY]) { count scopeKey } }")
    assert len(statements) == 2  # The tenant, and the counts.
