"""How severe a finding is, with the reasons in words: the table of `severity_rules` applied to its changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from atlas.domain import severity_rules as rules
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.paths import segments, unescape
from atlas.domain.redaction import Leaf
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
        return _sum_up(_judge(item_type, display_name, change) for change in changes)
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


def _judge(item_type: str, display_name: str, change: PropertyChange) -> tuple[Severity, str] | None:
    top = segments(change.path)[0]
    if top == "assignments":
        return _judge_assignment(change)
    if top in rules.COSMETIC_PATHS:
        what = "description" if top == "description" else "name"
        return Severity.INFORMATIONAL, f"The {what} changed."
    if top == rules.SCOPE_TAGS:
        return Severity.LOW, "The scope tags changed."
    return _judge_setting(_class_of(item_type, change.path, display_name), change)


def _judge_setting(kind: rules.SettingClass, change: PropertyChange) -> tuple[Severity, str]:
    what = _capital(kind.name)
    direction = _direction(change)
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
    if last == "target" and rules.EVERYBODY.match(str(_value(change.after))):
        return _EVERYBODY
    what = "The filter of an assignment changed." if last.startswith("assignmentFilter") else "An assignment changed."
    return rules.ASSIGNMENT_SEVERITY["changed"], what


def _judge_mode(change: PropertyChange) -> tuple[Severity, str]:
    if _value(change.after) == "exclude":
        return rules.ASSIGNMENT_SEVERITY["narrower"], "An exclusion was added to the assignments."
    if _value(change.before) == "exclude":
        return rules.ASSIGNMENT_SEVERITY["wider"], "An exclusion was taken out of the assignments."
    if change.kind is ChangeType.ADDED and rules.EVERYBODY.match(segments(change.path)[1]):
        return _EVERYBODY
    if change.kind is ChangeType.ADDED:
        return rules.ASSIGNMENT_SEVERITY["wider"], "It is assigned to more targets."
    return rules.ASSIGNMENT_SEVERITY["narrower"], "It is assigned to fewer targets."


def _class_of(item_type: str, path: str, display_name: str) -> rules.SettingClass:
    """The class of one setting: by its own path first, then by the object that it stands in."""
    for text in (f"{item_type} {path}", f"{item_type} {display_name}"):
        found = _match(text.lower())
        if found is not None:
            return found
    return rules.OTHER_SETTING


def _match(text: str) -> rules.SettingClass | None:
    return next((kind for kind in rules.SETTING_CLASSES if kind.pattern.search(text)), None)


def _weightiest(item_type: str, display_name: str, content: Mapping[str, Leaf]) -> rules.SettingClass:
    texts = [
        f"{item_type} {display_name}",
        *(f"{item_type} {path}" for path in content if path.startswith("settings/")),
    ]
    found = [kind for text in texts if (kind := _match(text.lower())) is not None]
    return max(found, key=lambda kind: _rank(kind.severity), default=rules.OTHER_SETTING)


def _direction(change: PropertyChange) -> int:
    """-1 weaker, 1 stronger, 0 unknown. A protection that went is weaker, as one that was switched off."""
    name = unescape(next((part for part in reversed(segments(change.path)) if part[:1] not in {"[", "#"}), ""))
    was, now = _value(change.before), _value(change.after)
    if isinstance(was, bool) and isinstance(now, bool):
        if rules.STRONGER_FALSE.search(name):
            return int(was) - int(now)
        return int(now) - int(was) if rules.STRONGER_TRUE.search(name) else 0
    if isinstance(was, int) and isinstance(now, int):
        sign = 1 if rules.STRONGER_GREATER.search(name) else -1 if rules.STRONGER_LESS.search(name) else 0
        return sign * ((now > was) - (now < was))
    if isinstance(was, str) and isinstance(now, str):
        return _word_direction(name, was.lower(), now.lower())
    on = was if change.after is None else now
    if isinstance(on, str) and on.endswith("_1") and rules.STRONGER_ONE.search(name.lower()):
        return -1 if change.after is None else 1
    return 0


def _word_direction(name: str, was: str, now: str) -> int:
    if rules.STRONGER_ONE.search(name.lower()) and {was[-2:], now[-2:]} == {"_0", "_1"}:
        return 1 if now.endswith("_1") else -1
    one, other = was.rpartition("_")[2], now.rpartition("_")[2]
    for order in rules.STRENGTHS:
        if one in order and other in order:
            moved = order.index(other) - order.index(one)
            return (moved > 0) - (moved < 0)
    return 0


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


def _value(found: Evidence | None) -> object:
    return None if found is None else found.value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
