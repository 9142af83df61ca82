"""`atlas tenant`: the organisations whose configuration is watched."""

from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Token, identifier, option
from atlas.cli.output import print_json, row, say, stdout, table

app = typer.Typer(help="The organisations whose configuration is watched.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)],
    tenant_id: Annotated[
        UUID | None, option(identifier, "--id", metavar="UUID", help="Its id; a fresh one where none is given.")
    ] = None,
    entra_tenant_id: Annotated[
        UUID | None, option(identifier, "--entra-tenant-id", metavar="UUID", help="Its id in Microsoft Entra.")
    ] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Makes a tenant. Whoever acts becomes its OWNER; over the owner connection it has no member yet."""
    import asyncio

    from atlas import access
    from atlas.cli.caller import operating, pool, tenant_named
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> dict[str, Any]:
        async with operating(place, token) as door, pool(place.url("owner_database")) as owner:
            made = await access.create_tenant(
                owner,
                name,
                tenant_id=tenant_id,
                entra_tenant_id=entra_tenant_id,
                owner_principal_id=door.context.principal_id,
            )
            return shown(await tenant_named(door.db, door.context, str(made)))

    with opened(home) as place:
        made = asyncio.run(work(place))
    if as_json:
        print_json(made)
        return
    say(f"Tenant {made['name']} ({made['uuid']})")
    say(f"Next: atlas sync folder PATH --tenant {quoted(made['name'])}", style="dim")


@app.command("list")
def list_(home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Lists the tenants that whoever acts is a member of; over the owner connection all of them."""
    import asyncio

    from atlas import access
    from atlas.cli.caller import operating
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> list[dict[str, Any]]:
        async with operating(place, token) as door:
            return [shown(one) for one in await access.list_tenants(door.db, door.context)]

    with opened(home) as place:
        found = asyncio.run(work(place))
    if as_json:
        print_json(found)
        return
    if not found:
        say("There is no tenant yet. Make one: atlas tenant create NAME")
        return
    made = table("NAME", "ID", "ENTRA TENANT", "CREATED")
    for one in found:
        row(made, one["name"], one["uuid"], one["entraTenantId"], one["createdAt"][:19])
    stdout().print(made)


def shown(entry: Any) -> dict[str, Any]:
    """A tenant under the field names of its GraphQL type, and with its plain UUID, as `--id` takes it."""
    from atlas.schema.ids import encode_id

    return {
        "id": encode_id("Tenant", entry.id, entry.id),
        "uuid": str(entry.id),
        "name": entry.name,
        "entraTenantId": None if entry.entra_tenant_id is None else str(entry.entra_tenant_id),
        "createdAt": entry.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }


def quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
