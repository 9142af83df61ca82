"""The schema as one page of the documents: every type, field, argument and value, with what it means.

`python -m atlas.schema.reference` prints it; `make schema` writes it anew, and a test compares the two.
"""

import sys
from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
    print_ast,
)
from graphql.utilities.get_default_value_ast import get_default_value_ast

from atlas.schema.root import schema

HEAD = """# The schema

Generated from the code by `make schema`, and compared with it by a test. The same as SDL:
[schema.graphql](../atlas/schema/schema.graphql).
"""
ROOTS = {"Query": "Queries", "Mutation": "Mutations", "Subscription": "Subscriptions"}
KINDS: dict[str, type[GraphQLNamedType]] = {
    "Objects": GraphQLObjectType,
    "Interfaces": GraphQLInterfaceType,
    "Inputs": GraphQLInputObjectType,
    "Enumerations": GraphQLEnumType,
    "Scalars": GraphQLScalarType,
}

Described = GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue


def page(of: GraphQLSchema) -> str:
    """The page, in Markdown. Types stand in the order of their names, members as the schema has them."""
    types = {name: type_ for name, type_ in sorted(of.type_map.items()) if not name.startswith("__")}
    lines = [HEAD]
    for name, title in ROOTS.items():
        if isinstance(root := types.pop(name, None), GraphQLObjectType):
            lines += [f"## {title}", "", *_fields(root), ""]
    for title, kind in KINDS.items():
        lines += [f"## {title}", ""]
        for name, type_ in types.items():
            if isinstance(type_, kind):
                lines += [f"### {name}", "", *_told(type_), ""]
    return "\n".join(lines).rstrip() + "\n"


def _told(type_: GraphQLNamedType) -> Iterator[str]:
    yield _line(type_.description)
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        if type_.interfaces:
            yield f"\nIs a {', '.join(_link(one) for one in type_.interfaces)}."
        yield ""
        yield from _fields(type_)
    elif isinstance(type_, GraphQLInputObjectType):
        if type_.is_one_of:
            yield "\nExactly one of these is given."
        yield from ("", "| field | type | what it is |", "| --- | --- | --- |")
        yield from (_taken(name, field) for name, field in type_.fields.items())
    elif isinstance(type_, GraphQLEnumType):
        yield from ("", "| value | what it means |", "| --- | --- |")
        yield from (f"| `{name}` | {_meaning(value)} |" for name, value in type_.values.items())


def _fields(type_: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[str]:
    yield from ("| field | type | what it is |", "| --- | --- | --- |")
    for name, field in type_.fields.items():
        yield f"| `{name}` | {_link(field.type)} | {_meaning(field)} |"
        yield from (_taken(f"({argument})", taken) for argument, taken in field.args.items())


def _taken(name: str, taker: GraphQLArgument | GraphQLInputField) -> str:
    given = get_default_value_ast(taker)
    default = f" `= {print_ast(given)}`" if given else ""
    return f"| `{name}` | {_link(taker.type)}{default} | {_meaning(taker)} |"


def _meaning(one: Described) -> str:
    deprecated = f" **Deprecated:** {one.deprecation_reason}" if one.deprecation_reason else ""
    return _line(one.description) + deprecated


def _line(description: str | None) -> str:
    return " ".join((description or "").split()).replace("|", "\\|")


def _link(type_: GraphQLType) -> str:
    return f"[`{type_}`](#{get_named_type(type_).name.lower()})"


if __name__ == "__main__":
    sys.stdout.write(page(schema._schema))  # noqa: SLF001
