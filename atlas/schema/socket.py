"""A GraphQL WebSocket: who it is for, how much it may ask, and when it ends."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, aclosing, suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from atlas.auth import Session, bearer, token_of_payload
from atlas.schema.body import LONGEST_DOCUMENT
from atlas.schema.channel import Asked, Told
from atlas.schema.context import GraphQLContext, Trusted
from atlas.schema.documents import Named
from atlas.schema.errors import AccessEndedError, Code, CodedError, guarded, presentable
from atlas.schema.refusal import RefusedRequestError
from atlas.schema.relay import relayed
from atlas.schema.standing import REFUSED, Seat, token_ended

if TYPE_CHECKING:
    from atlas.schema.view import View

_TRY_AGAIN = 1013

Handler = BaseGraphQLTransportWSHandler[GraphQLContext | None, None]


class SocketHandler(Handler):
    """Strawberry's handler, with a token at `connection_init` and a context of its own for each operation."""

    _session: Session | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # What the operations that begin were named by, by their ids.
        self._documents: dict[str, Trusted | CodedError | None] = {}
        self._kept = ExitStack()
        self._closing: asyncio.Task[None] | None = None
        # What comes before a result that others are sent too; of a copy that serves one operation.
        self._next = ""

    async def handle_message(self, message: Message) -> None:
        if not _well_formed(message):
            await self.handle_invalid_message("The message is none of graphql-transport-ws")
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        payload = message.get("payload") or {}
        if not self.connection_init_received and not self.connection_timed_out:
            try:
                self._session = await self._view.open_session(self._token(payload))
            except RefusedRequestError:
                await self.websocket.close(_TRY_AGAIN, "The database cannot be used right now")
                return
            if self._session is None:
                await self.websocket.close(REFUSED, "A token that holds is needed")
                return
            self._seat = Seat(self._session, self._begin_to_close)
            self._kept.enter_context(self._view.services.live.standings.kept(self._seat))
        await super().handle_connection_init({"type": "connection_init", "payload": payload})

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self.connection_acknowledged and len(self.operations) >= (self.max_subscriptions_per_connection or 0):
            error = CodedError(
                Code.RATE_LIMITED,
                f"A socket carries {self.max_subscriptions_per_connection} operations at a time. Open another.",
            )
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        try:
            found = await self._asked(message["payload"])
        except RefusedRequestError as refused:
            failed = CodedError(Code(refused.code), refused.message)
            await self.send_message({"id": message["id"], "type": "error", "payload": [failed.formatted]})
            return
        self._documents[message["id"]] = found.document
        named = {**message, "payload": {**message["payload"], "query": found.query or ""}}
        await super().handle_subscribe(cast("SubscribeMessage", named))

    async def _asked(self, payload: Mapping[str, Any]) -> Named:
        """What an operation means: before its token is asked for, so that no more than an id is looked up."""
        if not self.connection_acknowledged:
            return Named(payload.get("query"))
        return await self._view.named(payload.get("query"), payload.get("documentId"), payload.get("extensions"))

    async def run_operation(self, operation: Operation[GraphQLContext | None, None]) -> None:
        """Loaders keep what they loaded, so no two operations share a context: a copy carries each one's own."""
        session = self._session
        document = self._documents.pop(operation.id, None)
        try:
            holds = session is not None and await session.holds()
        except Exception as error:  # noqa: BLE001
            failed = presentable(GraphQLError("", original_error=error), self.request_id)
            await operation.send_initial_errors([failed])
            return
        if session is None or not holds:
            code = REFUSED if session is None else token_ended(session).close_code
            await self._end(operation, code, "The token has ended")
            return
        own = copy(self)
        own.context = self._view.services.context(session, self.request_id)
        own.context.document = document
        await Handler.run_operation(own, operation)

    async def _send_result_stream(self, operation: Operation[GraphQLContext | None, None], result_source: Any) -> None:
        context = cast("GraphQLContext", self.context)
        asked = Asked(
            self.schema,
            self._view.services.context,
            operation.query,
            operation.variables,
            operation.operation_name,
            context.document,
        )
        tell = partial(self._tell, operation)
        self._next = f'{{"type":"next","id":{self._view.encode_json(operation.id)},"payload":'
        async with aclosing(_ending(self, operation, relayed(asked, context, result_source, tell))) as results:
            await super()._send_result_stream(operation, results)

    async def _tell(self, operation: Operation[Any, Any], told: Told) -> None:
        """Sends what others are sent too: around it, nothing is encoded but the operation's id."""
        if operation.completed:
            return
        try:
            await cast("Any", self.websocket).ws.send_text(f"{self._next}{told.payload}}}")
        except WebSocketDisconnect as gone:
            raise WebSocketDisconnected from gone

    async def cleanup_operation(self, operation_id: str) -> None:
        # An operation that is ended before it began takes nothing with it.
        self._documents.pop(operation_id, None)
        await super().cleanup_operation(operation_id)

    async def shutdown(self) -> None:
        self._kept.close()
        await super().shutdown()

    def _begin_to_close(self) -> None:
        """The token has ended: the socket is closed, though nothing may run on it."""
        self._closing = asyncio.create_task(self._close_when_over())

    async def _close_when_over(self) -> None:
        if self._seat.error is not None:
            with suppress(RuntimeError, OSError):  # An operation of the socket may have closed it already.
                await self.websocket.close(self._seat.error.close_code, "The token has ended")

    async def _end(self, operation: Operation[GraphQLContext | None, None], close_code: int, reason: str) -> None:
        """Closes the socket, and lets nothing more be sent for the operation."""
        operation.completed = True
        self.operations.pop(operation.id, None)
        with suppress(RuntimeError):  # Another operation of the socket may have closed it already.
            await self.websocket.close(close_code, reason)

    @property
    def _view(self) -> "View":
        return cast("View", self.view)

    @property
    def request_id(self) -> str:
        return str(self._scope.get("state", {}).get("request_id", ""))

    @property
    def _scope(self) -> dict[str, Any]:
        return cast("Any", self.websocket).ws.scope  # type: ignore[no-any-return]

    def _token(self, payload: dict[str, object]) -> str | None:
        return token_of_payload(payload) or bearer(cast("Any", self.websocket).ws.headers.get("authorization"))


async def _ending(handler: SocketHandler, operation: Operation[Any, Any], results: Any) -> Any:
    """The results, up to one that says that the access has ended: then the socket is closed instead."""
    async for result in guarded(results, handler.request_id):
        ended = [error for error in result.errors or () if isinstance(error, AccessEndedError)]
        if ended:
            await handler._end(operation, ended[0].close_code, ended[0].message)  # noqa: SLF001
            return
        yield result


def _well_formed(message: object) -> bool:
    """Strawberry takes the types of a message's fields on trust."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    payload = message.get("payload")
    if message["type"] not in {"subscribe", "complete"}:
        return payload is None or isinstance(payload, dict)
    if not isinstance(message.get("id"), str) or len(message["id"]) > 200:
        return False
    if message["type"] == "complete":
        return True
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str | None)
        and len(payload.get("query") or "") <= LONGEST_DOCUMENT
        and isinstance(payload.get("documentId"), str | None)
        and isinstance(payload.get("extensions"), dict | None)
        # A query, or what names one.
        and any(payload.get(name) is not None for name in ("query", "documentId", "extensions"))
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
