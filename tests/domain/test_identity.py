"""Objects under one id are kept apart, and each stays itself from run to run."""

from dataclasses import replace
from random import Random
from uuid import UUID

from atlas.domain.canonical import canonical_item
from atlas.domain.identity import Held, item_id, plain_id, separate_duplicates
from tests.domain import graph
from tests.domain.graph import KEY

TYPE = "configurationPolicy"


def item(name, value=1, external_id="one", **more):
    return canonical_item(TYPE, graph.policy(graph.simple("a", value), name=name, id=external_id, **more), KEY)


def opened(items):
    return {
        (found.item_type, found.external_id): Held(found.hash, found.display_name, found.settings_hash)
        for found in items
    }


def moves(before, after):
    """What a reader is told of two runs: (what became of it, name before, name after)."""
    after, duplicates = separate_duplicates(after, opened(before))
    old, new = ({found.external_id: found for found in items} for items in (before, after))
    told = []
    for key in old.keys() | new.keys():
        one, other = old.get(key), new.get(key)
        if one is None or other is None or one.hash != other.hash:
            kind = "ADDED" if one is None else "REMOVED" if other is None else "MODIFIED"
            told.append((kind, one and one.display_name, other and other.display_name))
    return sorted(told, key=str), after, duplicates


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


def test_when_one_of_two_objects_of_one_name_goes_the_other_is_untouched():
    before, _ = separate_duplicates([item("A", 1), item("A", 2)], {})
    for value in (1, 2):
        told, after, duplicates = moves(before, [item("A", value)])
        assert told == [("REMOVED", "A", None)]
        assert (after[0] in before, duplicates) == (True, [])


def test_a_value_that_changes_in_one_of_two_objects_of_one_name_is_one_change():
    before, _ = separate_duplicates([item("A", 1), item("A", 2)], {})
    for changed in ([item("A", 1), item("A", 3)], [item("A", 3), item("A", 2)]):
        told, after, duplicates = moves(before, changed)
        assert told == [("MODIFIED", "A", "A")]
        assert len(duplicates) == 1
        assert moves(after, [item("A", 1), item("A", 2)])[0] == [("MODIFIED", "A", "A")]


def test_descriptions_that_change_in_two_objects_of_one_name_are_one_change_each():
    before, _ = separate_duplicates([item("A", 1), item("A", 2)], {})
    told, after, _ = moves(before, [item("A", 1, description="x"), item("A", 2, description="y")])
    assert told == [("MODIFIED", "A", "A")] * 2
    assert [found.settings_hash for found in after] == [found.settings_hash for found in before]


def test_names_tell_which_object_goes_while_the_other_changes():
    before, _ = separate_duplicates([item("A"), item("B")], {})
    for stays, goes in ("AB", "BA"):
        told, after, duplicates = moves(before, [item(stays, 2)])
        assert told == [("MODIFIED", stays, stays), ("REMOVED", goes, None)]
        assert duplicates == []
        assert moves(after, [item(stays, 3)])[0] == [("MODIFIED", stays, stays)]


def test_an_object_that_is_renamed_stays_itself():
    before, _ = separate_duplicates([item("A", 1), item("B", 2)], {})
    for changed in (
        [item("A", 1), item("C", 2)],
        [item("C", 1), item("B", 2)],
        [item("A", 1), item("C", 3)],
        [item("C", 3), item("B", 2)],
    ):
        told, after, _ = moves(before, changed)
        gone = next(name for name in "AB" if name not in {found.display_name for found in changed})
        assert told == [("MODIFIED", gone, "C")]
        assert moves(after, [item("A", 1), item("B", 2)])[0] == [("MODIFIED", "C", gone)]


def test_settings_tell_what_was_renamed_where_another_goes_comes_or_changes():
    before, _ = separate_duplicates([item("A", 1), item("B", 2)], {})
    assert moves(before, [item("C", 2)])[0] == [("MODIFIED", "B", "C"), ("REMOVED", "A", None)]
    assert moves(before, [item("C", 1)])[0] == [("MODIFIED", "A", "C"), ("REMOVED", "B", None)]
    assert moves(before, [item("A", 1), item("C", 2), item("D", 4)])[0] == [
        ("ADDED", None, "D"),
        ("MODIFIED", "B", "C"),
    ]
    assert moves(before, [item("D", 2), item("C", 4)])[0] == [("MODIFIED", "A", "C"), ("MODIFIED", "B", "D")]
    before, _ = separate_duplicates([item("A", 1), item("A", 2)], {})
    told, after, _ = moves(before, [item("C", 1), item("A", 3)])
    assert told == [("MODIFIED", "A", "A"), ("MODIFIED", "A", "C")]
    held = {found.external_id: found.settings_hash for found in before}
    (renamed,) = [found for found in after if found.display_name == "C"]
    assert renamed.settings_hash == held[renamed.external_id]


