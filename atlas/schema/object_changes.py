"""Object changes: how objects differ between two runs, computed when asked for."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from atlas.domain import evidence
from atlas.moved import Difference, changes_of, since_last_run
from atlas.schema.changes import FirstChanges, Offset, PropertyChange, check_part
from atlas.schema.context import GraphQLContext, Info
from atlas.schema.enums import ChangeType
from atlas.schema.inputs import bad_user_input
from atlas.schema.labels import changes_with_labels
from atlas.schema.resolvers import resolved

MOST_OBJECTS = 100

FirstObjects = Annotated[int, strawberry.argument(description="How many, 0 to 100.")]

_Part = tuple[UUID, int, int]


@strawberry.type(description="How one object differs between two runs. It is no finding: nothing of it is kept.")
class ObjectChange:
    item_type: str = strawberry.field(description="The object's item type.")
    external_id: str = strawberry.field(description="The object's id in its source.")
    display_name: str = strawberry.field(description="Its name, as it is or last was.")
    change_type: ChangeType = strawberry.field(description="What happened to the object.")
    tenant_id: strawberry.Private[UUID]
    told: strawberry.Private[Sequence[evidence.PropertyChange]]

    @resolved("What changed in it, by path.")
    async def changes(self, info: Info, first: FirstChanges = 50, offset: Offset = 0) -> list[PropertyChange]:
        check_part(first, offset)
        return await changes_with_labels(info, self.tenant_id, self.told[offset : offset + first])


async def changes_since_last_run(
    context: GraphQLContext, tenant_id: UUID, scope_id: UUID, *, first: int, offset: int
) -> list[ObjectChange]:
    """Raises BAD_USER_INPUT where more is asked for than is given at a time."""
    if not 0 <= first <= MOST_OBJECTS:
        raise bad_user_input(f"first must be from 0 to {MOST_OBJECTS}: objects are compared a part at a time.")
    check_part(0, offset)
    return await context.load(_since_last_run, tenant_id, (scope_id, first, offset)) or []


async def _since_last_run(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[_Part]
) -> Mapping[_Part, list[ObjectChange]]:
    async with context.read(tenant_id) as connection:
        read = {
            (scope_id, first, offset): await since_last_run(connection, tenant_id, scope_id, first=first, offset=offset)
            for scope_id, first, offset in keys
        }
    return {key: await asyncio.to_thread(_told, tenant_id, difference) for key, difference in read.items()}


def _told(tenant_id: UUID, difference: Difference) -> list[ObjectChange]:
    """Long for large objects, so it is done beside the event loop."""
    return [
        ObjectChange(
            item_type=move.item_type,
            external_id=move.external_id,
            display_name=move.display_name,
            change_type=move.change_type,
            tenant_id=tenant_id,
            told=changes_of(move, difference.bodies),
        )
        for move in difference.moves
    ]
