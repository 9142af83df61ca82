"""`atlas prune`: lets go of what old runs held, or shows what would go."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Home, Json, Tenant, Token
from atlas.cli.output import print_json, progress, row, say, stdout, table
from atlas.cli.waiting import until

if TYPE_CHECKING:
    from atlas.cli.caller import Caller
    from atlas.prune import Pruned
    from atlas.store.database import Context

_WORDS = {
    "runs": "runs, whose rows stay",
    "intervals": "versions of objects",
    "contents": "contents",
    "coverage": "coverage of item types",
    "events": "activity events",
    "sourceEvents": "events of the source",
}


def prune(
    tenant: Tenant,
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days", metavar="N", min=1, max=36500, show_default=False,
            help="Keep what is younger than so many days. By default ATLAS_KEEP_DAYS.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for the worker.")
    ] = 600,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Lets go of what old runs held: it cannot be had back. Findings, their evidence and the audit record stay.

    The newest run of a scope, the pinned one and those of the newest generated pair are kept however old they are.
    """
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        days = caller.place.settings.keep_days if keep_days is None else keep_days
        if days is None:
            raise typer.BadParameter("say how many days, or set ATLAS_KEEP_DAYS", param_hint="--keep-days")
        return await _prune(caller, tenant, days, dry_run=dry_run, timeout=timeout, quiet=as_json)

    told = act(home, token, work, worker=not dry_run)
    if as_json:
        print_json(told)
    else:
        _show(told)


async def _prune(
    caller: "Caller",
    tenant: str,
    keep_days: int,
    *,
    dry_run: bool,
    timeout: float,  # noqa: ASYNC109  # It ends the waiting with an error of its own, and not the pruning.
    quiet: bool,
) -> dict[str, Any]:
    from atlas.cli.caller import tenant_named
    from atlas.cli.drift import send
    from atlas.prune import preview, request_pruning

    entry = await tenant_named(caller.db, caller.of(None), tenant)
    context = caller.of(entry.id)
    if dry_run:
        went = await preview(caller.db, context, keep_days)
    else:
        job = await request_pruning(caller.db, context, keep_days)
        await send(caller, [job])
        went = await _wait(caller, context, job.run_id, timeout, quiet=quiet)
    counts = asdict(went)
    counts["sourceEvents"] = counts.pop("source_events")
    return {"tenant": entry.name, "keepDays": keep_days, "dryRun": dry_run, "counts": counts}


async def _wait(caller: "Caller", context: "Context", run_id: Any, seconds: float, *, quiet: bool) -> "Pruned":
    """Until the pruning has ended. Raises `OperatorError` where it failed, and WAITED_TOO_LONG after the seconds."""
    from atlas.domain.errors import OperatorError
    from atlas.prune import outcome

    late = OperatorError(
        "WAITED_TOO_LONG",
        f"After {seconds:g} seconds the pruning has not ended.",
        "See that a worker runs (`atlas up` or `atlas worker`); the pruning stays queued.",
    )
    with progress("Waiting for the worker", quiet=quiet) as moved:

        async def read() -> "Pruned | None":
            moved(0, None)
            return await outcome(caller.db, context, run_id)

        return await until(read, seconds, late)


def _show(told: dict[str, Any]) -> None:
    verb = "Would go" if told["dryRun"] else "Gone"
    say(f"{verb} from {told['tenant']}: what is older than {told['keepDays']} days and not needed.", style="green")
    made = table("WHAT", "NUMBER", right=("NUMBER",))
    for name, word in _WORDS.items():
        row(made, word, told["counts"][name])
    stdout().print(made)
