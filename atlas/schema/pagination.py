"""Relay connections on keyset cursors: opaque, bound to the order of their list, valid under any filter."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import strawberry

from atlas.schema.context import GraphQLContext, Info
from atlas.schema.inputs import bad_cursor, bad_user_input, is_storable
from atlas.schema.resolvers import resolved
from atlas.store.pages import (
    Key,
    Listing,
    Order,
    Position,
    Row,
    Slice,
    Value,
    Window,
    fetch_beyond,
    fetch_counts,
    fetch_slices,
)

MOST = 100
_LONGEST_CURSOR = 8192
_INT4 = range(-(2**31), 2**31)

T = TypeVar("T")
N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page was read by; asks for more only when somebody selects it."""

    context: GraphQLContext
    tenant_id: UUID | None
    parent: UUID
    listing: Listing
    window: Window
    part: Slice

    async def goes_on(self, *, forward: bool) -> bool:
        """On the far side the page itself read one row further; on the near side a cursor may hide rows."""
        if self.part.more and forward != self.window.backward:
            return True
        position = self.window.before if forward else self.window.after
        if position is None:
            return False
        key = (self.listing, position, not forward, self.parent)
        return bool(await self.context.load(_beyond, self.tenant_id, key))

    async def total(self) -> int:
        return await self.context.load(_totals, self.tenant_id, (self.listing, self.parent)) or 0


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null for an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge; null for an empty page.")
    page: strawberry.Private[_Page]

    @resolved("Does anything follow this page?")
    async def has_next_page(self) -> bool:
        return await self.page.goes_on(forward=True)

    @resolved("Does anything come before this page?")
    async def has_previous_page(self) -> bool:
        return await self.page.goes_on(forward=False)


@strawberry.type(description="An object in a list, with its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Its place: pass it as after or before.")
    node: T = strawberry.field(description="The object.")


@strawberry.type(description="A page of a list, after the Relay cursor connections specification.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The objects of this page.")
    page: strawberry.Private[_Page]

    @resolved("The objects of this page, each with its cursor.")
    def edges(self) -> list[Edge[T]]:
        cursors = (encode_cursor(self.page.listing.order, row) for row in self.page.part.rows)
        return [Edge(cursor=cursor, node=node) for cursor, node in zip(cursors, self.nodes, strict=True)]

    @resolved("Where this page stands in the list.")
    def page_info(self) -> PageInfo:
        order, rows = self.page.listing.order, self.page.part.rows
        return PageInfo(
            start_cursor=encode_cursor(order, rows[0]) if rows else None,
            end_cursor=encode_cursor(order, rows[-1]) if rows else None,
            page=self.page,
        )

    @resolved("How many objects the list has on all its pages; costs a query of its own.")
    async def total_count(self) -> int:
        return await self.page.total()


async def connect(
    info: Info,
    node: Callable[[Row], N],
    listing: Listing,
    *,
    tenant_id: UUID | None,
    parent: UUID,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Connection[N]:
    """The page that a field's arguments ask for, with `node` made of each row.

    Pages of siblings with equal arguments are read in one statement a tenant.
    Raises BAD_USER_INPUT for sizes that are missing, doubled or out of bounds, BAD_CURSOR for cursors of elsewhere.
    """
    window = window_of(listing.order, first=first, after=after, last=last, before=before)
    part = await info.context.load(_slices, tenant_id, (listing, window, parent)) or Slice()
    page = _Page(info.context, tenant_id, parent, listing, window, part)
    return Connection(nodes=[node(row) for row in part.rows], page=page)


def window_of(
    order: Order, *, first: int | None, after: str | None, last: int | None = None, before: str | None = None
) -> Window:
    """Checks the arguments of a connection field. An argument that is null counts as not given."""
    if (first is None) == (last is None):
        raise bad_user_input("Give either first or last, from 1 to 100: lists are read a page at a time.")
    size = first if first is not None else last
    if size is None or not 1 <= size <= MOST:
        raise bad_user_input(f"{'first' if last is None else 'last'} must be from 1 to {MOST}.")
    return Window(
        size,
        backward=first is None,
        after=None if after is None else decode_cursor(order, after),
        before=None if before is None else decode_cursor(order, before),
    )


def encode_cursor(order: Order, row: Row) -> str:
    """base64url of the JSON array [name of the order, position...]."""
    return cursor_of(order.name, order.position(row))


def cursor_of(name: str, position: Iterable[Value]) -> str:
    values = [_plain(value) for value in position]
    return base64.urlsafe_b64encode(orjson.dumps([name, *values])).rstrip(b"=").decode()


def decode_cursor(order: Order, cursor: str) -> Position:
    """The position in a cursor of this order; raises BAD_CURSOR for any other text."""
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise bad_cursor()
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, *values = orjson.loads(plain)
        if name != order.name:
            raise bad_cursor()
        return tuple(_value(key, value) for key, value in zip(order.keys, values, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise bad_cursor() from error


def _plain(value: Value) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.hex if isinstance(value, UUID) else value


def _value(key: Key, value: object) -> Value:
    if key.type is int:
        if isinstance(value, int) and not isinstance(value, bool) and value in _INT4:
            return value
        raise ValueError("not a number")
    if not isinstance(value, str) or not is_storable(value):
        raise ValueError("not a text")
    if key.type is UUID:
        return UUID(hex=value)
    if key.type is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("not a point in time")
        return moment.astimezone(UTC)
    return value


async def _slices(
    context: GraphQLContext, tenant_id: UUID | None, keys: Sequence[tuple[Listing, Window, UUID]]
) -> Mapping[tuple[Listing, Window, UUID], Slice]:
    async def read(listing: Listing, window: Window, parents: Sequence[UUID]) -> Mapping[UUID, Slice]:
        async with context.read(tenant_id) as connection:
            return await fetch_slices(connection, tenant_id, listing, window, parents)

    return await _each_group(keys, read)


async def _totals(
    context: GraphQLContext, tenant_id: UUID | None, keys: Sequence[tuple[Listing, UUID]]
) -> Mapping[tuple[Listing, UUID], int]:
    async def read(listing: Listing, parents: Sequence[UUID]) -> Mapping[UUID, int]:
        async with context.read(tenant_id) as connection:
            return await fetch_counts(connection, tenant_id, listing, parents)

    return await _each_group(keys, read)


async def _beyond(
    context: GraphQLContext, tenant_id: UUID | None, keys: Sequence[tuple[Listing, Position, bool, UUID]]
) -> Mapping[tuple[Listing, Position, bool, UUID], bool]:
    async def read(listing: Listing, position: Position, before: bool, parents: Sequence[UUID]) -> Mapping[UUID, bool]:
        async with context.read(tenant_id) as connection:
            return await fetch_beyond(connection, tenant_id, listing, position, parents, before=before)

    return await _each_group(keys, read)


async def _each_group(
    keys: Sequence[tuple[Any, ...]], read: Callable[..., Awaitable[Mapping[UUID, T]]]
) -> dict[Any, T]:
    """A key ends with a parent. Parents whose keys are else equal are read together, the groups side by side."""
    groups: dict[tuple[Any, ...], list[UUID]] = {}
    for *shared, parent in keys:
        groups.setdefault(tuple(shared), []).append(parent)
    answers = await asyncio.gather(*(read(*shared, parents) for shared, parents in groups.items()))
    return {
        (*shared, parent): value
        for shared, of_parent in zip(groups, answers, strict=True)
        for parent, value in of_parent.items()
    }
