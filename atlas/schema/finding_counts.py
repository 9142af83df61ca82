"""Counts of findings by dimensions: what a dashboard needs, in one statement."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext
from atlas.schema.enums import ChangeType, FindingDimension, FindingStatus, Severity
from atlas.schema.finding_filter import FindingFilter, chosen_findings
from atlas.store import findings as store
from atlas.store.pages import Row

CountedBy = Annotated[
    list[FindingDimension], strawberry.argument(description="What to group by; by nothing: one total.")
]

_SEVERITIES = tuple(Severity)
_BY_SCOPE = store.FindingFilter(suppressed=False)


@strawberry.type(description="How many findings are alike in the dimensions asked for; the other dimensions are null.")
class FindingCount:
    count: int = strawberry.field(description="How many.")
    status: FindingStatus | None = strawberry.field(default=None, description="Their status.")
    severity: Severity | None = strawberry.field(default=None, description="Their severity.")
    change_type: ChangeType | None = strawberry.field(
        default=None, description="What happened; null for DATA_QUALITY findings too."
    )
    item_type: str | None = strawberry.field(default=None, description="The type of their objects.")
    scope_key: str | None = strawberry.field(default=None, description="The key of their scope.")


async def counts_of_tenant(
    context: GraphQLContext, tenant_id: UUID, wanted: FindingFilter | None, by: Sequence[FindingDimension]
) -> list[FindingCount]:
    """In the order of the groups. Groups without findings are left out, but a total is always given."""
    chosen, dimensions = chosen_findings(wanted), _dimensions(by)
    async with context.read(tenant_id) as connection:
        rows = await store.counts(connection, tenant_id, chosen, dimensions)
    return [_count(row, dimensions) for row in rows]


async def counts_of_scope(
    context: GraphQLContext, tenant_id: UUID, scope_id: UUID, by: Sequence[FindingDimension]
) -> list[FindingCount]:
    """As `counts_of_tenant`, of one scope; scopes of one list are counted in one statement."""
    dimensions = _dimensions(by)
    found = await context.load(_of_scopes, tenant_id, (dimensions, scope_id))
    return found or ([] if dimensions else [FindingCount(count=0)])


def _dimensions(by: Sequence[FindingDimension]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(dimension.value for dimension in by))


def _count(row: Row, dimensions: Sequence[str]) -> FindingCount:
    """The store counts severities by rank, which the index holds."""
    values = {label: getattr(row, label) for label in (store.DIMENSIONS[one][0] for one in dimensions)}
    if "severity" in values:
        values["severity"] = _SEVERITIES[values["severity"]]
    return FindingCount(count=row.total, **values)


async def _of_scopes(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[tuple[tuple[str, ...], UUID]]
) -> Mapping[tuple[tuple[str, ...], UUID], list[FindingCount]]:
    scopes_of: dict[tuple[str, ...], list[UUID]] = {}
    for dimensions, scope_id in keys:
        scopes_of.setdefault(dimensions, []).append(scope_id)
    found: dict[tuple[tuple[str, ...], UUID], list[FindingCount]] = {}
    for dimensions, scope_ids in scopes_of.items():
        async with context.read(tenant_id) as connection:
            rows = await store.counts(connection, tenant_id, _BY_SCOPE, dimensions, scope_ids)
        for row in rows:
            found.setdefault((dimensions, row.of_scope), []).append(_count(row, dimensions))
    return found
