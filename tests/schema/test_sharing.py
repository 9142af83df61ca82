"""What may be told to many at once: of what is read for one of a role, nothing depends on who that one is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from atlas import access, triage
from atlas.auth import open_session
from atlas.domain.vocabulary import Role
from atlas.metrics import Metrics
from atlas.schema.context import GraphQLContext
from atlas.schema.ids import encode_activity_cursor
from atlas.schema.live import Live, LiveSession
from atlas.schema.root import schema
from atlas.schema.sharing import SHARED_TYPES, reach_of
from atlas.store.database import Database
from tests.factories import Tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import make_drift_run, make_findings, make_scope

CORE = schema._schema
ROOT = "subscription ($tenant: ID!, $after: String) { activity(tenantId: $tenant, after: $after) { %s } }"
MATRIX = Path(__file__).parents[2] / "specs" / "policy-matrix.md"


def selection(type_: GraphQLObjectType, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """All that can be read of a type by way of the shared ones, each once on every way."""
    for name, field in type_.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            yield name
        elif inner.name in SHARED_TYPES - above and isinstance(inner, GraphQLObjectType):
            below = " ".join(selection(inner, above | {type_.name}))
            if below:
                yield f"{name} {{ {below} }}"


def everything() -> str:
    activity = CORE.type_map["Activity"]
    assert isinstance(activity, GraphQLObjectType)
    return ROOT % " ".join(selection(activity))


def readable_by_all() -> set[str]:
    """The tables of which every role reads all, because the policy asks for READ alone."""
    page = MATRIX.read_text().partition("## atlas_api")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \| read \| READ \|", page, re.MULTILINE))


def test_every_shared_type_is_one_and_can_be_reached() -> None:
    assert set(CORE.type_map) >= SHARED_TYPES
    assert reach_of(CORE, everything()).shared


async def test_what_is_shared_asks_the_database_for_nothing_but_read(
    owner: Database, api: Database, ask: Asker
) -> None:
    scope = await make_scope(owner, ask.tenant)
    run = await make_drift_run(owner, scope)
    found = await make_findings(owner, scope, [{}], drift_run=run)
    await triage.acknowledge(api, ask.tenant.as_(Role.OPERATOR), found, reason="planned")
    told = await stream(api, ask.tenant, Role.READER)
    with counted(api) as sent:
        results = [result async for result in told]
    read = {
        table for statement in sent for table in re.findall(r"(?:FROM|JOIN) atlas\.(\w+)", statement, re.IGNORECASE)
    }
    kinds = {kind for result in results for kind, found in result.data["activity"].items() if isinstance(found, dict)}
    assert kinds == {"syncRun", "driftRun", "finding"}
    assert {"events", "sync_runs", "drift_runs", "findings", "scopes", "run_units"} <= read
    assert read <= readable_by_all(), "what is shared must not ask who asks"


async def test_everybody_of_a_tenant_reads_the_same_of_what_is_shared(
    owner: Database, api: Database, ask: Asker
) -> None:
    scope = await make_scope(owner, ask.tenant)
    run = await make_drift_run(owner, scope)
    found = await make_findings(owner, scope, [{}, {}], drift_run=run)
    await triage.acknowledge(api, ask.tenant.as_(Role.OPERATOR), found[:1], reason="planned")
    told = [[result.data async for result in await stream(api, ask.tenant, role)] for role in (*Role, Role.READER)]
    assert len(told[0]) >= 4
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize(
    "selected",
    ["syncRun { tenant { id } }", "syncRun { requestedBy { id } }", "finding { acknowledgement { by { id } } }",
     "finding { auditEvents(first: 1) { nodes { id } } }", "finding { suppressedBy { id } }",
     "...on Activity { syncRun { ...f } } } } fragment f on SyncRun { scope { tenant { id }"],
)  # fmt: skip
def test_what_depends_on_who_asks_is_shared_by_nobody(selected: str) -> None:
    text = ROOT % selected
    assert not reach_of(CORE, text).shared


def test_where_one_begins_makes_no_difference_and_every_other_variable_does() -> None:
    text = """subscription ($tenant: ID!, $after: String, $first: Int!, $with: Boolean!) {
        mine: activity(tenantId: $tenant, after: $after) {
            cursor finding @include(if: $with) { changes(first: $first) { path } } } }"""
    assert reach_of(CORE, text).variables == {"tenant", "first", "with"}
    assert "after" in reach_of(CORE, "query ($after: String) { tenants(after: $after) { nodes { id } } }").variables


async def stream(api: Database, tenant: Tenant, role: Role):
    """Everything that can be shared, of all events so far, as a new principal of the role reads it."""
    made = await access.create_token(api, tenant.owner, principal_name=f"s-{role}-{id(object())}", role=role)
    session = await open_session(api, made.token)
    assert session is not None
    live = LiveSession(Live(api, Metrics()), session, relayed=True)
    context = GraphQLContext(db=api, principal=session.principal, live=live)
    variables = {"tenant": Asker(api, tenant).id, "after": encode_activity_cursor(0)}
    return await schema.stream(everything(), variable_values=variables, context_value=context)
