"""The plain difference of a scope's last two runs: exact, of what was read only, and in parts."""

from typing import Any

from graphql import get_operation_ast, parse
from sqlalchemy import func, select, update

from atlas.domain.vocabulary import Role
from atlas.schema.cost import cost_of
from atlas.schema.ids import encode_id
from atlas.schema.root import schema
from atlas.store.database import Database
from atlas.store.tables import findings, scopes
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker
from tests.schema.rows import Scope, at, make_item, make_scope, record_run

SINCE = """query($id: ID!, $first: Int! = 50, $offset: Int! = 0) { node(id: $id) { ... on Scope {
    sinceLastRun(first: $first, offset: $offset) { itemType externalId displayName changeType
        changes { kind path before { value } after { value } } } } } }"""


async def since(ask: Asker, scope: Scope, **part: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(SINCE, id=ask.global_id("Scope", scope.id), **part))["node"][
        "sinceLastRun"
    ]
    return found


async def make_moves(owner: Database, scope: Scope) -> None:
    """One of each kind between the last two runs, and what moved before them or not at all."""
    await make_item(owner, scope, [(1, 3, {"n": 1}), (3, None, {"n": 2})], display_name="changed", external_id="a")
    await make_item(owner, scope, [(1, 3, {"n": 1})], display_name="removed", external_id="b")
    await make_item(owner, scope, [(3, None, {"n": 3})], display_name="added", external_id="c")
    await make_item(owner, scope, [(1, 2, {"n": 1}), (2, None, {"n": 2})], display_name="before", external_id="d")
    await make_item(owner, scope, [(1, None, {"n": 1})], display_name="still", external_id="e")


async def test_while_a_run_is_pinned_the_last_two_runs_are_compared(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    await make_moves(owner, scope)
    pin = {
        "pinned_run_id": scope.runs[0],
        "pinned_seq": 1,
        "pinned_by": tenant.members[Role.OWNER],
        "pinned_at": at(5),
    }
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(update(scopes).where(scopes.c.id == scope.id).values(**pin))
    found = await since(ask, scope)
    assert [(one["displayName"], one["changeType"]) for one in found] == [
        ("changed", "MODIFIED"),
        ("removed", "REMOVED"),
        ("added", "ADDED"),
    ]
    assert found[0]["changes"] == [{"kind": "MODIFIED", "path": "n", "before": {"value": 1}, "after": {"value": 2}}]
    assert [one["changes"][0]["kind"] for one in found[1:]] == ["REMOVED", "ADDED"]
    async with owner.transaction(tenant.owner) as connection:
        kept = await connection.scalar(
            select(func.count()).select_from(findings).where(findings.c.tenant_id == tenant.id)
        )
    assert kept == 0


async def test_the_difference_is_there_without_a_pin_too(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    await make_moves(owner, scope)
    assert len(await since(ask, scope)) == 3


async def test_a_part_of_the_difference_is_given(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    await make_moves(owner, scope)
    assert [one["externalId"] for one in await since(ask, scope, first=1, offset=1)] == ["b"]
    assert await since(ask, scope, offset=3) == []
    for part in ({"first": 101}, {"first": -1}, {"offset": -1}):
        assert await ask.code(SINCE, id=ask.global_id("Scope", scope.id), **part) == "BAD_USER_INPUT"


async def test_a_type_that_was_not_read_to_its_end_is_left_out(owner: Database, tenant: Tenant, ask: Asker) -> None:
    """Its newest content is what was last really read, and says nothing of the newest run."""
    scope = await make_scope(owner, tenant, runs=2)
    await record_run(owner, scope, seq=3, hour=40, status="PARTIAL", coverage="TRUNCATED")
    await make_moves(owner, scope)
    assert await since(ask, scope) == []


async def test_one_run_differs_from_nothing(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant, runs=1)
    await make_item(owner, scope, [(1, None, {"n": 1})])
    assert await since(ask, scope) == []


async def test_another_tenant_sees_no_difference(owner: Database, api: Database, tenant: Tenant) -> None:
    scope = await make_scope(owner, tenant, runs=3)
    await make_moves(owner, scope)
    stranger = Asker(api, await make_tenant(owner, api))
    answer = await stranger(SINCE, id=encode_id("Scope", tenant.id, scope.id))
    assert answer["node"] is None


def test_each_object_costs_as_much_as_a_row() -> None:
    document = parse("query($id: ID!) { node(id: $id) { ... on Scope { sinceLastRun(first: 20) { itemType } } } }")
    operation = get_operation_ast(document)
    assert operation is not None
    assert cost_of(schema._schema, document, operation, {"id": "x"}) == 1 + 20
