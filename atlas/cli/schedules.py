"""`atlas schedule`: when a tenant is synced from Microsoft Graph by the clock."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import Home, Json, Tenant, Token
from atlas.cli.output import print_json, row, say, stdout, table
from atlas.cli.syncs import Types, known_types

if TYPE_CHECKING:
    from atlas.cli.caller import Caller

app = typer.Typer(help="Sync a tenant from Microsoft Graph by the clock.", no_args_is_help=True)

SCHEDULE = """name everyHours cron timeZone itemTypes nextTick dueAt lastTick lastOutcome failures scope { key }
    lastRun { id status error { code message } }"""
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Which schedule; one of another name is another.")]


@app.command("set")
def set_(
    tenant: Tenant,
    name: Name = "default",
    every: Annotated[
        int | None,
        typer.Option("--every", metavar="HOURS", min=1, max=8760, show_default=False, help="Hours between two syncs."),
    ] = None,
    cron: Annotated[
        str | None,
        typer.Option(
            "--cron", metavar="EXPRESSION", show_default=False, help="Minute, hour, day, month, weekday: '30 2 * * *'."
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="Where the clock of --cron hangs: Europe/Berlin.")
    ] = "UTC",
    types: Types = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Sets when a connected tenant is synced, and drift is generated after: every so many hours, or by cron."""
    from atlas.cli.caller import act
    from atlas.schedules import Wanted, set_schedule

    if (every is None) == (cron is None):
        raise typer.BadParameter("give one of --every and --cron", param_hint="--every")
    wanted = Wanted(name=name, every_hours=every, cron=cron, time_zone=time_zone, item_types=known_types(types))

    async def work(caller: "Caller") -> dict[str, Any]:
        from atlas.cli.caller import tenant_named

        entry = await tenant_named(caller.db, caller.of(None), tenant)
        await set_schedule(caller.db, caller.of(entry.id), wanted)
        return next(one for one in await _listed(caller, tenant) if one["name"] == name.strip())

    made = act(home, token, work)
    if as_json:
        print_json(made)
    else:
        say(f"{made['name']}: next on {made['nextTick']}", style="green")


@app.command("list")
def list_(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Shows a tenant's schedules, and what became of the last sync of each."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> list[dict[str, Any]]:
        return await _listed(caller, tenant)

    found = act(home, token, work)
    if as_json:
        print_json(found)
        return
    made = table("NAME", "WHEN", "NEXT", "LAST", "OUTCOME", "FAILURES", right=("FAILURES",))
    for one in found:
        when = f"every {one['everyHours']} hours" if one["everyHours"] else f"{one['cron']} {one['timeZone']}"
        row(made, one["name"], when, one["dueAt"], one["lastTick"], one["lastOutcome"], one["failures"])
    stdout().print(made)


@app.command("remove")
def remove(
    tenant: Tenant, name: Name = "default", home: Home = None, token: Token = None, as_json: Json = False
) -> None:
    """Ends a schedule. What it has started goes on."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> bool:
        from atlas.cli.caller import tenant_named
        from atlas.domain.errors import RefusedError
        from atlas.domain.vocabulary import UserErrorCode
        from atlas.schedules import remove_schedule

        entry = await tenant_named(caller.db, caller.of(None), tenant)
        if not await remove_schedule(caller.db, caller.of(entry.id), name):
            raise RefusedError(
                UserErrorCode.NOT_FOUND, f"There is no schedule {name!r}. `atlas schedule list` shows all.", ("name",)
            )
        return True

    removed = act(home, token, work)
    if as_json:
        print_json({"name": name, "removed": removed})
    else:
        say(f"{name} is removed.", style="green")


async def _listed(caller: "Caller", tenant: str) -> list[dict[str, Any]]:
    from atlas.cli.caller import tenant_named
    from atlas.cli.graph import ask
    from atlas.schema.ids import encode_id

    entry = await tenant_named(caller.db, caller.of(None), tenant)
    query = f"query ($id: ID!) {{ tenant(by: {{id: $id}}) {{ schedules {{ {SCHEDULE} }} }} }}"
    data = await ask(caller, query, id=encode_id("Tenant", entry.id, entry.id))
    found: list[dict[str, Any]] = data["tenant"]["schedules"] if data["tenant"] else []
    return found
