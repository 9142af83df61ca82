"""The closed vocabularies as GraphQL enums, each value with what it means."""

from collections.abc import Mapping
from enum import Enum, StrEnum

import strawberry

from atlas.domain.vocabulary import (
    ActorKind,
    AttributionConfidence,
    BaselineMode,
    Capability,
    ChangeType,
    ConnectionStatus,
    CoverageStatus,
    CredentialKind,
    DriftRunStatus,
    DriftState,
    FindingKind,
    FindingStatus,
    GraphCloud,
    NotEvaluatedReason,
    PrincipalKind,
    Resolution,
    Role,
    ScheduleOutcome,
    Severity,
    SyncRunStatus,
    SyncSource,
    UserErrorCode,
)

__all__ = [
    "ActorKind",
    "AttributionConfidence",
    "BaselineMode",
    "Capability",
    "ChangeType",
    "ConnectionStatus",
    "CoverageStatus",
    "CredentialKind",
    "DriftRunOrder",
    "DriftRunStatus",
    "DriftState",
    "FindingDimension",
    "FindingKind",
    "FindingOrder",
    "FindingStatus",
    "GraphCloud",
    "NotEvaluatedReason",
    "PrincipalKind",
    "Resolution",
    "Role",
    "ScheduleOutcome",
    "Severity",
    "SyncRunOrder",
    "SyncRunStatus",
    "SyncSource",
    "TenantOrder",
    "UserErrorCode",
]


class TenantOrder(StrEnum):
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"
    CREATED_AT_DESC = "CREATED_AT_DESC"


class SyncRunOrder(StrEnum):
    CREATED_AT_ASC = "CREATED_AT_ASC"
    CREATED_AT_DESC = "CREATED_AT_DESC"


class DriftRunOrder(StrEnum):
    CREATED_AT_ASC = "CREATED_AT_ASC"
    CREATED_AT_DESC = "CREATED_AT_DESC"


class FindingOrder(StrEnum):
    LAST_SEEN_AT_DESC = "LAST_SEEN_AT_DESC"
    LAST_SEEN_AT_ASC = "LAST_SEEN_AT_ASC"
    FIRST_SEEN_AT_DESC = "FIRST_SEEN_AT_DESC"
    FIRST_SEEN_AT_ASC = "FIRST_SEEN_AT_ASC"
    SEVERITY_DESC = "SEVERITY_DESC"
    SUBJECT_NAME_ASC = "SUBJECT_NAME_ASC"


class FindingDimension(StrEnum):
    STATUS = "STATUS"
    SEVERITY = "SEVERITY"
    CHANGE_TYPE = "CHANGE_TYPE"
    ITEM_TYPE = "ITEM_TYPE"
    SCOPE = "SCOPE"


