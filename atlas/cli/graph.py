"""The command line as a client of our own GraphQL schema, in this process: what it shows is what anybody can ask."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from graphql import GraphQLError

from atlas.cli.caller import Caller
from atlas.domain.errors import OperatorError
from atlas.schema import asking
from atlas.schema.asking import CHANGE, FINDING, FIRST_CHANGES

_PRINCIPAL, _RUN = asking.PRINCIPAL, asking.RUN

TENANT = "id name entraTenantId createdAt viewerRole viewerCapabilities"
SYNC_RUN = f"""
    id tenant {{ id name }} scope {{ id key label }} sequence source status requestedBy {_PRINCIPAL}
    createdAt startedAt finishedAt prunedAt notes progress {{ done total }}
    counts {{ observed added changed removed unchanged }}
    coverage {{ itemType status observed expected apiVersion errorCode message }} reading {{ itemType objects }}
    error {{ code message }}
"""
DRIFT_RUN = f"""
    id tenant {{ id name }} scope {{ id key label }} baselineRun {_RUN} currentRun {_RUN} status
    progress {{ done total }} requestedBy {_PRINCIPAL} attempts createdAt startedAt finishedAt
    counts {{ added removed modified propertyChanges findingsNew findingsReopened findingsResolved findingsUnchanged
        findingsSuppressed }}
    notEvaluated {{ itemType reason message }} error {{ code message }}
"""


async def ask(caller: Caller, query: str, **variables: Any) -> dict[str, Any]:
    """The data that answers the query. Raises `RefusedError` or `OperatorError` for the first error in it."""
    from atlas.schema.context import GraphQLContext

    context = GraphQLContext(db=caller.db, principal=caller.principal, request_id=caller.request_id)
    try:
        return await asking.ask(context, query, **variables)
    except GraphQLError as error:
        raise OperatorError(str((error.extensions or {}).get("code") or "INTERNAL"), error.message) from error


async def node(caller: Caller, type_name: str, fields: str, global_id: str) -> dict[str, Any]:
    """The object of this id, which must be there."""
    return await asking.node(partial(ask, caller), type_name, fields, global_id)


def findings_of(
    caller: Caller,
    tenant: str,
    fields: str = FINDING,
    *,
    where: dict[str, Any] | None = None,
    changes: bool = False,
) -> AsyncIterator[dict[str, Any]]:
    """The tenant's findings, the most severe first, read page by page; with all their changes where these are asked."""
    return asking.findings_of(partial(ask, caller), tenant, fields, where=where, changes=changes)


async def finding(caller: Caller, global_id: str) -> dict[str, Any]:
    """One finding with all its changes."""
    found = await node(caller, "Finding", f"{FINDING} changes(first: {FIRST_CHANGES}) {{ {CHANGE} }}", global_id)
    await asking.complete(partial(ask, caller), found)
    return found
