"""Memberships: set and remove."""

import strawberry

from atlas import access
from atlas.schema.context import Info
from atlas.schema.enums import Role
from atlas.schema.members import Membership, load_membership
from atlas.schema.mutations.payload import UserError, object_of, outcome, tenant_of


@strawberry.input(description="Who is to have which role.")
class SetMembershipInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    principal_id: strawberry.ID = strawberry.field(description="The principal.")
    role: Role = strawberry.field(description="The role that they are to have.")


@strawberry.input(description="Who is to be a member no more.")
class RemoveMembershipInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    principal_id: strawberry.ID = strawberry.field(description="The principal.")


@strawberry.type(description="What became of a change of membership.")
class SetMembershipPayload:
    membership: Membership | None = strawberry.field(default=None, description="The membership as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of a removal.")
class RemoveMembershipPayload:
    removed: bool = strawberry.field(description="Were they a member until now?")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def set_membership(info: Info, given: SetMembershipInput) -> SetMembershipPayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        principal = object_of(given.principal_id, "Principal", "principalId")
        key = await access.set_membership(context.db, context.of(tenant_id), principal.key, given.role)
        context.forget()
        return SetMembershipPayload(membership=await load_membership(context, tenant_id, key), errors=[])
    return SetMembershipPayload(errors=result.errors)


async def remove_membership(info: Info, given: RemoveMembershipInput) -> RemoveMembershipPayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        principal = object_of(given.principal_id, "Principal", "principalId")
        removed = await access.remove_membership(context.db, context.of(tenant_id), principal.key)
        context.forget()
        return RemoveMembershipPayload(removed=removed, errors=[])
    return RemoveMembershipPayload(removed=False, errors=result.errors)
