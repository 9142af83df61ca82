"""The viewer: whoever asks."""

import strawberry

from atlas.schema.context import Info
from atlas.schema.inputs import After, First
from atlas.schema.members import Membership, membership_of
from atlas.schema.pagination import Connection, connect
from atlas.schema.principals import Principal, viewer_of
from atlas.schema.resolvers import resolved
from atlas.store import members
from atlas.store.pages import Listing


@strawberry.type(description="Whoever asks.")
class Viewer:
    @resolved("As whom.")
    def principal(self, info: Info) -> Principal:
        return viewer_of(info.context)

    @resolved("Of which tenants they are a member, the oldest membership first.")
    async def memberships(self, info: Info, first: First = None, after: After = None) -> Connection[Membership]:
        listing = Listing(members.of_principal, members.ORDER)
        principal_id = info.context.principal.id
        return await connect(
            info, membership_of, listing, tenant_id=None, parent=principal_id, first=first, after=after
        )
