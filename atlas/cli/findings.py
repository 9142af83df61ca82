"""`atlas findings` and `atlas ack`: what changed, and that somebody accepts it."""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import ExpiresAt, Home, Json, Tenant, Token, choice
from atlas.cli.output import print_json, say
from atlas.domain.vocabulary import ExportFormat, FindingStatus, Severity

if TYPE_CHECKING:
    from atlas.cli.caller import Caller

SHOWN = 50
_SHORTEST_FINGERPRINT = 4


def findings(
    tenant: Tenant,
    status: Annotated[
        list[FindingStatus] | None,
        choice(FindingStatus, "--status", help="Only of this status; repeatable."),
    ] = None,
    severity: Annotated[
        list[Severity] | None,
        choice(Severity, "--severity", help="Only of this severity; repeatable."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, show_default=False, help=f"At most so many; the table shows {SHOWN} by itself."),
    ] = None,
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", show_default=False, help="Writes them, with all their changes, for another tool."),
    ] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Shows the tenant's findings, the most severe first; with --json all of them, with all their changes."""
    from atlas.cli.caller import act

    if form is not None and as_json:
        raise typer.BadParameter("Name either --json or --format.", param_hint="--format")
    whole = as_json or form is not None
    where = {
        **({"status": [one.value for one in status]} if status else {}),
        **({"severity": [one.value for one in severity]} if severity else {}),
    }

    async def work(caller: "Caller") -> list[dict[str, Any]]:
        return await read(caller, tenant, where=where, limit=limit if whole else None, changes=whole)

    found = act(home, token, work)
    if form is not None:
        _write(found, form)
    elif as_json:
        print_json(found)
    else:
        show(found, tenant, limit or SHOWN)


def ack(
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", show_default=False, help="Its id, or how its fingerprint begins.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why it is all right: it is kept.")
    ],
    expires_at: ExpiresAt = None,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="NAME", show_default=False, help="Where a fingerprint is looked for."),
    ] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Acknowledges a finding: this value of this object is all right. Another value is another finding."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        return await _acknowledge(caller, finding, tenant, reason, expires_at)

    found = act(home, token, work)
    if as_json:
        print_json(found)
    else:
        until = f" until {found['acknowledgement']['expiresAt']}" if expires_at else ""
        say(f"{found['status']}{until}: {found['subject']['displayName']} ({_what(found)}, {found['severity']})")


def _write(found: list[dict[str, Any]], form: ExportFormat) -> None:
    import sys

    from atlas.domain.exports import written

    sys.stdout.buffer.write(written(form, found))
    sys.stdout.buffer.flush()


async def read(
    caller: "Caller", tenant: str, *, where: dict[str, Any] | None = None, limit: int | None = None, changes: bool
) -> list[dict[str, Any]]:
    """The tenant's findings, the most severe first, under the field names of Finding."""
    from atlas.cli.caller import tenant_named
    from atlas.cli.graph import findings_of
    from atlas.schema.ids import encode_id

    entry = await tenant_named(caller.db, caller.of(None), tenant)
    found: list[dict[str, Any]] = []
    async for one in findings_of(caller, encode_id("Tenant", entry.id, entry.id), where=where, changes=changes):
        if limit is not None and len(found) == limit:
            break
        found.append(one)
    return found


def show(found: list[dict[str, Any]], tenant: str, limit: int) -> None:
    """The first findings as a table, a line that sums them all up, and what to do next."""
    from atlas.cli.finding_table import finding_table
    from atlas.cli.output import stdout
    from atlas.cli.tenants import quoted

    if not found:
        say("No findings.")
        return
    console = stdout()
    console.print(finding_table(found[:limit], console.width))
    say(summary(found))
    if len(found) > limit:
        say(f"{len(found) - limit} more: --limit {len(found)}", style="dim")
    first = next((one for one in found if one["status"] == FindingStatus.NEW), None)
    if first is not None:
        say(
            f"All evidence: atlas findings --tenant {quoted(tenant)} --json    "
            f"Accept one: atlas ack {short(first)} --reason TEXT",
            style="dim",
        )


def summary(found: list[dict[str, Any]]) -> str:
    """E.g. `12 findings: 2 critical, 10 low; 11 new, 1 resolved`."""
    severities = Counter(one["severity"] for one in found)
    statuses = Counter(one["status"] for one in found)
    by_severity = ", ".join(f"{severities[one]} {one.lower()}" for one in reversed(Severity) if severities[one])
    by_status = ", ".join(f"{statuses[one]} {one.lower()}" for one in FindingStatus if statuses[one])
    return f"{len(found)} finding{'' if len(found) == 1 else 's'}: {by_severity}; {by_status}"


def short(finding: dict[str, Any]) -> str:
    """How its fingerprint begins: enough to name it to `atlas ack`."""
    return str(finding["fingerprint"]).removeprefix("f1:")[:8]


async def _acknowledge(
    caller: "Caller", name: str, tenant: str | None, reason: str, expires_at: datetime | None
) -> dict[str, Any]:
    from atlas import triage
    from atlas.cli.graph import finding
    from atlas.schema.ids import decode_id

    global_id = name if decode_id(name, "Finding") else await _by_fingerprint(caller, name, tenant)
    decoded = decode_id(global_id, "Finding")
    if decoded is None or decoded.tenant_id is None:
        raise _no_such(name)
    await triage.acknowledge(
        caller.db, caller.of(decoded.tenant_id), [decoded.key], reason=reason, expires_at=expires_at
    )
    return await finding(caller, global_id)


async def _by_fingerprint(caller: "Caller", name: str, tenant: str | None) -> str:
    """The id of the one finding whose fingerprint begins so, in the tenant named or in all of the caller's."""
    from atlas import access
    from atlas.cli.caller import tenant_named
    from atlas.cli.graph import findings_of
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode
    from atlas.schema.ids import encode_id

    beginning = name.strip().lower().removeprefix("f1:")
    if len(beginning) < _SHORTEST_FINGERPRINT or set(beginning) - set("0123456789abcdef"):
        raise typer.BadParameter(
            f"A finding is named by its id, or by {_SHORTEST_FINGERPRINT} or more digits of its fingerprint.",
            param_hint="FINDING",
        )
    context = caller.of(None)
    tenants = (
        await access.list_tenants(caller.db, context)
        if tenant is None
        else [await tenant_named(caller.db, context, tenant)]
    )
    matching = [
        one
        for entry in tenants
        async for one in findings_of(
            caller, encode_id("Tenant", entry.id, entry.id), "id fingerprint subject { displayName } tenant { name }"
        )
        if one["fingerprint"].startswith(f"f1:{beginning}")
    ]
    if not matching:
        raise _no_such(name)
    if len(matching) > 1:
        listed = "; ".join(f"{one['fingerprint'][:23]} ({one['subject']['displayName']})" for one in matching[:10])
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"Several findings begin so. Name more digits: {listed}")
    return str(matching[0]["id"])


def _no_such(name: str) -> Exception:
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode

    return RefusedError(UserErrorCode.NOT_FOUND, f"There is no finding {name!r}. `atlas findings` shows them.")


def _what(finding: dict[str, Any]) -> str:
    return str(finding["changeType"] or finding["kind"])
