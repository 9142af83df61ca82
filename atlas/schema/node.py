"""The Node interface: whatever has a global id."""

import strawberry


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(description="The object's id in all of Atlas, opaque, and the same for ever.")
