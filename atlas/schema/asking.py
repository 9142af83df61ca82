"""Our own schema asked from within: what a command or an export shows is what anybody could ask, page by page."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any, Protocol

from graphql import GraphQLError

from atlas.domain.errors import OperatorError, RefusedError
from atlas.schema.context import GraphQLContext

PAGE = 100
MOST_CHANGES = 500
FIRST_CHANGES = 100

PRINCIPAL = "{ id kind displayName }"
RUN = "{ id sequence status createdAt }"
_VALUE = "{ redacted value digest label }"
CHANGE = f"kind path label before {_VALUE} after {_VALUE}"
FINDING = f"""
    id tenant {{ id name }} scope {{ id key label }} kind fingerprint changeType severity severityReasons status
    resolution isCurrent subject {{ itemType externalId displayName platform }} changeCount
    recreation {{ otherFinding {{ id fingerprint }} similarity identical }} baselineRun {RUN} currentRun {RUN}
    firstSeenAt lastSeenAt occurrences acknowledgement {{ by {PRINCIPAL} at reason expiresAt }}
    supersededBy {{ id fingerprint }} suppressedBy {{ id version reason }} version
    changedBy {{ confidence events {{ at activity operation actorKind actorId actorName correlationId }} }}
"""


class Ask(Protocol):
    """Answers a query with its data; raises for the first error in it."""

    def __call__(self, query: str, **variables: Any) -> Awaitable[dict[str, Any]]: ...


async def ask(context: GraphQLContext, query: str, **variables: Any) -> dict[str, Any]:
    """Raises `RefusedError`, `OperatorError`, or the `GraphQLError` of a limit."""
    from atlas.schema.root import schema

    result = await schema.execute(query, variable_values=variables, context_value=context)
    for error in result.errors or ():
        raise _cause(error)
    if result.data is None:
        raise OperatorError("INTERNAL", "The query has no answer.")
    return result.data


def _cause(error: GraphQLError) -> Exception:
    cause = error.original_error
    if isinstance(cause, RefusedError | OperatorError):
        return cause
    code = str((error.extensions or {}).get("code") or "INTERNAL")
    return cause if code == "INTERNAL" and isinstance(cause, Exception) else error


async def node(ask: Ask, type_name: str, fields: str, global_id: str) -> dict[str, Any]:
    """The object of this id, which must be there."""
    data = await ask(f"query ($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ {fields} }} }} }}", id=global_id)
    if not data["node"]:
        raise OperatorError("NOT_FOUND", "It is gone, or you may not see it any more.")
    found: dict[str, Any] = data["node"]
    return found


async def findings_of(
    ask: Ask, tenant: str, fields: str = FINDING, *, where: Mapping[str, Any] | None = None, changes: bool = False
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
        data = await ask(query, tenant=tenant, after=after, filter=where)
        page = (data["tenant"] or {}).get("findings") or {"nodes": [], "pageInfo": {"hasNextPage": False}}
        for finding in page["nodes"]:
            if changes:
                await complete(ask, finding)
            yield finding
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def complete(ask: Ask, finding: dict[str, Any]) -> None:
    """Adds the changes beyond the first ones."""
    while len(finding["changes"]) < finding["changeCount"]:
        offset = len(finding["changes"])
        part = f"changes(first: {MOST_CHANGES}, offset: {offset}) {{ {CHANGE} }}"
        more = (await node(ask, "Finding", part, finding["id"]))["changes"]
        if not more:
            return
        finding["changes"] += more
