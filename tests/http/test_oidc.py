"""Tokens of an issuer: who comes in by one, as whom, and until when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from atlas import access
from atlas.domain.errors import OperatorError
from atlas.domain.vocabulary import Role
from atlas.local import Services
from atlas.oidc import LEEWAY_SECONDS, Recent, trusted_issuer
from atlas.store.database import Database
from tests.cli.conftest import PATIENCE, Atlas
from tests.factories import make_tenant
from tests.http.conftest import Caller, Server
from tests.http.issuer import AUDIENCE, SigningKey, make_key
from tests.http.signing_in import House, principals, signing_in
from tests.http.test_streams import ACTIVITY, begin, closed, events, receive, send, socket, stream
from tests.schema.asking import counted

KEYS = [make_key(f"key-{name}", name) for name in ("ES256", "RS256", "PS256", "EdDSA", "Ed25519")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(api: Database) -> AsyncIterator[House]:
    async with signing_in(api, *KEYS) as made:
        yield made


async def member(house: House, owner: Database, api: Database, **claims: object) -> Caller:
    """Somebody of the issuer who reads a tenant of their own; the token is of these claims."""
    subject = uuid4().hex
    tenant = await make_tenant(owner, api)
    person = await access.ensure_person(api, issuer=house.issuer.url, subject=subject, display_name="Ada")
    await access.set_membership(api, tenant.owner, person.id, Role.READER)
    return Caller(tenant, house.issuer.token(sub=subject, **claims), None, person.id)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
async def test_a_token_of_each_algorithm_lets_in(house: House, key: SigningKey) -> None:
    subject = uuid4().hex
    viewer = (await house.viewer(house.issuer.token(key, sub=subject, name="Ada Lovelace")))["viewer"]
    assert (viewer["principal"]["kind"], viewer["principal"]["displayName"]) == ("USER", "Ada Lovelace")


async def test_a_first_sign_in_makes_one_principal_who_sees_no_tenant(
    house: House, owner: Database, api: Database
) -> None:
    await make_tenant(owner, api)
    subject = uuid4().hex
    tokens = [house.issuer.token(sub=subject, jti=str(number)) for number in range(20)]
    answers = await asyncio.gather(*(house.viewer(token) for token in tokens))
    assert len({answer["viewer"]["principal"]["id"] for answer in answers}) == 1
    assert all(answer["tenants"]["nodes"] == answer["viewer"]["memberships"]["nodes"] == [] for answer in answers)
    assert await principals(owner, subject) == 1


async def test_a_member_sees_their_tenant_and_no_other(house: House, owner: Database, api: Database) -> None:
    await make_tenant(owner, api)
    caller = await member(house, owner, api)
    seen = await house.viewer(caller.token)
    assert [tenant["name"] for tenant in seen["tenants"]["nodes"]] == [caller.tenant.name]
    await access.remove_membership(api, caller.tenant.owner, caller.principal_id)
    assert (await house.viewer(caller.token))["tenants"]["nodes"] == []


async def test_a_person_is_written_once_whatever_they_ask(house: House, api: Database) -> None:
    subject = uuid4().hex
    with counted(api) as seen:
        for number in range(3):
            token = house.issuer.token(sub=subject, jti=str(number))
            await house.viewer(token)
            await house.viewer(token)
    assert sum("ensure_principal" in statement for statement in seen) == 1


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({"name": "Ada", "preferred_username": "ada@example.org"}, "Ada"),
        ({"name": "", "preferred_username": "ada@example.org"}, "ada@example.org"),
        ({"name": 7, "preferred_username": ["x"]}, None),
        ({"name": "A\x00d\na\u202e \ud800"}, "Ada"),
        ({"name": "x" * 500}, "x" * 200),
    ],
)
async def test_a_person_is_called_what_the_token_says(
    house: House, claims: dict[str, object], shown: str | None
) -> None:
    subject = uuid4().hex
    viewer = (await house.viewer(house.issuer.token(sub=subject, **claims)))["viewer"]
    assert viewer["principal"]["displayName"] == (shown or subject)


async def test_what_issuers_write_differently_is_taken(house: House) -> None:
    token, now = house.issuer.token, time.time()
    for taken in (
        token(aud=["another", AUDIENCE]),
        token(header={"typ": "at+jwt"}),
        token(header={"typ": None}),
        token(header={"typ": "application/AT+JWT", "x5t": "abc", "other": 1}),
        token(nbf=None, iat=None),
        token(exp=now + 100.5, iat=now - 0.5),
        token(exp=int(now) - 30),
        token(nbf=int(now) + 30, iat=int(now) + 30),
    ):
        await house.viewer(taken)


async def test_a_token_that_was_taken_is_refused_once_its_time_is_over(house: House) -> None:
    token = house.issuer.token(exp=time.time() - LEEWAY_SECONDS + 1)
    await house.viewer(token)
    await asyncio.sleep(1.1)
    assert await house.reason(token) == "expired"


async def test_each_kind_of_token_is_taken_for_what_it_is(house: House, server: Server, caller: Caller) -> None:
    assert (await house.ask(caller.token)).status_code == 200
    elsewhere = replace(house, server=server)
    assert await elsewhere.reason(house.issuer.token()) == "no_issuer"
    assert (await elsewhere.ask(caller.token)).status_code == 200


async def test_a_socket_ends_with_its_token(house: House, owner: Database, api: Database) -> None:
    caller = await member(house, owner, api, exp=time.time() + 1.5)
    async with socket(house.server) as made:
        await begin(made, caller)
        payload = {"query": ACTIVITY, "variables": {"tenant": caller.tenant_id}}
        await send(made, type="subscribe", id="1", payload=payload)
        assert await closed(made) == 4403


async def test_a_socket_is_opened_by_the_header_or_the_payload(house: House, owner: Database, api: Database) -> None:
    caller = await member(house, owner, api)
    async with socket(house.server, additional_headers=caller.headers) as made:
        await send(made, type="connection_init")
        assert (await receive(made))["type"] == "connection_ack"
    async with socket(house.server) as made:
        await send(made, type="connection_init", payload={"token": caller.token[:-4]})
        assert await closed(made) == 4401


async def test_an_event_stream_ends_with_its_token(house: House, owner: Database, api: Database) -> None:
    caller = await member(house, owner, api, exp=time.time() + 1.5)
    async with stream(house.server, caller, ACTIVITY, tenant=caller.tenant_id) as response, asyncio.timeout(15):
        seen = events([line async for line in response.aiter_lines()])
    assert seen[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_stream_ends_when_its_key_is_withdrawn(api: Database, owner: Database) -> None:
    old, new = make_key("old"), make_key("new")
    async with signing_in(api, old) as house:
        caller = await member(house, owner, api)
        async with socket(house.server) as made:
            await begin(made, caller)
            payload = {"query": ACTIVITY, "variables": {"tenant": caller.tenant_id}}
            await send(made, type="subscribe", id="1", payload=payload)
            house.issuer.keys[:] = [new]
            house.clock.seconds += 3601
            await api.notify([caller.tenant.id])
            assert await closed(made) == 4401


async def test_the_api_of_a_deployment_takes_the_tokens_of_its_settings(
    house: House, cluster: Services, tmp_path: Path
) -> None:
    atlas = Atlas(tmp_path / "home").with_(
        ATLAS_DATABASE_URL=cluster.database_url,
        ATLAS_BROKER_URL=cluster.broker_url,
        ATLAS_OIDC_ISSUER=house.issuer.url,
    )
    words = ("api", "--host", "127.0.0.1", "--port", "0")
    assert (await asyncio.to_thread(atlas.refused, *words))["code"] == "OIDC_INCOMPLETE"
    running = atlas.with_(ATLAS_OIDC_AUDIENCE=AUDIENCE).start(*words, "--json")
    try:
        assert running.stdout is not None
        async with asyncio.timeout(PATIENCE):
            told = json.loads("".join([await asyncio.to_thread(running.stdout.readline) for _ in range(6)]))
        elsewhere = replace(house, server=Server(house.server.app, told["url"], 0))
        subject = uuid4().hex
        assert (await elsewhere.viewer(house.issuer.token(sub=subject)))["viewer"]["principal"][
            "displayName"
        ] == subject
        assert (await elsewhere.ask(house.issuer.token(aud="another"))).status_code == 401
    finally:
        running.terminate()
        await asyncio.to_thread(running.communicate, timeout=15)


def test_the_issuer_is_set_with_its_audience_or_not_at_all() -> None:
    assert trusted_issuer(None, None) is None
    for issuer, audience in (("https://login.example.org/realm", None), (None, "atlas")):
        with pytest.raises(OperatorError) as told:
            trusted_issuer(issuer, audience)
        assert told.value.code == "OIDC_INCOMPLETE"


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org/realm", "login.example.org", "https://", "ftp://login.example.org", "local",
        "https://someone@login.example.org", "https://login.example.org/realm?x", "https://login.example.org/#x",
        "https://login.example.org/re alm", "https://login.example.org:port/", "atlas:tenant", "http://127.0.0.1.example.org",
        "https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.example.org/realm\n",
    ],
)  # fmt: skip
def test_an_issuer_that_could_not_be_trusted_is_told(url: str) -> None:
    with pytest.raises(OperatorError) as told:
        trusted_issuer(url, "atlas")
    assert told.value.code == "OIDC_ISSUER_UNUSABLE"


@pytest.mark.parametrize("url", ["https://login.example.org/realm/", "http://127.0.0.1:8080/realm", "http://[::1]/x"])
def test_an_issuer_is_an_https_url_or_of_this_machine(url: str) -> None:
    trusted = trusted_issuer(url, "atlas")
    assert trusted is not None
    assert trusted.issuer == url


def test_only_so_many_are_remembered() -> None:
    recent: Recent[int, UUID] = Recent(2)
    for number in (1, 2):
        recent.put(number, uuid4())
    assert recent.get(1) is not None
    recent.put(3, uuid4())
    assert [recent.get(number) is None for number in (1, 2, 3)] == [False, True, False]
