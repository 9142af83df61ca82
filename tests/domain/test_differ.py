"""The differ: rows of order-free arrays are paired, and the time it takes grows with the content."""

import time

from atlas.domain.canonical import canonical_item
from atlas.domain.differ import diff
from atlas.domain.labels import label_of
from atlas.domain.vocabulary import ChangeType
from tests.domain import graph
from tests.domain.graph import KEY


def content(*settings, **more):
    return canonical_item("configurationPolicy", graph.policy(*settings, **more), KEY).properties


def row(name, value, other="fixed"):
    return [graph.simple("g_name", name), graph.simple("g_value", value), graph.choice("g_mode", other)]


def kinds(changes):
    return [change.kind.value for change in changes]


def test_nothing_changed_is_no_change():
    assert diff(content(graph.simple("a", 1)), content(graph.simple("a", 1))) == ()
    assert diff(None, None) == ()


def test_a_changed_value_is_told_with_what_was_and_what_is():
    definition = "device_vendor_msft_bitlocker_requiredeviceencryption"
    (change,) = diff(content(graph.choice(definition, "1")), content(graph.choice(definition, "0")))
    assert change.kind is ChangeType.MODIFIED
    assert change.path == f"settings/{definition}"
    assert change.label == "BitLocker > Require device encryption"
    assert (change.before.value, change.before.label) == (f"{definition}_1", "Option 1")
    assert (change.after.value, change.after.label) == (f"{definition}_0", "Option 0")


def test_a_changed_secret_is_told_as_two_digests():
    (change,) = diff(content(graph.simple("a", "one")), content(graph.simple("a", "two")))
    assert change.before.redacted
    assert change.before.value is None
    assert change.before.digest != change.after.digest


def test_one_value_in_one_of_several_rows_is_one_change():
    before = content(graph.group_rows("g", row("a", 1), row("b", 2), row("c", 3)))
    after = content(graph.group_rows("g", row("c", 3), row("b", 9), row("a", 1)))
    (change,) = diff(before, after)
    assert (change.before.value, change.after.value) == (2, 9)
    assert change.path in after


def test_one_value_in_a_row_inside_a_row_is_one_change():
    def nested(value):
        inner = graph.group_rows("g_inner", row("x", value), row("y", 5))
        return content(graph.group_rows("g", [graph.simple("g_name", "a"), inner], row("b", 2)))

    (change,) = diff(nested(1), nested(2))
    assert (change.before.value, change.after.value) == (1, 2)


def test_a_row_more_is_added_property_by_property_and_moves_no_other():
    before = content(graph.group_rows("g", row("a", 1), row("b", 2)))
    after = content(graph.group_rows("g", row("zzz", 7, "other"), row("a", 1), row("b", 2)))
    assert kinds(diff(before, after)) == ["ADDED"] * 3
    assert kinds(diff(after, before)) == ["REMOVED"] * 3


def test_a_row_that_has_become_another_is_removed_and_added():
    before = content(graph.group_rows("g", row("a", 1, "x")))
    after = content(graph.group_rows("g", row("b", 2, "y")))
    assert sorted(kinds(diff(before, after))) == ["ADDED"] * 3 + ["REMOVED"] * 3


def test_a_value_that_goes_from_a_row_is_told_under_the_row_as_it_is():
    before = content(graph.group_rows("g", row("a", 1)))
    after = content(graph.group_rows("g", row("a", 1)[1:]))
    (change,) = diff(before, after)
    assert change.kind is ChangeType.REMOVED
    assert change.path.split("/")[2] == next(path for path in after if path.startswith("settings/g/")).split("/")[2]


def test_one_more_equal_row_is_one_more_row():
    one, two = content(graph.simple_rows("s", "a")), content(graph.simple_rows("s", "a", "a"))
    assert kinds(diff(one, two)) == ["ADDED"]
    assert kinds(diff(two, content(graph.simple_rows("s", "a", "b")))) == ["MODIFIED"]


def test_a_setting_that_comes_a_second_time_is_one_change_and_so_is_one_that_goes():
    one, two = content(graph.simple("m", 1)), content(graph.simple("m", 2), graph.simple("m", 1))
    (came,) = diff(one, two)
    assert (came.kind, came.path, came.after.value) == (ChangeType.ADDED, "settings/m/[%=2]", 2)
    (went,) = diff(two, one)
    assert (went.kind, went.before.value) == (ChangeType.REMOVED, 2)
    (changed,) = diff(two, content(graph.simple("m", 3), graph.simple("m", 1)))
    assert (changed.kind, changed.before.value, changed.after.value) == (ChangeType.MODIFIED, 2, 3)


def test_a_setting_that_comes_a_second_time_inside_a_row_is_one_change():
    def nested(*values):
        children = [graph.choice("c", value, graph.simple_rows("c_list", value, "x")) for value in values]
        return content(graph.group_rows("g", [graph.simple("n", 1), *children], [graph.simple("n", 2)]))

    came = diff(nested("a"), nested("b", "a"))
    assert [(change.kind.value, change.path.split("/")[3]) for change in came] == [("ADDED", "c")] * 3
    assert kinds(diff(nested("b", "a"), nested("a"))) == ["REMOVED"] * 3


def test_values_of_a_set_are_paired_and_the_rest_comes_or_goes():
    before, after = content(graph.simple_rows("s", "a", "b")), content(graph.simple_rows("s", "a", "c", "d"))
    assert sorted(kinds(diff(before, after))) == ["ADDED", "MODIFIED"]


def test_an_assignment_to_another_group_is_one_change_of_its_target():
    other = "00000009-0000-4000-8000-000000000000"
    (change,) = diff(content(assignments=[graph.assignment()]), content(assignments=[graph.assignment(group=other)]))
    assert (change.before.value, change.after.value) == (f"group:{graph.GROUP}", f"group:{other}")


def test_a_target_that_is_told_twice_and_then_once_is_what_went():
    both = [graph.assignment(), graph.assignment("exclusionGroupAssignmentTarget")]
    changes = diff(content(assignments=both), content(assignments=both[:1]))
    assert kinds(changes) == ["REMOVED"] * 3
    assert "exclude" in [change.before.value for change in changes]


def test_a_row_that_changes_in_all_but_its_name_is_still_that_row():
    before = {"id": "1", "omaSettings": [graph.oma("./A", "x"), graph.oma("./B", "y")]}
    after = {"id": "1", "omaSettings": [graph.oma("./A", 5, "omaSettingInteger"), graph.oma("./B", "y")]}
    old, new = (canonical_item("deviceConfiguration", raw, KEY).properties for raw in (before, after))
    assert [change.path for change in diff(old, new)] == [
        "omaSettings/[.%2FA]/@odata.type",
        "omaSettings/[.%2FA]/value",
    ]


def seconds(size):
    def wide(shift):
        rows = [row(f"name {index}", index + (shift if index % 2 else 0)) for index in range(size)]
        plain = [graph.simple(f"p_{index}", index + shift) for index in range(size)]
        return content(graph.group_rows("g", *rows), *plain, graph.simple_rows("s", *map(str, range(shift, size))))

    before, after = wide(0), wide(10**6)
    label_of.cache_clear()
    started = time.process_time()
    assert diff(before, after)
    return time.process_time() - started


def test_the_time_grows_with_the_content_and_not_with_its_square():
    seconds(200)
    small = min(seconds(500) for _ in range(3))
    large = min(seconds(4_000) for _ in range(2))
    # Eight times the content: 8 where the time is linear, 64 where it is quadratic.
    assert large < 8 * 3 * small + 0.05
