"""What a selection asks of one object, as a value: equal shapes have equal code, whichever document asks.

Whatever is not described here has no shape, and is left to graphql-core.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.types.field import StrawberryField

from atlas.schema.resolvers import RELATION, Relation

DEFINITION = "strawberry-definition"

# The response names and the details of the fields that graphql-core has collected for one object.
Grouped = Mapping[str, Any]
# Collects what a field's selection asks of an object of this type.
Collect = Callable[[GraphQLObjectType, Any], Grouped]


@dataclass(frozen=True, slots=True)
class Name:
    """`__typename`."""

    type_name: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """An attribute that holds a scalar or an enum value; `items` says whether those of a list may be null."""

    attribute: str
    type: GraphQLLeafType
    nullable: bool
    is_list: bool = False
    items_nullable: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """An attribute that holds an object."""

    attribute: str
    nullable: bool
    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Related:
    """An object that is loaded by a key in an attribute, together with those of all other items."""

    relation: Relation
    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Other:
    """A field that graphql-core resolves and completes."""


Part = Name | Leaf | Embedded | Related | Other


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an object in the order of the answer."""

    type: GraphQLObjectType
    parts: tuple[tuple[str, Part], ...]

    @property
    def plain(self) -> bool:
        """Can all of it be read from the object itself?"""
        return all(
            isinstance(part, Name | Leaf) or (isinstance(part, Embedded) and part.shape.plain) for _, part in self.parts
        )

    @property
    def listable(self) -> bool:
        """Can all of it be read from the object itself, and from what is loaded for a whole list?"""
        return all(
            isinstance(part, Name | Leaf | Related) or (isinstance(part, Embedded) and part.shape.listable)
            for _, part in self.parts
        )


def shape_of(type_: GraphQLObjectType, grouped: Grouped, collect: Collect) -> Shape:
    return Shape(type_, tuple((name, _part(type_, details, collect)) for name, details in grouped.items()))


def _part(parent: GraphQLObjectType, details: Any, collect: Collect) -> Part:
    field_name = details[0].node.name.value
    if field_name == "__typename":
        return Name(parent.name)
    field = parent.fields.get(field_name)
    definition = field.extensions.get(DEFINITION) if field is not None else None
    if field is None or not isinstance(definition, StrawberryField):
        return Other()
    relation = definition.metadata.get(RELATION)
    if relation is not None:
        return _related(field, relation, details, collect)
    # A default resolver reads the attribute, and nothing else.
    if definition.is_basic_field and not field.args and definition.python_name is not None:
        return _attribute(definition.python_name, field, details, collect)
    return Other()


def _attribute(name: str, field: GraphQLField, details: Any, collect: Collect) -> Part:
    nullable, inner = _nullable(field.type)
    if is_leaf_type(inner):
        return Leaf(name, inner, nullable)
    if is_list_type(inner):
        return _list(name, nullable, inner)
    if is_object_type(inner):
        shape = shape_of(inner, collect(inner, details), collect)
        return Embedded(name, nullable, shape) if shape.listable else Other()
    return Other()


def _list(attribute: str, nullable: bool, type_: GraphQLList[Any]) -> Part:
    items_nullable, item = _nullable(type_.of_type)
    return Leaf(attribute, item, nullable, True, items_nullable) if is_leaf_type(item) else Other()


def _related(field: GraphQLField, relation: Relation, details: Any, collect: Collect) -> Part:
    nullable, inner = _nullable(field.type)
    if nullable or not is_object_type(inner):
        return Other()
    shape = shape_of(inner, collect(inner, details), collect)
    return Related(relation, shape) if shape.plain else Other()


def _nullable(type_: GraphQLOutputType) -> tuple[bool, Any]:
    return (False, type_.of_type) if is_non_null_type(type_) else (True, type_)
