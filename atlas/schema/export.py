"""`/export/findings.csv`, `.jsonl` and `.sarif`: a tenant's findings as a stream, read page by page as the caller."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from atlas.auth import Session
from atlas.domain.exports import Writer, writer
from atlas.domain.vocabulary import ExportFormat, FindingStatus, Severity
from atlas.schema.asking import ask, findings_of
from atlas.schema.context import GraphQLContext
from atlas.schema.errors import Code
from atlas.schema.ids import decode_id, encode_id
from atlas.schema.meter import RateLimitedError, headers
from atlas.schema.refusal import RefusedRequestError, unauthenticated
from atlas.schema.view import View, request_id_of

_CHOICES: Mapping[str, tuple[str, ...]] = {"status": tuple(FindingStatus), "severity": tuple(Severity)}
_TENANT = "query ($by: TenantBy!) { tenant(by: $by) { id } }"


def export_findings(view: View, form: ExportFormat) -> Callable[[Request], Awaitable[Response]]:
    """Answers GET with `tenant` (its name or id), and any number of `status` and `severity`."""

    async def export(request: Request) -> Response:
        try:
            session = await view.authenticate(request)
            context = view.services.context(session, request_id_of(request.scope))
            asked = partial(_asked, context, session)
            where = _where(request)
            tenant = await _tenant(context, request)
            found = findings_of(asked, tenant, where=where, changes=True)
            first = await anext(found, None)
        except RateLimitedError as limited:
            told = headers(limited.standing)
            return RefusedRequestError(429, limited.message, code=Code.RATE_LIMITED, headers=told).response()
        except RefusedRequestError as refused:
            return refused.response()
        written = writer(form)
        disposition = {"Content-Disposition": f'attachment; filename="findings.{form}"'}
        return StreamingResponse(_lines(written, first, found), media_type=written.media_type, headers=disposition)

    return export


async def _lines(
    written: Writer, first: dict[str, Any] | None, found: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[bytes]:
    # What fails from here on breaks the stream off in the middle of a chunk: nobody takes a part for the whole.
    yield written.head
    if first is not None:
        yield written.one(first, True)
        async for one in found:
            yield written.one(one, False)
    yield written.tail


async def _asked(context: GraphQLContext, session: Session, query: str, **variables: Any) -> dict[str, Any]:
    """One page, for as long as the caller's token holds; where the budget is used up, after it has filled again."""
    waits = variables.get("after") is not None
    while True:
        if not await session.holds():
            raise unauthenticated("The token has expired or was revoked. Use another one.")
        try:
            return await ask(context, query, **variables)
        except RateLimitedError as limited:
            if not waits:
                raise
            await asyncio.sleep(max(limited.standing.wait_seconds or 0, 0.1))


async def _tenant(context: GraphQLContext, request: Request) -> str:
    """The global id of the tenant that is named, among those that the caller sees."""
    named = request.query_params.get("tenant", "")
    if not named:
        raise RefusedRequestError(400, "Name the tenant: ?tenant=, its name or its id.")
    try:
        data = await ask(context, _TENANT, by=_by(named))
    except GraphQLError as error:
        if isinstance(error, RateLimitedError):
            raise
        raise RefusedRequestError(400, "The tenant is named by its name or its id.") from error
    if data["tenant"] is None:
        raise RefusedRequestError(404, "There is no such tenant, or you are no member of it.", code="NOT_FOUND")
    found: str = data["tenant"]["id"]
    return found


def _by(named: str) -> dict[str, str]:
    if decode_id(named, "Tenant") is not None:
        return {"id": named}
    try:
        key = UUID(named)
    except ValueError:
        return {"name": named}
    return {"id": encode_id("Tenant", key, key)}


def _where(request: Request) -> dict[str, list[str]]:
    """The filter in the query string; what is not known in it is refused, so that no typing error exports all."""
    unknown = sorted(set(request.query_params) - {"tenant", *_CHOICES})
    if unknown:
        raise RefusedRequestError(
            400, f"There is no parameter {unknown[0][:40]!r}. There are tenant, status, severity."
        )
    where = {}
    for name, known in _CHOICES.items():
        given = [one.upper() for one in request.query_params.getlist(name)]
        if not set(given) <= set(known):
            raise RefusedRequestError(400, f"{name} is one of {', '.join(known)}.")
        if given:
            where[name] = given
    return where
