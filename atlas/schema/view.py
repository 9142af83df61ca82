"""GraphQL over HTTP, event streams and WebSockets, on top of Strawberry's view."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema import Schema
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.graphql import OperationType

from atlas.auth import URL_PARAMETERS, Session, bearer, open_session
from atlas.budget import Budget
from atlas.oidc import TrustedIssuer
from atlas.schema.body import Parameters, media_type_of, read_parameters
from atlas.schema.channel import Asked, Told
from atlas.schema.compiled.serving import ShortWay
from atlas.schema.context import GraphQLContext
from atlas.schema.documents import Documents, Named
from atlas.schema.errors import Code, guarded, presentable
from atlas.schema.executor.running import PlannedExecutor
from atlas.schema.limits import Limiting
from atlas.schema.live import Live, LiveSession
from atlas.schema.meter import Memberships, Meter, RateLimitedError
from atlas.schema.meter import headers as rate_headers
from atlas.schema.refusal import JSON_TYPE, RESPONSE_TYPE, RefusedRequestError, unauthenticated, unavailable
from atlas.schema.relay import relayed
from atlas.schema.socket import SocketHandler
from atlas.schema.tags import tagged
from atlas.sealing import SealingKey
from atlas.store.database import Context, Database
from atlas.store.faults import PASSING, fault_of
from atlas.store.members import tenant_ids

SUBSCRIPTIONS_A_SOCKET = 20
_INIT_SECONDS = 10

Dispatch = Callable[[Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Services:
    """What every request's context is made of; pages of `origins` may open a WebSocket."""

    db: Database
    live: Live
    dispatch: Dispatch
    documents: Documents
    issuer: TrustedIssuer | None = None
    origins: Sequence[str] = ()
    budget: Budget | None = None
    memberships: Memberships = field(default_factory=Memberships)
    sealing_key: SealingKey | None = None

    def context(self, session: Session, request_id: str) -> GraphQLContext:
        made = GraphQLContext(
            db=self.db,
            principal=session.principal,
            request_id=request_id,
            dispatch=self.dispatch,
            live=LiveSession(self.live, session, relayed=True),
            introspection=not self.documents.only,
            sealing_key=self.sealing_key,
        )
        made.meter = self.meter(session.principal.id)
        return made

    def meter(self, principal_id: UUID) -> Meter | None:
        """What this principal's request is charged by; None where nothing is counted."""
        if self.budget is None:
            return None
        return Meter(self.budget, self.memberships, principal_id, partial(_tenants_of, self.db, principal_id))


