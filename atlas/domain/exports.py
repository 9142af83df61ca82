"""Findings in the forms that other tools take: CSV, JSON lines, SARIF 2.1.0. Each is written finding by finding."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson

from atlas import __version__
from atlas.domain.vocabulary import ExportFormat

Finding = Mapping[str, Any]
"""A finding under the field names of the GraphQL type, with all its `changes`."""

SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

COLUMNS: Final = (
    "id", "fingerprint", "scope", "kind", "changeType", "severity", "severityReasons", "status", "resolution",
    "isCurrent", "itemType", "externalId", "displayName", "platform", "changeCount", "changes", "firstSeenAt",
    "lastSeenAt", "occurrences", "acknowledgedBy", "acknowledgedAt", "acknowledgedReason", "acknowledgedUntil",
)  # fmt: skip

_LEVELS: Final = MappingProxyType(
    {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note", "INFORMATIONAL": "note"}
)
_TELLS: Final = MappingProxyType(
    {"ADDED": "was added", "REMOVED": "was removed", "MODIFIED": "was modified", None: "came twice under one id"}
)
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Writer:
    """What stands before the findings, what each is written as (told whether it is the first), and what ends them."""

    media_type: str
    head: bytes
    one: Callable[[Finding, bool], bytes]
    tail: bytes


def writer(form: ExportFormat) -> Writer:
    if form is ExportFormat.CSV:
        return Writer("text/csv; charset=utf-8; header=present", _line(COLUMNS), lambda one, _: _line(cells(one)), b"")
    if form is ExportFormat.JSONL:
        return Writer("application/jsonl; charset=utf-8", b"", lambda one, _: orjson.dumps(one) + b"\n", b"")
    tool = {"driver": {"name": "Atlas", "semanticVersion": __version__}}
    # The order of names means nothing in JSON: the tool stands behind the results, so that these can be streamed.
    return Writer(
        "application/sarif+json; charset=utf-8",
        b'{"$schema":' + orjson.dumps(SARIF_SCHEMA) + b',"version":"2.1.0","runs":[{"results":[',
        lambda one, first: (b"" if first else b",") + orjson.dumps(result(one)),
        b'],"columnKind":"unicodeCodePoints","tool":' + orjson.dumps(tool) + b"}]}\n",
    )


def written(form: ExportFormat, findings: Iterable[Finding]) -> bytes:
    """All of them in one piece."""
    by = writer(form)
    return b"".join([by.head, *(by.one(one, number == 0) for number, one in enumerate(findings)), by.tail])


def cells(finding: Finding) -> list[str]:
    """The values of `COLUMNS`, as text that no spreadsheet takes for a formula."""
    subject, accepted = finding["subject"], finding["acknowledgement"] or {}
    values = {
        **{name: finding[name] for name in COLUMNS if name in finding},
        **subject,
        "scope": finding["scope"]["label"],
        "severityReasons": " ".join(finding["severityReasons"]),
        "changes": "; ".join(told(change) for change in finding["changes"]),
        "acknowledgedBy": (accepted.get("by") or {}).get("displayName"),
        "acknowledgedAt": accepted.get("at"),
        "acknowledgedReason": accepted.get("reason"),
        "acknowledgedUntil": accepted.get("expiresAt"),
    }
    return [_cell(values[name]) for name in COLUMNS]


def result(finding: Finding) -> dict[str, Any]:
    """A result of SARIF. What somebody accepted is suppressed there, with the reason; what is resolved is absent."""
    subject, change = finding["subject"], finding["changeType"]
    sentence = f"{subject['displayName']} ({subject['itemType']}) {_TELLS[change]}."
    told_changes = "\n".join(f"- {told(one)}" for one in finding["changes"])
    accepted = finding["acknowledgement"] if finding["status"] == "ACKNOWLEDGED" else None
    return {
        "ruleId": f"{subject['itemType']}/{change or finding['kind']}",
        "level": _LEVELS[finding["severity"]],
        "baselineState": "absent" if finding["status"] == "RESOLVED" else "new",
        "message": {"text": "\n".join(filter(None, (sentence, *finding["severityReasons"], told_changes)))},
        "locations": [
            {
                "logicalLocations": [
                    {
                        "name": subject["displayName"],
                        "fullyQualifiedName": f"{subject['itemType']}/{subject['externalId']}",
                        "kind": "object",
                    }
                ]
            }
        ],
        "partialFingerprints": {"atlasFinding/v1": finding["fingerprint"]},
        "suppressions": [{"kind": "external", "status": "accepted", "justification": accepted["reason"]}]
        if accepted
        else [],
        "properties": {
            "id": finding["id"],
            "severity": finding["severity"],
            "status": finding["status"],
            "scope": finding["scope"]["label"],
            "firstSeenAt": finding["firstSeenAt"],
            "lastSeenAt": finding["lastSeenAt"],
        },
    }


def told(change: Mapping[str, Any]) -> str:
    """E.g. `passwordMinimumLength: 8 -> 12`; of what is redacted only that it differs."""
    return f"{change['label'] or change['path']}: {_side(change['before'])} -> {_side(change['after'])}"


def _side(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return "nothing"
    if value["redacted"]:
        return "(redacted)"
    return str(value["label"] or orjson.dumps(value["value"]).decode())


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = ("false", "true")[value] if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(values: "tuple[str, ...] | list[str]") -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue().encode()
