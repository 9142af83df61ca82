"""Connections to Microsoft Graph: connect and remove."""

from uuid import UUID

import strawberry

from atlas import connections
from atlas.connections import Application
from atlas.schema.connections import GraphApplication, load_application
from atlas.schema.context import Info
from atlas.schema.enums import CredentialKind, GraphCloud
from atlas.schema.mutations.payload import UserError, absent, object_of, outcome, tenant_of, text_of


@strawberry.input(description="As which application to read a tenant's directory.")
class ConnectGraphInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    entra_tenant_id: UUID = strawberry.field(description="The directory.")
    client_id: UUID = strawberry.field(description="The application's id in it.")
    secret: str = strawberry.field(
        description="The client secret, or the certificate with its key, unencrypted (PEM). Send it as a variable. It"
        " is sealed so that this API cannot open it again."
    )
    credential_kind: CredentialKind = strawberry.field(
        default=CredentialKind.CLIENT_SECRET,
        description="CLIENT_SECRET or CERTIFICATE. Identities of the worker's platform are the operator's to give.",
    )
    cloud: GraphCloud = strawberry.field(default=GraphCloud.GLOBAL, description="Which of Microsoft's clouds.")


@strawberry.input(description="Which connection to remove.")
class RemoveGraphConnectionInput:
    id: strawberry.ID = strawberry.field(description="The connected application.")


@strawberry.type(description="What became of connecting.")
class ConnectGraphPayload:
    application: GraphApplication | None = strawberry.field(
        default=None, description="The connected application; its status tells how the worker's trial goes."
    )
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of removing a connection.")
class RemoveGraphConnectionPayload:
    removed: bool = strawberry.field(description="Was there such a connection until now?")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def connect_graph(info: Info, given: ConnectGraphInput) -> ConnectGraphPayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        trial = await connections.connect(
            context.db,
            context.of(tenant_id),
            Application(given.entra_tenant_id, given.client_id, given.cloud, given.credential_kind),
            secret=text_of(given.secret, "secret").rstrip("\r\n").encode(),
            seal=connections.seal_with(sealing_key=context.sealing_key),
        )
        if context.dispatch is not None:
            await context.dispatch([trial])
        context.forget()
        return ConnectGraphPayload(application=await load_application(context, tenant_id, trial.run_id), errors=[])
    return ConnectGraphPayload(errors=result.errors)


async def remove_graph_connection(info: Info, given: RemoveGraphConnectionInput) -> RemoveGraphConnectionPayload:
    context = info.context
    with outcome() as result:
        target = object_of(given.id, "GraphApplication", "id")
        if target.tenant_id is None:
            raise absent("GraphApplication", "id")
        removed = await connections.remove(context.db, context.of(target.tenant_id), target.key)
        context.forget()
        return RemoveGraphConnectionPayload(removed=removed, errors=[])
    return RemoveGraphConnectionPayload(removed=False, errors=result.errors)
