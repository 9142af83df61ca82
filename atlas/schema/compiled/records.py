"""Of which columns the fields of a type are: those that are a column's value, or an object of them.

A field that is not found here is not compiled. What is here answers as the resolvers of its type do, which tests hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from atlas.schema.drift_runs import drift_runs_listing
from atlas.schema.findings import findings_listing
from atlas.schema.sync_runs import sync_runs_listing
from atlas.store import drift_runs, findings, scopes, sync_runs
from atlas.store.pages import Listing


@dataclass(frozen=True, slots=True)
class Part:
    """An object inside of a row: null where the column `present` is, if one is named. `renamed` are the columns of
    attributes that are called otherwise.
    """

    present: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A type whose objects are rows."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)


_PROGRESS = Part("progress_done", {"done": "progress_done", "total": "progress_total"})

RECORDS: Mapping[str, Record] = {
    "Tenant": Record(),
    "Scope": Record(),
    "SyncRun": Record({"sequence": "seq"}, {"counts": Part(), "progress": _PROGRESS}),
    "DriftRun": Record(parts={"counts": Part("added"), "progress": _PROGRESS}),
    "Finding": Record(
        parts={
            "subject": Part(),
            "acknowledgement": Part(
                "acknowledged_by",
                {"at": "acknowledged_at", "reason": "acknowledged_reason", "expires_at": "acknowledged_until"},
            ),
        }
    ),
}

# The lists of a tenant, by the names of its fields: what the arguments `filter` and `order_by` ask for.
LISTS: Mapping[str, Callable[[Any, Any], Listing]] = {
    "findings": lambda wanted, order_by: findings_listing(findings.of_tenant, wanted, order_by),
    "sync_runs": lambda wanted, order_by: sync_runs_listing(sync_runs.of_tenant, wanted, order_by),
    "drift_runs": lambda wanted, order_by: drift_runs_listing(drift_runs.of_tenant, wanted, order_by),
    "scopes": lambda _wanted, _order_by: Listing(scopes.of_tenant, scopes.ORDER),
}
