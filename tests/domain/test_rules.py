"""Ignore rules: what a pattern matches, and what rules hide of a finding and until when."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.domain.errors import RefusedError
from atlas.domain.evidence import Evidence, PropertyChange
from atlas.domain.rules import Parts, Rule, Subject, Suppression, checked, matches, suppression
from atlas.domain.vocabulary import ChangeType, FindingKind

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def rule(expires_at: datetime | None = None, **parts: str) -> Rule:
    return Rule(uuid4(), Parts(**parts), expires_at)


def change(path: str, value: str | bool | None = "new", *, redacted: bool = False) -> PropertyChange:
    shown = Evidence(redacted=redacted, value=None if redacted else value, digest="d" if redacted else None)
    return PropertyChange(ChangeType.MODIFIED, path, path, Evidence(redacted=False, value="old"), shown)


def subject(change_type: ChangeType | None = ChangeType.MODIFIED, kind: FindingKind = FindingKind.DRIFT) -> Subject:
    return Subject(kind, change_type, "configurationPolicy", "id-1", "Policy 1")


@given(st.text("ab*/[", max_size=10), st.text("ab/[", max_size=14))
def test_a_pattern_matches_as_the_regular_expression_that_it_stands_for(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert matches(pattern, text) is expected


def test_a_hostile_pattern_is_decided_at_once() -> None:
    assert not matches("*a" * 250 + "*b", "a" * 100_000)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4), st.sets(st.sampled_from(["a", "b", "c"])))
def test_a_modified_finding_is_hidden_where_every_change_is_ignored(paths: list[str], ignored: set[str]) -> None:
    rules = [rule(path_pattern=path) for path in sorted(ignored)]
    hidden = suppression(rules, subject(), [change(path) for path in paths])
    assert (hidden is not None) is (set(paths) <= ignored)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.none() | st.integers(1, 9), min_size=1), min_size=1))
def test_it_is_hidden_for_as_long_as_the_rules_that_stand_then_hide_it(ends: dict[str, list[int | None]]) -> None:
    def at(hours: int | None) -> datetime | None:
        return None if hours is None else NOON + timedelta(hours=hours)

    rules = [rule(at(hours), path_pattern=path) for path, all_hours in ends.items() for hours in all_hours]
    changes = [change(path) for path in ends]
    told = suppression(rules, subject(), changes)
    assert told is not None
    assert told.rule_id in {one.id for one in rules if one.expires_at == told.until}
    for hour in range(10):
        now = NOON + timedelta(hours=hour, minutes=30)
        standing = [one for one in rules if one.expires_at is None or one.expires_at > now]
        assert (suppression(standing, subject(), changes) is not None) is (told.until is None or told.until > now)


def test_what_came_or_went_is_hidden_by_a_rule_about_the_subject_alone() -> None:
    about = rule(subject_pattern="Policy*")
    for change_type in (ChangeType.ADDED, ChangeType.REMOVED):
        assert suppression([about], subject(change_type), [change("a")]) == Suppression(about.id, None)
        assert suppression([rule(path_pattern="*")], subject(change_type), [change("a")]) is None
        assert suppression([rule(value_pattern="*")], subject(change_type), [change("a")]) is None


def test_all_that_is_given_must_match() -> None:
    whole = {
        "item_type": "configurationPolicy", "path_pattern": "a/*", "subject_pattern": "id-*", "value_pattern": "new",
    }  # fmt: skip
    assert suppression([rule(**whole)], subject(), [change("a/b")]) is not None
    for name in whole:
        assert suppression([rule(**whole | {name: "other"})], subject(), [change("a/b")]) is None


def test_a_value_is_matched_as_json_writes_it_and_a_redacted_one_never() -> None:
    switched = [change("a", value=True)]
    assert suppression([rule(value_pattern="true")], subject(), switched) is not None
    assert suppression([rule(value_pattern="True")], subject(), switched) is None
    assert suppression([rule(value_pattern="*")], subject(), [change("a", redacted=True)]) is None


def test_a_finding_about_the_data_is_never_hidden() -> None:
    found = subject(None, FindingKind.DATA_QUALITY)
    assert suppression([rule(item_type="configurationPolicy")], found, []) is None


@pytest.mark.parametrize(
    "parts",
    [
        Parts(),
        Parts(item_type=""),
        Parts(path_pattern="a" * 501),
        Parts(item_type="a" * 201),
        Parts(value_pattern="a\x00"),
        Parts(subject_pattern="a\nb"),
    ],
)
def test_a_rule_without_parts_or_with_unreadable_ones_is_refused(parts: Parts) -> None:
    with pytest.raises(RefusedError, match=r"Give one of|printable"):
        checked(parts)
