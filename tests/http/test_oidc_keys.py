"""An issuer's keys: found, kept, renewed; and an issuer that fails, or leads astray."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from atlas import jwks
from atlas.jwks import IssuerKeys, KeysUnavailableError, Lifetimes, fetch_keys, read_keys
from atlas.store.database import Database
from tests.http.issuer import DISCOVERY, JWKS, Answer, Issuer, as_json, make_key, number, running_issuer
from tests.http.signing_in import Clock, signing_in

OLD, NEW = make_key("old"), make_key("new", "EdDSA")
RSA = make_key("rsa", "RS256")


@asynccontextmanager
async def kept_keys(**seconds: float) -> AsyncIterator[tuple[Issuer, IssuerKeys, Clock]]:
    async with running_issuer(OLD) as issuer:
        clock = Clock()
        yield issuer, IssuerKeys(issuer.url, Lifetimes(**seconds), clock), clock


def failing(status: int = 503) -> Callable[[], Answer]:
    return lambda: (status, {}, b"")


async def test_a_key_that_is_new_is_asked_for_at_once_and_an_old_one_taken_until_withdrawn(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        old = house.issuer.token(OLD)
        await house.viewer(old)
        house.clock.seconds += 11
        house.issuer.keys.append(NEW)
        await house.viewer(house.issuer.token(NEW))
        await house.viewer(old)
        house.issuer.keys.remove(OLD)
        await house.viewer(old)
        house.clock.seconds += 3601
        assert await house.reason(old) == "unknown_key"
        assert await house.reason(house.issuer.token(OLD)) == "unknown_key"
        await house.viewer(house.issuer.token(NEW))
        assert house.issuer.fetches == 3


async def test_another_key_by_an_old_name_ends_the_tokens_of_the_old(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        token = house.issuer.token(OLD)
        await house.viewer(token)
        house.issuer.keys[:] = [type(OLD)("old", "ES256", make_key("other").private)]
        house.clock.seconds += 3601
        assert await house.reason(token) == "signature"


async def test_keys_are_asked_for_once_in_an_hour(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        for count, seconds in enumerate((0, 3600, 1, 3601), 1):
            house.clock.seconds += seconds
            await house.viewer(house.issuer.token())
            assert house.issuer.fetches == {1: 1, 2: 1, 3: 2, 4: 3}[count]


async def test_unknown_keys_and_foreign_tokens_make_nobody_ask_again_and_again(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        await house.viewer(house.issuer.token())
        for number_ in range(5):
            assert await house.reason(house.issuer.token(NEW, header={"kid": str(number_)})) == "unknown_key"
        assert house.issuer.fetches == 1
        house.clock.seconds += 11
        assert await house.reason(house.issuer.token(NEW, iss="https://login.example.org")) == "issuer"
        assert await house.reason(house.issuer.token(NEW, exp=1)) == "expired"
        assert house.issuer.fetches == 1
        for _ in range(5):
            assert await house.reason(house.issuer.token(NEW)) == "unknown_key"
        assert house.issuer.fetches == 2


async def test_many_who_come_at_once_share_one_fetch() -> None:
    async with kept_keys() as (issuer, keys, clock):
        issuer.pause = 0.05
        found = await asyncio.gather(*(keys.find("old", "ES256") for _ in range(50)))
        assert None not in found
        assert issuer.fetches == 1
        clock.seconds += 3601
        await asyncio.gather(*(keys.find("old", "ES256") for _ in range(50)))
        assert issuer.fetches == 2


async def test_one_who_goes_away_does_not_take_the_fetch_along() -> None:
    async with kept_keys() as (issuer, keys, _clock):
        issuer.pause = 0.1
        first = asyncio.create_task(keys.find("old", "ES256"))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(keys.find("old", "ES256"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is not None
        assert issuer.fetches == 1


async def test_nobody_waits_for_a_slow_issuer_but_the_one_who_asks_it() -> None:
    async with kept_keys() as (issuer, keys, clock):
        await keys.find("old", "ES256")
        clock.seconds += 3601
        issuer.pause = 0.3
        asking = asyncio.create_task(keys.find("old", "ES256"))
        await asyncio.sleep(0.05)
        started = time.perf_counter()
        assert await keys.find("old", "ES256") is not None
        assert time.perf_counter() - started < 0.1
        assert await asking is not None


async def test_an_issuer_that_is_down_from_the_start_lets_nobody_in(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        house.issuer.answers[JWKS] = failing()
        token = house.issuer.token()
        assert await house.reason(token) == "keys_unavailable"
        del house.issuer.answers[JWKS]
        assert await house.reason(token) == "keys_unavailable"
        house.clock.seconds += 10
        await house.viewer(token)


async def test_keys_outlast_an_issuer_that_is_down_and_not_for_ever(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        token = house.issuer.token()
        await house.viewer(token)
        house.issuer.answers[DISCOVERY] = failing()
        for _ in range(6):
            house.clock.seconds += 3600
            await house.viewer(token)
            await house.viewer(house.issuer.token(jti=str(house.clock.seconds)))
        assert await house.reason(house.issuer.token(NEW)) == "unknown_key"
        house.clock.seconds += 1
        assert await house.reason(token) == "keys_unavailable"
        assert await house.reason(house.issuer.token()) == "keys_unavailable"
        house.clock.seconds += 10
        house.issuer.answers.clear()
        await house.viewer(token)


async def test_an_issuer_that_nobody_answers_for_is_down() -> None:
    async with kept_keys() as (issuer, keys, _clock):
        pass
    with capture_logs() as logs, pytest.raises(KeysUnavailableError):
        await keys.find("old", "ES256")
    assert [entry["reason"] for entry in logs] == ["unreachable"]
    assert issuer.url not in str(logs)


def discovered(**changes: Any) -> Callable[[Issuer], Answer]:
    return lambda issuer: as_json({"issuer": issuer.url, "jwks_uri": f"http://127.0.0.1:{issuer.port}{JWKS}"} | changes)


def moved(path: str) -> Callable[[Issuer], Answer]:
    return lambda issuer: (302, {"location": f"http://127.0.0.1:{issuer.port}{path}"}, b"")


ASTRAY: dict[str, tuple[str, Callable[[Issuer], Answer], str]] = {
    "another issuer": (DISCOVERY, discovered(issuer="https://login.example.org"), "other_issuer"),
    "an issuer with a slash": (DISCOVERY, lambda issuer: discovered(issuer=issuer.url + "/")(issuer), "other_issuer"),
    "an issuer for every tenant": (DISCOVERY, discovered(issuer="http://127.0.0.1/{tenantid}/v2.0"), "other_issuer"),
    "no issuer": (DISCOVERY, lambda _: as_json({}), "other_issuer"),
    "no address of keys": (DISCOVERY, discovered(jwks_uri=None), "jwks_uri"),
    "keys without TLS": (DISCOVERY, discovered(jwks_uri="http://login.example.org/keys"), "jwks_uri"),
    "keys of a file": (DISCOVERY, discovered(jwks_uri="file:///etc/passwd"), "jwks_uri"),
    "keys with a password": (DISCOVERY, discovered(jwks_uri="https://a:b@login.example.org/keys"), "jwks_uri"),
    "keys of an address that is none": (DISCOVERY, discovered(jwks_uri="https://["), "jwks_uri"),
    "discovery that moved": (DISCOVERY, moved("/elsewhere"), "status"),
    "keys that moved": (JWKS, moved(DISCOVERY), "status"),
    "discovery that is not there": (DISCOVERY, lambda _: (404, {}, b""), "status"),
    "an answer that is no JSON": (JWKS, lambda _: (200, {}, b"<html>"), "malformed"),
    "an answer that is compressed": (JWKS, lambda _: (200, {"content-encoding": "gzip"}, b"\x1f\x8b"), "malformed"),
    "an answer that is a list": (JWKS, lambda _: as_json([]), "malformed"),
    "keys that are no list": (JWKS, lambda _: as_json({"keys": {}}), "malformed"),
    "an answer without end": (JWKS, lambda _: (200, {}, b" " * 1_000_000), "too_large"),
    "an answer of no length": (JWKS, lambda _: (200, {"content-length": "x"}, b"{}"), "unreachable"),
}


@pytest.mark.parametrize("name", ASTRAY)
async def test_an_issuer_that_leads_astray_is_not_followed(name: str) -> None:
    path, answer, reason = ASTRAY[name]
    async with running_issuer(OLD) as issuer:
        issuer.answers[path] = lambda: answer(issuer)
        with pytest.raises(KeysUnavailableError) as told:
            await fetch_keys(issuer.url)
        assert told.value.reason == reason
        assert "/elsewhere" not in issuer.asked


async def test_an_issuer_that_takes_too_long_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    # The end comes long after it connects again: a connection that is cancelled as it opens is closed by nobody.
    monkeypatch.setattr(jwks, "_SECONDS_FOR_BOTH", 0.5)
    async with running_issuer(OLD) as issuer:
        issuer.pause = 0.3
        with pytest.raises(KeysUnavailableError) as told:
            await fetch_keys(issuer.url)
    assert told.value.reason == "unreachable"


async def test_an_issuer_elsewhere_may_not_send_us_to_this_machine() -> None:
    assert not jwks.fetchable("http://127.0.0.1:9/keys", loopback=jwks.on_loopback("https://login.example.org"))
    assert jwks.fetchable("https://keys.example.com/keys", loopback=False)


async def test_what_is_no_key_at_all_keeps_nobody_out(api: Database) -> None:
    async with signing_in(api, OLD) as house:
        house.issuer.answers[JWKS] = lambda: as_json({"keys": [1, None, [], {"kid": [], "kty": {}}, OLD.jwk]})
        await house.viewer(house.issuer.token())


def small() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505
    return {**RSA.jwk, "n": number(numbers.n, 128)}


def on_curve(curve: ec.EllipticCurve, name: str) -> dict[str, Any]:
    point = ec.generate_private_key(curve).public_key().public_numbers()
    size = curve.key_size // 8
    return {**OLD.jwk, "alg": "ES384", "crv": name, "x": number(point.x, size), "y": number(point.y, size)}


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "kid": "x", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "AKP", "kid": "x", "alg": "ML-DSA-44", "pub": "x"},
        OLD.jwk | {"use": "enc"},
        OLD.jwk | {"key_ops": ["sign"]},
        OLD.jwk | {"alg": "ECDH-ES"},
        OLD.jwk | {"x": OLD.jwk["y"]},
        OLD.jwk | {"x": 5},
        OLD.jwk | {"x": "A" * 5000},
        OLD.jwk | {"crv": "P-384"},
        OLD.jwk | {"crv": ["P-256"]},
        {name: value for name, value in OLD.jwk.items() if name != "kid"},
        {name: value for name, value in OLD.jwk.items() if name != "y"},
        RSA.jwk | {"alg": "RS512"},
        RSA.jwk | {"e": "AQ"},
        NEW.jwk | {"crv": "X25519"},
        NEW.jwk | {"crv": "Ed448"},
        NEW.jwk | {"x": "AA"},
        small(),
        on_curve(ec.SECP384R1(), "P-384"),
        "no key",
    ],
)  # fmt: skip
def test_what_cannot_verify_is_passed_over_and_the_others_stay(jwk: Any) -> None:
    good = make_key("good").jwk
    assert set(read_keys([jwk, good])) == {("good", "ES256")}


@pytest.mark.filterwarnings("ignore")
def test_a_small_key_is_passed_over_where_a_warning_is_no_error() -> None:
    assert not read_keys([small()])


def test_a_key_verifies_what_its_kind_can_and_no_more_than_it_says() -> None:
    unnamed = [{name: value for name, value in key.jwk.items() if name != "alg"} for key in (OLD, NEW, RSA)]
    assert set(read_keys(unnamed)) == {
        ("old", "ES256"), ("new", "EdDSA"), ("new", "Ed25519"), ("rsa", "RS256"), ("rsa", "PS256"),
    }  # fmt: skip
    assert set(read_keys([RSA.jwk])) == {("rsa", "RS256")}


def test_only_public_numbers_are_kept() -> None:
    (key,) = read_keys([OLD.jwk | {"d": "AAAA", "x5u": "no address", "key_ops": ["verify"]}]).values()
    assert set(key.key.dict_value) == {"kty", "crv", "x", "y"}


@settings(derandomize=True, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "n", "e", "crv", "x", "y", "alg", "use", "key_ops"]),
    st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "sig", "", None, 1, [], {}]))))  # fmt: skip
def test_keys_of_anything_are_read(keys: list[Any]) -> None:
    json.dumps(sorted(read_keys(keys)))