class View(GraphQL[GraphQLContext | None, None]):
    """The ASGI application at `/graphql`. Nothing is read of a request before its token holds."""

    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: BaseSchema, services: Services) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
            max_subscriptions_per_connection=SUBSCRIPTIONS_A_SOCKET,
            allowed_origins=services.origins,
        )
        self.services = services
        self.short_way = _short_way(schema, services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        media_type = media_type_of(request.headers.get("accept"))
        try:
            if request.method not in {"GET", "POST"}:
                raise _wrong_method("GraphQL is asked by GET or POST.", "GET, POST")
            if request.method == "POST" and media_type is not None and self.short_way is not None:
                answer = await self.short_way.answer(request, media_type, self.services.meter)
                if answer is not None:
                    return answer
            session = await self.authenticate(request)
            if media_type is None:
                raise RefusedRequestError(406, f"Accept {JSON_TYPE} or application/graphql-response+json.")
            request.state.media_type = media_type
            context = self.services.context(session, request_id_of(request.scope))
            # What the short way has charged before it left the request to this one.
            context.meter = getattr(request.state, "meter", context.meter)
            response = await self.run(request, context=context)
            return tagged(request, response) if request.method == "GET" else response
        except RefusedRequestError as refused:
            return refused.response(media_type or JSON_TYPE)
        except HTTPException as error:
            return RefusedRequestError(error.status_code, error.reason).response(media_type or JSON_TYPE)

    async def authenticate(self, request: Request) -> Session:
        """Raises 401 where the token is missing or does not hold, and 503 where the database cannot tell."""
        header = request.headers.get("authorization")
        if header is None and URL_PARAMETERS & {name.lower() for name in request.query_params}:
            raise unauthenticated("A token in the URL is refused. Send it as `Authorization: Bearer ...`.")
        token = bearer(header)
        if token is None:
            raise unauthenticated("A token is needed. Send it as `Authorization: Bearer ...`.")
        session = await self.open_session(token)
        if session is None:
            raise unauthenticated("The token is unknown, has expired or was revoked. Use another one.")
        if self.short_way is not None:
            self.short_way.known.note(token, session.principal.id)
        return session

    async def open_session(self, token: str | None) -> Session | None:
        """None where the token does not hold; 503 where the database cannot tell."""
        try:
            return await open_session(self.services.db, token, self.services.issuer)
        except Exception as error:
            if fault_of(error) in PASSING:
                raise unavailable() from error
            raise

    async def named(self, query: str | None, document_id: str | None, extensions: Mapping[str, Any] | None) -> Named:
        """What the request means.

        Raises RefusedRequestError 503 where its id is to be looked up and the database cannot tell, and 400 where it
        asks for nothing.
        """
        try:
            found = await self.services.documents.named(query, document_id, extensions)
        except Exception as error:
            if fault_of(error) in PASSING:
                raise unavailable() from error
            raise
        if not found.query:
            raise RefusedRequestError(400, "The parameter `query` is missing.")
        return found

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> GraphQLContext | None:
        """A WebSocket has none before its `connection_init`; a request's was made before."""
        return None

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        transport = self._get_stream_transport_from_headers(request.headers)
        return await read_parameters(request, "sse" if transport else "http")

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: GraphQLContext | None,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        if context is not None and isinstance(request_data, Parameters):
            found = await self.named(request_data.query, request_data.document_id, request_data.extensions)
            context.document = found.document
            request_data = replace(request_data, query=found.query)
        result = await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )
        if isinstance(result, SubscriptionExecutionResult) and context is not None:
            single = cast("GraphQLRequestData", request_data)
            asked = Asked(
                self.schema,
                self.services.context,
                single.query or "",
                single.variables,
                single.operation_name,
                context.document,
            )
            told = guarded(relayed(asked, context, result), request_id_of(request.scope))
            return cast("SubscriptionExecutionResult", told)
        return result

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: GraphQLContext | None,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        allowed = {OperationType.QUERY}
        if request_adapter.method == "POST":
            allowed.add(OperationType.MUTATION)
        try:
            result: ExecutionResult = await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                message = "A subscription needs `Accept: text/event-stream`, or a WebSocket."
                raise RefusedRequestError(406, message) from error
            raise _wrong_method("A mutation is asked by POST.", "POST") from error
        except CannotGetOperationTypeError as error:
            raise RefusedRequestError(400, error.as_http_error_reason()) from error
        # An exception of an extension comes past the masking of extensions.
        request_id = request_id_of(request.scope)
        result.errors = [presentable(error, request_id) for error in result.errors or ()] or None
        sub_response.status_code = _status(result, request.state.media_type)
        if context is not None and context.meter is not None:
            sub_response.headers.update(rate_headers(context.meter.standing))
        return result

    async def process_result(self, request: Request, result: ExecutionResult | Told) -> GraphQLHTTPResponse:
        """A request that was never executed has no `data`. What is told to many is encoded already."""
        if isinstance(result, Told):
            return cast("GraphQLHTTPResponse", orjson.Fragment(result.payload))
        response: GraphQLHTTPResponse = {}
        if result.errors:
            response["errors"] = [error.formatted for error in result.errors]
        if not _never_executed(result):
            response["data"] = result.data
        extensions = result.extensions or {}
        if request.method == "GET":
            # What changes with each request is told by headers alone, so that an answer can be the same as before.
            extensions = {name: told for name, told in extensions.items() if name != "rateLimit"}
        if extensions:
            response["extensions"] = extensions
        return response

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        sub_response.body = orjson.dumps(response_data)
        sub_response.headers["content-length"] = str(len(sub_response.body))
        return sub_response

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        return Response(headers={"content-type": f"{request.state.media_type}; charset=utf-8"})

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], Any],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        return StreamingResponse(stream(), headers=headers)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()


def _short_way(schema: BaseSchema, services: Services) -> ShortWay | None:
    """None for a schema that answers by graphql-core alone."""
    if not isinstance(schema, Schema) or schema.execution_context_class is not PlannedExecutor:
        return None
    limiting = next((one for one in schema.extensions if isinstance(one, Limiting)), None)
    return None if limiting is None else ShortWay(schema, services.db, services.documents, limiting)


def request_id_of(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


async def _tenants_of(db: Database, principal_id: UUID) -> frozenset[UUID]:
    async with db.transaction(Context(principal_id=principal_id), readonly=True) as connection:
        return frozenset(await tenant_ids(connection, principal_id))


def _never_executed(result: ExecutionResult) -> bool:
    """An error without a path is of the request; one of the execution says where it happened."""
    return result.data is None and bool(result.errors) and all(e.path is None for e in result.errors or ())


def _status(result: ExecutionResult, media_type: str) -> int:
    """The older media type leaves it to the body to say that a request was refused; a fault is one in both."""
    if not _never_executed(result):
        return 200
    if any((error.extensions or {}).get("code") == Code.INTERNAL for error in result.errors or ()):
        return 500
    if media_type != RESPONSE_TYPE:
        return 200
    return 429 if any(isinstance(error, RateLimitedError) for error in result.errors or ()) else 400


def _wrong_method(message: str, allowed: str) -> RefusedRequestError:
    return RefusedRequestError(405, message, headers={"Allow": allowed})
