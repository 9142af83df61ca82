"""The short way of a request: a token that is known, an operation that is compiled, one transaction, one answer.

Whatever is not the plain case is left to the long way, which answers it as if this one were not there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import structlog
from graphql import FieldNode, GraphQLError, GraphQLField, get_operation_ast
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from starlette.requests import Request
from strawberry.schema import Schema
from strawberry.types.arguments import convert_arguments

from atlas.access import digest
from atlas.auth import bearer
from atlas.logs import where
from atlas.schema.body import Parameters, body_of, check_content_type, data_of, parameters_of
from atlas.schema.compiled.exchange import Answer, Known
from atlas.schema.compiled.operation import List, Operation, Page, compiled, conditions
from atlas.schema.compiled.records import LISTS
from atlas.schema.compiled.rows import UncompiledError
from atlas.schema.context import Trusted
from atlas.schema.documents import Documents
from atlas.schema.errors import CodedError
from atlas.schema.executor.shapes import DEFINITION
from atlas.schema.ids import decode_tenant_id
from atlas.schema.limits import Checked, Limiting, told_cost
from atlas.schema.meter import Meter, RateLimitedError, told
from atlas.schema.meter import headers as rate_headers
from atlas.schema.pagination import cursor_of, window_of
from atlas.schema.refusal import RefusedRequestError
from atlas.store.compiled import Statement, page_statement, parameters, tenant_statement
from atlas.store.database import Context, Database
from atlas.store.direct import Record, TokenEndedError
from atlas.store.pages import Listing, Window

log = structlog.get_logger("atlas.compiled")

# Gives the meter of a principal; None where nothing is counted.
Charge = Callable[[UUID], Meter | None]

_MOST_COMPILED = 16


@dataclass(frozen=True, slots=True)
class _Page:
    """One list of a request: which rows, and by which statement."""

    listing: Listing
    window: Window
    statement: Statement


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for a compiled operation, with its arguments."""

    checked: Checked
    operation: Operation
    cost: int
    tenant_id: UUID
    pages: tuple[_Page, ...]


@dataclass(slots=True)
class ShortWay:
    """Answers what it can of the requests that come with a token which is `known`."""

    schema: Schema
    db: Database
    documents: Documents
    limiting: Limiting
    known: Known = field(default_factory=Known)
    answered: int = 0

    async def answer(self, request: Request, media_type: str, charge: Charge) -> Answer | None:
        """None where the long way is to be gone.

        Raises what reading the body raises: it can be read once.
        """
        headers = dict(request.scope["headers"])
        token = bearer(headers.get(b"authorization", b"").decode("latin-1"))
        token_hash = None if token is None else digest(token)
        principal_id = None if token_hash is None else self.known.of(token_hash)
        twice = len(headers) != len(request.scope["headers"])
        streams = b"event-stream" in headers.get(b"accept", b"").lower()
        if token_hash is None or principal_id is None or twice or streams:
            return None
        body = await body_of(request)
        try:
            given = _given(headers, body)
            answer = await self._answered(given, request, media_type, token_hash, charge(principal_id))
        except TokenEndedError:
            self.known.forget(token_hash)
        except (UncompiledError, RefusedRequestError, CodedError, GraphQLError, RateLimitedError):
            pass
        except Exception as error:  # noqa: BLE001
            log.warning("compiled.fault", error=type(error).__name__, frames=where(error))
        else:
            self.answered += 1
            return answer
        return None

    async def _answered(
        self, given: Parameters, request: Request, media_type: str, token_hash: bytes, meter: Meter | None
    ) -> Answer:
        """Raises whatever sends the request the long way."""
        named = await self.documents.named(given.query, given.document_id, given.extensions)
        if named.query is None or isinstance(named.document, CodedError):
            raise UncompiledError
        asked = self._asked(named.query, named.document, given.operation_name, given.variables or {})
        if meter is not None:
            await meter.charge(asked.cost, named.query, given.variables)
            # Should the request go the long way after all, it is not charged again.
            meter.paid = True
            request.state.meter = meter
        context = Context(tenant_id=asked.tenant_id, request_id=request.state.request_id)
        data = await self._read(asked, context, token_hash)
        return self._answer(asked, data, media_type, meter)

    def _asked(
        self, query: str, trusted: Trusted | None, operation_name: str | None, variables: dict[str, Any]
    ) -> _Asked:
        core = self.schema._schema  # noqa: SLF001
        checked = self.limiting.checked(core, query, trusted)
        definition = None if checked.errors else get_operation_ast(checked.document, operation_name)
        if definition is None:
            raise UncompiledError
        values = get_variable_values(core, definition.variable_definitions or (), variables)
        if not isinstance(values, VariableValues):
            raise UncompiledError
        operation = _operation(core, checked, definition, values)
        cost = checked.prices.of(definition, variables)
        if operation is None or cost > self.limiting.limits.cost:
            raise UncompiledError
        by = get_argument_values(operation.field, operation.node, values)["by"].get("id")
        tenant_id = decode_tenant_id(by) if by else None
        if tenant_id is None:
            raise UncompiledError
        lists = [one for _, one in operation.parts if one is not None]
        pages = tuple(
            self._page(one, values, operation.columns if number == 0 else ()) for number, one in enumerate(lists)
        )
        return _Asked(checked, operation, cost, tenant_id, pages)

    def _page(self, asked: List, values: VariableValues, columns: tuple[str, ...]) -> _Page:
        page = asked.kept.get(columns)
        if page is None:
            page = self._page_of(asked, values, columns)
            if asked.fixed:
                asked.kept[columns] = page
        return page

    def _page_of(self, asked: List, values: VariableValues, columns: tuple[str, ...]) -> _Page:
        given = self._arguments(asked.of, asked.node, values)
        listing = LISTS[asked.attribute](given.get("filter"), given.get("order_by"))
        window = window_of(
            listing.order,
            first=given.get("first"),
            after=given.get("after"),
            last=given.get("last"),
            before=given.get("before"),
        )
        return _Page(listing, window, page_statement(columns, listing, window, asked.wanted, keys=asked.keys))

    def _arguments(self, of: GraphQLField, node: FieldNode, values: VariableValues) -> dict[str, Any]:
        return convert_arguments(
            get_argument_values(of, node, values),
            of.extensions[DEFINITION].arguments,
            config=self.schema.config,
            scalar_registry=self.schema.schema_converter.scalar_registry,
        )

    async def _read(self, asked: _Asked, context: Context, token_hash: bytes) -> dict[str, Any]:
        found: list[Sequence[Record]] = []
        of: Sequence[Record] = ()
        async with self.db.direct.reading(context, token_hash) as reading:
            for page in asked.pages:
                values = parameters(asked.tenant_id, page.window)
                found.append(await reading.rows(page.statement.text, page.statement.bound(values)))
            # Whoever sees an object sees its tenant; where there is none, only the tenant can tell.
            if not found or not found[0]:
                statement = tenant_statement(asked.operation.columns)
                of = await reading.rows(statement.text, statement.bound({"tenant": asked.tenant_id}))
        tenant = _tenant(asked, found, of)
        return {name: tenant if type_name is None else type_name for name, type_name in asked.operation.around}

    def _answer(self, asked: _Asked, data: dict[str, Any], media_type: str, meter: Meter | None) -> Answer:
        extensions: dict[str, Any] = {"cost": told_cost(asked.cost, asked.checked, self.limiting.limits)}
        told_rates: Mapping[str, str] = {}
        if meter is not None and meter.standing is not None:
            extensions["rateLimit"] = told(meter.standing)
            told_rates = rate_headers(meter.standing)
        body = orjson.dumps({"data": data, "extensions": extensions})
        headers = [
            (b"content-type", f"{media_type}; charset=utf-8".encode()),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in told_rates.items()),
        ]
        return Answer(body, headers)


