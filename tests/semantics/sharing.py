"""Mutated objects that stand under one id, two and two: each must be told what it is told under an id of its own."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from tests.semantics.mutations import NAMES, Mutation
from tests.semantics.trees import V


def name_of(tree: dict[str, Any] | None) -> str | None:
    """What an object is called; None where there is no object."""
    return None if tree is None else next(str(tree[name].value) for name in reversed(NAMES) if name in tree)


def shared(made: Sequence[tuple[str, Mutation]], random: Random) -> tuple[list[tuple[str, Mutation]], int]:
    """The same mutations in the same order, and how many of them now share an id with another of their type."""
    pairs, waiting = list(made), defaultdict[str, list[int]](list)
    count = 0
    for index, (kind, mutation) in enumerate(made):
        fitting = next((one for one in waiting[kind] if told_apart(pairs[one][1], mutation)), None)
        if fitting is None:
            waiting[kind].append(index)
            continue
        waiting[kind].remove(fitting)
        for place, one in zip((fitting, index), _together(pairs[fitting][1], mutation, random), strict=True):
            pairs[place] = (kind, one)
        count += 2
    return pairs, count


def _together(one: Mutation, other: Mutation, random: Random) -> tuple[Mutation, Mutation]:
    # What does not change may have the other's name as well.
    if random.random() < 0.5 and "NONE" in (one.how, other.how):
        if one.how == "NONE":
            one = _named(one, name_of(other.before) or name_of(other.after))
        else:
            other = _named(other, name_of(one.before) or name_of(one.after))
    identity = str((one.before or one.after or {})["id"])
    return _under(one, identity), _under(other, identity)


def told_apart(one: Mutation, other: Mutation) -> bool:
    """Whether a person could say which is which, by names alone.

    Where one object is gone and another has come, or has another name too, they may as well be one that changed.
    """
    ends = {_stays(one), _stays(other)}
    if {"comes", "goes"} == ends:
        return False
    return "renamed" not in ends or "stays" in ends


def _stays(mutation: Mutation) -> str:
    if mutation.before is None:
        return "comes"
    if mutation.after is None or mutation.how == "RECREATED":
        return "goes"
    return "stays" if name_of(mutation.before) == name_of(mutation.after) else "renamed"


def _under(mutation: Mutation, identity: str) -> Mutation:
    """The mutation of an object under this id; what was recreated still comes back under another."""
    before, after = mutation.before, mutation.after
    if before is not None:
        before = {**before, "id": identity}
    if after is not None and mutation.how != "RECREATED":
        after = {**after, "id": identity}
    return replace(mutation, before=before, after=after)


def _named(mutation: Mutation, name: str | None) -> Mutation:
    def named(tree: dict[str, Any] | None) -> dict[str, Any] | None:
        return tree and {**tree, next(one for one in reversed(NAMES) if one in tree): V(name)}

    return replace(mutation, before=named(mutation.before), after=named(mutation.after))
