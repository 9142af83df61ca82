"""The printed schema: kept in the project, complete, and described in full."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    DangerousChangeType,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
)

from atlas.schema.root import schema, sdl

ROOT = Path(__file__).resolve().parents[2]
HELD = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType


@pytest.mark.parametrize("kept", ["atlas/schema/schema.graphql", "specs/044-drift-mvp/contracts/schema.graphql"])
def test_the_kept_schema_is_the_schema_of_the_code(kept: str) -> None:
    assert (ROOT / kept).read_text() == sdl(), "run `make schema`"


def test_everything_that_callers_rely_on_is_there_with_its_type() -> None:
    contract = build_schema((Path(__file__).parent / "contract.graphql").read_text())
    missing = set(members(contract)) - set(members(build_schema(sdl())))
    assert not missing


def test_nothing_that_was_released_breaks() -> None:
    released = (ROOT / "specs/044-drift-mvp/contracts/released.graphql").read_text()
    assert breaks(released, sdl()) == []


def breaks(released: str, now: str) -> list[str]:
    """What a client of the one would miss in the other, a default too: graphql-core calls that dangerous alone."""
    before, after = build_schema(released), build_schema(now)
    defaults = {DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE, DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE}
    dangerous = [change for change in find_dangerous_changes(before, after) if change.type in defaults]
    return [change.description for change in [*find_breaking_changes(before, after), *dangerous]]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("  viewer: Viewer!", "  viewer: Viewer"),
        ("  sinceLastRun(", "  changedSince("),
        ("  reason: String!", "  reason: String!\n\n  ticket: String!"),
        ("  ACKNOWLEDGED\n", "  ACCEPTED\n"),
        ("type Finding implements Node {", "type Finding {"),
        ("  first: Int! = 50", "  first: Int!"),
        ("    offset: Int! = 0", "    offset: Int! = 1"),
        ("  suppressed: Boolean = false", "  suppressed: Boolean"),
    ],
)
def test_a_change_that_breaks_a_client_is_found(was: str, becomes: str) -> None:
    assert was in sdl()
    broken = sdl().replace(was, becomes)
    assert breaks(sdl(), broken) != []


def test_the_interfaces_of_the_contract_are_implemented() -> None:
    contract = build_schema((Path(__file__).parent / "contract.graphql").read_text())
    printed = build_schema(sdl())

    def names(of: GraphQLSchema) -> set[str]:
        return {implementer.name for implementer in of.get_implementations(of.type_map["Node"]).objects}  # type: ignore[arg-type]

    assert names(contract) <= names(printed)


def test_every_member_of_the_schema_is_described() -> None:
    undescribed = [name for name, description in descriptions(schema._schema) if not (description or "").strip()]
    assert undescribed == []


def test_every_description_is_a_sentence() -> None:
    unfinished = [
        name for name, description in descriptions(schema._schema) if not (description or "").endswith((".", "?"))
    ]
    assert unfinished == []


def members(of: GraphQLSchema) -> Iterator[str]:
    """Every type, field, argument, input field and enum value with its type."""
    for name, type_ in own_types(of):
        yield f"{type(type_).__name__} {name}"
        if isinstance(type_, GraphQLEnumType):
            yield from (f"{name}.{value}" for value in type_.values)
        if isinstance(type_, HELD):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}: {field.type}"
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name}: {argument.type} = {argument.default_value})"


def descriptions(of: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, type_ in own_types(of):
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{key}", value.description) for key, value in type_.values.items())
        if isinstance(type_, HELD):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name})", argument.description


def own_types(of: GraphQLSchema) -> Iterator[tuple[str, GraphQLNamedType]]:
    return ((name, type_) for name, type_ in of.type_map.items() if not name.startswith("__"))
