"""The parameters of a GraphQL request, as the GraphQL-over-HTTP specification has them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter
from starlette.requests import Request
from strawberry.http import GraphQLRequestData, GraphQLRequestProtocol

from atlas.schema.refusal import JSON_TYPE, RESPONSE_TYPE, RefusedRequestError

# A document that is longer is none that a person or a client library wrote.
LONGEST_DOCUMENT = 32_768
BODY_SECONDS = 30
# What callers say in a header, of which there are few.
_MOST_KEPT = 64


@dataclass
class Parameters(GraphQLRequestData):
    """Strawberry's, and the id of a trusted document where the request names one instead of a `query`."""

    document_id: str | None = None


@lru_cache(_MOST_KEPT)
def media_type_of(accept: str | None) -> str | None:
    """The media type to answer with; None where the caller accepts neither of the two.

    `application/json` is what a caller that does not care expects; an event stream is negotiated elsewhere.
    """
    if accept is None or not accept.strip():
        return JSON_TYPE
    best: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        offered = {RESPONSE_TYPE: RESPONSE_TYPE, "text/event-stream": JSON_TYPE}.get(name)
        if name in {JSON_TYPE, "application/*", "*/*"}:
            offered = JSON_TYPE
        if offered is not None and _charset_is_utf8(parameters):
            best[offered] = max(best.get(offered, 0.0), _quality(parameters))
    accepted = [(quality, name) for name, quality in best.items() if quality > 0]
    # At equal quality the newer type wins, which says more.
    return max(accepted, key=lambda pair: (pair[0], pair[1] == RESPONSE_TYPE))[1] if accepted else None


async def read_parameters(request: AsyncHTTPRequestAdapter, protocol: GraphQLRequestProtocol) -> Parameters:
    """Raises `RefusedRequestError` 400 or 415 for whatever is not a GraphQL request."""
    if request.method == "GET":
        data: Mapping[str, Any] = {
            name: _json_parameter(name, value) if name in {"variables", "extensions"} else value
            for name, value in request.query_params.items()
        }
    else:
        check_content_type(request.content_type or "", request.headers.get("content-encoding", "identity"))
        async with in_time():
            data = data_of(await request.get_body())
    return parameters_of(data, protocol)


async def body_of(request: Request) -> bytes:
    """Raises `RefusedRequestError` 408 where it does not come."""
    async with in_time():
        return await request.body()


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            yield
    except TimeoutError as error:
        message = f"The body did not come within {BODY_SECONDS} seconds. Send it at once."
        raise RefusedRequestError(408, message, headers={"Connection": "close"}) from error


def data_of(body: bytes) -> Mapping[str, Any]:
    """Raises `RefusedRequestError` 400 where a body is no JSON object."""
    return _object(_loads(body, "The body"), "The body")


def parameters_of(data: Mapping[str, Any], protocol: GraphQLRequestProtocol) -> Parameters:
    """Raises `RefusedRequestError` 400 where a parameter is none of its type."""
    query = _optional(data, "query", str, "a string")
    if query is not None and len(query) > LONGEST_DOCUMENT:
        raise RefusedRequestError(400, f"The query is longer than {LONGEST_DOCUMENT} characters.")
    return Parameters(
        query=query,
        variables=_optional(data, "variables", dict, "an object"),
        operation_name=_optional(data, "operationName", str, "a string"),
        extensions=_optional(data, "extensions", dict, "an object"),
        protocol=protocol,
        document_id=_optional(data, "documentId", str, "a string"),
    )


@lru_cache(_MOST_KEPT)
def check_content_type(content_type: str, encoding: str) -> None:
    """Raises `RefusedRequestError` 415 for what is not read."""
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    if name != JSON_TYPE or not _charset_is_utf8(parameters):
        raise RefusedRequestError(415, f"Send the request as `Content-Type: {JSON_TYPE}` in UTF-8.")
    if encoding.lower() != "identity":
        raise RefusedRequestError(415, "Send the request without Content-Encoding.")


def _optional(data: Mapping[str, Any], name: str, kind: type, told: str) -> Any:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        raise RefusedRequestError(400, f"The parameter `{name}` must be {told}, or left out.")
    return value


def _json_parameter(name: str, value: object) -> Any:
    return _loads(str(value).encode(), f"The parameter `{name}`") if value else None


def _object(value: object, told: str) -> Mapping[str, Any]:
    if isinstance(value, list):
        raise RefusedRequestError(400, "Batches are not served. Send one operation a request.")
    if not isinstance(value, dict):
        raise RefusedRequestError(400, f"{told} must be a JSON object.")
    return value


def _loads(text: bytes, told: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedRequestError(400, f"{told} is not valid JSON in UTF-8.") from error


def _charset_is_utf8(parameters: list[str]) -> bool:
    charsets = [value.strip('"') for key, _, value in (p.partition("=") for p in parameters) if key == "charset"]
    return all(charset in {"utf-8", "utf8"} for charset in charsets)


def _quality(parameters: list[str]) -> float:
    for key, _, value in (parameter.partition("=") for parameter in parameters):
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
