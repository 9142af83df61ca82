"""Thousands of mutations of raw objects of every item type: each is found, and nothing else is."""

import ast
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.domain import content, identity, settings_catalog
from atlas.domain.differ import diff
from atlas.domain.evidence import PropertyChange
from atlas.domain.paths import place
from atlas.domain.profile_tables import FIRST_TABLES
from atlas.domain.profiles import ITEM_TYPES, PROFILES, Profiles
from atlas.domain.recreation import Recreation
from tests.semantics import product
from tests.semantics.judging import judge, mutations
from tests.semantics.objects_of_tenants import MAKERS

COUNT = 5_000
FEW = 240


def test_every_mutation_is_found_and_nothing_else():
    tally = judge(COUNT)
    sys.stdout.write(f"\n{COUNT} mutations: {dict(sorted(tally.made.items()))}\n")
    assert (tally.missed[:5], len(tally.missed)) == ([], 0)
    assert (tally.phantom[:5], len(tally.phantom)) == ([], 0)
    assert sum(tally.made.values()) == COUNT
    assert min(tally.made.values()) > COUNT // 25, tally.made
    assert tally.shared > COUNT // 5


def test_every_item_type_is_mutated_in_every_way_that_it_can_be():
    assert set(MAKERS) == {*ITEM_TYPES, "somethingUnheardOf"}
    ways = Counter((kind, mutation.label) for kind, mutation in mutations(COUNT))
    everywhere = {"value", "remove", "add", "rename", "recreate", "object", "order", "nested row", "repeated row"}
    assert not [(kind, way) for kind in MAKERS for way in everywhere if not ways[kind, way]]
    unassigned = {kind for kind in MAKERS if not ways[kind, "assignment"]}
    assert unassigned == {"conditionalAccessPolicy", "assignmentFilter"}


def test_the_generator_knows_nothing_of_the_product():
    for name in ("trees", "objects", "objects_of_devices", "objects_of_tenants", "mutations", "sharing"):
        tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text("utf-8"))
        found = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        found += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [module for module in found if module.startswith("atlas")]


def altered(**tables: Any) -> Profiles:
    """Profiles that are like today's but in some general tables."""
    return PROFILES[0].revised("wrong", tables=replace(FIRST_TABLES, **tables))


class Everything(frozenset[str]):
    """A set of all names."""

    def __contains__(self, name: object) -> bool:
        return True


def last_wins(into: dict[str, Any], at: str, rows: Any, mark: str = "") -> None:
    for key, row in rows:
        place(into, f"{at}/[{mark}{key}]", row)


def classes(told: list[str]) -> set[str]:
    return {one.partition(" of ")[0] for one in told}


def test_a_map_in_which_the_last_row_wins_is_caught(monkeypatch):
    monkeypatch.setattr(settings_catalog, "place_rows", last_wins)
    monkeypatch.setattr(content, "place_rows", last_wins)
    assert {"repeated row", "nested row", "value"} <= classes(judge(FEW, "configurationPolicy").missed)


def test_a_property_of_what_came_or_went_that_is_not_told_is_caught(monkeypatch):
    def without_one(old: Any, new: Any) -> Any:
        return diff(old, new)[1:] if old is None or new is None else diff(old, new)

    monkeypatch.setattr(product, "diff", without_one)
    assert classes(judge(FEW, "configurationPolicy", "mobileApp").missed) == {"object"}


def test_a_row_that_comes_with_another_value_is_caught(monkeypatch):
    def another(one: PropertyChange) -> PropertyChange:
        told = one.after
        return one if told is None or told.redacted else replace(one, after=replace(told, value=f"{told.value}!"))

    monkeypatch.setattr(product, "diff", lambda old, new: [another(one) for one in diff(old, new)])
    assert {"nested row", "repeated row"} <= classes(judge(FEW, "conditionalAccessPolicy").missed)


def test_recreations_that_are_linked_in_order_and_not_by_name_are_caught(monkeypatch):
    def in_order(removed: Any, added: Any) -> list[Recreation]:
        by_id = (sorted(ends, key=lambda one: (one.item_type, one.external_id)) for ends in (removed, added))
        return [Recreation(one, other, 1.0, identical=True) for one, other in zip(*by_id, strict=False)]

    monkeypatch.setattr(product, "link", in_order)
    assert "crowd" in classes(judge(FEW).missed)


def test_objects_under_one_id_that_are_known_by_their_content_alone_are_caught(monkeypatch):
    """Each that changes is one that went and one that came; alone under its id an object needs no recognising."""
    monkeypatch.setattr(identity, "_SIGNS", identity._SIGNS[:1])
    tally = judge(FEW, "configurationPolicy")
    assert {"value", "rename", "nested row"} <= classes(tally.missed)
    assert len(tally.missed) < tally.shared


def test_an_order_that_means_nothing_and_is_kept_is_caught():
    wrong = altered(ordered=Everything())
    assert "order" in classes(judge(FEW, "conditionalAccessPolicy", profiles=wrong).phantom)


@pytest.mark.parametrize(
    ("item_type", "dropped"),
    [
        ("roleScopeTag", "roleScopeTagIds"),
        ("conditionalAccessPolicy", "grantControls"),
        ("conditionalAccessPolicy", "includeUsers"),
        ("deviceConfiguration", "omaSettings"),
        ("deviceCompliancePolicy", "gracePeriodHours"),
    ],
)
def test_a_property_that_is_wrongly_dropped_is_caught(item_type, dropped):
    wrong = altered(server_managed=FIRST_TABLES.server_managed | {dropped})
    assert judge(FEW, item_type, profiles=wrong).missed


@pytest.mark.parametrize("kept", ["lastModifiedDateTime", "isAssigned", "deviceStatuses", "runSummary"])
def test_a_property_of_the_server_that_is_wrongly_kept_is_caught(kept):
    wrong = altered(server_managed=FIRST_TABLES.server_managed - {kept})
    assert judge(FEW, "deviceManagementScript", profiles=wrong).phantom


@pytest.mark.parametrize(
    ("item_type", "secret"), [("deviceConfiguration", "preSharedKey"), ("deviceShellScript", "scriptContent")]
)
def test_a_secret_that_is_wrongly_shown_is_caught(item_type, secret):
    wrong = altered(
        secret_properties=FIRST_TABLES.secret_properties - {secret.lower()},
        shown_properties=FIRST_TABLES.shown_properties | {secret},
    )
    assert judge(FEW, item_type, profiles=wrong).missed
