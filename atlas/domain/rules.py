"""Ignore rules: which changes a tenant does not want to hear of, and what they hide of a finding.

A finding is hidden whole or not at all: a MODIFIED one where every change is ignored, by one rule or by several; an
ADDED or REMOVED one by a rule that speaks of no path and no value. One that is ignored in part stays with all its
evidence. A DATA_QUALITY finding is never hidden: it tells of the reading, not of a change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from atlas.domain.errors import RefusedError
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.vocabulary import ChangeType, FindingKind, UserErrorCode

LONGEST_PATTERN = 500
LONGEST_ITEM_TYPE = 200
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a rule ignores: all that is given must match. In a pattern `*` stands for any text; the case counts.

    The subject is the object's name or its external id. The value is the one that came, or that went where none came;
    what is redacted is no value that a pattern could match.
    """

    item_type: str | None = None
    path_pattern: str | None = None
    subject_pattern: str | None = None
    value_pattern: str | None = None

    @property
    def of_changes(self) -> bool:
        """Does it speak of single changes, and so of nothing that came or went whole?"""
        return self.path_pattern is not None or self.value_pattern is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that stands; `expires_at` None: for ever."""

    id: UUID
    parts: Parts
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What of a finding a rule looks at, beside its changes."""

    kind: FindingKind
    change_type: ChangeType | None
    item_type: str
    external_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Suppression:
    """The finding is hidden until then (None: for ever); `rule_id` is the first rule to run out without which it shows.

    That holds as long as no rule is made or ended.
    """

    rule_id: UUID
    until: datetime | None


def checked(parts: Parts) -> Parts:
    """The same; `RefusedError` INVALID_INPUT where nothing is given, or something is empty, long or unreadable."""
    given = {
        "itemType": parts.item_type,
        "pathPattern": parts.path_pattern,
        "subjectPattern": parts.subject_pattern,
        "valuePattern": parts.value_pattern,
    }
    if all(value is None for value in given.values()):
        raise RefusedError(
            UserErrorCode.INVALID_INPUT, f"A rule says what it ignores. Give one of {', '.join(given)}.", ("input",)
        )
    for name, value in given.items():
        most = LONGEST_ITEM_TYPE if name == "itemType" else LONGEST_PATTERN
        if value is not None and not (1 <= len(value) <= most and value.isprintable()):
            raise RefusedError(
                UserErrorCode.INVALID_INPUT, f"{name} has 1 to {most} printable characters.", ("input", name)
            )
    return parts


def matches(pattern: str, text: str) -> bool:
    """`*` stands for any text, everything else for itself. Looks at no place twice, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    if not text.startswith(first):
        return False
    at, *between, last = len(first), *rest
    for part in between:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


def is_about(parts: Parts, subject: Subject) -> bool:
    """Does the rule speak of this object? One that does not has no say in what is hidden of it."""
    return parts.item_type in {None, subject.item_type} and (
        parts.subject_pattern is None
        or matches(parts.subject_pattern, subject.display_name)
        or matches(parts.subject_pattern, subject.external_id)
    )


def suppression(rules: Iterable[Rule], subject: Subject, changes: Sequence[PropertyChange]) -> Suppression | None:
    """What the rules hide of a finding, until when, and by which; None where it is shown."""
    if subject.kind != FindingKind.DRIFT:
        return None
    about = [rule for rule in rules if is_about(rule.parts, subject)]
    whole = [rule for rule in about if not rule.parts.of_changes]
    if subject.change_type != ChangeType.MODIFIED or not changes:
        return _told(_last(whole))
    always = _last(whole)
    needed: list[Rule] = []
    for change in changes:
        by_change = [rule for rule in about if rule.parts.of_changes and _ignores(rule.parts, change)]
        one = _last([*by_change, *([always] if always else [])])
        if one is None:
            return None
        needed.append(one)
    return _told(min(needed, key=_end))


def _told(rule: Rule | None) -> Suppression | None:
    return None if rule is None else Suppression(rule.id, rule.expires_at)


def _last(rules: Sequence[Rule]) -> Rule | None:
    return max(rules, key=_end, default=None)


def _end(rule: Rule) -> tuple[datetime, UUID]:
    return rule.expires_at or _FOR_EVER, rule.id


def _ignores(parts: Parts, change: PropertyChange) -> bool:
    if parts.path_pattern is not None and not matches(parts.path_pattern, change.path):
        return False
    if parts.value_pattern is None:
        return True
    shown = _shown(change.before if change.after is None else change.after)
    return shown is not None and matches(parts.value_pattern, shown)


def _shown(value: Evidence | None) -> str | None:
    """As JSON writes it, text without its quotes."""
    if value is None or value.redacted:
        return None
    if value.value is None:
        return "null"
    return str(value.value).lower() if isinstance(value.value, bool) else str(value.value)
