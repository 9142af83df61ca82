"""`atlas drift`: asks for drift, waits for the worker, shows what it found in numbers."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Tenant, Token
from atlas.cli.output import print_json, progress, row, say, stdout, table
from atlas.domain.vocabulary import DriftRunStatus

if TYPE_CHECKING:
    from atlas.cli.caller import Caller
    from atlas.cli.place import Place
    from atlas.store.database import Context

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_SHORTEST_KEY = 6
_ENDED = frozenset({DriftRunStatus.SUCCEEDED, DriftRunStatus.FAILED})

RunId = Annotated[
    str | None, typer.Option(metavar="RUN", show_default=False, help="The id of a recorded sync run of the scope.")
]


def drift(
    tenant: Tenant,
    scope: Annotated[
        str | None,
        typer.Option("--scope", metavar="KEY", show_default=False, help="Its key or label, where there are several."),
    ] = None,
    baseline: RunId = None,
    current: RunId = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for the worker.")
    ] = 600,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Queues drift generation for the worker, waits for it, and prints what changed in numbers.

    Without named runs it covers every pair of recorded runs that nobody has generated yet, and shows the newest.
    """
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        return await generate(
            caller, tenant, scope=scope, baseline=baseline, current=current, timeout=timeout, quiet=as_json
        )

    run = act(home, token, work, worker=True)
    if as_json:
        print_json(run)
    else:
        show(run)
    if run["status"] == DriftRunStatus.FAILED:
        raise typer.Exit(1)


async def generate(
    caller: "Caller",
    tenant: str,
    *,
    scope: str | None = None,
    baseline: str | None = None,
    current: str | None = None,
    timeout: float,  # noqa: ASYNC109  # It ends the waiting with an error of its own, and not the run.
    quiet: bool,
) -> dict[str, Any]:
    """Asks for drift, waits until all that was queued for it has ended, and returns the newest run."""
    from atlas.cli.caller import tenant_named
    from atlas.cli.graph import DRIFT_RUN, node
    from atlas.drift import request_drift
    from atlas.schema.ids import encode_id

    entry = await tenant_named(caller.db, caller.of(None), tenant)
    context = caller.of(entry.id)
    requested = await request_drift(
        caller.db,
        context,
        scope_key=await _scope_key(caller, entry.id, entry.name, scope),
        baseline_run_id=run_key(baseline, "--baseline") if baseline else None,
        current_run_id=run_key(current, "--current") if current else None,
    )
    await send(caller, requested.jobs)
    waited = list(dict.fromkeys([*(job.run_id for job in requested.jobs), requested.run_id]))
    await _wait(caller, context, waited, timeout, quiet=quiet)
    return await node(caller, "DriftRun", DRIFT_RUN, encode_id("DriftRun", entry.id, requested.run_id))


def show(run: dict[str, Any]) -> None:
    """The run as a line, its counts and what was not evaluated as tables."""
    pair = f"run {run['baselineRun']['sequence']} to run {run['currentRun']['sequence']}"
    say(f"{run['status']}: {run['scope']['label']}, {pair}", style="green" if run["counts"] else "red")
    if run["error"]:
        say(f"{run['error']['code']}: {run['error']['message']}", style="red", error=True)
    counts = run["counts"]
    if counts:
        made = table("OBJECTS", "", "FINDINGS", "")
        objects = (("modified", "modified"), ("added", "added"), ("removed", "removed"),
                   ("propertyChanges", "properties changed"))  # fmt: skip
        findings = (("findingsNew", "new"), ("findingsReopened", "reopened"), ("findingsResolved", "resolved"),
                    ("findingsUnchanged", "seen before"))  # fmt: skip
        for (of_object, object_word), (of_finding, finding_word) in zip(objects, findings, strict=True):
            row(made, object_word, counts[of_object], finding_word, counts[of_finding])
        stdout().print(made)
    if run["notEvaluated"]:
        made = table("NOT EVALUATED", "REASON", "")
        for unit in run["notEvaluated"]:
            row(made, unit["itemType"], unit["reason"], unit["message"])
        stdout().print(made)


