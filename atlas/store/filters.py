"""Filters as conditions that an index answers under row level security: a prefix, for one, is a range."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, ColumnElement, any_, false, literal, select

from atlas.store.tables import scopes

_LAST_CODE_POINT = 0x10FFFF
_BEFORE_SURROGATES, _AFTER_SURROGATES = 0xD7FF, 0xE000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter:
    """All that is given must hold; `any_of` empty matches nothing, `starts_with` empty everything."""

    eq: str | None = None
    any_of: tuple[str, ...] | None = None
    starts_with: str | None = None

    def conditions(self, column: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
        if self.eq is not None:
            yield column == self.eq
        if self.any_of is not None:
            yield among(column, self.any_of)
        if self.starts_with:
            yield column >= self.starts_with
            end = prefix_end(self.starts_with)
            if end is not None:
                yield column < end


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFilter:
    """From `gte` on, up to but without `lt`."""

    gte: datetime | None = None
    lt: datetime | None = None

    def conditions(self, column: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
        if self.gte is not None:
            yield column >= self.gte
        if self.lt is not None:
            yield column < self.lt


def among(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """`column = any(values)` with one bound array, so that the statement is the same for any number of values."""
    if not values:
        return false()
    return column == any_(literal(list(values), ARRAY(column.type)))


def of_scope_key(
    tenant_id: UUID | None, scope_id: Column[UUID], scope_key: TextFilter | None
) -> Iterator[ColumnElement[bool]]:
    """One key becomes one scope id, looked up once, which keeps the indexes that a scope's id leads."""
    if scope_key is None:
        return
    wanted = select(scopes.c.id).where(scopes.c.tenant_id == tenant_id, *scope_key.conditions(scopes.c.key))
    yield scope_id == wanted.scalar_subquery() if scope_key.eq is not None else scope_id.in_(wanted)


def prefix_end(prefix: str) -> str | None:
    """The least text after all that start with `prefix`, in the order of code points; None where there is none."""
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position])
        if code < _LAST_CODE_POINT:
            following = _AFTER_SURROGATES if code == _BEFORE_SURROGATES else code + 1
            return prefix[:position] + chr(following)
    return None
