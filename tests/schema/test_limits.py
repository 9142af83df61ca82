"""Limits are linear in the document, count what is executed, and are told to the caller."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import strawberry
from graphql import build_schema, get_introspection_query, get_operation_ast, parse

from atlas.schema.cost import cost_of
from atlas.schema.errors import Masking
from atlas.schema.limits import Limiting, Limits
from atlas.schema.shape import measure

SDL = """
interface Node { id: ID! }
type Query { node(id: ID!): Node nodes(ids: [ID!]!): [Node]! things(first: Int, last: Int): ThingConnection! }
type ThingConnection { edges: [ThingEdge!]! nodes: [Thing!]! totalCount: Int! }
type ThingEdge { cursor: String! node: Thing! }
type Thing implements Node {
  id: ID! name: String! one: Thing box: Box
  values(first: Int! = 50): [Box!]! things(first: Int): ThingConnection!
}
type Box { n: Int! thing: Thing }
"""
CONTRACT = build_schema(SDL)


def cost(query: str, **variables: object) -> int:
    document = parse(query)
    operation = get_operation_ast(document)
    assert operation is not None
    return cost_of(CONTRACT, document, operation, variables)


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ("{ __typename }", 0),
        ("{ node(id: 1) { id } }", 1),
        ("{ nodes(ids: [1, 2, 3]) { id } }", 3),
        ("{ things(first: 10) { nodes { id name } } }", 11),
        ("{ things(last: 10) { edges { node { id } } } }", 11),
        ("{ things(first: 10) { totalCount } }", 2),
        ("{ things { nodes { id } } }", 101),
        ("{ things(first: 10) { nodes { one { id } box { n } } } }", 21),
        ("{ things(first: 10) { nodes { things(first: 10) { nodes { id } } } } }", 1 + 10 * (1 + 11)),
        ("{ things(first: 10) { nodes { values { n } } } }", 1 + 10 * (1 + 5)),
        ("{ things(first: 10) { nodes { values(first: 5) { thing { id } } } } }", 1 + 10 * (1 + 1 + 5)),
        ("{ things(first: 10) { ...T } } fragment T on ThingConnection { nodes { id } }", 11),
        ("{ things(first: 10) { ... on ThingConnection { nodes { id } } } }", 11),
        ("{ a: things(first: 5) { nodes { id } } b: things(first: 5) { nodes { id } } }", 12),
        ("{ things(first: -5) { nodes { id } } }", 1),
        ("{ things(first: 99999999999999999999999) { nodes { id } } }", 1001),
        ("{ __schema { types { name } } }", 0),
    ],
)
def test_cost_is_the_nodes_that_may_be_read(query: str, nodes: int) -> None:
    assert cost(query) == nodes


def test_cost_takes_page_sizes_from_variables_and_their_defaults() -> None:
    query = "query($n: Int = 7) { things(first: $n) { nodes { id } } }"
    assert cost(query) == 8
    assert cost(query, n=20) == 21
    assert cost(query, n=20.0) == 21
    assert cost(query, n="20") == 101, "what is no number is reckoned with as the largest page"
    assert cost("query($n: Int) { things(first: $n) { nodes { id } } }") == 101
    assert cost("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=["a", "b"]) == 2


def nested(levels: int) -> str:
    """Each fragment spreads the next one twice: the document grows by a line, what it expands to doubles."""
    lines = ["query { node(id: 1) { ...F0 } }"]
    lines += [f"fragment F{n} on Thing {{ a: one {{ ...F{n + 1} }} b: one {{ ...F{n + 1} }} }}" for n in range(levels)]
    return "\n".join([*lines, f"fragment F{levels} on Thing {{ id }}"])


def test_the_work_grows_with_the_document_and_not_with_what_it_expands_to() -> None:
    visits = [measure(parse(nested(levels))).visits for levels in (10, 20, 40, 80)]
    steps = {later - 2 * earlier for earlier, later in pairwise(visits)}
    assert visits[0] == 10 * 4 + 3
    assert len(steps) == 1, f"not linear: {visits}"
    shape = measure(parse(nested(80)))
    assert shape.fields > 2**80
    assert shape.depth == 82
    assert cost(nested(80)) > 2**80


def test_a_cycle_of_fragments_ends() -> None:
    query = "{ node(id: 1) { ...A } } fragment A on Thing { one { ...B } } fragment B on Thing { one { ...A } }"
    assert measure(parse(query)).fields == 3
    assert cost(query) == 3


def test_the_shape_counts_what_is_written_and_what_is_spread() -> None:
    query = """
    query ($x: Boolean!) { a: node(id: 1) @include(if: $x) { ...T ... on Thing { one { id } } } ...R }
    fragment T on Thing { n: name @skip(if: $x) }
    fragment R on Query { node(id: 2) { ...T } __schema { types { fields { name } } } }
    """
    shape = measure(parse(query))
    assert (shape.depth, shape.fields, shape.introspection_fields) == (3, 6, 4)
    assert (shape.root_fields, shape.aliases, shape.directives) == (3, 2, 2)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you") -> str:
        return f"Hello {name}"

    @strawberry.field
    def me(self) -> "Query":
        return Query()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def schema(**limits: int) -> strawberry.Schema:
    return strawberry.Schema(Query, subscription=Subscription, extensions=[Limiting(Limits(**limits)), Masking])


def codes(query: str, **limits: int) -> list[str]:
    result = asyncio.run(schema(**limits).execute(query))
    return [(error.extensions or {})["code"] for error in result.errors or []]


def test_each_limit_refuses_before_anything_is_executed() -> None:
    assert codes("{ me { me { hello } } }", depth=3) == []
    assert codes("{ me { me { hello } } }", depth=2) == ["QUERY_TOO_DEEP"]
    assert codes("{ a: hello b: hello }", aliases=1) == ["QUERY_TOO_COSTLY"]
    assert codes("{ hello @skip(if: true) @include(if: true) }", directives=1) == ["QUERY_TOO_COSTLY"]
    assert codes("{ hello me { hello } }", root_fields=1) == ["QUERY_TOO_COSTLY"]
    assert codes("{ hello me { hello } }", fields=2) == ["QUERY_TOO_COSTLY"]
    assert codes("{ hello }", tokens=2) == ["QUERY_TOO_COSTLY"]
    assert codes("{ nothing }") == ["GRAPHQL_VALIDATION_FAILED"]
    assert codes("{ hello") == ["GRAPHQL_PARSE_FAILED"]


def test_what_is_wrong_many_times_is_told_a_few_times() -> None:
    assert codes("{ nothing " * 2 + "}" * 2) == ["GRAPHQL_VALIDATION_FAILED"]
    several = codes("{ hello " + "@wrong " * 40 + "}")
    assert several == ["GRAPHQL_VALIDATION_FAILED"] * 6, "the last says that there are more"


def test_a_document_nested_beyond_the_parser_is_too_deep_and_no_fault() -> None:
    for levels in (100, 300, 600):
        assert codes("{ me " * levels + "{ hello }" + "}" * levels) == ["QUERY_TOO_DEEP"], levels
    assert codes("{ hello(name: " + "[" * 950 + "]" * 950 + ") }") == ["QUERY_TOO_DEEP"]


def test_introspection_stays_within_the_limits() -> None:
    result = asyncio.run(schema().execute(get_introspection_query(descriptions=True, input_value_deprecation=True)))
    assert result.errors is None
    deep = "fields { type { " * 4 + "name" + "} }" * 4
    assert codes("{ __schema { types { " + deep + "} } }") == ["GRAPHQL_VALIDATION_FAILED"]


def test_the_cost_is_told_on_success_and_on_refusal() -> None:
    told = asyncio.run(schema().execute("{ hello }")).extensions
    assert told == {"cost": {"requested": 0, "budget": 5000, "depth": 1, "maxDepth": 15}}
    refused = asyncio.run(schema(depth=1).execute("{ me { hello } }")).extensions
    assert refused is not None
    assert refused["cost"]["depth"] == 2


def test_a_known_document_is_neither_parsed_nor_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = schema()
    asyncio.run(made.execute("{ hello }"))

    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("validated again")

    monkeypatch.setattr("atlas.schema.limits.parse", refuse)
    monkeypatch.setattr("atlas.schema.limits.validate", refuse)
    monkeypatch.setattr("strawberry.schema.schema.validate_document", refuse)
    assert asyncio.run(made.execute("{ hello }")).data == {"hello": "Hello you"}


def test_a_refused_subscription_is_told_over_a_stream_too() -> None:
    async def first(query: str) -> list[str]:
        async for result in await schema().stream(query):
            return [(error.extensions or {}).get("code", "") for error in result.errors or []]
        return []

    assert asyncio.run(first("subscription { ticks }")) == []
    assert asyncio.run(first("subscription { tocks }")) == ["GRAPHQL_VALIDATION_FAILED"]
    assert asyncio.run(first("subscription { ticks")) == ["GRAPHQL_PARSE_FAILED"]
    assert asyncio.run(first("{ me " * 600 + "{ hello }" + "}" * 600)) == ["QUERY_TOO_DEEP"]
