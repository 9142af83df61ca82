"""graphql-core's executor, with a shorter way for lists of objects."""

import asyncio
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLObjectType, is_non_null_type, is_object_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from atlas.schema.context import GraphQLContext
from atlas.schema.executor.code import Plan, Wanted, plan_of
from atlas.schema.executor.shapes import Grouped, shape_of


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """What a plan knows is done by its code; all else, and whatever goes wrong, by graphql-core.

    The limits, the masking and the metering are extensions around it, and none of theirs.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # The plans of what lists have begun, by the fields that graphql-core has collected for their items.
        self._plans: dict[int, Plan] = {}

    def complete_list_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        def standard() -> Any:
            return super(PlannedExecutor, self).complete_list_value(
                return_type, field_details_list, info, path, result, position_context
            )

        item = return_type.of_type
        nullable = not is_non_null_type(item)
        type_ = item if nullable else item.of_type
        if type(result) is not list or not result or not is_object_type(type_) or self._watched:
            return standard()
        grouped = self._grouped(type_, field_details_list)
        plan = plan_of(shape_of(type_, grouped, self._grouped))
        if plan.others:
            self._plans[id(grouped)] = plan
            return standard()
        if plan.wanted:
            return self._loaded(plan, result, standard)
        try:
            return plan.answers(result, ())
        except Exception:  # noqa: BLE001
            return standard()

    def execute_fields(
        self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any
    ) -> Any:
        """Of an item whose plan leaves fields open, reads the rest by the plan."""
        plan = self._plans.get(id(grouped_field_set))
        if plan is None or plan.wanted:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        try:
            (results,) = plan.answers((source_value,), ())
        except Exception:  # noqa: BLE001
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        open_fields = {name: grouped_field_set[name] for name in plan.others}
        rest: Any = super().execute_fields(parent_type, source_value, path, open_fields, position_context)
        if not self.is_awaitable(rest):
            results.update(rest)
            return results
        return _joined(results, rest)

    @property
    def _watched(self) -> bool:
        """Does an extension want to see each field?"""
        manager = self.middleware_manager
        return manager is not None and bool(manager.middlewares)

    def _grouped(self, type_: GraphQLObjectType, field_details_list: Any) -> Grouped:
        collected: Grouped = self.collect_subfields(type_, field_details_list).grouped_field_set
        return collected

    async def _loaded(self, plan: Plan, items: Sequence[Any], standard: Any) -> Any:
        try:
            loaded = await asyncio.gather(*(_answers(self.context_value, one, items) for one in plan.wanted))
            return plan.answers(items, loaded)
        except Exception:  # noqa: BLE001
            done = standard()
            return await done if self.is_awaitable(done) else done


async def _answers(context: GraphQLContext, wanted: Wanted, items: Sequence[Any]) -> dict[Any, Any]:
    """What each object that the items need comes to, once however many need it."""
    load = wanted.relation.function()
    keys = list(wanted.keys(items))
    found = await asyncio.gather(*(load(context, tenant_id, key) for tenant_id, key in keys))
    # One that is missing is left to graphql-core, which asks the resolver what that means.
    return {key: wanted.answer(one) for key, one in zip(keys, found, strict=True)}


async def _joined(results: dict[str, Any], rest: Any) -> dict[str, Any]:
    results.update(await rest)
    return results
