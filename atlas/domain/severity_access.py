"""How severe a change of a conditional access policy is: whom and what it covers, and what it asks of them."""

from collections.abc import Mapping

from atlas.domain import severity_rules as rules
from atlas.domain.evidence import PropertyChange
from atlas.domain.paths import is_row, segments
from atlas.domain.redaction import Leaf
from atlas.domain.severity_direction import value
from atlas.domain.vocabulary import ChangeType, Severity

Content = Mapping[str, Leaf]
_RULE = "a conditional access rule"
_NOW = {"nobody": " now", "widest": " now"}


def judge_breadth(change: PropertyChange, before: Content, after: Content) -> tuple[Severity, str] | None:
    """What a change under `conditions` does to whom or what the policy covers; None where that is not known."""
    parts = segments(change.path)
    if parts[0] == "conditions" and len(parts) > 1 and parts[1] in rules.ACCESS_LISTS:
        ends = (_listed(content, f"conditions/{parts[1]}") for content in (before, after))
        old, new = (end or {"all"} for end in ends)
        return _inclusion(old, new, rules.ACCESS_LISTS[parts[1]])
    what = rules.ACCESS_CONDITIONS.get(parts[1]) if parts[0] == "conditions" and len(parts) > 2 else None
    if what is None:
        return None
    if parts[2].startswith("exclude"):
        return _exclusion(change.kind, what)
    if not parts[2].startswith("include"):
        return None
    optional = parts[1] in rules.ACCESS_CONDITIONS_AT_WILL
    if not optional and parts[1] not in rules.ACCESS_CONDITIONS_ALWAYS:
        return None
    start = f"conditions/{parts[1]}/"
    old, new = (_included(content, start) for content in (before, after))
    # A condition that is not there is one that everything meets.
    return _inclusion(old or {"all"}, new or {"all"}, what) if optional else _inclusion(old, new, what)


def _included(content: Content, start: str) -> set[object]:
    """What is included, by its list and itself; everything as "all", whatever list says so."""
    found: set[object] = set()
    for path, leaf in content.items():
        if not path.startswith(start) or leaf in rules.ACCESS_NONE:
            continue
        name, *below = segments(path.removeprefix(start))
        if name.startswith("include"):
            found.add("all" if leaf in rules.ACCESS_ALL and len(below) == 1 and is_row(below[0]) else (name, leaf))
    return found


def _listed(content: Content, path: str) -> set[object]:
    """What a condition lists, row by row or in one text; everything as "all". "none" is a level of risk like others."""
    leaves = [leaf for at, leaf in content.items() if at == path or at.startswith(f"{path}/")]
    return {word for leaf in leaves for word in str(leaf).split(",")}


def _exclusion(kind: ChangeType, what: str) -> tuple[Severity, str]:
    if kind is ChangeType.REMOVED:
        return rules.ASSIGNMENT_SEVERITY["wider"], f"An exclusion of {what} was taken out of {_RULE}."
    if kind is ChangeType.ADDED:
        return rules.ASSIGNMENT_SEVERITY["narrower"], f"An exclusion of {what} was added to {_RULE}."
    return rules.ASSIGNMENT_SEVERITY["narrower"], f"An exclusion of {what} changed in {_RULE}."


def _inclusion(old: set[object], new: set[object], what: str) -> tuple[Severity, str] | None:
    if old == new or not (old or new):
        return None
    how, told = _how(old, new)
    return rules.ASSIGNMENT_SEVERITY[how], f"A conditional access rule covers {told} {what}{_NOW.get(how, '')}."


def _how(old: set[object], new: set[object]) -> tuple[str, str]:
    """The kind of breadth, as `ASSIGNMENT_SEVERITY` calls it, and in words."""
    if not new:
        return "nobody", "no"
    if "all" in new:
        return "widest", "all"
    if "all" in old:
        return "narrower", "no longer all"
    if old < new:
        return "wider", "more"
    return "narrower", "fewer" if new < old else "other"


def direction_of_access(change: PropertyChange, before: Content, after: Content) -> int:
    """-1 where a policy asks less than before, 1 where it asks more, 0 where that is not known."""
    if rules.ACCESS_SWITCHES.match(change.path):
        return int(value(change.after) is True) - int(value(change.before) is True)
    if change.path == rules.ACCESS_OPERATOR:
        return _of_operator(_controls(before), _controls(after), value(change.after))
    if rules.ACCESS_CONTROLS.match(change.path):
        return _of_controls(_controls(before), _controls(after), after.get(rules.ACCESS_OPERATOR))
    return 0


def _controls(content: Content) -> set[object]:
    return {leaf for path, leaf in content.items() if rules.ACCESS_CONTROLS.match(path)}


def _of_controls(old: set[object], new: set[object], operator: object) -> int:
    lost, gained = old - new, new - old
    if ("block" in lost) != ("block" in gained):
        return -1 if "block" in lost else 1
    if bool(lost) == bool(gained):
        return 0
    # Of several controls any one of which will do, one more is one more way in.
    alternatives = operator == "OR" and old and new
    more = 1 if gained else -1
    return -more if alternatives else more


def _of_operator(old: set[object], new: set[object], operator: object) -> int:
    if old != new or len(old) < 2:
        return 0
    return {"AND": 1, "OR": -1}.get(str(operator), 0)