def test_a_renamed_object_is_known_by_its_new_name_from_then_on():
    before, _ = separate_duplicates([item("A", 1), item("B", 2)], {})
    _, renamed, _ = moves(before, [item("A", 1), item("C", 2)])
    assert moves(renamed, [item("A", 5), item("C", 6)])[0] == [("MODIFIED", "A", "A"), ("MODIFIED", "C", "C")]
    assert moves(renamed, [item("C", 6)])[0] == [("MODIFIED", "C", "C"), ("REMOVED", "A", None)]
    # The name that it had is free for another, and so is not the key that was made of it.
    told, after, _ = moves(renamed, [item("A", 1), item("B", 7), item("C", 2)])
    assert told == [("ADDED", None, "B")]
    assert len({found.external_id for found in after}) == 3


def test_objects_whose_id_stays_shared_after_the_first_of_them_went_are_still_told_of():
    before, _ = separate_duplicates([item("A"), item("B"), item("C")], {})
    told, after, (duplicate,) = moves(before, [item("B"), item("C")])
    assert told == [("REMOVED", "A", None)]
    assert (duplicate.item_type, duplicate.external_id) == (TYPE, "one")
    assert {duplicate.kept_name, *(name for _, name, _ in duplicate.others)} == {"B", "C"}
    assert moves(after, [item("B"), item("C"), item("D")])[0] == [("ADDED", None, "D")]


def test_any_one_change_among_objects_of_one_id_is_told_as_that_change():
    """Whatever their names and settings, one object at a time goes, comes, changes or is renamed, run after run."""
    for seed in range(150):
        random = Random(seed)
        current, _ = separate_duplicates(
            [item(random.choice("AB"), random.randrange(4), priority=number) for number in range(3)], {}
        )
        for step in range(4, 10):
            told, current = _one_change(random, current, step)
            assert told, (seed, step)


def _one_change(random, current, step):
    """Whether what was done was told; and what there is then."""
    objects = [replace(found, external_id="one") for found in current]
    one = objects.pop(random.randrange(len(objects)))
    old = one.display_name
    way = random.choice(["ADDED", "REMOVED", "value", "name"] if objects else ["ADDED", "value", "name"])
    expected = ("MODIFIED", old, old)
    if way == "ADDED":
        objects += [one, item(f"new {step}", step)]
        expected = ("ADDED", None, f"new {step}")
    elif way == "REMOVED":
        expected = ("REMOVED", old, None)
    elif way == "value":
        objects.append(item(old, step, priority=step))
    else:
        objects.append(item(f"new {step}", step))
        expected = ("MODIFIED", old, f"new {step}")
    random.shuffle(objects)
    told, after, _ = moves(current, objects)
    return told == [expected], after


def test_twins_to_the_last_byte_are_one_object():
    kept, duplicates = separate_duplicates([item("A"), item("A")], {})
    assert len(kept) == 1
    assert duplicates == []


def test_an_id_with_a_tilde_of_its_own_is_no_duplicate():
    kept, _ = separate_duplicates([item("A", external_id="a~b"), item("B", external_id="a")], {})
    again, _ = separate_duplicates([item("A", 2, external_id="a~b"), item("B", 2, external_id="a")], opened(kept))
    assert names(again) == names(kept) == {"a": "B", "a~b": "A"}


def test_an_id_that_looks_as_if_it_were_derived_is_no_duplicate():
    like = "a~0123abcd"
    kept, _ = separate_duplicates([item("A", external_id=like), item("B", external_id="a")], {})
    again, told = separate_duplicates([item("B", 2, external_id=like), item("A", 2, external_id="a")], opened(kept))
    assert (names(again), told) == ({"a": "A", like: "B"}, [])
    assert (plain_id(like), plain_id("a~b"), plain_id("a")) == ("a", "a~b", "a")


def test_order_of_arrival_means_nothing():
    items = [item(name, value, external_id) for name in "ABC" for value in (1, 2) for external_id in "xy"]
    first, _ = separate_duplicates(items[:5], {})
    later = [item(name, value, external_id) for name in "ABD" for value in (2, 3) for external_id in "xy"]
    for held in ({}, opened(items[::3]), opened(first)):
        expected = separate_duplicates(later, held)
        for seed in range(10):
            shuffled, mixed = list(later), list(held.items())
            Random(seed).shuffle(shuffled)
            Random(seed).shuffle(mixed)
            assert separate_duplicates(shuffled, dict(mixed)) == expected


def test_the_row_id_is_of_the_scope_the_type_and_the_id():
    scope, other = UUID(int=1), UUID(int=2)
    ids = {item_id(scope, "a", "b"), item_id(other, "a", "b"), item_id(scope, "b", "a"), item_id(scope, "ab", "")}
    assert len(ids) == 4
    assert item_id(scope, "a", "b") == item_id(scope, "a", "b")
