"""`atlas sync`: recording what a source holds."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Home, Json, Tenant, Token, words
from atlas.cli.output import print_json, progress, row, say, stderr, stdout, table
from atlas.domain.vocabulary import CoverageStatus, SyncRunStatus

if TYPE_CHECKING:
    from atlas.cli.caller import Caller

PARTIAL = 3

# A worker that was faster has this long to record what it took.
_PAUSES, _PAUSE_SECONDS = 300, 0.2
_OPEN = frozenset({SyncRunStatus.QUEUED, SyncRunStatus.RUNNING})

app = typer.Typer(help="Records a sync run: what a source holds of a tenant's configuration.", no_args_is_help=True)

Types = Annotated[
    list[str] | None,
    typer.Option(
        "--types", metavar="TYPE,...", show_default=False, help="Only these item types; one not found is then empty."
    ),
]


@app.command("folder")
def folder(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False, help="The folder of an export.")],
    tenant: Tenant,
    label: Annotated[
        str | None,
        typer.Option("--label", show_default=False, help="What its scope is called; else the folder's name."),
    ] = None,
    types: Types = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Records a run from a folder that IntuneManagement, IntuneCD or plain JSON files were exported to.

    Ends with 3 where a type could not be read to its end: the run is PARTIAL, and nothing of that type is compared.
    And where too many objects are missing: the run is NEEDS_CONFIRMATION, and `atlas sync confirm` records it.
    """
    item_types = known_types(types, by_full_name=True)
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        return await record(caller, tenant, path, label=label, item_types=item_types, quiet=as_json)

    _finish(act(home, token, work), as_json=as_json)


@app.command("graph")
def graph(
    tenant: Tenant,
    types: Types = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for the worker.")
    ] = 3600,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Records a run from Microsoft Graph, by the worker, and waits for it.

    Ends with 3 where a type could not be read to its end, or where the run is held for confirmation. A worker that is
    lost loses nothing: the next one goes on at the next type.
    """
    item_types = known_types(types)
    from atlas.cli.caller import act
    from atlas.cli.graph_runs import sync_graph

    async def work(caller: "Caller") -> dict[str, Any]:
        return await sync_graph(caller, tenant, item_types=item_types, timeout=timeout, quiet=as_json)

    _finish(act(home, token, work, worker=True), as_json=as_json)


@app.command("cancel")
def cancel(
    run: Annotated[str, typer.Argument(metavar="RUN", show_default=False, help="The id of a run that reads Graph.")],
    tenant: Tenant,
    reason: Annotated[str | None, typer.Option("--reason", show_default=False, help="Why; it is audited.")] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Ends a sync from Microsoft Graph that is queued or running. Nothing of it is recorded."""
    from atlas.cli.caller import act
    from atlas.cli.graph_runs import cancel_run

    async def work(caller: "Caller") -> dict[str, Any]:
        return await cancel_run(caller, tenant, run, reason=reason)

    cancelled = act(home, token, work)
    if as_json:
        print_json(cancelled)
    else:
        show(cancelled, coverage=False)


