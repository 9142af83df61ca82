"""What an error looks like from outside: known ones with their code, every other one masked and logged once."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from enum import StrEnum
from typing import TypeVar

import structlog
from graphql import ExecutionResult as CoreResult
from graphql import GraphQLError, GraphQLSyntaxError
from graphql.language import ValueNode, VariableDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult, StreamExecutionResult
from strawberry.types.execution import PreExecutionError

from atlas.domain.errors import RefusedError
from atlas.logs import where
from atlas.store.faults import Fault, fault_of

log = structlog.get_logger("atlas.graphql")

_TOO_SLOW = "Reading this took too long and was ended. Ask for smaller pages, or narrow the filter."

Known = CoreResult | ExecutionResult
R = TypeVar("R")


class Code(StrEnum):
    """`extensions.code` of top-level errors, besides the codes of `UserError`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    QUERY_TOO_COSTLY = "QUERY_TOO_COSTLY"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    RATE_LIMITED = "RATE_LIMITED"
    BAD_CURSOR = "BAD_CURSOR"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    NOT_FOUND = "NOT_FOUND"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_REQUIRED = "PERSISTED_QUERY_REQUIRED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    INTERNAL = "INTERNAL"


class CodedError(GraphQLError):
    """An error that the caller is meant to see as it is: raise it from a resolver or a rule.

    `message` says what is wrong and the mend, and holds no value of anybody else.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message, extensions={"code": str(code)})


class AccessEndedError(CodedError):
    """A stream's token or membership ended while it ran; a WebSocket is closed with `close_code`."""

    def __init__(self, message: str, *, close_code: int) -> None:
        super().__init__(Code.UNAUTHENTICATED, message)
        self.close_code = close_code


class PassingError(GraphQLError):
    """A masked fault of the database that may be gone at the next attempt."""


def not_found(noun: str) -> CodedError:
    """The same for what is absent and for what belongs to another tenant."""
    return CodedError(Code.NOT_FOUND, f"There is no such {noun}, or you are no member of its tenant.")


def too_deep() -> CodedError:
    return CodedError(Code.QUERY_TOO_DEEP, "The document is nested too deeply. Ask in several steps.")


def presentable(error: GraphQLError, request_id: str) -> GraphQLError:
    """The error as the caller sees it. Calling it again changes nothing."""
    error = _without_secrets(error)
    if "code" in (error.extensions or {}):
        return error
    original = error.original_error
    if isinstance(original, RefusedError):
        return _coded(error, str(original.code), original.message, path=list(original.path))
    if isinstance(error, GraphQLSyntaxError):
        return _coded(error, _code_of_syntax(error.message), error.message)
    if isinstance(original, RecursionError) and error.path is None:
        return too_deep()
    if _of_the_request(error):
        return _coded(error, Code.BAD_USER_INPUT, error.message)
    return _masked(error, request_id)


def validation_failed(error: GraphQLError, text: str) -> GraphQLError:
    """Gives an error of the standard's validation rules its code; `text` is the document."""
    error = _without_secrets(error, text)
    return _coded(error, Code.GRAPHQL_VALIDATION_FAILED, error.message)


async def guarded(results: AsyncIterable[R], request_id: str) -> AsyncGenerator[R | PreExecutionError, None]:
    """The results of a stream; an exception that would break it is its last result, masked."""
    try:
        async for result in results:
            yield result
    except CodedError as error:
        yield PreExecutionError(data=None, errors=[error])
    except Exception as error:  # noqa: BLE001
        masked = presentable(GraphQLError("", original_error=error), request_id)
        yield PreExecutionError(data=None, errors=[masked])


class Masking(SchemaExtension):
    """Makes every error of a result presentable, whichever transport carries it. Comes last in the list."""

    _streamed = False

    def on_operation(self) -> Iterator[None]:
        yield
        if not self._streamed:  # A stream's results were seen one by one, before each left.
            self._present(self.execution_context.result)

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        self._streamed = True
        self._present(result)
        yield

    def _present(self, result: object) -> None:
        if isinstance(result, Known) and result.errors:
            request_id = str(getattr(self.execution_context.context, "request_id", "") or "")
            result.errors = [presentable(error, request_id) for error in result.errors]


# A request with one of these holds a secret, which the errors of graphql-core would quote.
_TAKES_A_SECRET = "connectGraph"  # noqa: S105  # It is the name of a mutation.
_VALUES = (ValueNode, VariableDefinitionNode)


def may_hold_a_secret(text: str) -> bool:
    """Does the document ask for something that takes one?"""
    return _TAKES_A_SECRET in text


def _without_secrets(error: GraphQLError, text: str = "") -> GraphQLError:
    """Where a request may hold a secret, an error about one of its values tells where that stands, and not what it is:
    whoever sends a secret may keep the errors that it meets in a log.
    """
    source = error.source or next((node.loc.source for node in error.nodes or () if node.loc), None)
    if not may_hold_a_secret(text or (source.body if source else "")):
        return error
    syntax = isinstance(error, GraphQLSyntaxError)
    if not syntax and not any(isinstance(node, _VALUES) for node in error.nodes or ()):
        return error
    told = GraphQLError(
        "A value of this request is not what the schema asks for, or stands where none belongs. It is not repeated,"
        " since it may be a secret.",
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=error.extensions,
    )
    return _coded(told, _code_of_syntax(error.message), told.message) if syntax else told


def _code_of_syntax(message: str) -> Code:
    """The parser has limits of its own, and tells them as errors of syntax."""
    if "nested too deeply" in message:
        return Code.QUERY_TOO_DEEP
    return Code.QUERY_TOO_COSTLY if "tokens. Parsing aborted" in message else Code.GRAPHQL_PARSE_FAILED


def _of_the_request(error: GraphQLError) -> bool:
    """An error that graphql-core found in the request itself: a variable, an operation name, an argument."""
    original = error.original_error
    if isinstance(original, CannotGetOperationTypeError | InvalidOperationTypeError):
        return True
    if error.path is None:
        # Strawberry gives an exception from outside of the execution no nodes: that one is a fault.
        return bool(error.nodes) or original is None
    by_graphql = original is None or (type(original) is GraphQLError and original.original_error is None)
    return by_graphql and error.message.startswith("Argument ")


def _masked(error: GraphQLError, request_id: str) -> GraphQLError:
    original = error.original_error or error
    fault = fault_of(original)
    if fault is Fault.BAD_TEXT:
        return _coded(error, Code.BAD_USER_INPUT, "Text must not contain U+0000. Remove it and try again.")
    if fault is Fault.TOO_SLOW:
        log.warning("graphql.slow", request_id=request_id, path=".".join(str(key) for key in error.path or ()))
        return _coded(error, Code.QUERY_TOO_COSTLY, _TOO_SLOW)
    log.error(
        "graphql.fault",
        request_id=request_id,
        error=type(original).__name__,
        path=".".join(str(key) for key in error.path or ()),
        frames=where(original),
    )
    if fault is Fault.UNREACHABLE:
        message = f"Atlas cannot use its database right now. Try again; request id {request_id}."
    else:
        message = f"Something went wrong in Atlas. Tell its operator the request id {request_id}."
    return _coded(error, Code.INTERNAL, message, made=PassingError if fault is Fault.UNREACHABLE else GraphQLError)


def _coded(
    error: GraphQLError,
    code: str,
    message: str,
    *,
    path: list[str] | None = None,
    made: type[GraphQLError] = GraphQLError,
) -> GraphQLError:
    extensions: dict[str, object] = {"code": str(code)}
    if path:
        extensions["path"] = path
    return made(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
