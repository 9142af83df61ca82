"""Syncs from Microsoft Graph at the command line: asked for, waited for with the progress of each type, cancelled."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from atlas.cli.output import progress
from atlas.cli.waiting import until
from atlas.domain.errors import OperatorError
from atlas.domain.vocabulary import SyncRunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.cli.caller import Caller
    from atlas.cli.output import Progress

_OPEN = frozenset({SyncRunStatus.QUEUED, SyncRunStatus.RUNNING})


async def sync_graph(
    caller: "Caller",
    tenant: str,
    *,
    item_types: "Sequence[str] | None",
    timeout: float,  # noqa: ASYNC109  # It ends the waiting with an error of its own, and not the run.
    quiet: bool,
) -> dict[str, Any]:
    """Asks for the run, waits until it has ended or is held, and returns it under the field names of SyncRun."""
    from atlas import sync
    from atlas.cli.caller import tenant_named
    from atlas.cli.drift import send

    entry = await tenant_named(caller.db, caller.of(None), tenant)
    requested = await sync.start_sync(caller.db, caller.of(entry.id), item_types=item_types)
    await send(caller, requested.jobs)
    with progress("Waiting for the worker", quiet=quiet) as moved:
        return await _ended(caller, entry.id, requested.run_id, timeout, moved)


async def cancel_run(caller: "Caller", tenant: str, run: str, *, reason: str | None) -> dict[str, Any]:
    """Cancels the run, by any of its ids, and returns it as it is then."""
    from atlas import sync
    from atlas.cli.caller import tenant_named
    from atlas.cli.drift import run_key
    from atlas.cli.graph import SYNC_RUN, node
    from atlas.schema.ids import encode_id

    run_id = run_key(run, "RUN")
    entry = await tenant_named(caller.db, caller.of(None), tenant)
    await sync.cancel_sync(caller.db, caller.of(entry.id), run_id, reason=reason)
    return await node(caller, "SyncRun", SYNC_RUN, encode_id("SyncRun", entry.id, run_id))


def under_way(coverage: "Sequence[dict[str, Any]]", reading: "Sequence[dict[str, Any]]") -> str | None:
    """Which type is read, and how far: the one of which objects are there and no coverage yet."""
    ended = {one["itemType"] for one in coverage}
    told = [f"Reading {one['itemType']}: {one['objects']:,}" for one in reading if one["itemType"] not in ended]
    return told[0] if told else None


async def _ended(caller: "Caller", tenant_id: UUID, run_id: UUID, seconds: float, moved: "Progress") -> dict[str, Any]:
    """The run once it waits for no worker any more. Raises `OperatorError` WAITED_TOO_LONG after the seconds."""
    from atlas.cli.graph import SYNC_RUN, node
    from atlas.schema.ids import encode_id

    async def read() -> dict[str, Any] | None:
        run = await node(caller, "SyncRun", SYNC_RUN, encode_id("SyncRun", tenant_id, run_id))
        if run["progress"]:
            moved(run["progress"]["done"], run["progress"]["total"], under_way(run["coverage"], run["reading"]))
        return None if run["status"] in _OPEN else run

    late = OperatorError(
        "WAITED_TOO_LONG",
        f"After {seconds:g} seconds the sync run {run_id} has not ended.",
        "See that a worker runs (`atlas up` or `atlas worker`). The run goes on; `atlas sync cancel` ends it.",
    )
    return await until(read, seconds, late)
