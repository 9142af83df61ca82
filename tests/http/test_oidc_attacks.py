"""Tokens that must let nobody in: each is refused for its reason, and the caller is told the same of all."""

import base64
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.logs import configure
from atlas.oidc import Identity, TokenRefusedError, check_claims, check_header, sign_in, strict_json
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.attacks import ATTACKS, EC, ED, RSA, STRANGER_EC, named
from tests.http.issuer import AUDIENCE, Issuer
from tests.http.signing_in import House, principals, signing_in
from tests.http.test_streams import closed, send, socket


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(api: Database) -> AsyncIterator[House]:
    async with signing_in(api, EC, RSA, ED) as made:
        assert (await made.ask(made.issuer.token())).status_code == 200
        yield made


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_is_refused(house: House, name: str) -> None:
    forge, reason = ATTACKS[name]
    assert await house.reason(forge(house.issuer)) == reason


async def test_attacks_make_nobody(house: House, owner: Database) -> None:
    subject = uuid4().hex
    for token in (house.issuer.token(STRANGER_EC, sub=subject), house.issuer.token(sub=subject, aud="another")):
        await house.reason(token)
    assert await principals(owner, subject) == 0


async def test_they_are_refused_over_a_socket_and_an_event_stream_too(house: House) -> None:
    for name in ("alg none", "the public key as a secret, PEM", "expired", "kid ../../../../dev/null", "huge"):
        token = ATTACKS[name][0](house.issuer)
        async with socket(house.server) as made:
            await send(made, type="connection_init", payload={"token": token})
            assert await closed(made) == 4401
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        async with client_of(house.server.url, headers=headers) as client:
            assert (await client.post("/graphql", json={"query": "subscription { x }"})).status_code == 401


async def test_a_good_token_in_the_url_is_refused(house: House) -> None:
    async with client_of(house.server.url) as client:
        for name in ("token", "access_token", "authorization"):
            response = await client.get("/graphql", params={name: house.issuer.token(), "query": "{ __typename }"})
            assert response.status_code == 401


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What the process writes with the logging of an installation; the tests' own is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("json")
    # The tests ask by the same library; what it logs of a request is the caller's own business.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    yield lambda: capsys.readouterr().err
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    for name in ("uvicorn.access", "strawberry.execution"):
        silenced = logging.getLogger(name)
        silenced.handlers, silenced.propagate = [], True


async def test_no_log_holds_a_token_or_what_it_says(house: House, logged: Callable[[], str]) -> None:
    canary = "canary4711"
    tokens = [house.issuer.token(sub=canary, name=canary, more=canary), house.issuer.token(STRANGER_EC, sub=canary)]
    tokens += [forge(house.issuer) for forge, _ in ATTACKS.values()]
    for token in tokens:
        await house.ask(token)
        async with socket(house.server) as made:
            await send(made, type="connection_init", payload={"authorization": f"Bearer {token}"})
            await send(made, type="ping")
            await made.close()
    async with client_of(house.server.url) as client:
        await client.get("/graphql", params={"token": tokens[0]})
    text = logged()
    assert "uvicorn.access" not in text
    assert text.count('"auth.refused"') >= len(ATTACKS)
    parts = {part for token in tokens for part in token.split(".") if len(part) > 20}
    assert not [part for part in parts if part in text]
    assert canary not in text
    assert base64.b64encode(canary.encode()).decode()[:10] not in text
    assert '"Authorization' not in text


def test_a_good_header_and_good_claims_are_the_least_that_is_asked_for() -> None:
    """So that each attack above is refused for its one difference."""
    assert check_header(named(EC)) == ("ec", "ES256")
    good = Issuer(port=1).claims()
    found = check_claims(good, issuer=good["iss"], audience=AUDIENCE, now=time.time())
    assert isinstance(found, Identity)
    assert (found.subject, found.display_name) == ("somebody", "somebody")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=2)


@settings(derandomize=True, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("alg", "kid", "typ", "crit", "jwk"), JSON)))
def test_a_header_of_anything_is_read_or_refused(header: dict[str, Any]) -> None:
    try:
        kid, algorithm = check_header(header)
    except TokenRefusedError:
        return
    assert isinstance(kid, str)
    assert algorithm in {"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}


@settings(derandomize=True, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("aud", "exp", "nbf", "iat", "sub", "name"), JSON)))
def test_claims_of_anything_are_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        found = check_claims(
            {"iss": "i", "aud": "a", "exp": 200, "sub": "s"} | changes, issuer="i", audience="a", now=100
        )
    except TokenRefusedError:
        return
    assert found.subject.isprintable()
    assert found.display_name.isprintable()
    assert found.expires_at.timestamp() > 40


@settings(derandomize=True, deadline=None)
@given(st.binary())
def test_bytes_of_anything_are_an_object_or_refused(raw: bytes) -> None:
    try:
        assert isinstance(strict_json(raw), dict)
    except (ValueError, TypeError):
        return


async def test_a_text_of_anything_is_refused(house: House, api: Database) -> None:
    @settings(derandomize=True, deadline=None)
    @given(st.text(st.characters(max_codepoint=126)) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
    def texts(token: str) -> None:
        seen.append(token)

    seen: list[str] = []
    texts()
    for token in seen:
        with pytest.raises(TokenRefusedError):
            await sign_in(house.trusted, api, token)
