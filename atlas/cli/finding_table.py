"""Findings for the eye: as wide as the terminal, the object's type and the reasons beneath its name."""

from typing import TYPE_CHECKING, Any

from atlas.cli.findings import short
from atlas.cli.output import printable, row, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_REASONS = 2
_NARROW = 88

_STYLES = {
    "CRITICAL": "bold white on red",
    "HIGH": "bold red",
    "MEDIUM": "yellow",
    "LOW": "cyan",
    "INFORMATIONAL": "dim",
}


def finding_table(found: list[dict[str, Any]], width: int) -> "Table":
    """One row a finding; on a narrow terminal the reasons stand beneath the name."""
    narrow = width < _NARROW
    columns = ("FINDING", "SEVERITY", "STATUS", "CHANGE", "OBJECT")
    made = table(*columns, *(() if narrow else ("WHY",)))
    for column in made.columns[:4]:
        column.no_wrap = not narrow
    for one in found:
        cells: list[str | Text] = [
            short(one),
            _severity(one),
            _status(one),
            _change(one),
            _object(one, with_reasons=narrow),
        ]
        row(made, *cells, *(() if narrow else (_reasons(one),)))
    return made


def _severity(one: dict[str, Any]) -> "Text":
    from rich.text import Text

    word = "INFO" if one["severity"] == "INFORMATIONAL" else one["severity"]
    return Text(word, style=_STYLES[one["severity"]])


def _status(one: dict[str, Any]) -> "Text":
    from rich.text import Text

    word = "ACK" if one["status"] == "ACKNOWLEDGED" else one["resolution"] or one["status"]
    return Text(word, style="bold" if word == "NEW" else "dim")


def _change(one: dict[str, Any]) -> str:
    if one["changeType"] is None:
        return "DATA"
    return f"{one['changeType']} {one['changeCount']}" if one["changeType"] == "MODIFIED" else str(one["changeType"])


def _object(one: dict[str, Any], *, with_reasons: bool) -> "Text":
    from rich.text import Text

    subject = one["subject"]
    made = Text(printable(subject["displayName"]))
    made.append(f"\n{printable(subject['itemType'])}", style="dim")
    if with_reasons:
        made.append("\n").append_text(_reasons(one))
    return made


def _reasons(one: dict[str, Any]) -> "Text":
    from rich.text import Text

    reasons = one["severityReasons"]
    more = f" (+{len(reasons) - _REASONS})" if len(reasons) > _REASONS else ""
    return Text("; ".join(printable(one).removesuffix(".") for one in reasons[:_REASONS]) + more)
