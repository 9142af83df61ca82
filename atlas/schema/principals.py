"""Principals: who acts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext
from atlas.schema.enums import PrincipalKind
from atlas.schema.ids import encode_id
from atlas.schema.node import Node
from atlas.store import members as store


@strawberry.type(description="Who acts: a person or a program. The same in every tenant.")
class Principal(Node):
    kind: PrincipalKind = strawberry.field(description="A person or a program.")
    display_name: str = strawberry.field(description="How to call it.")


def principal_of(key: UUID, kind: str, display_name: str) -> Principal:
    return Principal(id=encode_id("Principal", None, key), kind=PrincipalKind(kind), display_name=display_name)


def viewer_of(context: GraphQLContext) -> Principal:
    """Whoever asks; needs no query."""
    return principal_of(context.principal.id, context.principal.kind, context.principal.display_name)


async def load_principal(context: GraphQLContext, tenant_id: UUID, key: UUID | None) -> Principal | None:
    """A principal that the tenant knows, or whoever asks. None where there is no key, too."""
    if key is None:
        return None
    if key == context.principal.id:
        return viewer_of(context)
    return await context.load(_principals, tenant_id, key)


async def load_principal_anywhere(context: GraphQLContext, key: UUID) -> Principal | None:
    """Whoever asks, or a principal that one of their tenants knows."""
    if key == context.principal.id:
        return viewer_of(context)
    return await context.load(_anywhere, None, key)


async def _principals(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, Principal]:
    async with context.read(tenant_id) as connection:
        rows = await store.principals(connection, tenant_id, keys)
    return {row.principal_id: principal_of(row.principal_id, row.kind, row.display_name) for row in rows}


async def _anywhere(context: GraphQLContext, _tenant_id: None, keys: Sequence[UUID]) -> Mapping[UUID, Principal]:
    """Each tenant knows its own principals, so they are asked in turn until all are found."""
    found: dict[UUID, Principal] = {}
    async with context.read(None) as connection:
        tenant_ids = await store.tenant_ids(connection, context.principal.id)
    for tenant_id in tenant_ids:
        missing = [key for key in keys if key not in found]
        if not missing:
            break
        found.update(await _principals(context, tenant_id, missing))
    return found
