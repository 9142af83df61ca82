"""Generated readings, and how what Atlas finds in them is judged: each mutation missed, misread, or found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from atlas.domain.profiles import PROFILES, Profiles
from tests.semantics.mutations import MUTATIONS, Change, Mutation, crowd
from tests.semantics.objects_of_tenants import MAKERS
from tests.semantics.product import Found, Identity, found
from tests.semantics.sharing import name_of, shared
from tests.semantics.trees import plain

SEED = "atlas semantics 1"
BATCH, CROWD = 60, 5


Left = dict[tuple[Identity | None, Identity | None], list[tuple[str, Sequence[Any]]]]


@dataclass
class Tally:
    """Mutations by class; those that were missed, and findings or property changes that nobody made.

    `shared` is how many of the mutated objects stood under one id with another.
    """

    made: Counter[str] = field(default_factory=Counter)
    shared: int = 0
    missed: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)


def mutations(count: int, kinds: Sequence[str] = tuple(MAKERS)) -> Iterator[tuple[str, Mutation]]:
    """Mutations of the item types in turn, the same ones in every run; the last of each batch are a crowd of one."""
    turn = 0
    for index in range(count):
        if index % BATCH == BATCH - CROWD:
            random = Random(f"{SEED} crowd {index}")
            item_type = kinds[index // BATCH % len(kinds)]
            crowded = crowd(MAKERS[item_type](random), random, CROWD)
        if index % BATCH >= BATCH - CROWD:
            yield item_type, crowded[index % BATCH - BATCH + CROWD]
            continue
        random = Random(f"{SEED} {index}")
        item_type = kinds[turn % len(kinds)]
        turn += 1
        mutation = None
        while mutation is None:
            mutation = random.choice(MUTATIONS)(MAKERS[item_type](random), random)
        yield item_type, mutation


def judge(count: int, *kinds: str, batch: int = BATCH, profiles: Profiles = PROFILES[0]) -> Tally:
    """Puts `batch` objects into one pair of readings at a time, each mutated in one way, and compares.

    In every second pair of readings the objects of a type share ids, two and two.
    """
    tally = Tally()
    made = list(mutations(count, kinds or tuple(MAKERS)))
    for start in range(0, count, batch):
        part = made[start : start + batch]
        if start // batch % 2:
            part, number = shared(part, Random(f"{SEED} shared {start}"))
            tally.shared += number
        _judge(part, Random(f"{SEED} noise {start}"), tally, profiles)
    return tally


def _judge(made: Sequence[tuple[str, Mutation]], random: Random, tally: Tally, profiles: Profiles) -> None:
    before = [(kind, plain(one.before, random)) for kind, one in made if one.before is not None]
    after = [(kind, plain(one.after, random)) for kind, one in made if one.after is not None]
    random.shuffle(after)
    told = found(before, after, profiles)
    left: Left = {}
    for one, other, how, changes in told.changes:
        left.setdefault((one, other), []).append((how, changes))
    # Where two of one name stand under one id, what is found is of the one that changed.
    for kind, mutation in sorted(made, key=lambda one: one[1].how == "NONE"):
        tally.made[mutation.label] += 1
        told_of = f"{mutation.label} of {kind}"
        _judge_one(kind, mutation, told, left, told_of, tally)
    tally.phantom += [f"finding {how} {ends}" for ends, more in left.items() for how, _ in more]


def _judge_one(kind: str, mutation: Mutation, told: Found, left: Left, told_of: str, tally: Tally) -> None:
    old, new = (_identity(kind, tree) for tree in (mutation.before, mutation.after))
    if mutation.how == "RECREATED":
        ends = [_take(left, *key)[0] for key in ((old, None), (None, new))]
        if ends != ["REMOVED", "ADDED"] or old is None or told.recreated.get(old) != (new, not mutation.changes):
            tally.missed.append(told_of)
        return
    change_type, changes = _take(left, old, new)
    if change_type != mutation.how:
        (tally.phantom if mutation.how == "NONE" else tally.missed).append(f"{told_of}: {change_type}")
    elif mutation.how != "NONE":
        _compare(changes, mutation, told_of, tally)


def _take(left: Left, old: Identity | None, new: Identity | None) -> tuple[str, Sequence[Any]]:
    found = left.get((old, new))
    return found.pop(0) if found else ("NONE", ())


def _identity(kind: str, tree: dict[str, Any] | None) -> Identity | None:
    return None if tree is None else (kind, tree["id"], name_of(tree))


def _compare(changes: Sequence[Any], mutation: Mutation, told_of: str, tally: Tally) -> None:
    """Each expected change is one that was found, and each that was found is one that is expected."""
    expected = (*mutation.changes, *mutation.may)
    fitting = [[index for index, one in enumerate(changes) if _fits(one, change)] for change in expected]
    taken: dict[int, int] = {}
    for number, change in enumerate(expected):
        if not _match(number, fitting, taken, set()) and number < len(mutation.changes):
            tally.missed.append(f"{told_of}: {change} in {[(one.kind.value, one.path) for one in changes]}")
    left = [one for index, one in enumerate(changes) if index not in taken]
    tally.phantom += [f"{told_of}: {one.kind} {one.path} beside {mutation.changes}" for one in left]


def _match(number: int, fitting: Sequence[Sequence[int]], taken: dict[int, int], seen: set[int]) -> bool:
    """Gives an expected change one that fits it, where need be by giving another what else fits that."""
    for index in fitting[number]:
        if index not in seen:
            seen.add(index)
            if index not in taken or _match(taken[index], fitting, taken, seen):
                taken[index] = number
                return True
    return False


def _fits(change: Any, expected: Change) -> bool:
    if change.kind != expected.kind or expected.where not in change.path:
        return False
    told = [evidence for evidence in (change.before, change.after) if evidence is not None]
    if expected.hidden:
        return all(evidence.redacted or evidence.value == "" for evidence in told)
    if expected.before is None and expected.after is None:
        return True
    wanted = [value for value in (expected.before, expected.after) if value is not None]
    return [str(evidence.value).lower() for evidence in told] == [str(value).lower() for value in wanted]
