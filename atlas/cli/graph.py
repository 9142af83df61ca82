"""The command line as a client of our own GraphQL schema, in this process: what it shows is what anybody can ask."""

from collections.abc import AsyncIterator
from typing import Any

from atlas.cli.caller import Caller
from atlas.domain.errors import OperatorError, RefusedError

PAGE = 100
MOST_CHANGES = 500
FIRST_CHANGES = 100

_PRINCIPAL = "{ id kind displayName }"
_RUN = "{ id sequence status createdAt }"
_VALUE = "{ redacted value digest label }"

TENANT = "id name entraTenantId createdAt viewerRole viewerCapabilities"
SYNC_RUN = f"""
    id tenant {{ id name }} scope {{ id key label }} sequence source status requestedBy {_PRINCIPAL}
    createdAt startedAt finishedAt progress {{ done total }}
    counts {{ observed added changed removed unchanged }}
    coverage {{ itemType status observed expected apiVersion errorCode message }}
    error {{ code message }}
"""
DRIFT_RUN = f"""
    id tenant {{ id name }} scope {{ id key label }} baselineRun {_RUN} currentRun {_RUN} status
    progress {{ done total }} requestedBy {_PRINCIPAL} attempts createdAt startedAt finishedAt
    counts {{ added removed modified propertyChanges findingsNew findingsReopened findingsResolved findingsUnchanged
        findingsSuppressed }}
    notEvaluated {{ itemType reason message }} error {{ code message }}
"""
CHANGE = f"kind path label before {_VALUE} after {_VALUE}"
FINDING = f"""
    id tenant {{ id name }} scope {{ id key label }} kind fingerprint changeType severity severityReasons status
    resolution isCurrent subject {{ itemType externalId displayName platform }} changeCount
    recreation {{ otherFinding {{ id fingerprint }} similarity identical }} baselineRun {_RUN} currentRun {_RUN}
    firstSeenAt lastSeenAt occurrences acknowledgement {{ by {_PRINCIPAL} at reason expiresAt }}
    supersededBy {{ id fingerprint }} suppressedBy {{ id version reason }} version
    changedBy {{ confidence events {{ at activity operation actorKind actorId actorName correlationId }} }}
"""


async def ask(caller: Caller, query: str, **variables: Any) -> dict[str, Any]:
    """The data that answers the query. Raises `RefusedError` or `OperatorError` for the first error in it."""
    from atlas.schema.context import GraphQLContext
    from atlas.schema.root import schema

    context = GraphQLContext(db=caller.db, principal=caller.principal, request_id=caller.request_id)
    result = await schema.execute(query, variable_values=variables, context_value=context)
    for error in result.errors or ():
        cause = error.original_error
        if isinstance(cause, RefusedError | OperatorError):
            raise cause
        code = str((error.extensions or {}).get("code") or "INTERNAL")
        if code == "INTERNAL" and isinstance(cause, Exception):
            raise cause
        raise OperatorError(code, error.message)
    if result.data is None:
        raise OperatorError("INTERNAL", "The query has no answer.")
    return result.data


async def node(caller: Caller, type_name: str, fields: str, global_id: str) -> dict[str, Any]:
    """The object of this id, which must be there."""
    data = await ask(
        caller, f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ {fields} }} }} }}", id=global_id
    )
    if not data["node"]:
        raise OperatorError("NOT_FOUND", "It is gone, or you may not see it any more.")
    found: dict[str, Any] = data["node"]
    return found


async def findings_of(
    caller: Caller,
    tenant: str,
    fields: str = FINDING,
    *,
    where: dict[str, Any] | None = None,
    changes: bool = False,
) -> AsyncIterator[dict[str, Any]]:
    """The tenant's findings, the most severe first, read page by page; with all their changes where these are asked."""
    part = f"changes(first: {FIRST_CHANGES}) {{ {CHANGE} }}" if changes else ""
    query = f"""
        query ($tenant: ID!, $after: String, $filter: FindingFilter) {{ tenant(by: {{id: $tenant}}) {{
            findings(first: {PAGE}, after: $after, filter: $filter, orderBy: SEVERITY_DESC) {{
                nodes {{ {fields} {part} }} pageInfo {{ hasNextPage endCursor }} }} }} }}
    """
    after: str | None = None
    while True:
        data = await ask(caller, query, tenant=tenant, after=after, filter=where)
        page = (data["tenant"] or {}).get("findings") or {"nodes": [], "pageInfo": {"hasNextPage": False}}
        for finding in page["nodes"]:
            if changes:
                await _complete(caller, finding)
            yield finding
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def finding(caller: Caller, global_id: str) -> dict[str, Any]:
    """One finding with all its changes."""
    found = await node(caller, "Finding", f"{FINDING} changes(first: {FIRST_CHANGES}) {{ {CHANGE} }}", global_id)
    await _complete(caller, found)
    return found


async def _complete(caller: Caller, finding: dict[str, Any]) -> None:
    """Adds the changes beyond the first ones."""
    while len(finding["changes"]) < finding["changeCount"]:
        offset = len(finding["changes"])
        part = f"changes(first: {MOST_CHANGES}, offset: {offset}) {{ {CHANGE} }}"
        more = (await node(caller, "Finding", part, finding["id"]))["changes"]
        if not more:
            return
        finding["changes"] += more
