"""`atlas graph`: whose directory a tenant is read from, and with which credential."""

import asyncio
import sys
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Tenant, Token, choice, identifier, option
from atlas.cli.output import print_json, row, say, stdout, table
from atlas.domain.vocabulary import GraphCloud

if TYPE_CHECKING:
    from atlas.cli.caller import Door
    from atlas.cli.place import Place
    from atlas.connections import Application, GraphConnection

app = typer.Typer(help="The connections of a tenant to Microsoft Graph.", no_args_is_help=True)


@app.command("connect")
def connect(
    tenant: Tenant,
    entra_tenant_id: Annotated[UUID, option(identifier, "--entra-tenant-id", metavar="UUID", help="The directory.")],
    client_id: Annotated[UUID, option(identifier, "--client-id", metavar="UUID", help="The application's id in it.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            "--secret-file", metavar="FILE", show_default=False, help="A file with the client secret; - reads stdin."
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="env:NAME|file:PATH",
            show_default=False,
            help="Where the worker finds the secret; it is then not stored. Needs ATLAS_OWNER_DATABASE_URL.",
        ),
    ] = None,
    cloud: Annotated[
        GraphCloud, choice(GraphCloud, "--cloud", help="Which of Microsoft's clouds.")
    ] = GraphCloud.GLOBAL,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Connects a tenant to Microsoft Graph. The secret is stored sealed, under a key of the tenant."""
    if (secret_file is None) == (reference is None):
        raise typer.BadParameter("Give one of the two.", param_hint="--secret-file, --reference")
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened
    from atlas.connections import Application

    application = Application(entra_tenant_id, client_id, cloud)
    secret = None if secret_file is None else _read(secret_file)

    async def work(place: Place) -> dict[str, Any]:
        async with operating_in(place, token, tenant) as door:
            if secret is not None:
                made = await _seal(place, door, application, secret)
            else:
                made = await _refer(place, door, application, reference or "")
            return next(_shown(door.context.tenant_id, one) for one in await _all(door) if one.id == made)

    with opened(home) as place:
        made = asyncio.run(work(place))
    if as_json:
        print_json(made)
    else:
        say(f"Connected to {made['entraTenantId']}; its secret is {_where(made)}")


@app.command("list")
def list_(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Lists the tenant's connections; never a secret, only where it is."""
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> list[dict[str, Any]]:
        async with operating_in(place, token, tenant) as door:
            return [_shown(door.context.tenant_id, one) for one in await _all(door)]

    with opened(home) as place:
        found = asyncio.run(work(place))
    if as_json:
        print_json(found)
        return
    made = table("CONNECTION", "ENTRA TENANT", "APPLICATION", "CLOUD", "SECRET", "CREATED")
    for one in found:
        row(made, one["uuid"], one["entraTenantId"], one["clientId"], one["cloud"], _where(one), one["createdAt"][:16])
    stdout().print(made)


@app.command("remove")
def remove(
    connection: Annotated[
        str, typer.Argument(metavar="CONNECTION", show_default=False, help="Its id (`atlas graph list`).")
    ],
    tenant: Tenant,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Removes a connection, and what was stored of its secret."""
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> dict[str, Any]:
        async with operating_in(place, token, tenant) as door:
            return await _remove(door, connection)

    with opened(home) as place:
        gone = asyncio.run(work(place))
    if as_json:
        print_json(gone)
    else:
        say(f"Removed the connection to {gone['entraTenantId']}")


def _read(secret_file: Path) -> bytes:
    content = sys.stdin.buffer.read() if str(secret_file) == "-" else secret_file.read_bytes()
    return content.rstrip(b"\r\n")


async def _seal(place: "Place", door: "Door", application: "Application", secret: bytes) -> UUID:
    from atlas import connections

    return await connections.connect(
        door.db,
        door.context,
        application,
        secret=secret,
        deployment_key=place.deployment_key(),
    )


async def _refer(place: "Place", door: "Door", application: "Application", reference: str) -> UUID:
    from atlas import connections
    from atlas.cli.caller import pool

    async with pool(place.url("owner_database")) as owner:
        return await connections.refer(door.db, owner, door.context, application, reference=reference)


async def _remove(door: "Door", wanted: str) -> dict[str, Any]:
    from atlas import connections
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode

    for one in await _all(door):
        shown = _shown(door.context.tenant_id, one)
        if wanted in {shown["id"], shown["uuid"]} and await connections.remove(door.db, door.context, one.id):
            return shown
    raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such connection. `atlas graph list` shows them.")


async def _all(door: "Door") -> "list[GraphConnection]":
    from atlas import connections

    return await connections.list_connections(door.db, door.context)


def _shown(tenant_id: UUID | None, one: "GraphConnection") -> dict[str, Any]:
    from atlas.schema.ids import encode_id

    return {
        "id": encode_id("GraphConnection", tenant_id, one.id),
        "uuid": str(one.id),
        "entraTenantId": str(one.entra_tenant_id),
        "clientId": str(one.client_id),
        "cloud": one.cloud.value,
        "credentialKind": one.credential_kind.value,
        "reference": one.reference,
        "createdAt": _time(one.created_at),
        "testedAt": None if one.tested_at is None else _time(one.tested_at),
    }


def _where(shown: dict[str, Any]) -> str:
    return shown["reference"] or "sealed"


def _time(at: Any) -> str:
    return str(at.astimezone(UTC).isoformat().replace("+00:00", "Z"))
