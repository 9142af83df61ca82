"""The mutation root."""

from typing import Annotated

import strawberry

from atlas.schema.context import Info
from atlas.schema.mutations import acknowledge, baseline, connections, members, rules, schedules, sync
from atlas.schema.mutations.acknowledge import (
    AcknowledgeFindingInput,
    AcknowledgeFindingPayload,
    AcknowledgeFindingsInput,
    AcknowledgeFindingsPayload,
    ReopenFindingInput,
    ReopenFindingPayload,
)
from atlas.schema.mutations.baseline import (
    PinBaselineInput,
    PinBaselinePayload,
    UnpinBaselineInput,
    UnpinBaselinePayload,
)
from atlas.schema.mutations.connections import (
    ConnectGraphInput,
    ConnectGraphPayload,
    RemoveGraphConnectionInput,
    RemoveGraphConnectionPayload,
)
from atlas.schema.mutations.generate_drift import GenerateDriftInput, GenerateDriftPayload, request_drift
from atlas.schema.mutations.members import (
    RemoveMembershipInput,
    RemoveMembershipPayload,
    SetMembershipInput,
    SetMembershipPayload,
)
from atlas.schema.mutations.rules import CreateRuleInput, CreateRulePayload, EndRuleInput, EndRulePayload
from atlas.schema.mutations.schedules import (
    RemoveScheduleInput,
    RemoveSchedulePayload,
    SetScheduleInput,
    SetSchedulePayload,
)
from atlas.schema.mutations.sync import (
    CancelSyncInput,
    CancelSyncPayload,
    ConfirmSyncRunInput,
    ConfirmSyncRunPayload,
    StartSyncInput,
    StartSyncPayload,
)
from atlas.schema.resolvers import mutation

_INPUT = strawberry.argument(name="input", description="What to do.")


@strawberry.type(description="What can be written: triage, baselines, members, and requests for work.")
class Mutation:
    @mutation(
        "Queues drift generation for the scope's baseline and newest run, or for the pair named. Asking"
        " again for a pair that is queued, running or done under the present rules returns that run. The idempotency"
        " key holds per principal and tenant."
    )
    async def generate_drift(self, info: Info, given: Annotated[GenerateDriftInput, _INPUT]) -> GenerateDriftPayload:
        return await request_drift(info, given)

    @mutation("Accepts the change that a finding tells of, and says why.")
    async def acknowledge_finding(
        self, info: Info, given: Annotated[AcknowledgeFindingInput, _INPUT]
    ) -> AcknowledgeFindingPayload:
        return await acknowledge.acknowledge_finding(info, given)

    @mutation("Accepts several changes. All or nothing for at most 1,000 findings.")
    async def acknowledge_findings(
        self, info: Info, given: Annotated[AcknowledgeFindingsInput, _INPUT]
    ) -> AcknowledgeFindingsPayload:
        return await acknowledge.acknowledge_findings(info, given)

    @mutation("Takes an acknowledgement back, and says why.")
    async def reopen_finding(self, info: Info, given: Annotated[ReopenFindingInput, _INPUT]) -> ReopenFindingPayload:
        return await acknowledge.reopen_finding(info, given)

    @mutation("Measures a scope's findings from one run from now on, which accepts what that run holds.")
    async def pin_baseline(self, info: Info, given: Annotated[PinBaselineInput, _INPUT]) -> PinBaselinePayload:
        return await baseline.pin_baseline(info, given)

    @mutation("Measures a scope's findings from its previous run again.")
    async def unpin_baseline(self, info: Info, given: Annotated[UnpinBaselineInput, _INPUT]) -> UnpinBaselinePayload:
        return await baseline.unpin_baseline(info, given)

    @mutation("Makes an ignore rule, which hides what it ignores, also of what is there already. Needs MANAGE_RULES.")
    async def create_rule(self, info: Info, given: Annotated[CreateRuleInput, _INPUT]) -> CreateRulePayload:
        return await rules.create_rule(info, given)

    @mutation("Ends an ignore rule: what it alone hid is shown again. Needs MANAGE_RULES.")
    async def end_rule(self, info: Info, given: Annotated[EndRuleInput, _INPUT]) -> EndRulePayload:
        return await rules.end_rule(info, given)

    @mutation(
        "Queues a sync from the tenant's Microsoft Graph connection for the worker. Asking again while a run of the"
        " same types is queued or running returns that run. The idempotency key holds per principal and tenant."
    )
    async def start_sync(self, info: Info, given: Annotated[StartSyncInput, _INPUT]) -> StartSyncPayload:
        return await sync.start_sync(info, given)

    @mutation(
        "Records a sync run that is NEEDS_CONFIRMATION: what is missing from it is really gone. The run is queued, and"
        " a worker records what it brought, unless a newer run is recorded before."
    )
    async def confirm_sync_run(
        self, info: Info, given: Annotated[ConfirmSyncRunInput, _INPUT]
    ) -> ConfirmSyncRunPayload:
        return await sync.confirm_sync_run(info, given)

    @mutation("Ends a sync from Microsoft Graph that is queued or running. Nothing of it is recorded.")
    async def cancel_sync(self, info: Info, given: Annotated[CancelSyncInput, _INPUT]) -> CancelSyncPayload:
        return await sync.cancel_sync(info, given)

    @mutation("Sets when a tenant is synced from Microsoft Graph by the clock. Needs START_SYNC.")
    async def set_schedule(self, info: Info, given: Annotated[SetScheduleInput, _INPUT]) -> SetSchedulePayload:
        return await schedules.set_schedule(info, given)

    @mutation("Ends a schedule; what it has started goes on. Needs START_SYNC.")
    async def remove_schedule(self, info: Info, given: Annotated[RemoveScheduleInput, _INPUT]) -> RemoveSchedulePayload:
        return await schedules.remove_schedule(info, given)

    @mutation(
        "Connects a tenant to Microsoft Graph. The secret is sealed before it is stored, and a worker tries it at once:"
        " status, error and missingPermissions of the application tell what came of it. Needs MANAGE_TENANT."
    )
    async def connect_graph(self, info: Info, given: Annotated[ConnectGraphInput, _INPUT]) -> ConnectGraphPayload:
        return await connections.connect_graph(info, given)

    @mutation("Removes a connection to Microsoft Graph, and what is stored of its secret. Needs MANAGE_TENANT.")
    async def remove_graph_connection(
        self, info: Info, given: Annotated[RemoveGraphConnectionInput, _INPUT]
    ) -> RemoveGraphConnectionPayload:
        return await connections.remove_graph_connection(info, given)

    @mutation("Makes a principal a member, or changes their role.")
    async def set_membership(self, info: Info, given: Annotated[SetMembershipInput, _INPUT]) -> SetMembershipPayload:
        return await members.set_membership(info, given)

    @mutation("Ends a membership. The last owner of a tenant stays.")
    async def remove_membership(
        self, info: Info, given: Annotated[RemoveMembershipInput, _INPUT]
    ) -> RemoveMembershipPayload:
        return await members.remove_membership(info, given)