def _given(headers: Mapping[bytes, bytes], body: bytes) -> Parameters:
    check_content_type(
        headers.get(b"content-type", b"").decode("latin-1"),
        headers.get(b"content-encoding", b"identity").decode("latin-1"),
    )
    return parameters_of(data_of(body), "http")


def _operation(core: Any, checked: Checked, definition: Any, values: VariableValues) -> Operation | None:
    """Compiled once for each combination of what `@skip` and `@include` ask for."""
    known = checked.compiled
    if "conditions" not in known:
        known["conditions"] = conditions(checked.document)
    key = (id(definition), *(values.coerced.get(name) for name in known["conditions"]))
    if key not in known:
        if len(known) > _MOST_COMPILED:
            return None
        known[key] = compiled(core, checked.document, definition, values)
    found: Operation | None = known[key]
    return found


def _tenant(asked: _Asked, found: Sequence[Sequence[Record]], of: Sequence[Record]) -> dict[str, Any] | None:
    """None where the tenant is not visible. Its own is read with the first list, or alone where that is empty."""
    operation, digits = asked.operation, asked.tenant_id.hex
    if found and found[0]:
        first = found[0][0]
        of = (first[len(first) - len(operation.columns) :],)
    if not of:
        return None
    own = operation.own(of, digits, cursor_of)[0]
    answers = iter(zip(asked.pages, found, strict=True))
    return {name: own[name] if part is None else _list(part, *next(answers), digits) for name, part in operation.parts}


def _list(asked: List, page: _Page, rows: Sequence[Record], digits: str) -> dict[str, Any]:
    window = page.window
    more = len(rows) > window.size
    kept = rows[: window.size] if more else rows
    if window.backward:
        kept = kept[::-1]
    cursor = partial(_cursor, page.listing.order.name)
    return {
        name: part if isinstance(part, str)
        else _page_info(part, window, kept, more, cursor) if isinstance(part, Page)
        else part(kept, digits, cursor)
        for name, part in asked.parts
    }  # fmt: skip


def _page_info(asked: Page, window: Window, kept: Sequence[Record], more: bool, cursor: Any) -> dict[str, Any]:
    def of(what: str) -> Any:
        if what == "startCursor":
            return cursor(kept[0][0], kept[0][1]) if kept else None
        if what == "endCursor":
            return cursor(kept[-1][0], kept[-1][1]) if kept else None
        forward = what == "hasNextPage"
        if more and forward != window.backward:
            return True
        if (window.before if forward else window.after) is not None:
            raise UncompiledError
        return False

    return {name: of(what) for name, what in asked.fields}


def _cursor(name: str, *position: Any) -> str:
    return cursor_of(name, position)
