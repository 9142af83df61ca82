"""Labels that people can read, made from the ids in a path alone: no table is asked and no call is made."""

import re
from functools import lru_cache

from atlas.domain.label_words import AREAS, NAMES, PREFIXES, WORDS
from atlas.domain.paths import is_row, segments, unescape

# What a letter in no word, a word, and a word of one or two letters cost: those stand inside too many others.
_LETTER, _WORD, _SHORT_WORD = 2, 2, 5
_LONGEST_WORD = max(map(len, WORDS))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CONTENT_KEY = re.compile(r"\[(%=.*|[0-9a-f]{12}(%.*)?)\]")
# Office writes each category, and each policy, behind an `l_` of its own.
_OFFICE = re.compile(r"^l_(.+?)_l_")
_DEFINITION = re.compile(r"^[a-z0-9]+(?:[_.][^ ]+)+$")


@lru_cache(maxsize=8192)
def label_of(path: str) -> str:
    """A readable label of a property: `settings/..._bitlocker_requiredeviceencryption` is
    "BitLocker > Require device encryption". What stands above a setting's own definition is left out, and so is
    a row's key where it tells nothing.
    """
    parts = segments(path)
    if parts[0] == "settings" and len(parts) > 1:
        return _setting(parts[1:])
    told = [unescape(part) for part in parts[:-1] if not _is_opaque(part)]
    if not is_row(parts[-1]) and not parts[-1].startswith("#"):
        told.append(unescape(parts[-1]))
    return " > ".join(part[1:-1] if is_row(part) else NAMES.get(part) or _sentence(part) for part in told)


def _setting(parts: list[str]) -> str:
    if is_row(parts[0]):
        # A setting of an intent: its row is named by its definition.
        known = [] if _is_opaque(parts[0]) else [_definition(unescape(parts[0][1:-1]))]
        rest = [_sentence(unescape(part)) for part in parts[1:] if part not in {"value", "valueJson"}]
        return " > ".join(known + rest) or "Settings"
    own = [unescape(part) for part in parts if part[:1] not in {"[", "#", "@"}]
    notes = [_sentence(unescape(part[1:])) for part in parts if part.startswith("@")]
    return " > ".join([_definition(own[-1]) if own else "Settings", *notes])


def _is_opaque(segment: str) -> bool:
    return segment.startswith("#") or _CONTENT_KEY.fullmatch(segment) is not None


def label_of_choice(path: str, value: object) -> str | None:
    """A readable label of a choice: the part of the option's id after its definition's. None for other values."""
    if not isinstance(value, str) or not path.startswith("settings/"):
        return None
    definition = next((part for part in map(unescape, reversed(segments(path))) if part[:1] not in {"[", "#", "@"}), "")
    if not value.startswith(f"{definition}_"):
        return None
    option = value[len(definition) + 1 :]
    return f"Option {option}" if option.isdigit() else _words(option)


def _definition(definition_id: str) -> str:
    lowered = definition_id.lower()
    rest = next((lowered[len(prefix) :] for prefix in PREFIXES if lowered.startswith(prefix)), lowered)
    if "~" in rest:
        # An administrative template names its categories between tildes, its policy after the last underscore.
        head, _, last = rest.rpartition("~")
        last = _OFFICE.sub(r"\1_", last).replace("_l_", "_")
        named = next((known for known in AREAS if last.startswith(f"{known}_")), None)
        category, policy = (
            (named, last[len(named) + 1 :]) if named else last.split("_", 1) if "_" in last else ("", last)
        )
        area = head.partition("~")[0]
        return " > ".join(dict.fromkeys(filter(None, (_area(area), _area(category), _words(policy)))))
    if "_" not in rest:
        area, _, name = rest.rpartition(".")
        return " > ".join(filter(None, (_area(area), _words(name)))) or _words(lowered) or lowered
    area, _, name = rest.partition("_")
    return f"{_area(area)} > {_words(name)}" if name else _area(area)


def _area(text: str) -> str:
    return AREAS.get(text) or _words(text)


def _sentence(name: str) -> str:
    if _DEFINITION.match(name):
        return _definition(name)
    words = _CAMEL.sub(" ", name).split(" ")
    joined = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return joined[:1].upper() + joined[1:]


def _words(text: str) -> str:
    parts = [word for chunk in re.split(r"[_.\-]+", text) for word in _split(chunk)]
    joined = " ".join(parts)
    return joined[:1].upper() + joined[1:]


def _split(chunk: str) -> list[str]:
    """A run of letters as the likeliest words: few words, few letters that are in none, and hardly a short word."""
    costs, starts = [0], [0]
    for end in range(1, len(chunk) + 1):
        cost, start = costs[end - 1] + _LETTER, end - 1
        for begin in range(max(0, end - _LONGEST_WORD), end):
            word = chunk[begin:end]
            if _is_word(word):
                cost, start = min(
                    (cost, start), (costs[begin] + (_WORD if end - begin > 2 or word.isdigit() else _SHORT_WORD), begin)
                )
        costs.append(cost)
        starts.append(start)
    return _words_of(chunk, starts)


def _is_word(text: str) -> bool:
    plural = len(text) > 4 and text.endswith("s") and text[:-1] in WORDS
    return text in WORDS or text.isdigit() or plural


def _words_of(chunk: str, starts: list[int]) -> list[str]:
    """The words that end where the next begins, last to first; letters that are in no word stay together."""
    words: list[str] = []
    loose = ""
    end = len(chunk)
    while end:
        word = chunk[starts[end] : end]
        end = starts[end]
        # A letter by itself is a word only where nothing else is.
        if _is_word(word) and (len(word) > 1 or word.isdigit() or len(chunk) == 1):
            words += [WORDS.get(loose, loose), WORDS.get(word, word)]
            loose = ""
        else:
            loose = word + loose
    return [word for word in reversed([*words, WORDS.get(loose, loose)]) if word]
