"""Requests that never reach the executor: their HTTP status and the GraphQL-shaped body that says why."""

from collections.abc import Mapping
from types import MappingProxyType

import orjson
from starlette.responses import Response

from atlas.schema.errors import Code

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
RESPONSE_TYPE = "application/graphql-response+json"
JSON_TYPE = "application/json"


class RefusedRequestError(Exception):
    """`message` says what is wrong and the mend; it is shown to the caller as it is."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = Code.BAD_USER_INPUT,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers

    def response(self, media_type: str = JSON_TYPE) -> Response:
        body = {"errors": [{"message": self.message, "extensions": {"code": str(self.code)}}]}
        content_type = {"content-type": f"{media_type}; charset=utf-8"}
        return Response(orjson.dumps(body), self.status, headers=content_type | dict(self.headers))


def unauthenticated(message: str) -> RefusedRequestError:
    return RefusedRequestError(
        401, message, code=Code.UNAUTHENTICATED, headers={"WWW-Authenticate": 'Bearer realm="atlas"'}
    )


def unavailable() -> RefusedRequestError:
    return RefusedRequestError(
        503,
        "Atlas cannot use its database right now. Try again in a moment.",
        code=Code.INTERNAL,
        headers={"Retry-After": "2"},
    )
