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
from atlas.domain.vocabulary import CredentialKind, GraphCloud

if TYPE_CHECKING:
    from atlas.cli.caller import Door
    from atlas.cli.place import Place
    from atlas.connections import Application, GraphConnection, Lack

app = typer.Typer(help="The connections of a tenant to Microsoft Graph.", no_args_is_help=True)


@app.command("connect")
def connect(
    tenant: Tenant,
    entra_tenant_id: Annotated[UUID, option(identifier, "--entra-tenant-id", metavar="UUID", help="The directory.")],
    client_id: Annotated[UUID, option(identifier, "--client-id", metavar="UUID", help="The application's id in it.")],
    kind: Annotated[
        CredentialKind, choice(CredentialKind, "--kind", help="How Atlas signs in.")
    ] = CredentialKind.CLIENT_SECRET,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            "--secret-file",
            metavar="FILE",
            show_default=False,
            help="A file with the client secret, or the certificate and its key (PEM); - reads stdin.",
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
    untested: Annotated[
        bool, typer.Option("--untested", help="Store the secret without signing in first, where this machine cannot.")
    ] = False,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Connects a tenant to Microsoft Graph. The secret is stored sealed, under a key of the tenant.

    It signs in first, and tells which permissions are missing and what they cost. A secret at a reference, and an
    identity of the worker's platform (which needs ATLAS_OWNER_DATABASE_URL too), are tried by the worker.
    """
    _check_places(kind, secret_file, reference)
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, configure_logs, opened
    from atlas.connections import Application

    application = Application(entra_tenant_id, client_id, cloud, kind)
    secret = None if secret_file is None else _read(secret_file)

    async def work(place: Place) -> dict[str, Any]:
        async with operating_in(place, token, tenant) as door:
            if secret is not None:
                found = None if untested else await _tried(place, application, secret)
                made = await _seal(place, door, application, secret, tested=not untested, missing=found)
            else:
                made = await _refer(place, door, application, reference)
            return next(shown(door.context.tenant_id, one) for one in await all_of(door) if one.id == made)

    with opened(home) as place:
        configure_logs(place)
        made = asyncio.run(work(place))
    if as_json:
        print_json(made)
    else:
        show(made)


@app.command("list")
def list_(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Lists the tenant's connections; never a secret, only where it is."""
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> list[dict[str, Any]]:
        async with operating_in(place, token, tenant) as door:
            return [shown(door.context.tenant_id, one) for one in await all_of(door)]

    with opened(home) as place:
        found = asyncio.run(work(place))
    if as_json:
        print_json(found)
        return
    # Three ids side by side are wider than a terminal; --json has all there is.
    made = table("CONNECTION", "ENTRA TENANT", "SECRET", "SIGNED IN")
    for one in found:
        row(made, one["uuid"], one["entraTenantId"], _where(one), _signed_in(one))
    stdout().print(made)


@app.command("test")
def try_again(
    tenant: Tenant,
    connection: Annotated[
        str | None,
        typer.Argument(metavar="[CONNECTION]", show_default=False, help="Its id; else the tenant's only one."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for the worker.")
    ] = 120,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Lets the worker sign in with a connection once more, such as after consent was given, and tells how it went.

    Needs ATLAS_OWNER_DATABASE_URL. Ends with 1 where the sign-in is refused.
    """
    from atlas.cli.connection_trials import tried_again
    from atlas.cli.place import Place, configure_logs, opened, worker_beside

    async def work(place: Place) -> dict[str, Any]:
        return await tried_again(place, token, tenant, connection, seconds=timeout)

    with opened(home) as place:
        configure_logs(place)
        with worker_beside(place):
            found = asyncio.run(work(place))
    if as_json:
        print_json(found)
    elif found["error"] is None:
        show(found)
    if found["error"] is not None:
        if not as_json:
            say(f"{found['error']['code']}: {found['error']['message']}", style="red", error=True)
        raise typer.Exit(1)


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


def _check_places(kind: CredentialKind, secret_file: Path | None, reference: str | None) -> None:
    given = sum(one is not None for one in (secret_file, reference))
    secret = kind in {CredentialKind.CLIENT_SECRET, CredentialKind.CERTIFICATE}
    if given != secret:
        what = "Give one of the two." if secret else f"{kind} has no secret: give neither."
        raise typer.BadParameter(what, param_hint="--secret-file, --reference")


def _read(secret_file: Path) -> bytes:
    content = sys.stdin.buffer.read() if str(secret_file) == "-" else secret_file.read_bytes()
    return content.rstrip(b"\r\n")


async def _tried(place: "Place", application: "Application", secret: bytes) -> "list[Lack] | None":
    """The permissions that are missing, each with what cannot be read without it; None: the token does not say."""
    from atlas.graph_connection import try_sign_in
    from atlas.sources.graph.sign_in import SignIn, endpoints

    settings = place.settings
    where = endpoints(application.cloud, graph=settings.graph_url, authority=settings.graph_authority)
    sign_in = SignIn(application.kind, application.entra_tenant_id, application.client_id, secret)
    return await try_sign_in(sign_in, where)


async def _seal(
    place: "Place",
    door: "Door",
    application: "Application",
    secret: bytes,
    *,
    tested: bool,
    missing: "list[Lack] | None",
) -> UUID:
    from atlas import connections

    seal = connections.seal_with(deployment_key=place.deployment_key())
    trial = await connections.connect(
        door.db, door.context, application, secret=secret, seal=seal, tested=tested, missing=missing
    )
    return trial.run_id


async def _refer(place: "Place", door: "Door", application: "Application", reference: str | None) -> UUID:
    from atlas import connections
    from atlas.cli.caller import pool

    async with pool(place.url("owner_database")) as owner:
        return (await connections.refer(door.db, owner, door.context, application, reference=reference)).run_id


def show(made: dict[str, Any]) -> None:
    """Where the connection leads, whether it signs in, and what it may not read."""
    say(f"Connected to {made['entraTenantId']}; its secret is {_where(made)}")
    if made["testedAt"] is None:
        say("Nobody signed in with it yet: the worker does, and `atlas graph list` tells how it went.", style="yellow")
        return
    say("Signed in.", style="green")
    if made["missingPermissions"] is None:
        say("The token does not say what it permits: `atlas graph probe` finds it out.", style="yellow")
    elif made["missingPermissions"]:
        found = table("MISSING PERMISSION", "CANNOT BE READ WITHOUT IT")
        for one in made["missingPermissions"]:
            row(found, one["permission"], ", ".join(one["itemTypes"] + one["beside"]))
        stdout().print(found)


async def _remove(door: "Door", wanted: str) -> dict[str, Any]:
    from atlas import connections
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode

    for one in await all_of(door):
        told = shown(door.context.tenant_id, one)
        if wanted in {told["id"], told["uuid"]} and await connections.remove(door.db, door.context, one.id):
            return told
    raise RefusedError(UserErrorCode.NOT_FOUND, connections.UNKNOWN)


async def all_of(door: "Door") -> "list[GraphConnection]":
    """The tenant's connections, oldest first."""
    from atlas import connections

    return await connections.list_connections(door.db, door.context)


def shown(tenant_id: UUID | None, one: "GraphConnection") -> dict[str, Any]:
    """A connection under the field names of GraphApplication."""
    from atlas.connections import told
    from atlas.schema.ids import encode_id

    return {
        "id": encode_id("GraphApplication", tenant_id, one.id),
        "uuid": str(one.id),
        "entraTenantId": str(one.entra_tenant_id),
        "clientId": str(one.client_id),
        "cloud": one.cloud.value,
        "credentialKind": one.credential_kind.value,
        "reference": one.reference,
        "createdAt": _time(one.created_at),
        "testedAt": None if one.tested_at is None else _time(one.tested_at),
        "status": one.status.value,
        "error": None if one.error is None else dict(zip(("code", "message"), one.error, strict=True)),
        "missingPermissions": told(one.missing),
    }


def _signed_in(told: dict[str, Any]) -> str:
    if told["error"] is not None:
        return str(told["error"]["code"])
    return (told["testedAt"] or "not yet")[:10]


def _where(told: dict[str, Any]) -> str:
    kind = CredentialKind(told["credentialKind"])
    if kind not in {CredentialKind.CLIENT_SECRET, CredentialKind.CERTIFICATE}:
        return "the worker's identity"
    return told["reference"] or "sealed"


def _time(at: Any) -> str:
    return str(at.astimezone(UTC).isoformat().replace("+00:00", "Z"))
