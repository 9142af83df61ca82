"""How large, how deep and how costly a document may be, before it is executed, and how long it may take then.

All that is counted is linear in the document.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.execution import ParseOptions

from atlas.schema.context import Trusted
from atlas.schema.cost import Prices
from atlas.schema.errors import Code, CodedError, may_hold_a_secret, too_deep, validation_failed
from atlas.schema.merging import FieldsCanMergeRule
from atlas.schema.meter import Meter, told
from atlas.schema.shape import Shape, measure

# A longer document is parsed anew each time: what is kept must stay small, whoever sends it.
_LONGEST_KEPT = 4096
_MOST_KEPT = 128

# The standard's, one of them in a form whose work is linear, and the two that Strawberry adds to them.
RULES = (
    *(FieldsCanMergeRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
# Whoever writes a query is helped by the first few; the answer to a document that is all wrong stays small.
_MOST_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have; `cost` is in nodes read, `fields` counts each spread anew.

    `seconds` is the time of one execution; of a subscription, until it runs.
    """

    tokens: int = 2_000
    depth: int = 15
    aliases: int = 50
    directives: int = 50
    root_fields: int = 20
    fields: int = 600
    introspection_fields: int = 1_000
    cost: int = 5_000
    seconds: float = 30


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Checked:
    """A parsed document and what is wrong with it, apart from its cost, which depends on variables.

    `compiled` is kept for whoever answers its operations.
    """

    document: DocumentNode
    shape: Shape
    errors: tuple[GraphQLError, ...]
    prices: Prices
    compiled: dict[Any, Any] = field(default_factory=dict)


def examine(schema: GraphQLSchema, text: str, limits: Limits = LIMITS) -> Checked:
    """All that a document is looked at for, once. Raises GraphQLError where it is none, or has too many tokens."""
    document = parse(text, max_tokens=limits.tokens)
    shape = measure(document)
    errors = exceeded(shape, limits)
    # What is too large is not validated: most of the standard's rules walk a fragment anew for each operation.
    if not errors:
        errors = [validation_failed(e, text) for e in validate(schema, document, RULES, _MOST_ERRORS)]
    return Checked(document, shape, tuple(errors), Prices(schema, document))


