"""`atlas graph test`: a connection that the worker tries once more."""

from typing import TYPE_CHECKING, Any

from atlas.cli.connections import all_of, shown
from atlas.cli.waiting import until
from atlas.domain.errors import OperatorError, RefusedError
from atlas.domain.vocabulary import ConnectionStatus, UserErrorCode

if TYPE_CHECKING:
    from atlas.cli.caller import Door
    from atlas.cli.place import Place
    from atlas.connections import GraphConnection

_ENDED = frozenset({ConnectionStatus.SUCCEEDED, ConnectionStatus.FAILED})


async def tried_again(
    place: "Place", token: str | None, tenant: str, wanted: str | None, *, seconds: float
) -> dict[str, Any]:
    """The connection once its trial has ended. Raises `OperatorError` WAITED_TOO_LONG after the seconds."""
    from atlas import connections
    from atlas.cli.caller import operating_in, pool
    from atlas.cli.drift import tell_worker

    async with operating_in(place, token, tenant) as door:
        chosen = await _chosen(door, wanted)
        async with pool(place.url("owner_database")) as owner:
            job = await connections.try_again(door.db, owner, door.context, chosen.id)
        await tell_worker(place, [job])

        async def read() -> dict[str, Any] | None:
            one = next((one for one in await all_of(door) if one.id == chosen.id), None)
            if one is None:
                raise RefusedError(UserErrorCode.NOT_FOUND, connections.UNKNOWN)
            return shown(door.context.tenant_id, one) if one.status in _ENDED else None

        late = OperatorError(
            "WAITED_TOO_LONG",
            f"After {seconds:g} seconds nobody has tried the connection.",
            "See that a worker runs (`atlas up` or `atlas worker`); `atlas graph list` tells how it went.",
        )
        return await until(read, seconds, late)


async def _chosen(door: "Door", wanted: str | None) -> "GraphConnection":
    """The connection of this id, or the only one that there is."""
    from atlas.connections import UNKNOWN

    there = await all_of(door)
    if wanted is None and len(there) > 1:
        message = "The tenant has several connections: name one. `atlas graph list` shows them."
        raise RefusedError(UserErrorCode.INVALID_INPUT, message)
    for one in there:
        told = shown(door.context.tenant_id, one)
        if wanted is None or wanted in {told["id"], told["uuid"]}:
            return one
    raise RefusedError(UserErrorCode.NOT_FOUND, UNKNOWN)
