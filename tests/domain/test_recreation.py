"""A removed and an added object are linked where one stands in for the other, one to one, and never merged."""

from random import Random

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.recreation import Candidate, base_name, link, similarity
from tests.domain import graph
from tests.domain.graph import KEY


def candidate(external_id, name, *values, item_type="configurationPolicy"):
    settings = [graph.simple(f"s_{index}", value) for index, value in enumerate(values)]
    item = canonical_item(item_type, graph.policy(*settings, name=name, id=external_id), KEY)
    return Candidate(item_type, external_id, name, item.settings_hash, item.properties)


def told(links):
    return [(one.removed.external_id, one.added.external_id, one.identical) for one in links]


def test_identical_settings_are_linked_whatever_the_names():
    (found,) = link([candidate("1", "Old", 1, 2)], [candidate("2", "Quite new", 1, 2)])
    assert (found.identical, found.similarity) == (True, 1.0)


def test_the_same_base_name_and_half_of_the_settings_are_linked():
    (found,) = link([candidate("1", "Edge - v3.4", *range(8))], [candidate("2", "Edge - v3.5", *range(7), 99)])
    assert not found.identical
    assert 0.5 <= found.similarity < 1


def in_a_row(external_id, *values, times=1):
    group = graph.group_rows("g", [graph.simple(f"m_{index}", value) for index, value in enumerate(values)])
    raw = graph.policy(*[group] * times, graph.choice("c", "1"), name="Firewall", id=external_id)
    item = canonical_item("configurationPolicy", raw, KEY)
    return Candidate("configurationPolicy", external_id, "Firewall", item.settings_hash, item.properties)


@pytest.mark.parametrize("times", [1, 2])
def test_a_row_with_another_value_is_mostly_what_it_was(times):
    (found,) = link([in_a_row("1", *range(8), times=times)], [in_a_row("2", *range(7), 99, times=times)])
    same, either = 7 * times, 9 * times
    beside = len(in_a_row("0", times=0).settings)
    assert found.similarity == round((same + beside) / (either + beside), 4) >= 0.5


def test_equal_rows_count_each_for_itself():
    one, two, three = (in_a_row(str(times), 1, 2, 3, times=times) for times in (1, 2, 3))
    beside = len(in_a_row("0", times=0).settings)
    assert similarity(one, two) == round((3 + beside) / (6 + beside), 4)
    assert similarity(one, three) == round((3 + beside) / (9 + beside), 4)


def test_other_names_or_too_little_in_common_are_not_linked():
    assert link([candidate("1", "Edge", 1, 2, 3)], [candidate("2", "Chrome", 1, 2, 4)]) == []
    assert link([candidate("1", "Edge - v1", *range(20))], [candidate("2", "Edge - v2", *range(100, 120))]) == []


def test_another_type_is_never_linked():
    assert link([candidate("1", "A", 1)], [candidate("2", "A", 1, item_type="compliancePolicy")]) == []


def test_objects_without_a_setting_of_their_own_are_not_alike_for_it():
    assert link([candidate("1", "Tag A")], [candidate("2", "Tag B")]) == []
    assert told(link([candidate("1", "Tag A")], [candidate("2", "Tag A")])) == [("1", "2", True)]


def test_the_best_match_comes_first_and_each_object_is_linked_once():
    removed = [candidate("r1", "A - v1", 1, 2, 3, 4), candidate("r2", "A - v1", 1, 2, 3, 5)]
    added = [candidate("a1", "A - v2", 1, 2, 3, 5), candidate("a2", "A - v2", 1, 2, 3, 9)]
    assert told(link(removed, added)) == [("r1", "a2", False), ("r2", "a1", True)]
    assert told(link(removed, added[:1])) == [("r2", "a1", True)]


def test_of_identical_objects_each_is_linked_with_the_one_of_its_own_name():
    removed = [candidate("1", "Ring 1", 1, 2), candidate("2", "Ring 2", 1, 2), candidate("3", "Other", 1, 2)]
    added = [candidate("7", "Other", 1, 2), candidate("8", "Ring 2", 1, 2), candidate("9", "Ring 1", 1, 2)]
    assert told(link(removed, added)) == [("1", "9", True), ("2", "8", True), ("3", "7", True)]


def test_of_alike_objects_the_name_tells_more_than_a_setting():
    removed = [candidate("1", "Ring 1", 0, 1, 2, 3, 4), candidate("2", "Ring 2", 7, 8, 2, 3, 4)]
    added = [candidate("8", "Ring 2", 0, 5, 2, 3, 4), candidate("9", "Ring 1", 7, 9, 2, 3, 4)]
    assert told(link(removed, added)) == [("1", "9", False), ("2", "8", False)]
    assert told(link(removed, [candidate("8", "Ring 3", 7, 9, 2, 3, 4)])) == [("2", "8", False)]


@pytest.mark.parametrize("values", [(0, 1, 1, 1), (1, 1, 1, 1)])
def test_more_than_can_be_compared_are_linked_by_their_names(values):
    """Of one base name, and of identical settings beside it: each is linked with its own, whatever its new id."""
    count = 120
    before, after = (values[0], *values[2:]), (values[1], *values[2:])
    removed = [candidate(f"r{number:03d}", f"Site {number}", *before) for number in range(count)]
    added = [candidate(f"a{number * 7 % count:03d}", f"Site {number}", *after) for number in range(count)]
    links = link(removed, added)
    assert len(links) == count
    assert all(one.removed.display_name == one.added.display_name for one in links)
    versions = [candidate(f"a{number * 7 % count:03d}", f"Site_{number:03d} - v2", *after) for number in range(count)]
    named = [candidate(f"r{number:03d}", f"Site_{number:03d} - v1", *before) for number in range(count)]
    assert [one.removed.display_name[:8] for one in link(named, versions)] == [one.display_name[:8] for one in named]


def test_order_of_arrival_means_nothing():
    removed = [candidate(f"r{index}", f"P - v{index}", index % 3, 1, 2) for index in range(9)]
    added = [candidate(f"a{index}", f"P - v{index}", index % 4, 1, 2) for index in range(9)]
    expected = link(removed, added)
    assert len(expected) == 9
    for seed in range(5):
        Random(seed).shuffle(removed)
        Random(seed + 1).shuffle(added)
        assert link(removed, added) == expected


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("Edge - Security - v3.5", "edge - security"),
        ("Edge - Security v3", "edge - security"),
        ("Edge - Security (v3.5)", "edge - security"),
        ("Edge_2.0", "edge"),
        ("Windows 11", "windows"),
        ("v1.0", "v1.0"),
        ("Salesv1", "salesv1"),
    ],
)
def test_the_base_of_a_name_is_without_its_version(name, base):
    assert base_name(name) == base


def test_a_name_of_many_digits_takes_no_time():
    assert base_name("1." * 20_000 + "x")
