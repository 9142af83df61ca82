"""How severe a finding is, with the reasons in words: the table of `severity_rules` applied to its changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from atlas.domain import severity_rules as rules
from atlas.domain.evidence import PropertyChange
from atlas.domain.paths import segments
from atlas.domain.redaction import Leaf
from atlas.domain.severity_access import direction_of_access, judge_breadth
from atlas.domain.severity_direction import direction_of, value
from atlas.domain.vocabulary import ChangeType, Severity

_RANKS = tuple(Severity)
_MOST_REASONS = 8
_EVERYBODY = (rules.ASSIGNMENT_SEVERITY["widest"], "It is assigned to all users or all devices now.")


@dataclass(frozen=True, slots=True)
class Assessment:
    """A severity, and why: whole sentences, the weightiest first, none of which holds a value."""

    severity: Severity
    reasons: tuple[str, ...]


def assess(
    *,
    change_type: ChangeType,
    item_type: str,
    display_name: str,
    changes: Sequence[PropertyChange],
    properties_before: Mapping[str, Leaf] | None,
    properties_after: Mapping[str, Leaf] | None,
) -> Assessment:
    """The severity of one object's move. `changes` counts for MODIFIED, the properties for ADDED and REMOVED."""
    if change_type is ChangeType.MODIFIED:
        ends = (properties_before or {}, properties_after or {})
        return _sum_up(_judge(item_type, display_name, change, *ends) for change in changes)
    content = (properties_after if change_type is ChangeType.ADDED else properties_before) or {}
    kind = _weightiest(item_type, display_name, content)
    if change_type is ChangeType.REMOVED:
        severity = max(_shift(kind.severity, 1), Severity.MEDIUM, key=_rank)
        return Assessment(severity, (f"The object was removed; it held {kind.name}.",))
    severity = max(_shift(kind.severity, -1), Severity.LOW, key=_rank)
    told = [(severity, f"The object was added; it holds {kind.name}.")]
    if _assigned_to_all(content):
        told.append((Severity.MEDIUM, "It is assigned to all users or all devices."))
    return _sum_up(told)


def _judge(
    item_type: str, display_name: str, change: PropertyChange, before: Mapping[str, Leaf], after: Mapping[str, Leaf]
) -> tuple[Severity, str] | None:
    top = segments(change.path)[0]
    if top == "assignments":
        return _judge_assignment(change)
    if top in rules.COSMETIC_PATHS:
        what = "description" if top == "description" else "name"
        return Severity.INFORMATIONAL, f"The {what} changed."
    if top in rules.SCOPE_TAGS:
        return Severity.LOW, "The scope tags changed."
    if change.path in rules.PLACE_PATHS:
        return Severity.INFORMATIONAL, "Its place among its siblings changed."
    kind = _match(f"{item_type} {change.path}".lower())
    direction = direction_of(change, switches=kind is not None and kind.name in rules.SECURITY_CLASSES)
    if item_type == rules.ACCESS_TYPE:
        breadth = judge_breadth(change, before, after)
        if breadth is not None:
            return breadth
        direction = direction or direction_of_access(change, before, after)
    return _judge_setting(kind or _match_name(item_type, display_name), change, direction)


def _judge_setting(kind: rules.SettingClass, change: PropertyChange, direction: int) -> tuple[Severity, str]:
    what = _capital(kind.name)
    if direction < 0:
        return _shift(kind.severity, 1), f"{what} became weaker: {change.label}."
    if direction > 0:
        severity = max(_shift(kind.severity, -1), Severity.LOW, key=_rank)
        return severity, f"{what} became stronger: {change.label}."
    verb = {ChangeType.ADDED: "was added", ChangeType.REMOVED: "was removed"}.get(change.kind, "changed")
    return kind.severity, f"{what} {verb}: {change.label}."


def _judge_assignment(change: PropertyChange) -> tuple[Severity, str] | None:
    last = segments(change.path)[-1]
    if last == "mode":
        return _judge_mode(change)
    if last in rules.TOLD_BY_MODE and change.kind is not ChangeType.MODIFIED:
        return None
    if last == "target" and rules.EVERYBODY.match(str(value(change.after))):
        return _EVERYBODY
    what = "The filter of an assignment changed." if last.startswith("assignmentFilter") else "An assignment changed."
    return rules.ASSIGNMENT_SEVERITY["changed"], what


def _judge_mode(change: PropertyChange) -> tuple[Severity, str]:
    if value(change.after) == "exclude":
        return rules.ASSIGNMENT_SEVERITY["narrower"], "An exclusion was added to the assignments."
    if value(change.before) == "exclude":
        return rules.ASSIGNMENT_SEVERITY["wider"], "An exclusion was taken out of the assignments."
    if change.kind is ChangeType.ADDED and rules.EVERYBODY.match(segments(change.path)[1]):
        return _EVERYBODY
    if change.kind is ChangeType.ADDED:
        return rules.ASSIGNMENT_SEVERITY["wider"], "It is assigned to more targets."
    return rules.ASSIGNMENT_SEVERITY["narrower"], "It is assigned to fewer targets."


def _match_name(item_type: str, display_name: str) -> rules.SettingClass:
    """The class of a setting whose own path tells none: by what the object is called that it stands in."""
    return _match(f"{item_type} {display_name}".lower()) or rules.OTHER_SETTING


def _match(text: str) -> rules.SettingClass | None:
    return next((kind for kind in rules.SETTING_CLASSES if kind.pattern.search(text)), None)


def _weightiest(item_type: str, display_name: str, content: Mapping[str, Leaf]) -> rules.SettingClass:
    texts = [
        f"{item_type} {display_name}",
        *(f"{item_type} {path}" for path in content if path.startswith("settings/")),
    ]
    found = [kind for text in texts if (kind := _match(text.lower())) is not None]
    return max(found, key=lambda kind: _rank(kind.severity), default=rules.OTHER_SETTING)


def _assigned_to_all(content: Mapping[str, Leaf]) -> bool:
    return any(path.startswith("assignments/") and leaf in {"allUsers", "allDevices"} for path, leaf in content.items())


def _sum_up(told: Iterable[tuple[Severity, str] | None]) -> Assessment:
    """The greatest severity; its reasons first, each once, and no more than a person reads."""
    ordered = sorted(dict.fromkeys(filter(None, told)), key=lambda entry: (-_rank(entry[0]), entry[1]))
    if not ordered:
        return Assessment(Severity.INFORMATIONAL, ("Nothing that has a bearing changed.",))
    reasons = list(dict.fromkeys(reason for _, reason in ordered))
    rest = len(reasons) - _MOST_REASONS
    if rest > 0:
        reasons = [*reasons[:_MOST_REASONS], f"And {rest} more changes of no greater weight."]
    return Assessment(ordered[0][0], tuple(reasons))


def _shift(severity: Severity, by: int) -> Severity:
    return _RANKS[min(max(_rank(severity) + by, 0), len(_RANKS) - 1)]


def _rank(severity: Severity) -> int:
    return _RANKS.index(severity)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