@app.command("confirm")
def confirm(
    run: Annotated[
        str, typer.Argument(metavar="RUN", show_default=False, help="The held run, as its message names it.")
    ],
    tenant: Tenant,
    reason: Annotated[str, typer.Option("--reason", show_default=False, help="Why its objects may be gone.")],
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Records a run that is NEEDS_CONFIRMATION: what it lacks is really gone."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        return await confirmed(caller, tenant, run, reason=reason)

    _finish(act(home, token, work), as_json=as_json)


async def confirmed(caller: "Caller", tenant: str, run: str, *, reason: str) -> dict[str, Any]:
    """Confirms the run and records it here, unless a worker is faster. Returns it once it has ended."""
    from atlas import held, jobs
    from atlas.cli.caller import pool, tenant_named
    from atlas.cli.drift import run_key
    from atlas.cli.graph import SYNC_RUN, node
    from atlas.schema.ids import encode_id

    run_id = run_key(run, "RUN")
    entry = await tenant_named(caller.db, caller.of(None), tenant)
    job = await held.confirm_run(caller.db, caller.of(entry.id), run_id, reason=reason)
    async with pool(caller.place.url("worker_database")) as worker:
        lease = await jobs.claim(worker, job, lease_seconds=caller.place.settings.lease_seconds)
        if lease is not None:
            async with jobs.kept(worker, lease):
                await held.record_held(worker, lease)
    for _ in range(_PAUSES):
        state = await node(caller, "SyncRun", SYNC_RUN, encode_id("SyncRun", entry.id, run_id))
        if state["status"] not in _OPEN:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    return state


def _finish(run: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(run)
    else:
        show(run)
    code = exit_code(run)
    if code:
        raise typer.Exit(code)


async def record(
    caller: "Caller", tenant: str, path: Path, *, label: str | None, item_types: list[str] | None, quiet: bool
) -> dict[str, Any]:
    """Records the folder and returns the run under the field names of SyncRun."""
    from atlas.cli.caller import pool, tenant_named
    from atlas.cli.graph import SYNC_RUN, node
    from atlas.domain.holding import Threshold
    from atlas.record import record_folder
    from atlas.schema.ids import encode_id

    settings = caller.place.settings
    key, earlier = caller.place.deployment_key(), caller.place.previous_keys()
    entry = await tenant_named(caller.db, caller.of(None), tenant)
    async with pool(caller.place.url("worker_database")) as worker:
        with progress(f"Reading {path.name or path}", quiet=quiet) as moved:
            run_id = await record_folder(
                caller.db, worker, caller.of(entry.id),
                path=path, deployment_key=key, previous_keys=earlier, label=label, item_types=item_types,
                threshold=Threshold(share=settings.hold_share, least=settings.hold_least), on_progress=moved,
            )  # fmt: skip
    return await node(caller, "SyncRun", SYNC_RUN, encode_id("SyncRun", entry.id, run_id))


def known_types(types: list[str] | None, *, by_full_name: bool = False) -> list[str] | None:
    """The item types of `--types`; a usage error for one that Atlas does not know.

    An export may hold types that Atlas has no table of, which are named in full: `by_full_name`.
    """
    wanted = words(types)
    if wanted is None:
        return None
    from atlas.domain.errors import RefusedError
    from atlas.sources.coverage import wanted_types

    try:
        wanted_types(wanted, by_full_name=by_full_name)
    except RefusedError as error:
        raise typer.BadParameter(error.message, param_hint="--types") from None
    return wanted


def exit_code(run: dict[str, Any]) -> int:
    """0 where all was read, 3 where a part was or the run is held, 1 where nothing was recorded."""
    codes = {SyncRunStatus.SUCCEEDED: 0, SyncRunStatus.PARTIAL: PARTIAL, SyncRunStatus.NEEDS_CONFIRMATION: PARTIAL}
    return codes.get(SyncRunStatus(run["status"]), 1)


def show(run: dict[str, Any], *, coverage: bool = True) -> None:
    """The run as a line, what it covers as a table, and what was not read."""
    counts = run["counts"]
    numbered = f"run {run['sequence']}" if run["sequence"] else "not recorded"
    told = ", ".join(f"{counts[name]} {name}" for name in ("observed", "added", "changed", "removed", "unchanged"))
    style = {"SUCCEEDED": "green", "PARTIAL": "yellow", "NEEDS_CONFIRMATION": "yellow"}.get(run["status"], "red")
    say(f"{run['status']}: {run['scope']['label']}, {numbered}: {told}", style=style)
    incomplete = [unit for unit in run["coverage"] if unit["status"] != CoverageStatus.COMPLETE]
    if coverage:
        made = table("ITEM TYPE", "READ", "COVERAGE", right=("READ",))
        for unit in run["coverage"]:
            row(made, unit["itemType"], unit["observed"], unit["status"])
        stdout().print(made)
    for unit in incomplete:
        say(f"{unit['itemType']}: {unit['status']}. {unit['message'] or ''}", style="yellow", error=True)
    for note in run["notes"]:
        say(note, style="dim", error=True)
    if run["error"]:
        say(f"{run['error']['code']}: {run['error']['message']}", style="yellow", error=True)
    if incomplete and run["sequence"]:
        stderr().print("What was not read to its end is not compared; what was last read of it stands.", style="dim")
