"""What the caller may see passes with a code; every other error is masked, and logged without its text."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import strawberry
import structlog
from strawberry.types.execution import PreExecutionError
from structlog.testing import capture_logs

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import UserErrorCode
from atlas.schema.errors import Code, CodedError, Masking, guarded, not_found, presentable
from atlas.schema.limits import Limiting

SECRET = "hunter2 of tenant Contoso"


@dataclass
class Request:
    request_id: str = "req-1"


@strawberry.type
class Query:
    @strawberry.field
    def fault(self, value: int = 0) -> int:
        raise RuntimeError(f"{SECRET} {value}")

    @strawberry.field
    def lost(self) -> int:
        raise ConnectionResetError(SECRET)

    @strawberry.field
    def refused(self) -> int:
        raise RefusedError(UserErrorCode.INVALID_INPUT, "first is 1 to 100.", ("first",))

    @strawberry.field
    def coded(self) -> int:
        raise CodedError(Code.BAD_CURSOR, "This is no cursor of Atlas.")

    @strawberry.field
    def absent(self) -> int:
        raise not_found("run")


SCHEMA = strawberry.Schema(Query, extensions=[Limiting(), Masking])


def errors(query: str, **variables: object) -> list[dict[str, object]]:
    result = asyncio.run(SCHEMA.execute(query, variables, context_value=Request()))
    return [dict(error.formatted) for error in result.errors or []]


def test_a_fault_is_masked_and_carries_the_request_id() -> None:
    with capture_logs() as logs:
        (error,) = errors("{ fault }")
    assert error["extensions"] == {"code": "INTERNAL"}
    assert error["path"] == ["fault"]
    assert "req-1" in str(error["message"])
    assert SECRET not in json.dumps(error)
    (line,) = [entry for entry in logs if entry["event"] == "graphql.fault"]
    assert (line["error"], line["path"], line["request_id"]) == ("RuntimeError", "fault", "req-1")
    assert line["frames"][-1].endswith(" fault")


def test_a_log_holds_neither_message_nor_variable_nor_query() -> None:
    written = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.PrintLoggerFactory(written)
    )
    try:
        errors("query ($secretName: Int) { fault(value: $secretName) }", secretName=987654321)
    finally:
        structlog.reset_defaults()
    assert "graphql.fault" in written.getvalue()
    for kept_out in (SECRET, "987654321", "secretName", "query"):
        assert kept_out not in written.getvalue()


def test_an_unreachable_database_is_masked_and_says_to_try_again() -> None:
    (error,) = errors("{ lost }")
    assert error["extensions"] == {"code": "INTERNAL"}
    assert "Try again" in str(error["message"])
    assert SECRET not in json.dumps(error)


def test_what_the_caller_can_mend_passes_with_its_code() -> None:
    assert errors("{ refused }")[0]["extensions"] == {"code": "INVALID_INPUT", "path": ["first"]}
    assert errors("{ refused }")[0]["message"] == "first is 1 to 100."
    assert errors("{ coded }")[0]["extensions"] == {"code": "BAD_CURSOR"}
    assert errors("{ absent }")[0]["extensions"] == {"code": "NOT_FOUND"}


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ fault(", {}, "GRAPHQL_PARSE_FAILED"),
        ("query ($v: Int!) { fault(value: $v) }", {"v": "many"}, "BAD_USER_INPUT"),
        ("query ($v: Int!) { fault(value: $v) }", {}, "BAD_USER_INPUT"),
        ("query ($v: Int!) { fault(value: $v) }", {"v": 10**30}, "BAD_USER_INPUT"),
        ("query ($v: Int = 1) { fault(value: $v) }", {"v": None}, "BAD_USER_INPUT"),
    ],
)
def test_what_graphql_itself_refuses_has_a_code(query: str, variables: dict[str, object], code: str) -> None:
    assert [error["extensions"] for error in errors(query, **variables)] == [{"code": code}]


def test_an_exception_from_outside_of_the_execution_is_a_fault_too() -> None:
    from graphql import GraphQLError

    error = presentable(GraphQLError(SECRET, original_error=RuntimeError(SECRET)), "req-2")
    assert error.extensions == {"code": "INTERNAL"}
    assert SECRET not in error.message
    assert presentable(error, "req-3") is error


async def test_an_exception_that_breaks_a_stream_is_its_last_result_and_masked() -> None:
    async def results() -> AsyncIterator[int]:
        yield 1
        raise RuntimeError(SECRET)

    first, last = [result async for result in guarded(results(), "req-4")]
    assert first == 1
    assert isinstance(last, PreExecutionError)
    (error,) = last.errors or []
    assert error.extensions == {"code": "INTERNAL"}
    assert SECRET not in str(error)
