"""Findings as CSV, JSON lines and SARIF: readable by those who read these, and harmless to them."""

import csv
import io
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.exports import COLUMNS, cells, written
from atlas.domain.vocabulary import ExportFormat, Severity


def made(**other: Any) -> dict[str, Any]:
    """A finding as the schema gives it."""
    return {
        "id": "RmluZGluZzo", "fingerprint": "f1:ab", "tenant": {"id": "VA", "name": "Contoso"},
        "scope": {"id": "Uw", "key": "s1:1", "label": "production"}, "kind": "DRIFT", "changeType": "MODIFIED",
        "severity": "HIGH", "severityReasons": ["BitLocker is off."], "status": "NEW", "resolution": None,
        "isCurrent": True, "changeCount": 2,
        "subject": {"itemType": "configurationPolicy", "externalId": "one", "displayName": "Disk", "platform": None},
        "changes": [
            {"path": "a/b", "label": "Encrypt", "before": side(True), "after": side(False)},
            {"path": "c", "label": None, "before": None, "after": side(None, redacted=True)},
        ],
        "firstSeenAt": "2026-11-01T08:00:00Z", "lastSeenAt": "2026-11-02T08:00:00Z", "occurrences": 1,
        "acknowledgement": None,
    } | other  # fmt: skip


def side(value: object, *, redacted: bool = False, label: str | None = None) -> dict[str, Any]:
    return {"redacted": redacted, "value": value, "digest": None, "label": label}


ACCEPTED = {"by": {"displayName": "Ada"}, "at": "2026-11-03T08:00:00Z", "reason": "Change 4711", "expiresAt": None}


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_a_row_of_csv_tells_a_finding() -> None:
    (row,) = rows_of(written(ExportFormat.CSV, [made(status="ACKNOWLEDGED", acknowledgement=ACCEPTED)]))
    assert tuple(row) == COLUMNS
    assert row["changes"] == "Encrypt: true -> false; c: nothing -> (redacted)"
    assert (row["displayName"], row["platform"], row["isCurrent"], row["changeCount"]) == ("Disk", "", "true", "2")
    assert (row["acknowledgedBy"], row["acknowledgedReason"]) == ("Ada", "Change 4711")


@given(st.text())
def test_no_text_of_a_tenant_breaks_a_row_or_is_a_formula(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    finding = made(subject={"itemType": "x", "externalId": "e", "displayName": text, "platform": text})
    (row,) = rows_of(written(ExportFormat.CSV, [finding]))
    assert row["displayName"].removeprefix("'") == text.removeprefix("'")
    assert not row["displayName"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_formula_is_a_text() -> None:
    name = "=HYPERLINK(1)"
    finding = made(subject={"itemType": "x", "externalId": "e", "displayName": name, "platform": None})
    assert cells(finding)[COLUMNS.index("displayName")] == f"'{name}"


def test_a_line_of_json_is_the_finding_itself() -> None:
    first, second = made(), made(id="other")
    assert [orjson.loads(line) for line in written(ExportFormat.JSONL, [first, second]).splitlines()] == [first, second]


@pytest.mark.parametrize("number", range(3))
def test_sarif_is_one_log_with_a_result_each(number: int) -> None:
    findings = [made(id=str(one), fingerprint=f"f1:{one}") for one in range(number)]
    log = orjson.loads(written(ExportFormat.SARIF, findings))
    (run,) = log["runs"]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "Atlas")
    assert [one["partialFingerprints"]["atlasFinding/v1"] for one in run["results"]] == [
        one["fingerprint"] for one in findings
    ]


def test_sarif_tells_what_is_accepted_and_what_is_gone() -> None:
    accepted = made(status="ACKNOWLEDGED", acknowledgement=ACCEPTED)
    resolved = made(status="RESOLVED", resolution="REVERTED", acknowledgement=ACCEPTED)
    one, two = orjson.loads(written(ExportFormat.SARIF, [accepted, resolved]))["runs"][0]["results"]
    assert one["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "Change 4711"}]
    assert (one["baselineState"], two["baselineState"], two["suppressions"]) == ("new", "absent", [])
    assert one["message"]["text"].splitlines()[:2] == ["Disk (configurationPolicy) was modified.", "BitLocker is off."]


@pytest.mark.parametrize("severity", Severity)
def test_each_severity_has_a_level_of_sarif(severity: Severity) -> None:
    (one,) = orjson.loads(written(ExportFormat.SARIF, [made(severity=severity)]))["runs"][0]["results"]
    assert one["level"] in {"error", "warning", "note"}


@pytest.mark.parametrize("change", ["ADDED", "REMOVED", "MODIFIED", None])
def test_each_kind_of_change_is_told(change: str | None) -> None:
    kind = "DRIFT" if change else "DATA_QUALITY"
    (one,) = orjson.loads(written(ExportFormat.SARIF, [made(changeType=change, kind=kind)]))["runs"][0]["results"]
    assert one["ruleId"] == f"configurationPolicy/{change or kind}"
