"""The search proves itself: whatever is leaked on purpose is found, and nothing is found where nothing was leaked."""

import base64
import gzip
from collections.abc import Callable

import pytest
import pytest_asyncio

from tests.clients import client_of
from tests.secrets import places
from tests.secrets.asking import Asker
from tests.secrets.canaries import Mint
from tests.secrets.conftest import Harvest
from tests.secrets.house import House
from tests.secrets.leaks import CASES, PLACES, SPELLED, case_name, leak_everywhere
from tests.secrets.search import Hit, Hunted, Place, search


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def found(house: House, address: Callable[[], str], harvest: Harvest) -> list[Hit]:
    """What the search finds of the leaks, in the places that were searched for secrets before."""
    mint, one = Mint("leaks"), harvest.life.whole
    async with client_of(address(), headers={"authorization": f"Bearer {one.token}"}) as client:
        asker = Asker(client)
        await leak_everywhere(house, mint, one, asker)
    collected = [
        *await places.of_database(house.services),
        *places.of_broker(house.services, "after the leaks"),
        *asker.answers,
        *places.of_house(house),
    ]
    return search(collected, Hunted((mint,), {}))


@pytest.mark.parametrize(("spelling", "place"), CASES)
def test_a_leak_is_found(found: list[Hit], spelling: str, place: str) -> None:
    there = [hit for hit in found if hit.place.startswith(PLACES[place])]
    if spelling.endswith("half"):
        assert any(hit.canary == "a piece of a canary" for hit in there)
    else:
        assert any(hit.canary == case_name(spelling, place) for hit in there)


@pytest.mark.parametrize("spelling", SPELLED)
def test_text_and_numbers_are_found_in_every_spelling_and_nothing_else_is(spelling: str) -> None:
    mint, other = Mint("one"), Mint("another")
    values = [mint.text("text")] if spelling.endswith("half") else [mint.text("text"), str(mint.number("number"))]
    for value in values:
        place = Place("a place", [b"something else", SPELLED[spelling](value)])
        assert search([place], Hunted((mint,), {}))
        assert search([place], Hunted((other,), {"a token": "4GmB7xq2", "a key": b"\x00\xff\x17\x80"})) == []


@pytest.mark.parametrize("secret", ["4GmB7xq2LtRw", b"\x8f\x00\xff\x17\x80\x3c\x2d\x11"], ids=["text", "bytes"])
def test_a_whole_secret_is_found(secret: str | bytes) -> None:
    data = secret.encode() if isinstance(secret, str) else secret
    for leak in (data, data.hex().encode(), base64.b64encode(b"?" + data), gzip.compress(base64.b64encode(data))):
        assert {hit.canary for hit in search([Place("a place", [leak])], Hunted((), {"it": secret}))} == {"it"}


def test_only_the_answer_to_a_callers_own_words_may_repeat_them() -> None:
    mint = Mint("one")
    words = mint.text("words").encode()
    told = mint.text("a secret").encode()
    answer = Place("the answer", [words, told], said=frozenset({"words"}))
    assert {hit.canary for hit in search([answer], Hunted((mint,), {}))} == {"a secret"}
    assert search([Place("a log", [words])], Hunted((mint,), {}))