class Limiting:
    """For `Schema(extensions=[...])`: applies the limits and keeps what it parsed and validated, by text."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._kept = lru_cache(_MOST_KEPT)(self._examined)

    def __call__(self) -> SchemaExtension:
        return LimitExtension(self.limits, self.checked)

    def checked(self, schema: GraphQLSchema, text: str, trusted: Trusted | None) -> Checked:
        """Raises GraphQLError as `examine` does. What is found out of a trusted document stays with it."""
        if trusted is not None:
            if trusted.checked is None:
                trusted.checked = self._examined(schema, text)
            found: Checked = trusted.checked
            return found
        if len(text) > _LONGEST_KEPT or may_hold_a_secret(text):
            return self._examined(schema, text)
        return self._kept(schema, text)

    def _examined(self, schema: GraphQLSchema, text: str) -> Checked:
        return examine(schema, text, self.limits)


Check = Callable[[GraphQLSchema, str, Trusted | None], Checked]


def exceeded(shape: Shape, limits: Limits) -> list[GraphQLError]:
    """One error for each limit that the document breaks."""
    errors: list[GraphQLError] = []
    if shape.depth > limits.depth:
        message = f"The query is {shape.depth} levels deep; at most {limits.depth} are allowed."
        errors.append(CodedError(Code.QUERY_TOO_DEEP, f"{message} Ask for deeper objects by their id."))
    for noun, found, most in (
        ("aliases", shape.aliases, limits.aliases),
        ("directives", shape.directives, limits.directives),
        ("root fields", shape.root_fields, limits.root_fields),
        ("fields", shape.fields, limits.fields),
        ("introspection fields", shape.introspection_fields, limits.introspection_fields),
    ):
        if found > most:
            told = str(found) if found < 1_000_000 else "more than a million"
            errors.append(
                CodedError(
                    Code.QUERY_TOO_COSTLY,
                    f"The query has {told} {noun}; at most {most} are allowed. Ask in several queries.",
                )
            )
    return errors


def told_cost(cost: int | None, checked: Checked, limits: Limits) -> dict[str, Any]:
    """`extensions.cost` of an answer."""
    return {
        "requested": cost if cost is not None and cost < 2**53 else None,
        "budget": limits.cost,
        "depth": checked.shape.depth,
        "maxDepth": limits.depth,
    }


class LimitExtension(SchemaExtension):
    """Parses, validates and prices a document before anything of it is executed."""

    def __init__(self, limits: Limits, check: Check) -> None:
        self._limits = limits
        self._check = check
        self._checked: Checked | None = None
        self._cost: int | None = None

    async def on_parse(self) -> AsyncIterator[None]:
        context = self.execution_context
        context.parse_options = ParseOptions(max_tokens=self._limits.tokens)
        if context.query:
            # What cannot be parsed is left to Strawberry, which reports it where its transports look for it.
            with suppress(GraphQLError, RecursionError):
                trusted = self._asked if isinstance(self._asked, Trusted) else None
                self._checked = self._check(context.schema._schema, context.query, trusted)  # noqa: SLF001
                context.graphql_document = self._checked.document
            await self._charge(context.query)
            if isinstance(self._asked, CodedError):
                raise self._asked
        yield

    def on_validate(self) -> Iterator[None]:
        if self._checked is None:  # It could be parsed, but is too deep to be measured.
            errors: list[GraphQLError] = [too_deep()]
        else:
            errors = list(self._checked.errors) or self._unnamed() or self._closed() or self._too_costly()
        self.execution_context.pre_execution_errors = errors
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.seconds):
                yield
        except TimeoutError as error:
            message = f"This took longer than {self._limits.seconds:g} seconds and was ended. Ask for less at a time;"
            raise CodedError(Code.QUERY_TOO_COSTLY, f"{message} after a mutation, look what it did first.") from error

    def get_results(self) -> dict[str, Any]:
        """`extensions.cost`, of every document that could be parsed, and `extensions.rateLimit` where there is one."""
        results: dict[str, Any] = {}
        if self._checked is not None:
            results["cost"] = told_cost(self._cost, self._checked, self._limits)
        meter = self._meter
        if meter is not None and meter.standing is not None:
            results["rateLimit"] = told(meter.standing)
        return results

    @property
    def _asked(self) -> Trusted | CodedError | None:
        """The trusted document that was asked for, or why what was asked for is refused."""
        asked: Trusted | CodedError | None = getattr(self.execution_context.context, "document", None)
        return asked

    @property
    def _meter(self) -> Meter | None:
        meter: Meter | None = getattr(self.execution_context.context, "meter", None)
        return meter

    async def _charge(self, query: str) -> None:
        """Takes the price from the budget of whoever asks; a document that will be refused costs a point too."""
        self._cost = self._price()
        if self._meter is not None:
            points = min(self._cost or 0, self._limits.cost)
            await self._meter.charge(points, query, self.execution_context.variables)

    def _price(self) -> int | None:
        """None where the document is not valid, or does not say which operation is meant."""
        context = self.execution_context
        if self._checked is None or self._checked.errors:
            return None
        operation = get_operation_ast(self._checked.document, context._provided_operation_name)  # noqa: SLF001
        if operation is None:
            return None
        variables: Mapping[str, Any] = context.variables or {}
        return self._checked.prices.of(operation, variables)

    def _unnamed(self) -> list[GraphQLError]:
        """Strawberry would take the first of several operations."""
        named = self.execution_context._provided_operation_name is not None  # noqa: SLF001
        operations = self._checked.shape.operations if self._checked else 0
        if named or operations <= 1:
            return []
        message = f"The document has {operations} operations. Name one of them as `operationName`."
        return [CodedError(Code.BAD_USER_INPUT, message)]

    def _closed(self) -> list[GraphQLError]:
        asked = self._checked.shape.introspection_fields if self._checked else 0
        if not asked or getattr(self.execution_context.context, "introspection", True):
            return []
        return [CodedError(Code.BAD_USER_INPUT, "Introspection is off here: only trusted documents are taken.")]

    def _too_costly(self) -> list[GraphQLError]:
        cost = self._cost
        if cost is None or cost <= self._limits.cost:
            return []
        told_cost = str(cost) if cost < 1_000_000_000 else "more than a thousand million"
        message = f"The query may read {told_cost} nodes; the budget is {self._limits.cost}."
        return [CodedError(Code.QUERY_TOO_COSTLY, f"{message} Ask for smaller pages or fewer levels.")]
