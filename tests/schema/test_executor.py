"""The planned executor answers as graphql-core's own does: the same data, the same errors, at the same paths."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
import strawberry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from atlas.schema.executor.code import plan_of
from atlas.schema.executor.running import PlannedExecutor
from atlas.schema.resolvers import Relation, resolved
from atlas.schema.scalars import SCALARS

TENANT = UUID(int=1)


@strawberry.enum
class Colour(Enum):
    RED = "r"
    BLUE = "b"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Tag(Named):
    weight: float | None


@strawberry.type
class Inner:
    number: int
    when: datetime | None
    tags: list[str]


@strawberry.type
class Shelf(Named):
    inner: Inner | None


@strawberry.type
class Thing(Named):
    id: strawberry.ID
    number: int
    maybe: int | None
    sure: bool
    colour: Colour
    colours: list[Colour | None] | None
    inner: Inner
    perhaps: Inner | None
    tenant_id: strawberry.Private[UUID]
    shelf_id: strawberry.Private[Any]

    @resolved("One to one.", Relation("tests.schema.test_executor.load_shelf", "shelf_id"))
    async def shelf(self, info: strawberry.Info) -> Shelf:
        found = await load_shelf(info.context, self.tenant_id, self.shelf_id)
        if found is None:
            raise LookupError("there is no such shelf")
        return found

    @resolved("What takes a resolver.")
    async def double(self, by: int = 2) -> int:
        return self.number * by

    @resolved("What takes one, and does not wait.")
    def half(self) -> int:
        if self.number % 2:
            raise ValueError("this is odd")
        return self.number // 2


@strawberry.type
class Wrapped:
    cursor: str
    node: Thing


Anything = Annotated[Thing | Tag, strawberry.union("Anything")]


@strawberry.type
class Query:
    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing]:
        return info.context.things

    @strawberry.field
    def holes(self, info: strawberry.Info) -> list[Thing | None] | None:
        return info.context.things

    @strawberry.field
    def wrapped(self, info: strawberry.Info) -> list[Wrapped]:
        return [Wrapped(cursor=str(n), node=one) for n, one in enumerate(info.context.things)]

    @strawberry.field
    def anything(self, info: strawberry.Info) -> list[Anything | None]:
        return [*info.context.things, Tag(name="x", weight=0.5)]

    @strawberry.field
    def named(self, info: strawberry.Info) -> list[Named]:
        return [*info.context.things, Tag(name="x", weight=float("nan"))]


@dataclass
class Ground:
    """What is read; `asked` are the shelves that were loaded."""

    things: Sequence[Any]
    asked: list[Any] = field(default_factory=list)


async def load_shelf(context: Ground, tenant_id: UUID, key: Any) -> Any:
    context.asked.append(key)
    if key == "broken":
        raise RuntimeError("the database is gone")
    return None if key == "absent" else Shelf(name=f"shelf {key}", inner=None)


def made(executor: Any) -> strawberry.Schema:
    return strawberry.Schema(
        Query, types=[Thing, Tag], config=StrawberryConfig(scalar_map=SCALARS), execution_context_class=executor
    )


PLANNED, STANDARD = made(PlannedExecutor), made(None)

ALL = """
    id name number maybe sure colour colours __typename
    inner { number when tags } perhaps { when tags kind: __typename }
