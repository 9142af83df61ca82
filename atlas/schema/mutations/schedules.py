"""Schedules: set and remove."""

import strawberry

from atlas import schedules
from atlas.schedules import Wanted
from atlas.schema.context import Info
from atlas.schema.mutations.payload import UserError, most_of, outcome, tenant_of, text_of
from atlas.schema.mutations.sync import MOST_ITEM_TYPES
from atlas.schema.schedules import Schedule, schedule_named


@strawberry.input(description="When to sync a tenant: one of everyHours and cron.")
class SetScheduleInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant, which is connected to Microsoft Graph.")
    name: str = strawberry.field(default="default", description="Which schedule; one of another name is another.")
    every_hours: int | None = strawberry.field(default=None, description="The hours between two syncs, 1 to 8760.")
    cron: str | None = strawberry.field(
        default=None, description="A cron expression of five fields; two syncs are at least 15 minutes apart."
    )
    time_zone: str = strawberry.field(default="UTC", description="Where the clock of the cron expression hangs.")
    item_types: list[str] | None = strawberry.field(
        default=None, description="The item types to read; all that Atlas knows where left out."
    )


@strawberry.input(description="Which schedule to end.")
class RemoveScheduleInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant.")
    name: str = strawberry.field(default="default", description="The schedule's name.")


@strawberry.type(description="What became of setting a schedule.")
class SetSchedulePayload:
    schedule: Schedule | None = strawberry.field(default=None, description="The schedule as it is now.")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


@strawberry.type(description="What became of removing a schedule.")
class RemoveSchedulePayload:
    removed: bool = strawberry.field(description="Was there such a schedule until now?")
    errors: list[UserError] = strawberry.field(description="Why it was not done; empty where it was.")


async def set_schedule(info: Info, given: SetScheduleInput) -> SetSchedulePayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        for field, value in (("name", given.name), ("cron", given.cron or ""), ("timeZone", given.time_zone)):
            text_of(value, field)
        for one in most_of(given.item_types or [], MOST_ITEM_TYPES, "itemTypes"):
            text_of(one, "itemTypes")
        wanted = Wanted(
            name=given.name,
            every_hours=given.every_hours,
            cron=given.cron,
            time_zone=given.time_zone,
            item_types=given.item_types,
        )
        await schedules.set_schedule(context.db, context.of(tenant_id), wanted)
        context.forget()
        return SetSchedulePayload(schedule=await schedule_named(context, tenant_id, given.name.strip()), errors=[])
    return SetSchedulePayload(errors=result.errors)


async def remove_schedule(info: Info, given: RemoveScheduleInput) -> RemoveSchedulePayload:
    context = info.context
    with outcome() as result:
        tenant_id = tenant_of(given.tenant_id)
        removed = await schedules.remove_schedule(context.db, context.of(tenant_id), text_of(given.name, "name"))
        context.forget()
        return RemoveSchedulePayload(removed=removed, errors=[])
    return RemoveSchedulePayload(removed=False, errors=result.errors)
