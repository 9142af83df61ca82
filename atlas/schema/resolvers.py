"""Strawberry's field decorator, with the type that it keeps: what it decorates stays a method."""

from collections.abc import Callable
from typing import TypeVar, cast

import strawberry

F = TypeVar("F", bound=Callable[..., object])


def resolved(description: str) -> Callable[[F], F]:
    """A field that a method resolves."""
    return cast("Callable[[F], F]", strawberry.field(description=description))


def mutation(description: str) -> Callable[[F], F]:
    return cast("Callable[[F], F]", strawberry.mutation(description=description))
