"""`atlas audit`: whether a tenant's audit record is whole, and checkpoints that prove it from outside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Tenant, Token
from atlas.cli.output import print_json, progress, say

if TYPE_CHECKING:
    from atlas.audit import Verdict
    from atlas.cli.caller import Caller
    from atlas.domain.audit_chain import Checkpoint

app = typer.Typer(help="Whether a tenant's audit record is whole.", no_args_is_help=True)


@app.command("verify")
def verify(
    tenant: Tenant,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            show_default=False,
            help="Lines of `atlas audit checkpoint`, kept elsewhere: those of the tenant must fit the chain.",
        ),
    ] = None,
    pruned: Annotated[
        bool, typer.Option("--pruned", help="The records up to one of the checkpoints were deleted on purpose.")
    ] = False,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Computes every hash of the audit record anew and names the first broken link. Exit code 1 where one is."""
    from atlas.audit import verify as verified
    from atlas.cli.caller import act

    kept = [] if checkpoints is None else _read(checkpoints)

    async def work(caller: "Caller") -> tuple[UUID, "Verdict"]:
        from atlas.cli.caller import tenant_named

        entry = await tenant_named(caller.db, caller.of(None), tenant)
        wanted = [one for one in kept if one.tenant_id == entry.id]
        if checkpoints is not None and not wanted:
            raise _unreadable(f"{checkpoints} holds no checkpoint of this tenant.")
        with progress("Verifying", quiet=as_json) as on_progress:
            context = caller.of(entry.id)
            return entry.id, await verified(caller.db, context, wanted, pruned=pruned, on_progress=on_progress)

    tenant_id, verdict = act(home, token, work)
    if as_json:
        print_json(_shown(tenant_id, verdict))
    else:
        _tell(tenant_id, verdict, checked=checkpoints is not None)
    if verdict.broken is not None:
        raise typer.Exit(1)


@app.command("checkpoint")
def checkpoint(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Prints where the audit record stands, as one line of JSON, to be kept outside of the database."""
    from atlas.audit import checkpoint as made
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> "Checkpoint":
        from atlas.cli.caller import tenant_named

        entry = await tenant_named(caller.db, caller.of(None), tenant)
        return await made(caller.db, caller.of(entry.id))

    typer.echo(act(home, token, work).to_json())
    if not as_json:
        say("Keep it outside: `atlas audit verify --checkpoint FILE` compares.", style="dim", error=True)


def _read(path: Path) -> "list[Checkpoint]":
    from atlas.domain.audit_chain import parse_checkpoint

    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                found.append(parse_checkpoint(line))
            except ValueError as error:
                raise _unreadable(f"Line {number} of {path} is no checkpoint.") from error
    return found


def _unreadable(message: str) -> Exception:
    from atlas.domain.errors import OperatorError

    return OperatorError(
        "CHECKPOINT_UNREADABLE", message, "Give a file of lines that `atlas audit checkpoint` printed."
    )


def _tell(tenant_id: UUID, verdict: "Verdict", *, checked: bool) -> None:
    broken = verdict.broken
    number = verdict.position.seq - verdict.first + 1
    count = f"{number} record holds" if number == 1 else f"{number} records hold"
    since = "" if verdict.first == 1 else f" after the checkpoint of record {verdict.first - 1}"
    kept = f", and {verdict.checkpoints} of the checkpoints were compared" if checked else ""
    if broken is None:
        say(f"The audit record is whole: {count}{since}{kept}.", style="green")
        return
    say(broken.message, style="bold red")
    if broken.event_id is not None:
        say(f"Event: {_event_id(tenant_id, broken.event_id)}")
    say(f"Before that {count}{since}{kept}.", style="dim")


def _shown(tenant_id: UUID, verdict: "Verdict") -> dict[str, Any]:
    broken = verdict.broken
    return {
        "tenant": str(tenant_id),
        "intact": broken is None,
        "first": verdict.first,
        "seq": verdict.position.seq,
        "hash": verdict.position.hash.hex(),
        "checkpoints": verdict.checkpoints,
        "broken": None
        if broken is None
        else {
            "fault": broken.fault.value,
            "seq": broken.seq,
            "event": None if broken.event_id is None else _event_id(tenant_id, broken.event_id),
            "message": broken.message,
        },
    }


def _event_id(tenant_id: UUID, event_id: UUID) -> str:
    """As `auditEvents` and `node` name it."""
    from atlas.schema.ids import encode_id

    return str(encode_id("AuditEvent", tenant_id, event_id))
