"""Properties that hold for any inventory: order means nothing, one mutation is one change, digests are apart."""

from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from atlas.domain.canonical import canonical_item, decode_body, encode_body
from atlas.domain.differ import diff
from atlas.domain.evidence import PropertyChange
from atlas.domain.identity import separate_duplicates
from atlas.domain.redaction import is_digest
from tests.domain.graph import KEY
from tests.domain.strategies import mutated, objects, shuffled, values_of

thorough = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@thorough
@given(objects, st.integers(0, 2**32))
def test_shuffling_every_array_changes_nothing(found, seed):
    item_type, raw = found
    one = canonical_item(item_type, raw, KEY)
    other = canonical_item(item_type, shuffled(raw, Random(seed)), KEY)
    assert diff(one.properties, other.properties) == ()
    assert one.hash == other.hash
    assert list(one.properties) == sorted(one.properties)


@thorough
@given(objects, st.integers(0, 2**32), st.data())
def test_one_mutated_value_is_exactly_one_change(found, seed, data):
    item_type, raw = found
    places = list(values_of(raw))
    assume(places)
    changed = mutated(raw, data.draw(st.sampled_from(places)))
    one = canonical_item(item_type, raw, KEY)
    other = canonical_item(item_type, shuffled(changed, Random(seed)), KEY)
    changes = diff(one.properties, other.properties)
    assert len(changes) == 1, changes
    assert one.hash != other.hash
    back = diff(other.properties, one.properties)
    assert len(back) == 1
    assert (back[0].before, back[0].after) == (changes[0].after, changes[0].before)


@thorough
@given(objects, objects)
def test_changes_tell_how_to_get_from_one_content_to_the_other(first, second):
    one = canonical_item(*first, KEY).properties
    other = canonical_item(*second, KEY).properties
    changes = diff(one, other)
    assert list(changes) == sorted(changes, key=lambda change: (change.path, change.kind))
    assert bool(changes) == (one != other)
    for change in changes:
        assert change.before != change.after
        assert PropertyChange.from_json(change.to_json()) == change


@thorough
@given(objects)
def test_a_body_is_read_back_as_it_was_written(found):
    properties = canonical_item(*found, KEY).properties
    assert decode_body(encode_body(properties)) == properties
    assert all(isinstance(leaf, bool | int | str) for leaf in properties.values())


@thorough
@given(objects)
def test_an_object_that_comes_is_told_with_all_its_properties_and_so_is_one_that_goes(found):
    properties = canonical_item(*found, KEY).properties
    assert [change.path for change in diff(None, properties)] == sorted(properties)
    assert [change.path for change in diff(properties, None)] == sorted(properties)


@thorough
@given(st.lists(objects, max_size=6), st.integers(0, 2**32))
def test_the_order_in_which_objects_arrive_does_not_matter(found, seed):
    items = [canonical_item(*entry, KEY) for entry in found]
    arrived = list(items)
    Random(seed).shuffle(arrived)
    assert separate_duplicates(arrived, {}) == separate_duplicates(items, {})


@thorough
@given(objects)
def test_equal_text_on_two_paths_has_two_digests(found):
    """Rows of one order-free array are one place: they are told apart by what is in them alone."""
    item_type, raw = found
    raw = {**raw, "firstText": "the same", "secondText": "the same"}
    properties = canonical_item(item_type, raw, KEY).properties
    assert is_digest(properties["firstText"])
    assert is_digest(properties["secondText"])
    assert properties["firstText"] != properties["secondText"]
