"""The closed vocabularies of Atlas, spelled as the GraphQL contract and the database spell them."""

from enum import StrEnum


class SyncSource(StrEnum):
    FOLDER = "FOLDER"
    GRAPH = "GRAPH"


class SyncRunStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    NEEDS_CONFIRMATION = "NEEDS_CONFIRMATION"


class CoverageStatus(StrEnum):
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    FORBIDDEN = "FORBIDDEN"
    UNLICENSED = "UNLICENSED"
    TRUNCATED = "TRUNCATED"
    ABSENT = "ABSENT"


class LabelKind(StrEnum):
    """What a label is of."""

    GROUP = "GROUP"
    FILTER = "FILTER"
    SCOPE_TAG = "SCOPE_TAG"
    SETTING = "SETTING"
    OPTION = "OPTION"


class ScheduleOutcome(StrEnum):
    STARTED = "STARTED"
    RECORDED = "RECORDED"
    HELD = "HELD"
    FAILED = "FAILED"


class DriftRunStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class NotEvaluatedReason(StrEnum):
    INCOMPLETE = "INCOMPLETE"
    NEVER_READ_BEFORE = "NEVER_READ_BEFORE"
    ABSENT = "ABSENT"
    NOT_COMPARABLE = "NOT_COMPARABLE"


class BaselineMode(StrEnum):
    PREVIOUS_RUN = "PREVIOUS_RUN"
    PINNED = "PINNED"


class DriftState(StrEnum):
    NO_SYNC_RUN = "NO_SYNC_RUN"
    NEEDS_SECOND_RUN = "NEEDS_SECOND_RUN"
    NOT_GENERATED = "NOT_GENERATED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    UP_TO_DATE = "UP_TO_DATE"
    FAILED = "FAILED"


class FindingKind(StrEnum):
    DRIFT = "DRIFT"
    DATA_QUALITY = "DATA_QUALITY"


class ChangeType(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    MODIFIED = "MODIFIED"


class Severity(StrEnum):
    """Ordered from the least to the most severe; `rank` is what the database sorts by."""

    INFORMATIONAL = "INFORMATIONAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class FindingStatus(StrEnum):
    NEW = "NEW"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"


class Resolution(StrEnum):
    REVERTED = "REVERTED"
    SUPERSEDED = "SUPERSEDED"
    BASELINED = "BASELINED"
    CLEARED = "CLEARED"


class ActorKind(StrEnum):
    """Who acted in the source, as its own record of events names them."""

    USER = "USER"
    APPLICATION = "APPLICATION"
    UNKNOWN = "UNKNOWN"


class AttributionConfidence(StrEnum):
    EXACT = "EXACT"
    AMBIGUOUS = "AMBIGUOUS"
    NONE = "NONE"


class PrincipalKind(StrEnum):
    USER = "USER"
    SERVICE = "SERVICE"


class Role(StrEnum):
    """Each role holds the capabilities of those before it."""

    READER = "READER"
    OPERATOR = "OPERATOR"
    MANAGER = "MANAGER"
    OWNER = "OWNER"


class Capability(StrEnum):
    READ = "READ"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    GENERATE_DRIFT = "GENERATE_DRIFT"
    START_SYNC = "START_SYNC"
    MANAGE_BASELINE = "MANAGE_BASELINE"
    MANAGE_RULES = "MANAGE_RULES"
    READ_AUDIT = "READ_AUDIT"
    MANAGE_MEMBERS = "MANAGE_MEMBERS"
    MANAGE_TENANT = "MANAGE_TENANT"


class GraphCloud(StrEnum):
    """The clouds of Microsoft, each with addresses of its own."""

    GLOBAL = "GLOBAL"
    US_GOVERNMENT = "US_GOVERNMENT"
    US_GOVERNMENT_DOD = "US_GOVERNMENT_DOD"
    CHINA = "CHINA"


class CredentialKind(StrEnum):
    """How an application signs in: with what it knows, or as what it is where the worker runs."""

    CLIENT_SECRET = "CLIENT_SECRET"  # noqa: S105  # It is the name of a kind.
    CERTIFICATE = "CERTIFICATE"
    WORKLOAD_IDENTITY = "WORKLOAD_IDENTITY"
    MANAGED_IDENTITY = "MANAGED_IDENTITY"


class ConnectionStatus(StrEnum):
    """Where the trial of a connection to Microsoft Graph stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class UserErrorCode(StrEnum):
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_INPUT = "INVALID_INPUT"
    CONFLICT = "CONFLICT"
    NEEDS_SECOND_RUN = "NEEDS_SECOND_RUN"
    SCOPE_MISMATCH = "SCOPE_MISMATCH"
    RUN_NOT_RECORDED = "RUN_NOT_RECORDED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    NO_GRAPH_CONNECTION = "NO_GRAPH_CONNECTION"


class ExportFormat(StrEnum):
    """The forms that findings are written in for other tools; each is also the ending of a file's name."""

    CSV = "csv"
    JSONL = "jsonl"
    SARIF = "sarif"
