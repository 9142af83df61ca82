"""The condition of a policy, read from the catalogue: as words, and as what a holder of capabilities gets by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Extent(IntEnum):
    """Of the tenant's rows, those that a condition lets through."""

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: a capability, or any other, told in words."""

    words: str
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions that must all hold (`and`), or of which one must (`or`)."""

    word: str
    parts: tuple["Condition", ...]


Condition = Term | Joined

_SETTING = r"\( SELECT \(NULLIF\(current_setting\('atlas\.{}'::text, true\), ''::text\)\)::uuid AS \"nullif\"\)"
_JUDGING = r"\( SELECT current_setting\('atlas\.judging'::text, true\) AS current_setting\) = 'yes'(?:::text)?"
_CAPABILITY = re.compile(r"\w+ = \( SELECT atlas\.tenant_for\('(\w+)'::text\) AS tenant_for\)")
# What policies compare with, as words. What is not here stays SQL, so that nothing is hidden.
_WORDS = (
    (r"tenant_id = \( SELECT atlas\.tenant_for_job\(\) AS tenant_for_job\)", "the lease"),
    (r"tenant_id = \( SELECT atlas\.tenant_for_job\('(\w+)'::text\) AS tenant_for_job\)", r"the lease of a \1 run"),
    (rf"(\w+) = {_SETTING.format('principal_id')}", r"`\1` is the caller"),
    (rf"(\w+) = {_SETTING.format('job_id')}", r"`\1` is the leased run"),
    (rf"(\w+) = {_SETTING.format('tenant_id')}", r"`\1` is the context's tenant"),
    (_JUDGING, "many are judged together"),
    (r"(\w+) IS NULL", r"`\1` is empty"),
    (r"(\w+) = '(\w+)'(?:::text)?", r"`\1` is \2"),
    (r"SESSION_USER = '(\w+)'::name", r"the session is of `\1`"),
    (r"true", "everything"),
)
_LIST = re.compile(r"(\w+) = ANY \(ARRAY\[([^\]]+)\]\)")
_CALLER = re.compile(_SETTING.format("principal_id"))


def read(expression: str) -> Condition:
    """The condition that PostgreSQL deparsed: every operand of AND and OR stands in parentheses."""
    text = _unwrapped(expression)
    for word in ("OR", "AND"):
        parts = list(_split(text, f" {word} "))
        if len(parts) > 1:
            return Joined(word.lower(), tuple(map(read, parts)))
    found = _CAPABILITY.fullmatch(text)
    return Term(found[1], found[1]) if found else Term(_words(text))


def words(condition: Condition) -> str:
    if isinstance(condition, Term):
        return condition.words
    return f" {condition.word} ".join(
        f"({words(part)})" if isinstance(part, Joined) else words(part) for part in condition.parts
    )


def extent(condition: Condition, held: frozenset[str]) -> Extent:
    """What it lets through for whoever holds these capabilities. What depends on the row is SOME."""
    if isinstance(condition, Term):
        if condition.capability is None:
            return Extent.SOME
        return Extent.ALL if condition.capability in held else Extent.NONE
    extents = [extent(part, held) for part in condition.parts]
    return max(extents) if condition.word == "or" else min(extents)


def _words(text: str) -> str:
    for pattern, told in _WORDS:
        if found := re.fullmatch(pattern, text):
            return found.expand(told)
    if found := _LIST.fullmatch(text):
        values = re.findall(r"'(\w+)'", found[2])
        return f"`{found[1]}` is {' or '.join(values)}"
    sql = " ".join(_CALLER.sub("<the caller>", text).replace("::text", "").split())
    return f"`{sql}`"


def _unwrapped(text: str) -> str:
    """Without the parentheses that enclose all of it."""
    text = text.strip()
    while text.startswith("(") and _end(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _end(text: str) -> int:
    """Where the parenthesis closes that opens at the beginning."""
    depth = 0
    for at, depth in _depths(text):
        if depth == 0:
            return at
    return -1


def _split(text: str, word: str) -> Iterator[str]:
    begin = 0
    for at, depth in _depths(text):
        if depth == 0 and at >= begin and text.startswith(word, at):
            yield text[begin:at]
            begin = at + len(word)
    yield text[begin:]


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """(position, how many parentheses are open behind it); quotes count as one, and nothing within them."""
    depth, quoted = 0, False
    for at, character in enumerate(text):
        quoted ^= character == "'"
        if not quoted:
            depth += (character == "(") - (character == ")")
        yield at, depth + quoted
