"""The schema: all types joined, and its text."""

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    introspection_from_schema,
)
from strawberry.schema.config import StrawberryConfig

from atlas.schema.errors import Masking
from atlas.schema.executor.running import PlannedExecutor
from atlas.schema.limits import Limiting
from atlas.schema.mutation import Mutation
from atlas.schema.query import Query
from atlas.schema.scalars import SCALARS
from atlas.schema.subscription import Subscription


def build(*, planned: bool = True) -> strawberry.Schema:
    """Without `planned`, graphql-core's own executor does everything, which is slower and answers the same."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Limiting(), Masking],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=PlannedExecutor if planned else None,
    )
    _drop_null_defaults(schema._schema)  # noqa: SLF001
    return schema


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """What may be left out defaults to None in Python. In the schema that is no default: `first: Int`."""
    takers: list[GraphQLArgument | GraphQLInputField] = []
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            takers += type_.fields.values()
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            takers += (argument for field in type_.fields.values() for argument in field.args.values())
    for taker in takers:
        if taker.default_value is None:
            taker.default_value = Undefined


schema = build()


def introspection() -> Mapping[str, Any]:
    """What the standard query of introspection answers, asked of the schema itself."""
    return introspection_from_schema(schema._schema)  # noqa: SLF001


def sdl() -> str:
    """The schema in GraphQL's schema definition language, as `atlas schema` prints it."""
    return schema.as_str() + "\n"
