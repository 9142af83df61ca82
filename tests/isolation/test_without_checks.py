"""A check that the application forgets changes nothing: the database refuses what its policies do not give."""

import sys
from typing import Any

import pytest

from atlas import access
from tests.isolation.anchors import Anchors
from tests.isolation.deeds import DEEDS, codes, do, ready, state, wanted
from tests.isolation.oracle import Judged, leaks
from tests.isolation.world import World

# Their statement touches no row, and that is what they say to somebody who comes too late as well.
NOTHING_LEFT = {"endRule", "removeSchedule", "removeGraphConnection", "removeMembership"}


async def forgotten(*_: Any) -> None:
    """What stands where a use case asks for a capability."""


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every use case without `access.require`, by the names of their modules."""
    require = access.require
    modules = [one for name, one in sorted(sys.modules.items()) if name.startswith("atlas.")]
    found = [one for one in modules if getattr(one, "require", None) is require]
    for module in found:
        monkeypatch.setattr(module, "require", forgotten)
    return [one.__name__ for one in found]


async def test_the_database_refuses_what_the_application_forgets_to(
    busy: World, handles: tuple[Anchors, Anchors], judged: Judged, unchecked: list[str]
) -> None:
    assert set(unchecked) >= {f"atlas.{name}" for name in ("access", "connections", "drift", "rules", "sync", "triage")}
    told = set()
    for deed in (one for one in DEEDS if one.outcome is None):
        await ready(busy, busy.alpha, deed, handles[0])
        before, sent = await state(busy), list[Any]()
        for person in (one for one in busy.people if wanted(busy, one, busy.alpha, deed)):
            judged.cases += 1
            answer = await do(busy, person, deed, deed.given(handles[0]), sent=sent)
            assert not leaks(busy, person, answer)
            if codes(answer, deed) != wanted(busy, person, busy.alpha, deed):
                told.add(deed.mutation)
            if deed.mutation not in NOTHING_LEFT:
                assert codes(answer, deed), (deed.mutation, person.name)
        assert (await state(busy), sent) == (before, []), deed.mutation
    # The proof that everything is refused in the right words does fail without the checks.
    assert told >= NOTHING_LEFT | {"createRule", "pinBaseline", "setMembership"}
