"""How many statements a query costs: the same for one object as for many, and nothing for what is not selected."""

from contextlib import asynccontextmanager
from typing import Any

import pytest

from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import acknowledged, at, make_drift_run, make_findings, make_item, make_scope

# What is selected, and what it costs beside the tenant itself.
SHAPES: dict[str, tuple[str, int]] = {
    "a page of findings, plain": (
        "findings(first: 50) { nodes { id status severity subject { displayName } acknowledgement { reason } } }",
        1,
    ),
    "with cursors, and what comes next": (
        "findings(first: 50) { edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } }",
        1,
    ),
    "with a total": ("findings(first: 50) { nodes { id } totalCount }", 2),
    "with all that it refers to": (
        """findings(first: 50) { nodes { tenant { name } scope { key label } baselineRun { sequence }
        currentRun { sequence } acknowledgement { by { displayName } } supersededBy { id }
        subject { item { displayName } } changes(first: 5) { path } } }""",
        # The page; then scopes, runs, principals, superseding findings, items and evidence, each for all rows.
        7,
    ),
    "with the record of each": ("findings(first: 50) { nodes { auditEvents(first: 3) { nodes { action } } } }", 2),
    "the landing page": (
        """scopes(first: 50) { nodes { key baseline { mode } drift { state ungeneratedRuns baselineRun { sequence }
        currentRun { sequence } latestDriftRun { status } counts(by: [SEVERITY, STATUS]) { count } } } }""",
        # The scopes; then overviews, runs, drift runs and counts.
        5,
    ),
    "lists below lists": (
        """scopes(first: 50) { nodes { findings(first: 5) { nodes { id } totalCount pageInfo { hasNextPage } }
        syncRuns(first: 1) { nodes { coverage { status } } } } }""",
        # The scopes; then findings, their numbers, runs and their coverage.
        5,
    ),
    "runs": (
        """driftRuns(first: 50) { nodes { scope { key } baselineRun { sequence } requestedBy { displayName }
        findings(first: 3) { nodes { severity } } } }""",
        # The runs; then scopes, sync runs and findings; whoever asked for them is nobody.
        4,
    ),
    "inventory": (
        """inventoryItems(first: 50) { nodes { displayName lastObservedAt changedAt lastObservedRun { sequence }
        properties versions(first: 5) { nodes { properties changes { path } firstRun { sequence } } } } }""",
        # The items; then runs, contents, versions, contents of versions, versions before and theirs, first runs.
        8,
    ),
    "dashboard": (
        """viewerRole viewerCapabilities activityCursor findingCounts(by: [SEVERITY]) { count }
        newest: findings(first: 1) { nodes { id } } worst: findings(first: 1, orderBy: SEVERITY_DESC) { nodes { id } }
        auditEvents(first: 1) { nodes { action } } members(first: 1) { nodes { role } }""",
        # The role, the cursor, the counts, two pages, the audit record and the members.
        7,
    ),
}


async def populate(owner: Database, tenant: Tenant, scopes: int) -> None:
    for _ in range(scopes):
        scope = await make_scope(owner, tenant)
        item = await make_item(owner, scope, [(1, 2, {"a": 1}), (2, None, {"a": 2})])
        (newer,) = await make_findings(owner, scope, [{"last_seen_at": at(1)}])
        row = acknowledged(tenant) | {"superseded_by": newer, "item_id": item}
        await make_findings(owner, scope, [row] * 3, drift_run=await make_drift_run(owner, scope))


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_query_costs_as_many_statements_for_one_as_for_many(
    owner: Database, tenant: Tenant, ask: Asker, shape: str
) -> None:
    selection, expected = SHAPES[shape]
    costs = []
    for more in (1, 3):
        await populate(owner, tenant, more)
        with counted(ask.api) as statements:
            await ask.in_tenant(f"{{ {selection} }}")
        costs.append(len(statements))
    assert costs == [expected + 1] * 2, statements


async def test_what_two_fields_ask_alike_is_read_once(owner: Database, tenant: Tenant, ask: Asker) -> None:
    await populate(owner, tenant, 1)
    with counted(ask.api) as statements:
        await ask.in_tenant("{ a: findings(first: 2) { nodes { id } } b: findings(first: 2) { nodes { status } } }")
    assert len(statements) == 2


async def test_a_second_page_costs_one_more_statement_only_to_look_back(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    await populate(owner, tenant, 1)
    cursor = (await ask.in_tenant("{ findings(first: 1) { pageInfo { endCursor } } }"))["findings"]["pageInfo"]

    async def cost(selection: str) -> int:
        with counted(ask.api) as statements:
            await ask.in_tenant(
                f'{{ findings(first: 1, after: "{cursor["endCursor"]}") {{ pageInfo {{ {selection} }} }} }}'
            )
        return len(statements)

    assert await cost("hasNextPage endCursor") == 2
    assert await cost("hasPreviousPage") == 3


async def test_a_hundred_nodes_cost_one_statement_a_type(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    findings = await make_findings(owner, scope, [{}] * 50)
    ids = [ask.global_id("Finding", one) for one in findings] + [ask.global_id("SyncRun", one) for one in scope.runs]
    with counted(ask.api) as statements:
        await ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert len(statements) == 2


async def test_siblings_read_side_by_side_and_never_take_the_whole_pool(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    """Twenty aliases that each need a transaction of their own: at most four are open at a time."""
    await populate(owner, tenant, 1)
    open_now = most = 0
    transaction = type(ask.api).transaction

    def watched(self: Database, *arguments: Any, **named: Any) -> Any:
        @asynccontextmanager
        async def opened() -> Any:
            nonlocal open_now, most
            async with transaction(self, *arguments, **named) as connection:
                open_now += 1
                most = max(most, open_now)
                try:
                    yield connection
                finally:
                    open_now -= 1

        return opened()

    aliases = " ".join(f"f{n}: findings(first: {n + 1}) {{ totalCount nodes {{ id }} }}" for n in range(20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(ask.api), "transaction", watched)
        found = await ask.in_tenant(f"{{ {aliases} }}")
    assert {one["totalCount"] for one in found.values()} == {4}
    assert 1 < most <= 4
