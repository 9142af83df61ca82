"""Generated inventories in Graph's raw shape, and what is done to them: shuffled, or one value mutated."""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.domain import graph

# Names of what a value is and of what it is about: they are no values.
NOT_VALUES = frozenset({"@odata.type", "id", "source", "sourceId", "settingDefinitionId", "omaUri"})

words = st.text("abcdefghijkl", min_size=1, max_size=6)
definitions = st.sampled_from([f"device_vendor_msft_policy_config_area_{name}" for name in "abcdefgh"])
texts = st.one_of(words, st.text(min_size=1, max_size=8).filter(lambda text: not text.startswith("0001-01-01")))
numbers = st.integers(-(2**70), 2**70)
groups = st.sampled_from([f"{index:08d}-0000-4000-8000-000000000000" for index in range(6)])


def _distinct(instances: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(instances, max_size=most, unique_by=lambda instance: instance["settingDefinitionId"])


def _instances(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    rows = st.lists(_distinct(children, 3).filter(bool), min_size=1, max_size=4)
    return st.one_of(
        st.builds(graph.simple, definitions, st.one_of(texts, numbers)),
        st.builds(lambda key, values: graph.simple_rows(key, *values), definitions, st.lists(texts, max_size=4)),
        st.builds(lambda key, found: graph.group_rows(key, *found), definitions, rows),
        st.builds(
            lambda key, option, found: graph.choice(key, option, *found), definitions, words, _distinct(children, 3)
        ),
    )


leaf_settings = st.one_of(
    st.builds(graph.simple, definitions, st.one_of(texts, numbers)),
    st.builds(graph.choice, definitions, words),
)
settings = st.recursive(leaf_settings, _instances, max_leaves=12)
assignments = st.lists(
    st.builds(
        lambda kind, group, chosen: graph.assignment(kind, group, filter_id=chosen, filter_type="include"),
        st.sampled_from(["groupAssignmentTarget", "exclusionGroupAssignmentTarget"]),
        groups,
        st.none() | groups,
    ),
    max_size=4,
    unique_by=str,
)
policies = st.builds(
    lambda found, rows, tags: ("configurationPolicy", graph.policy(*found, assignments=rows, roleScopeTagIds=tags)),
    _distinct(settings, 6),
    assignments,
    st.lists(words, max_size=3),
)
actions = st.fixed_dictionaries(
    {
        "actionType": st.sampled_from(["block", "notification", "retire"]),
        "gracePeriodHours": st.integers(0, 400),
        "notificationMessageCCList": st.lists(texts, max_size=3),
    }
)
compliances = st.builds(
    lambda found, length, enabled, text: (
        "deviceCompliancePolicy",
        graph.compliance(
            scheduledActionsForRule=[{"scheduledActionConfigurations": found}],
            passwordMinimumLength=length,
            bitLockerEnabled=enabled,
            osMinimumVersion=text,
        ),
    ),
    st.lists(actions, max_size=4),
    numbers,
    st.booleans(),
    texts,
)
configurations = st.builds(
    lambda found, nested: (
        "deviceConfiguration",
        graph.custom_configuration(*found, nested=nested),
    ),
    st.lists(
        st.builds(lambda uri, value: graph.oma(f"./Device/{uri}", value), words, st.one_of(texts, numbers)),
        max_size=4,
        unique_by=lambda row: row["omaUri"],
    ),
    st.dictionaries(
        texts.filter(lambda name: "odata" not in name and not name.startswith("#")),
        st.recursive(
            st.one_of(texts, numbers, st.booleans(), st.floats(allow_nan=False, allow_infinity=False)),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
            max_leaves=8,
        ),
        max_size=3,
    ),
)
objects = st.one_of(policies, compliances, configurations)


def shuffled(value: Any, random: Random) -> Any:
    """The same object with every array, and every object's properties, in another order."""
    if isinstance(value, dict):
        pairs = [(name, shuffled(inner, random)) for name, inner in value.items()]
        random.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, list):
        rows = [shuffled(row, random) for row in value]
        random.shuffle(rows)
        return rows
    return value


def values_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values of an object stand that are configuration: neither names of kinds, nor server-managed."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in NOT_VALUES and not name.startswith("#") and "@" not in name and name not in SKIPPED:
                yield from values_of(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from values_of(inner, (*path, index))
    elif value is not None and value not in {"", "none"}:
        yield path


SKIPPED = frozenset({"createdDateTime", "lastModifiedDateTime", "settingCount", "isAssigned", "version"})


def mutated(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy in which the one value at a path is another."""
    copied = copy.deepcopy(value)
    holder = copied
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = _another(holder[path[-1]])
    return copied


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 + 1.25 if value != 2.5 else 7.5
    return f"{value}z"
