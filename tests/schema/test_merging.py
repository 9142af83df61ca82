"""Merging of fields: the verdict of graphql-core's rule, with work that grows with the document."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from graphql import (
    GraphQLError,
    OverlappingFieldsCanBeMergedRule,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    build_schema,
    parse,
    validate,
    visit,
)

from atlas.schema.merging import FieldsCanMergeRule
from atlas.schema.root import schema
from bench.documents import FAMILIES

SMALL = build_schema("""
interface Being { name: String! like(of: In, n: Int): Being all: [Being!] }
type Cat implements Being { name: String! like(of: In, n: Int): Being all: [Being!] lives: Int! of: Cat soft: Boolean }
type Dog implements Being { name: String! like(of: In, n: Int): Being all: [Being!] lives: Int of: Dog soft: String }
input In { a: Int b: [Int] }
union Pet = Cat | Dog
type Query { being: Being pet: Pet cat: Cat dog: Dog }
""")
FIELDS = {
    "Query": ("being", "pet", "cat", "dog"),
    "Being": ("name", "like", "all"),
    "Cat": ("name", "like", "all", "lives", "of", "soft"),
    "Dog": ("name", "like", "all", "lives", "of", "soft"),
    "Pet": ("__typename",),
}
HELD = {"being": "Being", "pet": "Pet", "cat": "Cat", "dog": "Dog", "like": "Being", "all": "Being"}
CALLS = (
    "",
    "",
    "",
    "",
    "",
    "(n: 1)",
    "(n: $n)",
    "(of: {a: 1, b: [2]})",
    "(of: {b: [2], a: 1})",
    "(of: {b: [2]}, n: 1)",
)
ALIASES = ("", "", "", "", "x: ", "y: ")
SEEDS = 300


def selections(dice: Random, parent: str, depth: int) -> str:
    parts = []
    for _ in range(dice.randint(1, 3)):
        kind = dice.randint(0, 5)
        if kind == 0 and depth and parent != "Query":
            on = dice.choice(("Being", "Cat", "Dog", "Pet"))
            parts.append(f"... on {on} {{ {selections(dice, on, depth - 1)} }}")
        elif kind == 1 and parent != "Query":
            parts.append(f"...F{dice.randint(0, 2)}")
        else:
            parts.append(field(dice, parent, depth))
    return " ".join(parts)


def field(dice: Random, parent: str, depth: int) -> str:
    name = dice.choice(FIELDS[parent])
    call = dice.choice(CALLS) if name == "like" else ""
    held = parent if name == "of" else HELD.get(name)
    alias = dice.choice(ALIASES)
    if held is None:
        return f"{alias}{name}"
    below = selections(dice, held, depth - 1) if depth > 0 else "__typename"
    return f"{alias}{name}{call} {{ {below} }}"


def made(seed: int) -> str:
    """A document whose fragments are all reached from its operation. They may go round in a circle."""
    dice = Random(seed)
    on = [dice.choice(("Being", "Cat", "Dog", "Pet")) for _ in range(3)]
    fragments = [f"fragment F{n} on {name} {{ {selections(dice, name, 1)} }}" for n, name in enumerate(on)]
    asked = selections(dice, "Query", 3)
    return "\n".join([f"query($n: Int) {{ {asked} being {{ ...F0 ...F1 ...F2 }} }}", *fragments])


def verdict(text: str) -> tuple[bool, bool]:
    document = parse(text)
    ours, theirs = (validate(SMALL, document, [r]) for r in (FieldsCanMergeRule, OverlappingFieldsCanBeMergedRule))
    return bool(ours), bool(theirs)


def test_the_verdict_is_that_of_the_reference() -> None:
    merged = 0
    for seed in range(SEEDS):
        ours, theirs = verdict(made(seed))
        assert ours == theirs, made(seed)
        merged += not theirs
    assert SEEDS / 5 < merged < SEEDS * 4 / 5, f"{merged} of them merge, so this shows little"


@pytest.mark.parametrize(
    ("asked", "merges"),
    [
        ("{ cat { name name } cat { name } }", True),
        ("{ cat { x: name x: soft } }", False),
        ("{ being { like(n: 1) { name } like(n: 2) { name } } }", False),
        ("{ being { like(of: {a: 1, b: [2]}) { name } like(of: {b: [2], a: 1}) { name } } }", True),
        ("{ being { ... on Cat { x: like(n: 1) { name } } ... on Dog { x: like(n: 2) { name } } } }", True),
        ("{ being { ... on Cat { x: like { x: name } } ... on Dog { x: like { x: all { name } } } } }", False),
        ("{ being { ... on Cat { soft } ... on Dog { soft } } }", False),
        ("{ being { ... on Cat { lives } ... on Dog { lives } } }", False),
        ("{ being { x: name ... on Cat { x: soft } } }", False),
        ("{ being { ...A } } fragment A on Being { like { ...A } }", True),
        ("{ being { ... on Cat { x: __typename } ... on Dog { x: all { name } } } }", True),
        ("{ being { nothing { name } nothing { other } } }", True),
    ],
)
def test_known_cases(asked: str, merges: bool) -> None:
    assert verdict(asked) == (not merges, not merges)


@pytest.mark.parametrize("family", FAMILIES.values())
def test_the_work_grows_with_the_document(family: Callable[[int], str]) -> None:
    def visits(text: str) -> int:
        document, core, errors = parse(text), schema._schema, list[GraphQLError]()
        types = TypeInfo(core)
        context = ValidationContext(core, document, types, errors.append)
        rule = FieldsCanMergeRule(context)
        visit(document, TypeInfoVisitor(types, rule))
        assert errors == []
        return rule.visits

    work = [visits(family(length)) for length in (10, 20, 40, 80)]
    assert {later - 2 * earlier for earlier, later in pairwise(work)} == {work[1] - 2 * work[0]}
    assert work[0] < 10 * 10


def test_where_a_field_belongs_to_many_groups_the_work_ends() -> None:
    """At each level a field of the interface beside one of each kind, whose own fields go on to the last level."""

    def tail(kind: str, levels: int) -> str:
        return f"{kind}{levels}: name " + (f"x: like {{ {tail(kind, levels - 1)} }}" if levels else "")

    deep = "name"
    for level in range(14):
        kinds = (f"... on {kind} {{ x: like {{ {tail(kind, level)} }} }}" for kind in ("Cat", "Dog"))
        deep = f"x: like {{ {deep} }} {' '.join(kinds)}"
    (refused,) = validate(SMALL, parse(f"{{ being {{ {deep} }} }}"), [FieldsCanMergeRule])
    assert refused.message.startswith("The query merges too many fields.")
