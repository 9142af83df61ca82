"""What a request loads is shared by its fields, and one that ends early takes nothing from the others."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

from atlas.access import Principal
from atlas.schema.context import GraphQLContext
from atlas.store.database import Database


async def test_a_field_that_is_cancelled_does_not_end_those_that_wait_for_the_same_object(api: Database) -> None:
    asked: list[Sequence[str]] = []

    async def batch(_context: GraphQLContext, _tenant_id: UUID | None, keys: Sequence[str]) -> Mapping[str, int]:
        asked.append(keys)
        await asyncio.sleep(0.05)
        return {key: len(key) for key in keys}

    context = GraphQLContext(db=api, principal=Principal(uuid4(), "USER", "somebody"))
    one, other = (asyncio.create_task(context.load(batch, None, "key")) for _ in range(2))
    await asyncio.sleep(0.01)
    one.cancel()
    assert await other == 3
    assert await context.load(batch, None, "key") == 3
    assert asked == [["key"]]
    assert one.cancelled()
