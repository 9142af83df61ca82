"""The trial of a connection that was saved: the worker signs in with it once, and keeps what came of it."""

from atlas import jobs
from atlas.connections import told
from atlas.graph_connection import open_connection, try_sign_in
from atlas.graph_sync import GraphSource
from atlas.jobs import Lease
from atlas.sources.graph.sign_in import endpoints
from atlas.store import connections
from atlas.store.database import Database


async def try_connection(worker: Database, lease: Lease, source: GraphSource) -> None:
    """Signs in with the connection that the lease is of, and with nothing else.

    Raises `OperatorError` where its credential cannot be opened or the sign-in is refused, `TemporaryError` where the
    sign-in gives no answer, and `LeaseLostError` where the connection was removed meanwhile.
    """
    tenant_id, connection_id = lease.job.tenant_id, lease.job.run_id
    deployment = source.keys()
    async with jobs.effect(worker, lease) as connection:
        opened = await open_connection(connection, tenant_id, deployment)
    where = endpoints(opened.cloud, graph=source.graph, authority=source.authority)
    found = await try_sign_in(opened.sign_in, where)
    async with jobs.effect(worker, lease) as connection:
        await connections.tried(connection, tenant_id, connection_id, told(found))
    await worker.notify([tenant_id])
