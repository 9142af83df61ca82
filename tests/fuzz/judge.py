"""What no answer may be, whoever asked whatever."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from atlas.domain.vocabulary import UserErrorCode
from atlas.schema.errors import Code
from tests.fuzz.generator import Asked
from tests.isolation.atoms import atoms

CODES = frozenset(map(str, Code)) | frozenset(map(str, UserErrorCode))
_INSIDE = re.compile(
    r"Traceback|sqlalchemy|asyncpg|site-packages|\.py\b|pg_catalog|relation \"|syntax error at or near|permission "
    r"denied|row-level security|violates|/tmp/|atlas_(?!drift)[A-Za-z0-9]{20,}",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Verdicts:
    """How many answers were judged, by status and by the code of the first error; `complaints` must stay empty."""

    judged: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def judge(
        self, who: str, asked: Asked, status: int, text: str, *, hidden: frozenset[str], secrets: tuple[str, ...]
    ) -> None:
        self.judged += 1
        wrong = [*_wrong(asked, status, text, hidden), *(f"the secret {one[:6]}..." for one in secrets if one in text)]
        kind = f"{status} {_first_code(text)}"
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if wrong:
            told = f"{who}, {asked.kind}: {wrong}\n  {asked.query}\n  {json.dumps(asked.variables)}\n  {status} {text}"
            self.complaints.append(told[:3_000])


def _wrong(asked: Asked, status: int, text: str, hidden: frozenset[str]) -> list[str]:
    # What is a subscription after all was not asked for as one.
    if status not in {200, 400, 401, *([406] if asked.kind == "mangled" else [])}:
        return [f"the status {status}"]
    try:
        answer = json.loads(text)
    except ValueError:
        return ["no JSON"]
    said = json.dumps([asked.query, asked.variables])
    wrong = [f"inside: {found}" for found in _INSIDE.findall(text) if found not in said]
    for error in errors_of(answer):
        code = error.get("extensions", {}).get("code") or error.get("code")
        if code == Code.INTERNAL or code not in CODES:
            wrong.append(f"the code {code}")
    foreign = atoms(answer) & hidden
    if foreign:
        foreign -= atoms([asked.query, asked.variables]) | atoms(re.findall(r"[A-Za-z0-9_-]{8,}", asked.query))
    return wrong + [f"foreign: {sorted(foreign)[:5]}"] * bool(foreign)


def errors_of(answer: Any) -> list[dict[str, Any]]:
    """The errors at the top, and those that mutations answer with as data."""
    if not isinstance(answer, dict):
        return [{}]
    found = list(answer.get("errors", []))
    data = answer.get("data")
    for value in data.values() if isinstance(data, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("errors"), list):
            found += [error for error in value["errors"] if "code" in error]
    return found


def _first_code(text: str) -> str:
    try:
        errors = errors_of(json.loads(text))
    except ValueError:
        return "?"
    return str(errors[0].get("extensions", {}).get("code") or errors[0].get("code")) if errors else "ok"
