"""Schedules: when a tenant is synced from Microsoft Graph by the clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from atlas.schema.context import GraphQLContext, Info, by_key
from atlas.schema.enums import ScheduleOutcome
from atlas.schema.principals import Principal, load_principal
from atlas.schema.refs import ScopeRef
from atlas.schema.resolvers import resolved
from atlas.schema.sync_runs import SyncRun, load_sync_run
from atlas.store import schedules as store
from atlas.store.pages import Row


@strawberry.type(
    description="Syncs from Microsoft Graph by the clock; drift is generated after each that is recorded. Ticks that"
    " were missed are one. Where a sync fails, the next one waits an hour, and twice as long each time, up to a day."
)
class Schedule:
    name: str = strawberry.field(description="What it is called; a tenant has one schedule of a name.")
    every_hours: int | None = strawberry.field(description="The hours between two syncs; null where cron says when.")
    cron: str | None = strawberry.field(
        description="When, as a cron expression on the clock of the time zone; null where it counts hours."
    )
    time_zone: str = strawberry.field(description="The time zone, such as Europe/Berlin.")
    item_types: list[str] | None = strawberry.field(description="The item types that are read; null for all.")
    next_tick: datetime = strawberry.field(description="When it ticks next.")
    due_at: datetime = strawberry.field(
        description="When that is carried out at the earliest: some minutes later, so that not all tenants sync at"
        " once, or later still after a failure."
    )
    last_tick: datetime | None = strawberry.field(description="When it ticked last; null where it has not yet.")
    last_outcome: ScheduleOutcome | None = strawberry.field(
        description="What became of the last tick's sync; null before the first."
    )
    failures: int = strawberry.field(description="How many syncs failed in a row.")
    tenant_id: strawberry.Private[UUID]
    scope_id: strawberry.Private[UUID]
    created_by_id: strawberry.Private[UUID | None]
    run_id: strawberry.Private[UUID | None]

    @resolved("The scope that its syncs are recorded in.")
    async def scope(self, info: Info) -> ScopeRef:
        from atlas.schema.scopes import scope_at

        return await scope_at(info.context, self.tenant_id, self.scope_id)

    @resolved("Who set it last.")
    async def set_by(self, info: Info) -> Principal | None:
        return await load_principal(info.context, self.tenant_id, self.created_by_id)

    @resolved("The last tick's sync; null before the first.")
    async def last_run(self, info: Info) -> SyncRun | None:
        return None if self.run_id is None else await load_sync_run(info.context, self.tenant_id, self.run_id)


async def schedules_of(context: GraphQLContext, tenant_id: UUID) -> list[Schedule]:
    return await context.load(_schedules, tenant_id, tenant_id) or []


async def schedule_named(context: GraphQLContext, tenant_id: UUID, name: str) -> Schedule | None:
    return next((one for one in await schedules_of(context, tenant_id) if one.name == name), None)


def _schedule(row: Row) -> Schedule:
    return Schedule(
        name=row.name,
        every_hours=row.every_hours,
        cron=row.cron,
        time_zone=row.time_zone,
        item_types=row.selection.get("itemTypes"),
        next_tick=row.next_tick,
        due_at=row.due_at,
        last_tick=row.last_tick,
        last_outcome=None if row.last_status is None else ScheduleOutcome(row.last_status),
        failures=row.failures,
        tenant_id=row.tenant_id,
        scope_id=row.scope_id,
        created_by_id=row.created_by,
        run_id=row.sync_run_id,
    )


async def _schedules(context: GraphQLContext, tenant_id: UUID, keys: Sequence[UUID]) -> Mapping[UUID, list[Schedule]]:
    async with context.read(tenant_id) as connection:
        rows = await store.of_tenants(connection, keys)
    return by_key(rows, "tenant_id", _schedule)
