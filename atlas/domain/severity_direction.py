"""Which way a setting moved: to the stronger or to the weaker end, where that is known of it."""

from typing import TypeAlias

from atlas.domain import severity_rules as rules
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.paths import segments, unescape

End: TypeAlias = bool | int | float | str | None


def direction_of(change: PropertyChange, *, switches: bool) -> int:
    """-1 weaker, 1 stronger, 0 unknown. A protection that is not there is as weak as one that is switched off.

    `switches`: the setting is one of security, so that what its name calls enabled is a protection.
    """
    name = unescape(next((part for part in reversed(segments(change.path)) if part[:1] not in {"[", "#"}), ""))
    was, now = value(change.before), value(change.after)
    one = was if now is None else now
    hidden = any(end is not None and end.redacted for end in (change.before, change.after))
    if hidden or (None not in {was, now} and type(was) is not type(now)):
        return 0
    if isinstance(one, bool):
        return _of_switch(_sign_of_switch(name, switches=switches), was, now)
    if isinstance(one, int):
        return _of_number(_sign_of_number(name), was, now)
    if isinstance(was, str) and isinstance(now, str):
        return _of_words(name, was.lower(), now.lower())
    protects = isinstance(one, str) and _protects(name.lower(), one.lower())
    return int(protects) if was is None else -int(protects)


def value(found: Evidence | None) -> End:
    """What stands there; None where nothing does, or nothing that may be shown."""
    return None if found is None else found.value


def _sign_of_switch(name: str, *, switches: bool) -> int:
    """1 where true is the stronger end, -1 where false is."""
    if rules.UNKNOWN_SWITCH.search(name):
        return 0
    if rules.STRONGER_FALSE.search(name) or (switches and rules.SWITCHED_OFF.search(name)):
        return -1
    strong = rules.STRONGER_TRUE.search(name) or rules.STRONGER_TRUE_WORD.search(name)
    return 1 if strong or (switches and rules.SWITCHED_ON.search(name)) else 0


def _of_switch(sign: int, was: End, now: End) -> int:
    # What holds where a permission is not spoken of, nobody here knows.
    if sign < 0 and (was is None or now is None):
        return 0
    return sign * (int(now is True) - int(was is True))


def _sign_of_number(name: str) -> int:
    return 1 if rules.STRONGER_GREATER.search(name) else -1 if rules.STRONGER_LESS.search(name) else 0


def _of_number(sign: int, was: End, now: End) -> int:
    if sign < 0 and (was is None or now is None):
        return 0
    old, new = (end if isinstance(end, int) else 0 for end in (was, now))
    return sign * ((new > old) - (new < old))


def _of_words(name: str, was: str, now: str) -> int:
    if rules.STRONGER_ONE.search(name.lower()) and {was[-2:], now[-2:]} == {"_0", "_1"}:
        return 1 if now.endswith("_1") else -1
    one, other = was.rpartition("_")[2], now.rpartition("_")[2]
    for order in rules.STRENGTHS:
        if one in order and other in order:
            moved = order.index(other) - order.index(one)
            return (moved > 0) - (moved < 0)
    return 0


def _protects(name: str, choice: str) -> bool:
    """Does a choice that came or went switch a protection on?"""
    if choice.endswith("_1") and rules.STRONGER_ONE.search(name):
        return True
    return rules.RULES_THAT_BLOCK.search(name) is not None and choice.rpartition("_")[2] in rules.STRENGTHS[0][1:]