def _describe(enum: type[Enum], description: str, values: Mapping[str, str]) -> None:
    """Makes a GraphQL enum of a vocabulary; a value that nobody described is an error at import."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_CREATED = {"CREATED_AT_ASC": "Oldest first.", "CREATED_AT_DESC": "Newest first."}

_describe(
    TenantOrder,
    "In which order tenants are listed.",
    {"NAME_ASC": "By name, A first.", "NAME_DESC": "By name, Z first.", **_CREATED},
)
_describe(SyncRunOrder, "In which order sync runs are listed.", _CREATED)
_describe(DriftRunOrder, "In which order drift runs are listed.", _CREATED)
_describe(
    FindingOrder,
    "In which order findings are listed.",
    {
        "LAST_SEEN_AT_DESC": "Last seen most recently first.",
        "LAST_SEEN_AT_ASC": "Last seen longest ago first.",
        "FIRST_SEEN_AT_DESC": "Newest first.",
        "FIRST_SEEN_AT_ASC": "Oldest first.",
        "SEVERITY_DESC": "Most severe first.",
        "SUBJECT_NAME_ASC": "By the name of the object, A first.",
    },
)
_describe(
    FindingDimension,
    "What findings are grouped by when they are counted.",
    {
        "STATUS": "By status.",
        "SEVERITY": "By severity.",
        "CHANGE_TYPE": "By what happened to the object.",
        "ITEM_TYPE": "By the type of the object.",
        "SCOPE": "By scope.",
    },
)
_describe(
    SyncSource,
    "Where the inventory of a run came from.",
    {"FOLDER": "A folder of exported files.", "GRAPH": "Microsoft Graph."},
)
_describe(
    SyncRunStatus,
    "Where a sync run stands.",
    {
        "QUEUED": "It waits for a worker.",
        "RUNNING": "A worker reads the inventory.",
        "SUCCEEDED": "It is recorded, and every item type was read to its end.",
        "PARTIAL": "It is recorded, but some item types were not read to their end; see coverage.",
        "FAILED": "Nothing was recorded; see error.",
        "NEEDS_CONFIRMATION": "Nothing is recorded: too much is missing; see error, then confirm it or sync again.",
    },
)
_describe(
    CoverageStatus,
    "Whether an item type was read to its end.",
    {
        "COMPLETE": "It was read to its end.",
        "FAILED": "Reading it failed.",
        "FORBIDDEN": "The source did not allow reading it.",
        "UNLICENSED": "The tenant has no licence for it.",
        "TRUNCATED": "The source gave less than it said there was.",
        "ABSENT": "The source holds nothing of it, which does not prove that there is nothing.",
    },
)
_describe(
    ScheduleOutcome,
    "What became of a tick's sync.",
    {
        "STARTED": "It is under way.",
        "RECORDED": "It is recorded, and drift is generated.",
        "HELD": "It waits for somebody to confirm it.",
        "FAILED": "It failed; the next one waits.",
    },
)
_describe(
    DriftRunStatus,
    "Where a drift run stands.",
    {
        "QUEUED": "It waits for a worker.",
        "RUNNING": "A worker compares the two runs.",
        "SUCCEEDED": "The comparison is done and its findings are stored.",
        "FAILED": "It was given up; see error.",
    },
)
_describe(
    NotEvaluatedReason,
    "Why nothing is said of an item type.",
    {
        "INCOMPLETE": "The current run did not read it to its end.",
        "NEVER_READ_BEFORE": "No run up to the baseline had read it to its end.",
        "ABSENT": "The export holds none of it, which does not prove that there is none.",
        "NOT_COMPARABLE": "The two runs were recorded under different rules.",
    },
)
_describe(
    BaselineMode,
    "Which run findings are measured from.",
    {"PREVIOUS_RUN": "The recorded run before the current one.", "PINNED": "One run that somebody pinned."},
)
_describe(
    DriftState,
    "Where the drift of a scope stands.",
    {
        "NO_SYNC_RUN": "No run is recorded yet.",
        "NEEDS_SECOND_RUN": "One run is recorded; a second is needed to compare.",
        "NOT_GENERATED": "There is a pair to compare, and nobody has asked for it yet.",
        "QUEUED": "Generation waits for a worker.",
        "RUNNING": "Generation is under way.",
        "UP_TO_DATE": "Nothing is left to generate: the findings tell of the newest run.",
        "FAILED": "The last generation of this pair failed.",
    },
)
_describe(
    FindingKind,
    "What a finding is about.",
    {
        "DRIFT": "An object changed, came or went.",
        "DATA_QUALITY": "The source contradicts itself, such as two objects under one id.",
    },
)
_describe(
    ChangeType,
    "What happened.",
    {
        "ADDED": "It is there and was not before.",
        "REMOVED": "It was there and is not any more.",
        "MODIFIED": "It is there in both and differs.",
    },
)
_describe(
    Severity,
    "How much a finding matters; severityReasons say why.",
    {
        "INFORMATIONAL": "Good to know.",
        "LOW": "Look at it some time.",
        "MEDIUM": "Look at it soon.",
        "HIGH": "Protection may have become weaker.",
        "CRITICAL": "Protection has gone.",
    },
)
_describe(
    FindingStatus,
    "Where the triage of a finding stands.",
    {
        "NEW": "Nobody has reviewed it.",
        "ACKNOWLEDGED": "Somebody accepted this very change, and said why.",
        "RESOLVED": "The system closed it; resolution says how.",
    },
)
_describe(
    Resolution,
    "How a finding was resolved.",
    {
        "REVERTED": "The object has its former content again.",
        "SUPERSEDED": "A newer finding tells the whole difference from the pinned baseline.",
        "BASELINED": "A baseline that holds this content was pinned, which accepts it.",
        "CLEARED": "The cause of the data quality finding is gone.",
    },
)
_describe(
    ActorKind,
    "Who acted in the source, as its own record of events names them.",
    {"USER": "A person.", "APPLICATION": "A program.", "UNKNOWN": "The record does not say."},
)
_describe(
    AttributionConfidence,
    "How sure it is who made a change.",
    {
        "EXACT": "All that is recorded of the object between the two readings was done by one actor.",
        "AMBIGUOUS": "Several actors, or objects, come into question.",
        "NONE": "Nothing is recorded of the object between the two readings.",
    },
)
_describe(
    PrincipalKind,
    "Who acts: a person or a program.",
    {"USER": "A person.", "SERVICE": "A program with a token."},
)
_describe(
    Role,
    "Each role holds the capabilities of those before it.",
    {
        "READER": "Sees everything but the audit record and the members.",
        "OPERATOR": "Also acknowledges findings and generates drift.",
        "MANAGER": "Also starts syncs, pins baselines, changes rules and reads the audit record.",
        "OWNER": "Also decides who is a member, and with which role.",
    },
)
_describe(
    Capability,
    "One thing that a role allows.",
    {
        "READ": "See the tenant's inventory, runs and findings.",
        "ACKNOWLEDGE": "Acknowledge findings and reopen them.",
        "GENERATE_DRIFT": "Ask for drift generation.",
        "START_SYNC": "Start a sync run.",
        "MANAGE_BASELINE": "Pin a baseline and unpin it.",
        "MANAGE_RULES": "Change the rules that findings are judged by.",
        "READ_AUDIT": "Read the audit record of the whole tenant.",
        "MANAGE_MEMBERS": "See and change who is a member.",
        "MANAGE_TENANT": "Change the tenant itself.",
    },
)
_describe(
    GraphCloud,
    "One of Microsoft's clouds, each with addresses of its own.",
    {
        "GLOBAL": "The one for nearly everybody.",
        "US_GOVERNMENT": "For the government of the United States, GCC High.",
        "US_GOVERNMENT_DOD": "For the Department of Defense of the United States.",
        "CHINA": "In China, operated by 21Vianet.",
    },
)
_describe(
    CredentialKind,
    "How an application signs in at Microsoft.",
    {
        "CLIENT_SECRET": "With a client secret.",
        "CERTIFICATE": "With a certificate and its key.",
        "WORKLOAD_IDENTITY": "By the workload identity of the worker.",
        "MANAGED_IDENTITY": "By the managed identity of the worker.",
    },
)
_describe(
    ConnectionStatus,
    "Where the trial of a connection stands.",
    {
        "QUEUED": "It waits for a worker.",
        "RUNNING": "A worker signs in.",
        "SUCCEEDED": "It signs in; see missingPermissions.",
        "FAILED": "It does not sign in; see error.",
    },
)
_describe(
    UserErrorCode,
    "What kind of thing the caller can put right.",
    {
        "NOT_FOUND": "There is no such object, or you may not see it.",
        "FORBIDDEN": "Your role in this tenant does not allow it.",
        "INVALID_INPUT": "A value of the input is not acceptable; path names it.",
        "CONFLICT": "Somebody else was faster, or the state does not allow it; load again and decide anew.",
        "NEEDS_SECOND_RUN": "The scope has one recorded run only, and two are needed to compare.",
        "SCOPE_MISMATCH": "The runs named are not both of this scope.",
        "RUN_NOT_RECORDED": "A run named is not recorded: it is queued, running or failed.",
        "IDEMPOTENCY_KEY_REUSED": "The key was used before for another request.",
        "NO_GRAPH_CONNECTION": "The tenant has no Microsoft Graph connection configured.",
    },
)
