"""A removed and an added object are linked where one stands in for the other, one to one, and never merged."""

from random import Random

import pytest

from atlas.domain.canonical import canonical_item
from atlas.domain.recreation import Candidate, base_name, link
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
