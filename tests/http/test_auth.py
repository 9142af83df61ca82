"""Nothing is answered, and nothing is read, before a token that holds."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas import access
from atlas.auth import bearer, token_of_payload
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, make_caller

BODY = {"query": "{ viewer { principal { displayName } } }"}


async def ask(server: Server, header: str | None, **parameters: str) -> httpx.Response:
    headers = {} if header is None else {"authorization": header}
    async with client_of(server.url, headers=headers) as client:
        return await client.post("/graphql", json=BODY, params=parameters)


def refused(response: httpx.Response) -> bool:
    (error,) = response.json()["errors"]
    return (
        response.status_code == 401
        and response.headers["www-authenticate"].startswith("Bearer")
        and error["extensions"] == {"code": "UNAUTHENTICATED"}
        and "data" not in response.json()
    )


async def test_a_token_that_holds_is_let_in(server: Server, caller: Caller) -> None:
    assert (await ask(server, f"Bearer {caller.token}")).status_code == 200
    assert (await ask(server, f"bearer  {caller.token}")).status_code == 200


async def test_without_a_token_that_holds_the_answer_is_401(server: Server, caller: Caller) -> None:
    forged = access.new_token()
    mangled = caller.token[:-1] + ("a" if caller.token[-1] != "a" else "b")
    for header in (
        None, "", "Bearer", caller.token, f"Basic {caller.token}", f"Token {caller.token}",
        f"Bearer {forged}", f"Bearer {mangled}", f"Bearer {caller.token} more", f"Bearer {caller.token.upper()}",
        "Bearer " + "x" * 8000,
    ):  # fmt: skip
        assert refused(await ask(server, header)), header


async def test_a_token_in_the_url_is_refused_though_it_holds(server: Server, caller: Caller) -> None:
    for name in ("token", "access_token", "Authorization"):
        response = await ask(server, None, **{name: caller.token})
        assert refused(response)
        assert "URL" in response.json()["errors"][0]["message"]


async def test_a_revoked_and_an_expired_token_are_refused(server: Server, owner: Database, api: Database) -> None:
    revoked = await make_caller(owner, api)
    assert (await ask(server, f"Bearer {revoked.token}")).status_code == 200
    await access.revoke_token(api, revoked.tenant.owner, revoked.token_id)
    assert refused(await ask(server, f"Bearer {revoked.token}"))
    short = await make_caller(owner, api, expires_at=datetime.now(UTC) + timedelta(seconds=2))
    assert (await ask(server, f"Bearer {short.token}")).status_code == 200
    await asyncio.sleep(2.1)
    assert refused(await ask(server, f"Bearer {short.token}"))


async def test_the_token_is_asked_for_before_the_request_is_read(server: Server) -> None:
    async with client_of(server.url) as client:
        assert refused(await client.post("/graphql", content=b"\xff", headers={"content-type": "text/plain"}))
        assert refused(await client.get("/graphql"))
        assert refused(await client.post("/graphql", json=BODY, headers={"accept": "text/event-stream"}))


async def test_an_answer_never_holds_the_token(server: Server, caller: Caller) -> None:
    for response in (await ask(server, f"Bearer {caller.token}"), await ask(server, f"Bearer {caller.token}x")):
        assert caller.token not in response.text + str(response.headers)


@given(st.text())
def test_a_header_of_any_text_gives_a_token_or_none(header: str) -> None:
    token = bearer(header)
    assert token is None or (token and token.isascii() and token in header)


@pytest.mark.parametrize(
    ("payload", "token"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer abc"}, "abc"),
        ({"token": "abc"}, "abc"),
        ({"authorization": "abc", "token": "def"}, None),
        ({"token": 1}, None),
        ({"token": ""}, None),
        ({}, None),
    ],
)
def test_a_socket_names_its_token_in_its_payload(payload: dict[str, object], token: str | None) -> None:
    assert token_of_payload(payload) == token
