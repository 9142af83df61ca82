"""Every mutation, as everybody, in each tenant: done or refused as the policy says; a refused one writes nothing."""

from typing import Any

import pytest

from tests.isolation.anchors import Anchors, never_was
from tests.isolation.deeds import DEEDS, Deed, codes, do, ready, state, wanted
from tests.isolation.oracle import Judged, leaks
from tests.isolation.policy import MUTATIONS
from tests.isolation.world import World, connect


def test_every_mutation_is_done() -> None:
    assert {deed.mutation for deed in DEEDS} == set(MUTATIONS)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.mutation)
async def test_a_mutation_is_done_by_whom_the_policy_lets_and_by_nobody_else(
    busy: World, handles: tuple[Anchors, Anchors], judged: Judged, deed: Deed
) -> None:
    written = 0
    for realm, of in zip(busy.realms, handles, strict=True):
        for person in busy.people:
            judged.cases += 1
            await ready(busy, realm, deed, of)
            before, sent = await state(busy), list[Any]()
            answer = await do(busy, person, deed, deed.given(of), sent=sent)
            assert codes(answer, deed) == wanted(busy, person, realm, deed), (person.name, realm.mark)
            assert not leaks(busy, person, answer)
            changed = await state(busy) != before
            if codes(answer, deed):
                assert (changed, sent) == (False, []), person.name
                assert nothing_told(answer["data"][deed.mutation])
            else:
                written += changed
                assert {job.tenant_id for job in sent} <= {realm.id}
            if realm.id not in person.roles:
                assert answer == await do(busy, person, deed, never_was(deed.given(of)), sent=sent)
                assert (await state(busy), sent) == (before, [])
    assert bool(written) == (deed.outcome is None), "the control wrote nothing"


def nothing_told(payload: dict[str, Any]) -> bool:
    return not any(value for name, value in payload.items() if name != "errors")


def mixed(deed: Deed, mine: Anchors, theirs: Anchors) -> list[dict[str, Any]]:
    """The inputs in which one id, or more, is the other tenant's."""
    own, foreign = deed.given(mine), deed.given(theirs)
    found = []
    for name, value in own.items():
        if value == foreign[name] or name == "tenantId":
            continue
        found.append(own | {name: foreign[name]})
        if isinstance(value, tuple):
            found.append(own | {name: [*value, *foreign[name]]})
    return found


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.mutation)
async def test_what_is_another_tenants_is_as_good_as_absent_in_ones_own_mutation(
    busy: World, handles: tuple[Anchors, Anchors], judged: Judged, deed: Deed
) -> None:
    for realm, mine, theirs in ((busy.alpha, *handles), (busy.beta, *reversed(handles))):
        for one in busy.realms:
            await connect(busy.databases, one, connected=deed.connected)
        for given, absent in zip(mixed(deed, mine, theirs), mixed(deed, mine, nobodys(theirs)), strict=True):
            for person in (one for one in busy.people if list(one.roles) == [realm.id]):
                judged.cases += 1
                before = await state(busy)
                answer = await do(busy, person, deed, given)
                assert answer == await do(busy, person, deed, absent), (given, person.name)
                assert not leaks(busy, person, answer)
                assert await state(busy) == before


def nobodys(of: Anchors) -> Anchors:
    """Anchors of a tenant that never was."""
    made = never_was({"ids": dict(of.ids), "named": dict(of.named)})
    return Anchors({kind: tuple(ids) for kind, ids in made["ids"].items()}, made["named"])