"""
DOCUMENTS = {
    "plain": f"{{ things {{ {ALL} }} }}",
    "of holes": f"{{ holes {{ {ALL} }} }}",
    "aliases": "{ a: things { x: number y: number number n: inner { t: tags t2: tags } } b: things { x: name } }",
    "wrapped": f"{{ wrapped {{ cursor node {{ {ALL} shelf {{ name inner {{ number }} }} }} }} }}",
    "related": f"{{ things {{ {ALL} shelf {{ name type: __typename }} s: shelf {{ inner {{ tags }} }} }} }}",
    "resolved": f"{{ things {{ {ALL} double half d: double(by: 3) }} }}",
    "resolved and related": "{ things { number shelf { name } half double name } }",
    "fragments": """{ things { ...F ... on Thing { maybe ... on Named { n: name } } inner { ...I } } }
        fragment F on Thing { id number inner { tags } ...G } fragment G on Named { name }
        fragment I on Inner { number when }""",
    "unions": "{ anything { __typename ... on Thing { number half } ... on Tag { weight } ... on Named { name } } }",
    "interfaces": "{ named { name ... on Tag { weight } ... on Thing { sure shelf { name } } } }",
    "directives": """query ($yes: Boolean!, $no: Boolean!) { things { number @skip(if: $yes) maybe @include(if: $yes)
        inner @include(if: $no) { number } ... @skip(if: $no) { name half @skip(if: $yes) }
        perhaps { tags @skip(if: $no) when @include(if: $no) } shelf @include(if: $yes) { name @skip(if: $no) } } }""",
}


async def answer(schema: strawberry.Schema, query: str, things: Sequence[Any], variables: dict[str, Any]) -> Any:
    result: Any = await schema.execute(query, variable_values=variables, context_value=Ground(things))
    errors = sorted(str(error.formatted) for error in result.errors or ())
    return result.data, errors


async def same(query: str, things: Sequence[Any], **variables: Any) -> Any:
    planned = await answer(PLANNED, query, things, variables)
    assert planned == await answer(STANDARD, query, things, variables)
    return planned


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "strawberry.execution")


inners = st.builds(
    Inner,
    number=st.integers(-5, 5),
    when=st.none() | st.just(datetime(2026, 11, 24, tzinfo=UTC)),
    tags=st.lists(st.text(max_size=2), max_size=2),
)
# Each is what it should be, or one of these in its place.
WRONG = st.sampled_from([None, 2**31, "text", 1.5, True, [1], (), ValueError("a value"), datetime(2026, 1, 1)])  # noqa: DTZ001


def mostly(right: Any, *, wrong: bool) -> Any:
    return st.one_of(*[right] * 12, WRONG) if wrong else right


def things(*, wrong: bool) -> Any:
    def value(right: Any) -> Any:
        return mostly(right, wrong=wrong)

    inner = st.builds(Inner, number=value(st.just(1)), when=value(st.none()), tags=value(st.just(["a", "b"])))
    return st.builds(
        Thing,
        id=value(st.text(max_size=3)),
        name=value(st.text(max_size=3)),
        number=value(st.integers(-4, 4)),
        maybe=value(st.none() | st.integers()),
        sure=value(st.booleans()),
        colour=value(st.sampled_from(Colour)),
        colours=value(st.none() | st.lists(st.none() | st.sampled_from(Colour), max_size=3)),
        inner=value(inners | inner),
        perhaps=value(st.none() | inners | inner),
        tenant_id=st.just(TENANT),
        shelf_id=value(st.sampled_from([1, 2]) if not wrong else st.sampled_from([1, 1, 1, 2, "absent", "broken"])),
    )


@pytest.mark.parametrize("name", DOCUMENTS)
@given(found=st.lists(things(wrong=False), max_size=4), yes=st.booleans(), no=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_as_it_should_be_is_answered_alike(name: str, found: list[Any], yes: bool, no: bool) -> None:
    variables = {"yes": yes, "no": no} if name == "directives" else {}
    await same(DOCUMENTS[name], found, **variables)


@pytest.mark.parametrize("name", DOCUMENTS)
@given(found=st.lists(st.none() | things(wrong=True), min_size=1, max_size=4), yes=st.booleans(), no=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_wrong_is_told_alike(name: str, found: list[Any], yes: bool, no: bool) -> None:
    variables = {"yes": yes, "no": no} if name == "directives" else {}
    await same(DOCUMENTS[name], found, **variables)


def thing(number: int | None, **values: Any) -> Thing:
    inner = Inner(number=1, when=None, tags=["a"])
    given = {"id": "1", "name": "n", "number": number, "maybe": None, "sure": True, "colour": Colour.RED}
    rest = {"colours": [], "inner": inner, "perhaps": None, "tenant_id": TENANT, "shelf_id": 1}
    return Thing(**(given | rest | values))


async def test_a_null_that_must_not_be_is_told_at_its_path() -> None:
    data, errors = await same("{ holes { number name } }", [thing(1), thing(None)])
    assert data == {"holes": [{"number": 1, "name": "n"}, None]}
    assert "'path': ['holes', 1, 'number']" in errors[0]


async def test_objects_that_are_one_are_loaded_once_for_the_whole_list() -> None:
    ground = Ground([thing(n, shelf_id=n % 2) for n in range(10)])
    result = await PLANNED.execute("{ things { shelf { name } } }", context_value=ground)
    assert result.errors is None
    assert sorted(ground.asked) == [0, 1]


async def test_equal_selections_of_different_documents_have_one_plan() -> None:
    """The names of fragments and operations, and what is skipped, make no new code."""
    plan_of.cache_clear()
    for query in (
        "query A { things { number name } }",
        "query B { things { ...F } } fragment F on Thing { number name }",
        "query C { things { number id @skip(if: true) ... on Thing { name } } }",
    ):
        await same(query, [thing(1)])
    assert plan_of.cache_info().misses == 1


async def test_the_code_answers_and_not_graphql_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where the standard way is closed, lists are answered all the same."""

    def closed(*_arguments: Any) -> Any:
        raise AssertionError("graphql-core was asked")

    monkeypatch.setattr(PlannedExecutor, "complete_iterable_value", closed)
    for name in ("plain", "of holes", "aliases", "wrapped", "related", "fragments"):
        data, errors = await answer(PLANNED, DOCUMENTS[name], [thing(1), thing(2)], {})
        assert data is not None, (name, errors)
        assert errors == [], name
    data, errors = await answer(PLANNED, DOCUMENTS["resolved"], [thing(1)], {})
    assert errors != []


async def test_an_extension_that_wants_to_see_each_field_sees_each_field() -> None:
    seen: list[str] = []

    class Watching(SchemaExtension):
        def resolve(self, next_: Any, source: Any, info: Any, *given: Any, **named: Any) -> Any:
            seen.append(info.field_name)
            return next_(source, info, *given, **named)

    watched = strawberry.Schema(
        Query, types=[Thing, Tag], execution_context_class=PlannedExecutor, extensions=[Watching]
    )
    result = await watched.execute("{ things { number name } }", context_value=Ground([thing(1)]))
    assert result.errors is None
    assert seen == ["things", "number", "name"]
