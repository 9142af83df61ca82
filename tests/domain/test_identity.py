"""Objects under one id are kept apart, and each stays itself from run to run."""

from random import Random
from uuid import UUID

from atlas.domain.canonical import canonical_item
from atlas.domain.identity import item_id, separate_duplicates
from tests.domain import graph
from tests.domain.graph import KEY

TYPE = "configurationPolicy"


def item(name, value=1, external_id="one", **more):
    return canonical_item(TYPE, graph.policy(graph.simple("a", value), name=name, id=external_id, **more), KEY)


def opened(items):
    return {(found.item_type, found.external_id): found.hash for found in items}


def names(items):
    return {found.external_id: found.display_name for found in items}


def test_objects_with_ids_of_their_own_are_left_alone_and_sorted():
    items = [item("B", external_id="b"), item("A", external_id="a")]
    kept, duplicates = separate_duplicates(items, {})
    assert [found.external_id for found in kept] == ["a", "b"]
    assert duplicates == []


def test_the_second_object_under_an_id_gets_one_of_its_own_and_its_content_is_untouched():
    one, two = item("A"), item("B")
    kept, (duplicate,) = separate_duplicates([one, two], {})
    assert names(kept)["one"] == "A"
    (other,) = [found for found in kept if found.external_id != "one"]
    assert other.external_id.startswith("one~")
    assert len(other.external_id) == len("one~") + 8
    assert (other.hash, other.properties) == (two.hash, two.properties)
    assert (duplicate.item_type, duplicate.external_id, duplicate.kept_hash) == (TYPE, "one", one.hash)
    assert duplicate.others == ((other.external_id, "B", two.hash),)


def test_the_one_whose_content_is_open_keeps_the_id():
    one, two = item("A"), item("B")
    for incumbent, name in ((one, "A"), (two, "B")):
        kept, _ = separate_duplicates([one, two], opened([incumbent]))
        assert names(kept)["one"] == name


def test_each_stays_itself_when_the_other_or_it_changes():
    before, _ = separate_duplicates([item("A"), item("B")], {})
    for changed in ([item("A", 2), item("B")], [item("A"), item("B", 2)], [item("A", 2), item("B", 2)]):
        after, duplicates = separate_duplicates(changed, opened(before))
        assert names(after) == names(before)
        assert len(duplicates) == 1


def test_each_stays_itself_over_many_runs_from_either_start():
    current, _ = separate_duplicates([item("B")], {})
    current, _ = separate_duplicates([item("A"), item("B")], opened(current))
    first = names(current)
    assert first["one"] == "B"
    for value in range(2, 6):
        current, _ = separate_duplicates([item("A", value), item("B", value)], opened(current))
        assert names(current) == first


def test_when_the_one_with_the_plain_id_goes_the_other_stays_under_its_own():
    before, _ = separate_duplicates([item("A"), item("B")], {})
    after, duplicates = separate_duplicates([item("B")], opened(before))
    assert set(names(after)) == {found.external_id for found in before if found.display_name == "B"}
    assert duplicates == []
    again, _ = separate_duplicates([item("B", 5)], opened(after))
    assert names(again) == names(after)


def test_when_the_other_goes_the_one_keeps_the_plain_id():
    before, _ = separate_duplicates([item("A"), item("B")], {})
    after, _ = separate_duplicates([item("A")], opened(before))
    assert names(after) == {"one": "A"}


def test_objects_of_one_name_are_told_apart_by_their_settings():
    kept, (duplicate,) = separate_duplicates([item("A", 1), item("A", 2), item("A", 3)], {})
    assert len({found.external_id for found in kept}) == 3
    assert len(duplicate.others) == 2
    again, _ = separate_duplicates([item("A", 1), item("A", 2), item("A", 3)], opened(kept))
    assert opened(again) == opened(kept)


def test_objects_of_one_name_and_equal_settings_are_told_apart_by_their_content():
    kept, _ = separate_duplicates([item("A", description="x"), item("A", description="y"), item("A")], {})
    assert len({found.external_id for found in kept}) == 3


def test_twins_to_the_last_byte_are_one_object():
    kept, duplicates = separate_duplicates([item("A"), item("A")], {})
    assert len(kept) == 1
    assert duplicates == []


def test_an_id_with_a_tilde_of_its_own_is_no_duplicate():
    kept, _ = separate_duplicates([item("A", external_id="a~b"), item("B", external_id="a")], {})
    again, _ = separate_duplicates([item("A", 2, external_id="a~b"), item("B", 2, external_id="a")], opened(kept))
    assert names(again) == names(kept) == {"a": "B", "a~b": "A"}


def test_order_of_arrival_means_nothing():
    items = [item(name, value, external_id) for name in "ABC" for value in (1, 2) for external_id in "xy"]
    held = opened(items[::3])
    expected = separate_duplicates(items, held)
    for seed in range(10):
        shuffled = list(items)
        Random(seed).shuffle(shuffled)
        assert separate_duplicates(shuffled, held) == expected


def test_the_row_id_is_of_the_scope_the_type_and_the_id():
    scope, other = UUID(int=1), UUID(int=2)
    ids = {item_id(scope, "a", "b"), item_id(other, "a", "b"), item_id(scope, "b", "a"), item_id(scope, "ab", "")}
    assert len(ids) == 4
    assert item_id(scope, "a", "b") == item_id(scope, "a", "b")