async def _scope_key(caller: "Caller", tenant_id: UUID, tenant_name: str, wanted: str | None) -> str:
    """The key of the scope that is meant: the only one, or the one named by key, its beginning, label or id."""
    from atlas.cli.graph import ask
    from atlas.domain.errors import OperatorError
    from atlas.schema.ids import encode_id

    data = await ask(
        caller,
        "query ($id: ID!) { tenant(by: {id: $id}) { scopes(first: 100) { nodes { id key label } } } }",
        id=encode_id("Tenant", tenant_id, tenant_id),
    )
    scopes = data["tenant"]["scopes"]["nodes"] if data["tenant"] else []
    if wanted is not None:
        key = [one for one in scopes if wanted in {one["key"], one["id"]}]
        beginning = [one for one in scopes if len(wanted) >= _SHORTEST_KEY and one["key"].startswith(wanted)]
        matching = key or [one for one in scopes if one["label"] == wanted] or beginning
    else:
        matching = scopes
    if len(matching) == 1:
        return str(matching[0]["key"])
    if not scopes:
        raise OperatorError(
            "NO_SYNC_RUN",
            f"Nothing of {tenant_name} has been recorded yet.",
            "Record an export: atlas sync folder PATH",
        )
    listed = "; ".join(f"{one['key']} ({one['label']})" for one in scopes)
    which = "Name one of them by its key" if wanted is None or matching else "There is no such scope. There are"
    raise typer.BadParameter(f"{which}: {listed}", param_hint="--scope")


async def send(caller: "Caller", jobs: Any) -> None:
    """Tells the worker. Without a broker's address, or when it is away, the worker's sweeper finds the runs."""
    await tell_worker(caller.place, jobs)


async def tell_worker(place: "Place", jobs: Any) -> None:
    """The same, of whoever has no caller."""
    from atlas.workers.broker import dispatcher, open_broker

    url = place.known_url("broker")
    if url is None or not jobs:
        return
    broker = open_broker(url)
    try:
        await dispatcher(broker)(jobs)
    finally:
        broker.close()
        broker.client.close()


async def _wait(caller: "Caller", context: "Context", run_ids: list[UUID], seconds: float, *, quiet: bool) -> None:
    """Until all these runs have ended. Raises `OperatorError` WAITED_TOO_LONG after the seconds."""
    from atlas.cli.graph import ask
    from atlas.domain.errors import OperatorError
    from atlas.schema.ids import encode_id

    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on DriftRun { status progress { done total } } } }"
    left = [encode_id("DriftRun", context.tenant_id, run_id) for run_id in run_ids]
    pause, deadline, total = _FIRST_PAUSE, time.monotonic() + seconds, len(left)
    with progress("Waiting for the worker", quiet=quiet) as moved:
        while left:
            # The oldest pairs end first, so a hundred of them tell enough.
            asked = left[:100]
            states = (await ask(caller, query, ids=asked))["nodes"]
            ended = {one for one, state in zip(asked, states, strict=True) if state and state["status"] in _ENDED}
            left = [one for one in left if one not in ended]
            moved(total - len(left), total)
            if left and time.monotonic() > deadline:
                raise OperatorError(
                    "WAITED_TOO_LONG",
                    f"After {seconds:g} seconds {len(left)} of {total} drift runs have not ended.",
                    "See that a worker runs (`atlas up` or `atlas worker`); the runs stay queued. Then ask again.",
                )
            if left:
                await asyncio.sleep(pause)
                pause = _FIRST_PAUSE if ended else min(pause * 1.5, _LONGEST_PAUSE)


def run_key(text: str, name: str) -> UUID:
    """A sync run's key, from its global id or its UUID."""
    from atlas.schema.ids import decode_id

    try:
        return UUID(text)
    except ValueError:
        decoded = decode_id(text, "SyncRun")
    if decoded is None:
        raise typer.BadParameter(f"{text!r} is no id of a sync run.", param_hint=name)
    return decoded.key
