"""Strawberry's field decorator, with the type that it keeps: what it decorates stays a method."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., object])

RELATION = "relation"


@dataclass(frozen=True, slots=True)
class Relation:
    """Tells the executor what a resolver does that loads one object of its own object's tenant, which must be there.

    `loader` names a function `(context, tenant_id, key)`, which is found late, since types refer to each other in
    circles; `key` names the attribute that holds the key.
    """

    loader: str
    key: str

    def function(self) -> Callable[..., Any]:
        module, _, name = self.loader.rpartition(".")
        return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))


def resolved(description: str, relation: Relation | None = None) -> Callable[[F], F]:
    """A field that a method resolves. With a `relation`, lists read the objects of all their items together."""
    metadata = {} if relation is None else {RELATION: relation}
    return cast("Callable[[F], F]", strawberry.field(description=description, metadata=metadata))


def mutation(description: str) -> Callable[[F], F]:
    return cast("Callable[[F], F]", strawberry.mutation(description=description))
