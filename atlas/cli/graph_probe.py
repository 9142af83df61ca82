"""`atlas graph probe`: one page of each item type of a live tenant, told in figures. Nothing is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Tenant, Token, choice, identifier, option
from atlas.cli.output import print_json, row, say, stdout, table
from atlas.cli.syncs import PARTIAL, Types, known_types
from atlas.domain.vocabulary import CoverageStatus, GraphCloud

if TYPE_CHECKING:
    from atlas.cli.place import Place
    from atlas.sources.graph.budget import Budget
    from atlas.sources.graph.sign_in import Endpoints
    from atlas.sources.graph.sign_in import Token as GraphToken


def probe(
    tenant: Tenant,
    types: Types = None,
    device_code: Annotated[
        bool,
        typer.Option(
            "--device-code", help="Sign in as yourself at another device, and not by the tenant's connection."
        ),
    ] = False,
    entra_tenant_id: Annotated[
        UUID | None, option(identifier, "--entra-tenant-id", metavar="UUID", help="The directory, for --device-code.")
    ] = None,
    client_id: Annotated[
        UUID | None, option(identifier, "--client-id", metavar="UUID", help="The application, for --device-code.")
    ] = None,
    cloud: Annotated[
        GraphCloud, choice(GraphCloud, "--cloud", help="Which of Microsoft's clouds, for --device-code.")
    ] = GraphCloud.GLOBAL,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Reads one page of each item type from Microsoft Graph and prints what it found. Nothing is stored.

    The tenant's connection is opened here, so it needs the deployment key and ATLAS_OWNER_DATABASE_URL. With
    --device-code a person signs in instead, for a first try. Unless types are named, it looks at groups and audit
    events too, from which names and who made a change are read. What it asks is of the workers' budget, where
    ATLAS_BROKER_URL says where that is. Ends with 3 where one of them could not be read.
    """
    item_types = known_types(types)
    if device_code and (entra_tenant_id is None or client_id is None):
        raise typer.BadParameter("Name the directory and the application.", param_hint="--entra-tenant-id, --client-id")
    from atlas.cli.place import Place, configure_logs, opened

    async def work(place: Place) -> list[dict[str, Any]]:
        if device_code and entra_tenant_id is not None and client_id is not None:
            signing_in = _as_a_person(place, entra_tenant_id, client_id, cloud)
        else:
            signing_in = _by_the_connection(place, token, tenant)
        async with signing_in as (where, bearer, directory), _budget_of(place, directory) as budget:
            return await _probed(where, bearer, budget, item_types)

    with opened(home) as place:
        configure_logs(place)
        found = asyncio.run(work(place))
    if as_json:
        print_json(found)
    else:
        _show(found)
    if any(one["status"] != CoverageStatus.COMPLETE for one in found):
        raise typer.Exit(PARTIAL)


@asynccontextmanager
async def _budget_of(place: "Place", entra_tenant_id: UUID) -> "AsyncIterator[Budget]":
    """What the directory may still be asked, shared with the workers where their Valkey is known here."""
    from atlas.graph_budget import open_buckets
    from atlas.sources.graph.budget import Budget

    url = place.known_url("broker")
    shared = None if url is None else open_buckets(url)
    try:
        yield Budget(shared=shared, name=str(entra_tenant_id))
    finally:
        if shared is not None:
            await shared.close()


async def _probed(
    where: "Endpoints", token: "GraphToken", budget: "Budget", item_types: list[str] | None
) -> list[dict[str, Any]]:
    from atlas.graph_sync import contracts_of
    from atlas.sources.graph.client import open_client
    from atlas.sources.graph.probe import BESIDE, probe

    async with open_client(where.graph, token, budget=budget) as client:
        rows = await probe(client, (*contracts_of(item_types), *(BESIDE if item_types is None else ())))
    return [
        {
            "itemType": one.item_type,
            "path": one.path,
            "status": one.status.value,
            "httpStatus": one.http_status,
            "objects": one.objects,
            "expected": one.expected,
            "hasNext": one.has_next,
            "milliseconds": round(one.milliseconds, 1),
            "message": one.message,
        }
        for one in rows
    ]


@asynccontextmanager
async def _by_the_connection(
    place: "Place", token: str | None, tenant: str
) -> "AsyncIterator[tuple[Endpoints, GraphToken, UUID]]":
    """The door is the operator's, as for a credential that lies elsewhere; whoever acts must be allowed to sync."""
    from atlas import connections
    from atlas.cli.caller import operating_in, pool
    from atlas.graph_connection import open_connection
    from atlas.sources.graph.sign_in import endpoints, signed_in

    async with operating_in(place, token, tenant) as door:
        await connections.list_connections(door.db, door.context)
        tenant_id = door.context.tenant_id
    if tenant_id is None:
        raise LookupError("operating_in names the tenant")
    keys = (place.deployment_key(), *place.previous_keys())
    async with pool(place.url("owner_database")) as owner, owner.transaction(readonly=True) as connection:
        opened = await open_connection(connection, tenant_id, keys)
    settings = place.settings
    where = endpoints(opened.cloud, graph=settings.graph_url, authority=settings.graph_authority)
    async with signed_in(opened.sign_in, where) as bearer:
        yield where, bearer, opened.sign_in.entra_tenant_id


@asynccontextmanager
async def _as_a_person(
    place: "Place", entra_tenant_id: UUID, client_id: UUID, cloud: GraphCloud
) -> "AsyncIterator[tuple[Endpoints, GraphToken, UUID]]":
    from atlas.sources.graph.sign_in import device_code, endpoints, token_of

    def tell(address: str, code: str) -> None:
        say(f"Open {address} and type {code}", error=True)

    where = endpoints(cloud, graph=place.settings.graph_url, authority=place.settings.graph_authority)
    credential = await asyncio.to_thread(device_code, entra_tenant_id, client_id, where, tell=tell)
    try:
        yield where, token_of(credential, where.scope, entra_tenant_id), entra_tenant_id
    finally:
        await asyncio.to_thread(credential.close)


def _show(found: list[dict[str, Any]]) -> None:
    numbers = ("HTTP", "ON THE PAGE", "OF", "MS")
    made = table("ITEM TYPE", "STATUS", "HTTP", "ON THE PAGE", "OF", "MORE", "MS", right=numbers)
    for one in found:
        more = "yes" if one["hasNext"] else ""
        counted = "" if one["expected"] is None else one["expected"]
        told = (one["itemType"], one["status"], one["httpStatus"], one["objects"], counted, more)
        row(made, *told, round(one["milliseconds"]))
    stdout().print(made)
    for one in found:
        if one["message"]:
            say(f"{one['itemType']} ({one['path']}): {one['message']}", style="yellow", error=True)
